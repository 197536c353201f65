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

/* Reads a file as the server with c sees it. The file may be a plain key, so all memory is wiped. ret is to be cleared. */
void seen_look(const struct srvconf *c, const char *path, struct seen *ret);
/* The same for a SRV_BUNDLE: path becomes the file that has the key. */
void seen_look_bundle(const struct srvconf *c, char path[PATH_MAX], struct seen *ret);
void seen_clear(struct seen *s);
/* Was the file read, and is there a key or a handle in it? */
bool seen_key(const struct seen *s);

#endif
