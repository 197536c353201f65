/* doctor --system: one look at a machine, and the files and boxes that it is about. */
#ifndef LB_DOCTOR_SYSTEM_AUDIT_H
#define LB_DOCTOR_SYSTEM_AUDIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "doctor/report.h"
#include "model/paths.h"

/* A box of the system: it has a directory below the state directory, or a socket. */
struct audit_box {
    char name[LB_NAME_MAX + 1];
    bool has_state;  /* its directory is there, with this owner */
    uid_t owner;
    pid_t pid;       /* the process with its keys; 0: none runs, or none was found */
};

struct audit {
    struct doctor *d;
    int root;                /* descriptor of the directory that is "/" */
    bool here;               /* "/" is this machine's own: not --root */
    struct dirs dirs;        /* the system's */
    struct audit_box *boxes; /* by name */
    size_t box_count;
    bool swap_in_clear;      /* memory that is not locked may be written to a disk as it is */
};

/*
 * A check of the machine, and one of a box. Each reports what it finds by doctor_report(), and at least one line if there was
 * something to look at.
 */
void audit_swap(struct audit *a);
void audit_core(struct audit *a);
void audit_ptrace(struct audit *a);
void audit_landlock(struct audit *a);
void audit_clock(struct audit *a);
void audit_openssl_cnf(struct audit *a);
void audit_module(struct audit *a);
void audit_directories(struct audit *a);
void audit_box_unit(struct audit *a, const struct audit_box *b);
void audit_box_memory(struct audit *a, const struct audit_box *b);
void audit_box_store(struct audit *a, const struct audit_box *b);
void audit_box_credential(struct audit *a, const struct audit_box *b);

/* Fills a->boxes, which the caller frees. LB_E_NOMEM. */
LB_MUST_USE int audit_find_boxes(struct audit *a, struct problem *p);

#endif
