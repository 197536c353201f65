/* What the keeper's descriptors are called in the service manager's descriptor store: which one it is, and who made it. */
#ifndef LB_DAEMON_STORE_NAME_H
#define LB_DAEMON_STORE_NAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/maker.h"

/*
 * A name has one form, and nothing else is read. A number is written in base 36 (0-9a-z) without leading zeros.
 *
 *     ~listen                              the listening socket, if no socket unit made it
 *     ~locked                              a mark: the box was locked by hand
 *     ~byhand                              a mark: the box was unlocked by hand
 *     ~dead                                not in a store, but from one program to the next: it is to be closed by the usher
 *     ~a SLOT                              a connection that the box accepted: the kernel knows its maker
 *     ~p SLOT . PID . UID . GID [. GROUP]  one of a pair that the box made for PID: the kernel names the box as its maker
 *
 * (Without the blanks.) The manager hands all names over as one text of at most 128 KiB, which is why they are short. The form
 * stays as it is: one program writes it, and the next one reads it.
 */
enum stored_kind { STORED_LISTENER, STORED_LOCKED, STORED_BY_HAND, STORED_DEAD, STORED_ACCEPTED, STORED_PAIR };

struct stored_name {
    enum stored_kind kind;
    uint32_t slot;      /* of STORED_ACCEPTED and STORED_PAIR; below KEEP_SLOTS_MAX */
    struct maker maker; /* of STORED_PAIR, to be cleared */
};

/* The longest name that a manager takes, with its NUL. */
#define STORE_NAME_SIZE 256

/* Does a keeper of ours call its descriptors so? A name with this beginning can be wrong all the same. */
bool store_name_ours(const char *text);
/* Groups that do not fit are left out. A process with fewer groups may do less, never more. */
void store_name_write(const struct stored_name *n, char ret[STORE_NAME_SIZE]);
/* LB_E_VALUE: this is no such name. LB_E_NOMEM. After a failure nothing is to be cleared. */
LB_MUST_USE int store_name_read(const char *text, struct stored_name *ret);

#endif
