/* Key files that a server's configuration names, as they are found. */
#ifndef LB_DOCTOR_SEEN_H
#define LB_DOCTOR_SEEN_H

#include "command/key_file.h"
#include "doctor/servers/conf.h"
#include "model/handle.h"

/* A key file that was looked at. */
struct seen {
    int fd;
    struct stat st;
    int error;                   /* errno; 0: it was read */
    const char *why;             /* without errno */
    enum keyfile_sight sight;
    struct handle handle;
};

/* Reads a file as c has it, in memory that is wiped: it may be a plain key. To be cleared. */
void seen_look(const struct srvconf *c, const char *path, struct seen *ret);
/* The same of a certificate with its key: in the file, beside it, or in its place. path becomes the one that has the key. */
void seen_look_bundle(const struct srvconf *c, char path[PATH_MAX], struct seen *ret);
void seen_clear(struct seen *s);
/* It was read, and there is a key or a handle in it. */
bool seen_key(const struct seen *s);

#endif
