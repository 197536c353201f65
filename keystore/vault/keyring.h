/* The keys of a box in memory: found by name without touching the store. */
#ifndef LB_VAULT_KEYRING_H
#define LB_VAULT_KEYRING_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"
#include "vault/box_key.h"
#include "vault/key_index.h"
#include "vault/open_keys.h"

/*
 * Sorted by name, so that a look-up is a binary search and LIST needs no sorting. Readers hold the read lock while they
 * look, and take a reference to what they go on to use. Only one thread makes changes; it takes the write lock to publish
 * them. No thread takes the lock twice (base/fair_lock.h).
 */
struct keyring {
    pthread_rwlock_t lock;
    struct boxkey **keys;
    size_t count, size;
    struct keyindex granted;    /* by the subjects of their grants */
    struct keyindex objects;    /* by what the token calls their open versions */
    struct keyindex former;     /* by the names that they had before */
    atomic_uint grants_changed; /* how often the subjects of some key have changed, plus 1 */
    struct opened opened;
};

/* most_open: how many live keys the ring has at once; 0: no bound. LB_E_NOMEM. */
LB_MUST_USE int keyring_init(struct keyring *r, size_t most_open);
void keyring_clear(struct keyring *r);

/* The key, or NULL, with the lock held by the caller. Of two keys of one name (a changed record), the sound one. */
struct boxkey *keyring_find(const struct keyring *r, const char *name);
/* The same, also by a former name of the key. */
struct boxkey *keyring_find_any(const struct keyring *r, const char *name);
/* The place of the first key behind name, with the lock held by the caller. */
size_t keyring_after(const struct keyring *r, const char *name);

/*
 * Publishes k in the place of old (NULL: as a new key), with the live keys that k has, and what is known of its last uses.
 * The ring then owns k. Takes the write lock. LB_E_NOMEM: nothing changed.
 */
LB_MUST_USE int keyring_put(struct keyring *r, struct boxkey *old, struct boxkey *k);
/* Sets the form of k's record, whatever its rows said. By the changing thread, as the next. Takes the write lock. */
void keyring_found_form(struct keyring *r, struct boxkey *k, bool old);
/* k was not given the policy of an unknown kind: the policy is damaged, and nothing else. Takes the write lock. */
void keyring_disown_policy(struct keyring *r, struct boxkey *k);
/*
 * Publishes what was seen of version i of k: whether it is damaged, and its key (NULL: it is not open), which the ring
 * takes over in any case. Takes the write lock, if there is anything new. LB_E_NOMEM: the version stays closed.
 */
LB_MUST_USE int keyring_seen(struct keyring *r, struct boxkey *k, size_t i, bool damaged, struct livekey *live);
/* Closes all keys, with the write lock held by the caller. */
void keyring_close_all(struct keyring *r);

#endif
