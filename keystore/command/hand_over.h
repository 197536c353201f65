/* Files of a box that become another user's, in a directory that a user may be changing all the while. */
#ifndef LB_COMMAND_HAND_OVER_H
#define LB_COMMAND_HAND_OVER_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/errors.h"

/* Who gets the files, and whose they may be: the new owner's already, the former user's, root's. */
struct handover {
    uid_t uid;
    gid_t gid;
    uid_t former; /* (uid_t)-1: there is none */
};

/* A directory of root's, open. */
struct rootdir {
    int fd; /* -1: none */
    char path[PATH_MAX];
};

/*
 * Opens path, which must be root's and writable for root alone, so that nobody else chooses what the names in it mean. An absent
 * directory is made with make (mode 0755; its parent must be there); without make ret->fd is -1. LB_E_VALUE with the cure,
 * LB_E_SYSTEM, LB_E_TOO_LONG.
 */
LB_MUST_USE int rootdir_open(const char *path, bool make, struct rootdir *ret, struct problem *p);
void rootdir_close(struct rootdir *d);

/*
 * Makes dir/name, the state of the box of that name, a directory of h->uid's with mode 0700, and gives it all below. An absent
 * directory is made. A directory that is h->uid's already is not looked into. *ret_moved: something was handed over.
 *
 * All that is there must be a directory, or a file with no other name, and its owner one that h allows (root only if the
 * directory is root's). So no link is followed, and no file from elsewhere is given away. All is looked at before anything is
 * changed; then each directory is root's while its content is handed over. Group and others lose their rights. LB_E_VALUE: p
 * names the first thing that breaks these rules. LB_E_IN_USE: a box has its store open.
 */
LB_MUST_USE int handover_dir(const struct rootdir *dir, const char *name, const struct handover *h, bool *ret_moved,
                             struct problem *p);

/* The file dir/name, if it is there, under the same rules; it gets mode 0400. */
LB_MUST_USE int handover_file(const struct rootdir *dir, const char *name, const struct handover *h, bool *ret_moved,
                              struct problem *p);

/* Does a process have the store in this directory open? *ret_pid may be 0: it is in another PID namespace. */
bool handover_store_in_use(int dir_fd, pid_t *ret_pid);

#endif
