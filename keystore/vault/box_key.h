/* A key of a box in memory, and its versions: the record as it is in the store, and what is live of it. */
#ifndef LB_VAULT_BOX_KEY_H
#define LB_VAULT_BOX_KEY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "keys/key_op.h"
#include "store/record.h"

/* A version's live half: what the record does not say. */
struct keyversion {
    uint8_t hash[LB_HASH_SIZE]; /* SHA-256 of its SubjectPublicKeyInfo */
    bool damaged;               /* its record does not authenticate, or could not be read */
    struct livekey *live;       /* NULL while closed, locked, damaged or destroyed; in a ring by its opened.lock */
    struct keyversion *newer, *older; /* of vault/open_keys.h */
    uint64_t used;                    /* likewise */
    atomic_ullong last_used;          /* seconds since 1970; 0: never. By any thread */
    uint64_t used_stored;             /* what the store has as the last use. The changing thread's */
};

/* A key: its record as it is in the store, and beside each version its live half. */
struct boxkey {
    struct key_record rec;
    struct keyversion *versions; /* rec.version_count of them */
    bool damaged;                /* the record as a whole could not be read */
    uint64_t due_since;          /* running time, in seconds, since which the key has been due to be destroyed; 0: it is not */
};

/* A deep copy of a record. The hashes are computed; nothing is live. NULL: out of memory. */
struct boxkey *boxkey_new(const struct key_record *rec);
void boxkey_free(struct boxkey *k);
/*
 * The place of the current version, 0-based, or -1: of those that are active or suspended, the one that became current last;
 * of two that did at once, the higher-numbered one.
 */
int boxkey_current(const struct boxkey *k);
/* The place of the next version: the highest-numbered one that is not active yet; -1: none. */
int boxkey_next(const struct boxkey *k);
/* The current version has an end, which another one set that is current no more: what it was to make room for is gone. */
bool boxkey_ends_alone(const struct boxkey *k);
/*
 * To be called with each change. A current version that ends alone goes on, so that no key ends by itself without a successor; an
 * end that is over stays. A version that is active and not the current one, and has no end, drains for LB_DRAIN seconds from now:
 * one that came back from a destruction, or that another one of several planned versions followed.
 */
void boxkey_mend_ends(struct boxkey *k, uint64_t now);
/* Orders keys by name, and two keys of one name by their address, so that the order of any two keys is a fixed one. */
int boxkey_order(const struct boxkey *a, const struct boxkey *b);
/* True: the record of some version does not authenticate, the policy is damaged, or the record itself could not be read. */
bool boxkey_is_damaged(const struct boxkey *k);

#endif
