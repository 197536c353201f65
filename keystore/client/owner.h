/* Whose a box may be for a caller to talk to it. */
#ifndef LB_CLIENT_OWNER_H
#define LB_CLIENT_OWNER_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/errors.h"

#define LB_OWNERS_MAX 16      /* users in a list */
#define LB_OWNER_NAME_MAX 63  /* of a user's name, in bytes */

/*
 * The users who are named beside root and the caller: littlebox-users of openssl.cnf, --users of the command. Names and
 * numbers, separated by blanks or commas. Nothing is looked up yet.
 */
struct owner_list {
    unsigned count;
    struct {
        char name[LB_OWNER_NAME_MAX + 1]; /* "": uid is known */
        uid_t uid;
    } who[LB_OWNERS_MAX];
};

/* The same as numbers. */
struct owner_uids {
    unsigned count;
    uid_t uids[LB_OWNERS_MAX];
};

/* How the caller is to name a user: what stands in front of a number in the cure. */
#define LB_OWNERS_SETTING "littlebox-users"
#define LB_OWNERS_OPTION "--users"

/* Reads the list. LB_E_CONFIG, and p names the word that is none; where is one of the above. */
LB_MUST_USE int owner_list_parse(const char *text, const char *where, struct owner_list *ret, struct problem *p);

/*
 * Looks up the names, which may ask a directory service and take its time. LB_E_CONFIG: there is no such user;
 * LB_E_SYSTEM; LB_E_NOMEM.
 */
LB_MUST_USE int owner_list_resolve(const struct owner_list *list, const char *where, struct owner_uids *ret,
                                   struct problem *p);

/*
 * Is the box behind this connected socket one that the caller may believe? That is one whose owner is root, the caller
 * itself (its effective uid), or a user in named. The owner is who called listen(2), by the kernel's word
 * (SO_PEERCRED); under systemd that is root. It does not change when the box becomes another user later.
 *
 * 0, or LB_E_STRANGER, and p says whose box was found at path, and the cure. An owner whom the caller's user namespace
 * does not map has no name, and is accepted only where named has the overflow uid. LB_E_SYSTEM.
 *
 * A refusal is the end of it: no other place is tried. Who put the socket there may write where the caller looks, and to
 * go on to the next box would let them choose by removing and putting whose key a URI means.
 */
LB_MUST_USE int owner_check(int fd, const struct owner_uids *named, const char *where, const char *box,
                            const char *path, struct problem *p);

#endif
