/* The records of a store: how they are freed, the digest of a chain, and the state in a row. */
#include "store/record.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#define CHAIN_LABEL "littlebox v1 chain"

int chain_digest(const uint8_t key_id[KEY_ID_SIZE], uint32_t version, struct bytes chain, uint8_t ret[LB_HASH_SIZE])
{
    uint8_t head[sizeof(CHAIN_LABEL) + KEY_ID_SIZE + 16];
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    struct wire_writer w;
    size_t len;
    int r;

    wire_write(&w, head, sizeof(head));
    wire_put_str(&w, CHAIN_LABEL);
    wire_put_raw(&w, key_id, KEY_ID_SIZE);
    wire_put_u32(&w, version);
    r = wire_written(&w, &len);
    if (r == 0 && (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) <= 0 ||
                   EVP_DigestUpdate(ctx, head, len) <= 0 || EVP_DigestUpdate(ctx, chain.p, chain.len) <= 0 ||
                   EVP_DigestFinal_ex(ctx, ret, NULL) <= 0))
        r = LB_E_CRYPTO;
    EVP_MD_CTX_free(ctx);
    return r;
}

uint8_t version_row_state(const struct version_record *v)
{
    uint8_t state = v->state == STATE_DESTROY_SCHEDULED ? v->state_before : v->state;

    if (state == STATE_SUSPENDED)
        return STATE_ACTIVE;
    return state == STATE_DESTROYED_COMPROMISED ? STATE_DESTROYED : state;
}

void version_record_drop_chain(struct version_record *v)
{
    free(v->chain);
    v->chain = NULL;
    v->chain_len = 0;
    v->chain_damaged = false;
}

void version_record_clear(struct version_record *v)
{
    free(v->spki);
    free(v->material);
    free(v->chain);
    memset(v, 0, sizeof(*v));
}

void key_record_drop_policy(struct key_record *k)
{
    free(k->grants);
    free(k->former);
    free(k->others);
    k->grants = NULL;
    k->grant_count = 0;
    k->former = NULL;
    k->others = NULL;
    k->others_len = 0;
    k->unknown = 0;
    k->policy_damaged = false;
}

void key_record_clear(struct key_record *k)
{
    key_record_drop_policy(k);
    for (size_t i = 0; i < k->version_count; i++)
        version_record_clear(&k->versions[i]);
    free(k->versions);
    memset(k, 0, sizeof(*k));
}

void seal_records_free(struct seal_record *seals, size_t count)
{
    for (size_t i = 0; seals != NULL && i < count; i++) {
        free(seals[i].params);
        free(seals[i].wrapped);
    }
    free(seals);
}
