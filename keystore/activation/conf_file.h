/* openssl.cnf and the two files beside it, as they are on disk: read, and replaced in one step. */
#ifndef LB_ACTIVATION_CONF_FILE_H
#define LB_ACTIVATION_CONF_FILE_H

#include <limits.h>
#include <stdbool.h>
#include <sys/stat.h>

#include "base/errors.h"
#include "command/cli.h"

/* Bytes of an openssl.cnf. Debian's has 12 KiB. */
#define CONF_FILE_MAX (1 << 20)

/* A file and what is in it. */
struct conf_file {
    char path[PATH_MAX]; /* of the file itself, symbolic links followed */
    bool there;
    struct stat st;      /* as it was when it was read */
    char *text;          /* NUL-terminated; NULL: it is not there */
};

/*
 * The openssl.cnf that a command is about, and beside it, so that both are where it is: the drop-in, and the copy of openssl.cnf
 * as it was before. They are called by its name: openssl-littlebox.cnf and openssl-littlebox.before. The directory is
 * openssl.cnf's own, not /etc/littlebox: who may read the one may read the other, an image or a chroot that has the one gets
 * the other, and purging a package does not empty it.
 */
struct conf_files {
    char named[PATH_MAX]; /* openssl.cnf as programs name it */
    const char *why;      /* it is that one, in brackets; "" */
    struct conf_file conf, drop_in, before;
};

/*
 * Reads them. It is the openssl.cnf of --file, or of OPENSSL_CONF, or OpenSSL's own. LB_E_CONFIG: a path that no .include line
 * can name, a file that is no text, or none that a program would read. LB_E_SYSTEM, LB_E_NOMEM.
 */
LB_MUST_USE int conf_files_read(const struct cli *c, struct conf_files *ret, struct problem *p);
/* Harmless on zeros. */
void conf_files_clear(struct conf_files *f);

/* Can the directory be written to? LB_E_SYSTEM, with the cure. */
LB_MUST_USE int conf_file_writable(const struct conf_file *f, struct problem *p);
/*
 * Puts text in the place of the file, with owner, mode and attributes of like, if it is still the one that was read. NULL: removes
 * it. Where like is not there, everybody may read the new one. *ret_placed says whether it is so now, on failure too.
 * LB_E_VALUE: somebody changed it meanwhile.
 */
LB_MUST_USE int conf_file_put(const struct conf_file *f, const struct conf_file *like, const char *text, bool *ret_placed,
                              struct problem *p);

/* Can a line of openssl.cnf have this path, as it stands? */
bool conf_path_ok(const char *path);

#endif
