/* The file that 'adopt' replaces: opened and checked, replaced in one step, its old content overwritten. */
#ifndef LB_COMMAND_ADOPT_FILE_H
#define LB_COMMAND_ADOPT_FILE_H

#include <limits.h>
#include <stdint.h>
#include <sys/stat.h>

#include "base/atomic_file.h"
#include "base/errors.h"
#include "base/trust_path.h"
#include "base/wire.h"

struct adopt_file {
    char path[PATH_MAX];  /* of the file itself, symbolic links followed: for texts, and to see that it still leads there */
    struct trustpath way; /* the directory, opened once: all that is done goes through this descriptor */
    int fd;               /* stays on the old file after it was replaced */
    bool writable;        /* fd is */
    struct stat st;       /* as it was when it was read */
    uint8_t *data;        /* its content, in secret memory of size bytes */
    size_t size;
    struct newfile next;  /* what will replace it: owner, mode and attributes are set, content is not */
};

/*
 * Opens and reads path. Refused are a file that is not plain, a file with several names (hard links), and a way to it on which
 * others than root, the caller and the file's owner could put another file (base/trust_path.h). LB_E_SYSTEM, LB_E_VALUE,
 * LB_E_TOO_LONG, LB_E_DENIED, LB_E_NOMEM.
 */
LB_MUST_USE int adopt_open(const char *path, struct adopt_file *ret, struct problem *p);
/*
 * Makes the file that will take the place of this one: empty, with the same owner, group, mode and extended attributes, ACLs
 * among them. Call it before anything is changed, because this is what fails: the caller has no right to the directory, or is
 * not the owner. LB_E_VALUE: the file is not what was read any more. LB_E_SYSTEM.
 */
LB_MUST_USE int adopt_prepare(struct adopt_file *f, struct problem *p);
/*
 * Writes the content into the new file and puts that in place, if the old file is still what was read. The old file is looked at
 * before a byte is written, and again when it is replaced (newfile_exchange()). *ret_placed says whether it was replaced, on
 * failure too.
 */
LB_MUST_USE int adopt_replace(struct adopt_file *f, const struct bytes *parts, size_t count, bool *ret_placed,
                              struct problem *p);
/*
 * Overwrites the old content on its blocks, as well as the file system lets us. LB_E_VALUE: the old file has another name by
 * now. LB_E_SYSTEM.
 */
LB_MUST_USE int adopt_scrub(struct adopt_file *f, struct problem *p);
/* Harmless after a failed open. */
void adopt_close(struct adopt_file *f);

#endif
