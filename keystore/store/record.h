/* The records of a store: keys with their versions, and seals. */
#ifndef LB_STORE_RECORD_H
#define LB_STORE_RECORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/limits.h"
#include "model/vocabulary.h"

#define STORE_ID_SIZE 16
#define KEY_ID_SIZE 16
/* Longest material of a version, in bytes: a sealed LB_PRIVATE_MAX with room to spare. */
#define STORE_MATERIAL_MAX (LB_PRIVATE_MAX + 256)

/*
 * One version as the store keeps it: metadata in the clear and the backend's material. All metadata, and the policy of
 * the key, are bound to the material (store/bound.h). The pointers belong to the record; version_record_clear() frees
 * them.
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
    struct version_life life;
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

/*
 * A key. Its policy is all that is bound to it besides its versions (store/policy_blob.h): grants and former names are
 * kinds of policy that have members here; kinds without a member of their own are in others.
 */
struct key_record {
    uint8_t key_id[KEY_ID_SIZE];
    char name[LB_NAME_MAX + 1];
    struct grant *grants; /* sorted by kind, id */
    size_t grant_count;
    char *former;    /* names that the key had before, which still mean it: sorted, with a blank between two; NULL: none */
    uint8_t *others; /* entries of other kinds, as the store has them; NULL: none */
    size_t others_len;
    unsigned unknown; /* the tag of an entry in others that this code does not know; 0: all are known */
    bool policy_damaged; /* its policy cannot be read, and what is here is at most a part of it: nothing authenticates */
    bool old_form;    /* bound and stored as before schema 4 (store/old_form.h) */
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
 * SHA-256 over what a row of a chain says (STORE.md): finds what a disk did to it, not what somebody did. LB_E_CRYPTO.
 */
LB_MUST_USE int chain_digest(const uint8_t key_id[KEY_ID_SIZE], uint32_t version, struct bytes chain,
                             uint8_t ret[LB_HASH_SIZE]);

/*
 * The state that the row of a version has, 1 to 5. What is beyond is policy: that it is to be destroyed (then the row has the
 * state of before), that it is suspended (active), that it was compromised before it was destroyed (destroyed).
 */
uint8_t version_row_state(const struct version_record *v);

/* Takes its chain away. */
void version_record_drop_chain(struct version_record *v);
void version_record_clear(struct version_record *v);
/* Takes away all policy: grants, former names and the others. */
void key_record_drop_policy(struct key_record *k);
void key_record_clear(struct key_record *k);
void seal_records_free(struct seal_record *seals, size_t count);

#endif
