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
 * Opens path, which must be root's and writable for root alone: so nobody else chooses what its names mean. If it is
 * absent it is made with make (mode 0755, its parent must be there); without make ret->fd is -1. LB_E_VALUE with the
 * cure, LB_E_SYSTEM, LB_E_TOO_LONG.
 */
LB_MUST_USE int rootdir_open(const char *path, bool make, struct rootdir *ret, struct problem *p);
void rootdir_close(struct rootdir *d);

/*
 * dir/name, the state of the box of that name, becomes a directory of h->uid's, mode 0700, with all below it: made if it
 * is absent, else handed over.
 * *ret_moved: something was. A directory that is h->uid's already is not looked into.
 *
 * All that is there must be a directory, or a file with no other name, of an owner that the struct allows (of root's
 * only if the directory is root's): no link is followed, no file of elsewhere is given away. It is looked through before
 * anything is changed; then each directory is root's while its content is handed over. Group and others lose what they
 * may. LB_E_VALUE names the first thing that is not so; LB_E_IN_USE: a box has its store open.
 */
LB_MUST_USE int handover_dir(const struct rootdir *dir, const char *name, const struct handover *h, bool *ret_moved,
                             struct problem *p);

/* The file dir/name, if it is there, under the same rules; it gets mode 0400. */
LB_MUST_USE int handover_file(const struct rootdir *dir, const char *name, const struct handover *h, bool *ret_moved,
                              struct problem *p);

/* Does a process have the store in this directory open? *ret_pid may be 0: it is in another PID namespace. */
bool handover_store_in_use(int dir_fd, pid_t *ret_pid);

#endif
