/* The SQLite store of a box: seals, keys, versions, policy; every change one transaction. */
#ifndef LB_STORE_STORE_H
#define LB_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "model/limits.h"
#include "model/vocabulary.h"

#define STORE_ID_SIZE 16
#define KEY_ID_SIZE 16
/* Longest material of a version, in bytes: a sealed LB_PRIVATE_MAX with room to spare. */
#define STORE_MATERIAL_MAX (LB_PRIVATE_MAX + 256)

struct store; /* an open database; one thread at a time */

/*
 * One version as the store keeps it: metadata in the clear and the backend's material. All metadata, and the key's
 * grants, are bound to the material (version_record_aad()). The pointers belong to the record; version_record_clear()
 * frees them.
 */
struct version_record {
    uint8_t key_id[KEY_ID_SIZE]; /* random, the same for all versions of a key, never reused */
    char name[LB_NAME_MAX + 1];
    uint32_t version;
    uint8_t state;
    char type[LB_TYPE_MAX + 1];
    uint64_t created, changed; /* seconds since 1970 */
    uint64_t destroy_at;  /* of STATE_DESTROY_SCHEDULED: when; else 0 */
    uint8_t state_before; /* of STATE_DESTROY_SCHEDULED: what it is again if that is cancelled; else 0 */
    char *former; /* names that the key had before, which still mean it: sorted, with a blank between two; NULL: none. The
                     same in all versions of a key */
    uint8_t *spki;
    size_t spki_len;
    uint8_t *material; /* what the backend needs to have the key again; never NULL in the store: a destroyed
                                    version has one too, without a key in it, that binds its metadata (backends/backend.h) */
    size_t material_len;
    uint8_t *chain; /* certificates as messages carry them (struct chain_request); NULL: none. Public, and not bound
                                    to the material */
    size_t chain_len;
    bool chain_damaged; /* of what was read: there was a chain, and its row is not what it should be */
};

struct key_record {
    uint8_t key_id[KEY_ID_SIZE];
    char name[LB_NAME_MAX + 1];
    struct grant *grants; /* sorted by kind, id */
    size_t grant_count;
    struct version_record *versions; /* sorted by number */
    size_t version_count;
};

/* A seal: one wrapping of the store key. params and wrapped are opaque here (seals/seal.c). */
struct seal_record {
    uint32_t id;
    uint8_t kind;
    char label[LB_LABEL_MAX + 1];
    uint64_t created;
    uint8_t *params;
    size_t params_len;
    uint8_t *wrapped;
    size_t wrapped_len;
};

/*
 * Opens STATE/BOX/store.db; LB_E_NO_STORE when there is none. Sets WAL, synchronous=FULL, foreign_keys, secure_delete,
 * and migrates an older schema in one transaction. LB_E_STORE, LB_E_STORE_READONLY (opened for reading all the same:
 * *ret is set, changes fail), LB_E_STORE_SCHEMA (made by a newer version), LB_E_IN_USE: the store is locked exclusively
 * as long as it is open, and another process did not let go of it within 2 seconds. p gets the text. *ret is NULL after
 * every other failure.
 */
LB_MUST_USE int store_open(const char *path, struct store **ret, struct problem *p);
/*
 * Makes a new store (mode 0600, its directory must exist) with its first seal, and opens it. It gets its name when it
 * is whole: a store without a seal never exists, whatever the moment of a crash. LB_E_EXISTS, LB_E_STORE_FULL,
 * LB_E_STORE_READONLY, LB_E_STORE.
 */
LB_MUST_USE int store_create(const char *path, const uint8_t id[STORE_ID_SIZE], const struct seal_record *seal,
                             struct store **ret, struct problem *p);
/*
 * Whether the file of the store is another one than the one that is open, is gone, or was written by somebody else since:
 * then what is in memory and what is on disk are two stores, and every change is refused (LB_E_STORE), so that they are
 * not mixed. Any thread, as long as the store is open.
 */
bool store_was_replaced(struct store *s);
/* Checkpoints and closes; NULL is fine. */
void store_close(struct store *s);
const uint8_t *store_id(const struct store *s);

/*
 * Calls each() for every key, ordered by name, each name once, records valid during the call only. damaged true: rows
 * of the key are missing, cannot be read as what they should be, or contradict each other; the record holds what could
 * be read, which may be no version at all. Where the rows of one key give several names, it is reported under each of
 * them; "?" when no name can be read or all belong to keys that are whole. Never a whole key hidden or called damaged
 * for the sake of another. each() returning non-zero ends the walk with that value. Returns 0 with p->code LB_E_DAMAGED
 * and a text when a part of the file could not be read (else p->code 0), and LB_E_STORE only when nothing could be.
 * A certificate chain that is damaged is left out: its key is whole without it. p->code is LB_E_DAMAGED then too.
 */
LB_MUST_USE int store_each_key(struct store *s, int (*each)(const struct key_record *k, bool damaged, void *arg),
                               void *arg, struct problem *p);

/*
 * Replaces everything about one key (by key_id) by what the record says: inserts, updates and deletes rows as needed,
 * one transaction, on disk when it returns 0. A record without versions removes the key, its name too. Material that
 * goes away is overwritten in the file and the log (secure_delete, checkpoint). On any failure nothing has changed:
 * LB_E_STORE_FULL, LB_E_STORE_READONLY, LB_E_STORE, LB_E_EXISTS (another key has the name), LB_E_VALUE and so on (the
 * record is not whole: name, key id, spki, material of each version), with p telling which.
 */
LB_MUST_USE int store_put_key(struct store *s, const struct key_record *k, struct problem *p);

/*
 * All seals by id; freed with seal_records_free(). A damaged one is left out, and p->code is LB_E_DAMAGED with a text
 * then (else 0).
 */
LB_MUST_USE int store_seals(struct store *s, struct seal_record **ret, size_t *ret_count, struct problem *p);
/* The id in the record is ignored; *ret_id is the new one (never reused). LB_E_TOO_LONG: LB_SEALS_MAX are there. */
LB_MUST_USE int store_add_seal(struct store *s, const struct seal_record *seal, uint32_t *ret_id, struct problem *p);
/* LB_E_NO_SEAL, LB_E_LAST_SEAL. What was removed is overwritten as with keys. */
LB_MUST_USE int store_remove_seal(struct store *s, uint32_t id, struct problem *p);

/*
 * Writes what is bound to a version's material: every metadata field and all grants of its key, in a form that is
 * injective (STORE.md). *ret is freed with free(). grants must be sorted as in key_record. LB_E_NOMEM.
 */
LB_MUST_USE int version_record_aad(const uint8_t store_id[STORE_ID_SIZE], const struct version_record *v,
                                   const struct grant *grants, size_t grant_count, uint8_t **ret, size_t *ret_len);

/*
 * SHA-256 over what a row of a chain says (STORE.md): finds what a disk did to it, not what somebody did. LB_E_CRYPTO.
 */
LB_MUST_USE int chain_digest(const uint8_t key_id[KEY_ID_SIZE], uint32_t version, struct bytes chain,
                             uint8_t ret[LB_HASH_SIZE]);

/* Takes its chain away. */
void version_record_drop_chain(struct version_record *v);
void version_record_clear(struct version_record *v);
void key_record_clear(struct key_record *k);
void seal_records_free(struct seal_record *seals, size_t count);

#endif
