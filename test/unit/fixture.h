/* A store with keys in it, for the suites that look at stores and backends. */
#ifndef FIXTURE_H
#define FIXTURE_H

#include <limits.h>

#include "backends/backend.h"
#include "seals/seal.h"
#include "store/seals.h"
#include "store/store.h"

#define FIXTURE_KEYS_MAX 64

struct fixture {
    char *dir;
    char path[PATH_MAX];
    uint8_t id[STORE_ID_SIZE];
    uint8_t store_key[STORE_KEY_SIZE];
    struct store *store;
    struct backend_sealed *backend;
    struct key_record keys[FIXTURE_KEYS_MAX]; /* what was put, as it should come back, ordered by name */
    size_t key_count;
};

/* A new store with one credential seal, open. */
void fixture_open(struct fixture *f);
/* Closes the store and opens it again. */
void fixture_reopen(struct fixture *f);
void fixture_close(struct fixture *f);
/* To be called first in a child of fork(): a backend's store key does not pass to children. */
void fixture_in_child(struct fixture *f);

/* A record with versions 1 to n of that type, all active, and m grants; sealed, not yet in the store. */
struct key_record fixture_make_key(struct fixture *f, const char *name, const char *type, size_t versions,
                                   size_t grants);
/* Makes it, puts it into the store, and into keys. */
void fixture_add_key(struct fixture *f, const char *name, const char *type, size_t versions, size_t grants);
/*
 * Gives a version of a key of the fixture a chain of n certificates (of that form; nothing that X.509 knows), in the
 * store too.
 */
void fixture_add_chain(struct fixture *f, const char *name, uint32_t version, unsigned n);
/* All versions of a key of the fixture are to be destroyed then, and the key had these names; in the store too. */
void fixture_schedule(struct fixture *f, const char *name, uint64_t at, const char *former);
/* A key of this one version and these grants, for backends: nothing of it is its own. */
struct key_record fixture_key_of(const struct version_record *v, const struct grant *grants, size_t count);
/* backend_sealed_ops.rebind() between two such keys. */
int fixture_rebind(struct fixture *f, const struct version_record *old, const struct grant *old_grants, size_t old_count,
                   struct version_record *v, const struct grant *grants, size_t count);
/*
 * The store as a littlebox before schema 4 had left it: keys bound and stored in the old form. Closes it; keys are what is
 * in it then.
 */
void fixture_make_old(struct fixture *f);
/* The two halves of that: k bound in the old form (versions and material are the caller's then), and the rows of such keys. */
struct key_record fixture_bind_old(struct backend_sealed *b, const struct key_record *k);
void fixture_write_old(const char *path, const struct key_record *keys, size_t count);
/* A seal of a credential that is the label. */
struct seal_record fixture_make_seal(struct fixture *f, const char *label);

enum found { FOUND_NOT, FOUND_GOOD, FOUND_DAMAGED, FOUND_WRONG };

struct inspection {
    int opened;                         /* of store_open() */
    int walked;                         /* of store_each_key() */
    struct problem problem;             /* the last of those */
    enum found found[FIXTURE_KEYS_MAX]; /* of each key of the fixture, chains aside; WRONG for a wrong chain */
    size_t chains_lost[FIXTURE_KEYS_MAX]; /* versions that should have a chain and have none */
    size_t chains_told;                 /* versions of which it was said that theirs is damaged */
    size_t strangers;                   /* damaged keys under other names */
    size_t impostors;                   /* keys under other names that open */
};

/*
 * Opens the store anew and compares: GOOD: every field is as it was and every version opens; DAMAGED: reported so, or a
 * version does not open; WRONG: it opens and is not what was put. The fixture's own store must be closed.
 */
void fixture_inspect(struct fixture *f, struct inspection *ret);
/* The same with a store that is open. */
void fixture_compare(struct fixture *f, struct store *store, struct inspection *ret);

/* The file alone is all of the store: there is no log beside it that has something in it. */
bool fixture_log_is_empty(const struct fixture *f);

/* All keys are there as they were put, and no others. Says what it saw otherwise. */
bool fixture_all_good(struct fixture *f, struct store *store);

#endif
