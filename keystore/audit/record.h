/* The record of what a box did, and what it refused to do. */
#ifndef LB_AUDIT_RECORD_H
#define LB_AUDIT_RECORD_H

#include <stdint.h>

#include "base/errors.h"
#include "model/limits.h"
#include "model/vocabulary.h"
#include "policy/caller.h"

#define EVENT_DONE_SIZE 256

/* One request, once it has ended: who, which key and version, what, and how. */
struct event {
    const struct caller *who;
    const char *asked;             /* what was asked for, as protocol/messages.h calls it; NULL: nothing that is known */
    char key[LB_NAME_MAX + 1];     /* as it was asked for, if it is not there; "": of none, or nobody read what was asked */
    uint32_t version;              /* 0: of none, or of all */
    int result;                    /* 0, or LB_E_* */
    const struct problem *problem; /* why, where result is not 0 */
    char done[EVENT_DONE_SIZE];    /* what was done, for people: "created key 'web' version 1"; "": nothing for the log */
    uint64_t due;                  /* when a scheduled destruction is carried out; 0: none was scheduled */
};

/* Writes the log, for now: a line for each act and each refusal. Any thread may call it. Keeps nothing of e. */
void audit_record(const struct event *e);

#endif
