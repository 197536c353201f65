/* doctor: the user that a server's workers run as. */
#ifndef LB_DOCTOR_WORKER_H
#define LB_DOCTOR_WORKER_H

#include <stdbool.h>
#include <sys/types.h>

#define DOCTOR_GROUPS_MAX 256

/* For whom a handle must work: the user that a server's workers run as. */
struct doctor_worker {
    char name[64];
    uid_t uid;
    gid_t gid;
    gid_t groups[DOCTOR_GROUPS_MAX]; /* supplementary */
    int group_count;
    const char *chroot;              /* the directory where it is locked in before it signs; NULL: none */
    bool loads;                      /* it reads the key file itself; else doctor's caller reads the file, and the worker signs */
};

/*
 * Finds the user of that name or number, in group ("": the user's own). bare: without supplementary groups. Returns NULL, or
 * what does not exist: "user", "group".
 */
const char *doctor_worker_find(const char *name, const char *group, bool bare, struct doctor_worker *ret);

#endif
