/* Where a path leads: two paths may lead to one file. */
#ifndef LB_DEPLOY_FILE_PLACE_H
#define LB_DEPLOY_FILE_PLACE_H

#include <limits.h>
#include <sys/types.h>

/* The directory that a file is in, and its name there. The file need not be there. */
struct file_place {
    const char *path; /* the caller's */
    dev_t dev;        /* of the directory; 0, as ino: it cannot be walked to, and the path stands for itself */
    ino_t ino;
    char name[NAME_MAX + 1];
};

void fileplace_of(const char *path, struct file_place *ret);
/* 0: they are one file. Else an order, as strcmp() gives one. */
int fileplace_compare(const struct file_place *a, const struct file_place *b);

#endif
