/* The keys of a box in memory: found by name without touching the store. */
#ifndef LB_VAULT_KEYRING_H
#define LB_VAULT_KEYRING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"
#include "keys/key_op.h"
#include "store/record.h"
#include "vault/key_index.h"
#include "vault/open_keys.h"

/* A version's live half: what the record does not say. */
struct keyversion {
    uint8_t hash[LB_HASH_SIZE]; /* SHA-256 of its SubjectPublicKeyInfo */
    bool damaged;               /* its record does not authenticate, or could not be read */
    struct livekey *live;       /* NULL while closed, locked, damaged or destroyed; in a ring by its opened.lock */
    struct keyversion *newer, *older; /* of vault/open_keys.h */
    uint64_t used;                    /* likewise */
    atomic_ullong last_used;          /* seconds since 1970; 0: never. By any thread */
    uint64_t used_stored;             /* what the store has of that. The changing thread's */
};

/* A key: its record as it is in the store, and beside each version its live half. */
struct boxkey {
    struct key_record rec;
    struct keyversion *versions; /* rec.version_count of them */
    bool damaged;                /* the record as a whole could not be read */
    uint64_t due_since;          /* of this machine's running time, in seconds: it has been due to be destroyed since; 0: it is not */
};

/*
 * Sorted by name, so that a look-up is a binary search and LIST needs no sorting. Readers hold the read lock while
 * they look and take a reference to what they go on to use; only one thread makes changes, and takes the write lock to
 * publish them. No thread takes the lock twice (base/fair_lock.h).
 */
struct keyring {
    pthread_rwlock_t lock;
    struct boxkey **keys;
    size_t count, size;
    struct keyindex granted;    /* by the subjects of their grants */
    struct keyindex objects;    /* by what the token calls their versions that are open */
    struct keyindex former;     /* by the names that they had before */
    atomic_uint grants_changed; /* how often the subjects of a key became others, from 1 on */
    struct opened opened;
};

/* A deep copy of a record (hashes are computed, nothing is live). NULL: out of memory. */
struct boxkey *boxkey_new(const struct key_record *rec);
void boxkey_free(struct boxkey *k);
/* The active version, 0-based: the highest-numbered one in that state; -1: none. */
int boxkey_active(const struct boxkey *k);
/* By name; two of one name by their address, so that the order of any two keys is a fixed one. */
int boxkey_order(const struct boxkey *a, const struct boxkey *b);
/* Any version whose record does not authenticate, or the record itself. */
bool boxkey_is_damaged(const struct boxkey *k);

/* most_open: how many live keys it has at once; 0: no bound. LB_E_NOMEM. */
LB_MUST_USE int keyring_init(struct keyring *r, size_t most_open);
void keyring_clear(struct keyring *r);

/* With the lock held by the caller: the key, or NULL. Of two with one name (a changed record) the sound one. */
struct boxkey *keyring_find(const struct keyring *r, const char *name);
/* The same, also by a name that the key had before. */
struct boxkey *keyring_find_any(const struct keyring *r, const char *name);
/* With the lock held by the caller: the place of the first key behind name. */
size_t keyring_after(const struct keyring *r, const char *name);

/*
 * Publishes k, which the ring then owns, in the place of old (NULL: as a new key), with the live keys that it has, and what
 * is known of its last uses. Takes the write lock. LB_E_NOMEM: nothing changed.
 */
LB_MUST_USE int keyring_put(struct keyring *r, struct boxkey *old, struct boxkey *k);
/*
 * Publishes what was seen of version i of k: whether it is damaged, and its key, which the ring takes over in any case; NULL:
 * it is not open. Takes the write lock, if there is anything new. LB_E_NOMEM: it stays closed.
 */
LB_MUST_USE int keyring_seen(struct keyring *r, struct boxkey *k, size_t i, bool damaged, struct livekey *live);
/* Closes all keys, with the write lock held by the caller. */
void keyring_close_all(struct keyring *r);

#endif
