/* Records of the store: what is bound to a version's material, and how records are freed. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "base/wire.h"
#include "store/store.h"

/* First in the associated data, so that it is never that of a seal or of a later form. */
#define AAD_LABEL "littlebox v1 version"
/* Everything but spki, grants and former names, at its longest. */
#define AAD_FIXED (sizeof(AAD_LABEL) + STORE_ID_SIZE + KEY_ID_SIZE + LB_NAME_MAX + LB_TYPE_MAX + 80)
#define GRANT_SIZE 7

int version_record_aad(const uint8_t store_id[STORE_ID_SIZE], const struct version_record *v,
                       const struct grant *grants, size_t grant_count, uint8_t **ret, size_t *ret_len)
{
    struct wire_writer w;
    const char *former = v->former == NULL ? "" : v->former;
    size_t size = AAD_FIXED + v->spki_len + grant_count * GRANT_SIZE + strlen(former);
    uint8_t *aad;
    int r;

    if (v->spki_len > LB_SPKI_MAX || grant_count > LB_GRANTS_MAX || strlen(former) > LB_FORMER_MAX)
        return LB_E_TOO_LONG;
    aad = malloc(size);
    if (aad == NULL)
        return LB_E_NOMEM;
    wire_write(&w, aad, size);
    wire_put_str(&w, AAD_LABEL);
    wire_put_raw(&w, store_id, STORE_ID_SIZE);
    wire_put_raw(&w, v->key_id, KEY_ID_SIZE);
    wire_put_str(&w, v->name);
    wire_put_u32(&w, v->version);
    wire_put_u8(&w, v->state);
    wire_put_str(&w, v->type);
    wire_put_u64(&w, v->created);
    wire_put_u64(&w, v->changed);
    wire_put_bytes(&w, v->spki, v->spki_len);
    wire_put_u16(&w, (uint16_t)grant_count);
    for (size_t i = 0; i < grant_count; i++)
        grant_put(&w, &grants[i]);
    /* Where there is none of this, the data ends here, as it did before there was such a thing. */
    if (v->destroy_at != 0 || v->state_before != 0 || former[0] != '\0') {
        wire_put_u64(&w, v->destroy_at);
        wire_put_u8(&w, v->state_before);
        wire_put_str(&w, former);
    }
    r = wire_written(&w, ret_len);
    if (r != 0) {
        free(aad);
        return r;
    }
    *ret = aad;
    return 0;
}

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
    free(v->former);
    memset(v, 0, sizeof(*v));
}

void key_record_clear(struct key_record *k)
{
    for (size_t i = 0; i < k->version_count; i++)
        version_record_clear(&k->versions[i]);
    free(k->versions);
    free(k->grants);
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
