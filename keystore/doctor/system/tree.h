/* Files below the root of a look at a machine: links and ".." stay below it, as they do for whoever has that root. */
#ifndef LB_DOCTOR_SYSTEM_TREE_H
#define LB_DOCTOR_SYSTEM_TREE_H

#include <dirent.h>

#include "doctor/system/audit.h"

/* Paths are absolute, as seen from that root. All but tree_read() set errno when they fail. */

/* As open(2). -1: it failed. */
int tree_open(const struct audit *a, const char *path, int flags);
/* Of what the path leads to; tree_lstat(): of the last name itself, which may be a link. */
bool tree_stat(const struct audit *a, const char *path, struct stat *ret);
bool tree_lstat(const struct audit *a, const char *path, struct stat *ret);
/* Where a link leads, as it stands there. */
bool tree_readlink(const struct audit *a, const char *path, char ret[PATH_MAX]);
/* NULL: it cannot be read. */
DIR *tree_opendir(const struct audit *a, const char *path);
/*
 * The first size - 1 bytes of a regular file, NUL-terminated; a pipe or device is not read. -1: it cannot be read, and ret
 * is "".
 */
ssize_t tree_read(const struct audit *a, const char *path, char *ret, size_t size);
/* The same, without the newline at its end. */
bool tree_word(const struct audit *a, const char *path, char *ret, size_t size);
/* The path with the root in front of it, for functions that know of no root. False: it is too long. */
bool tree_path(const struct audit *a, const char *path, char ret[PATH_MAX]);

#endif
