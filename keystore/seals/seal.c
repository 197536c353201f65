/* The store key and its seals: each seal wraps the same store key under a secret of its own. */
#include "seals/seal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "guard/aead.h"
#include "guard/secret.h"

#define AAD_LABEL "littlebox v1 seal"
#define PARAMS_SIZE 64
#define WRAPPED_SIZE (STORE_KEY_SIZE + AEAD_OVERHEAD)

const struct seal_kind_ops *seal_ops(unsigned kind)
{
    static const struct seal_kind_ops *const kinds[] = { &seal_passphrase, &seal_credential };

    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i]->kind == kind)
            return kinds[i];
    }
    return NULL;
}

/* What is bound to the wrapped store key (STORE.md): all of the seal's row but its number. */
static int seal_aad(const uint8_t *id, const struct seal_record *seal, uint8_t *buf, size_t size, struct bytes *ret)
{
    struct wire_writer w;
    size_t len;
    int r;

    wire_write(&w, buf, size);
    wire_put_str(&w, AAD_LABEL);
    wire_put_raw(&w, id, STORE_ID_SIZE);
    wire_put_u8(&w, seal->kind);
    wire_put_str(&w, seal->label);
    wire_put_u64(&w, seal->created);
    wire_put_bytes(&w, seal->params, seal->params_len);
    r = wire_written(&w, &len);
    if (r == 0)
        *ret = (struct bytes){ buf, len };
    return r;
}

int seal_wrap(const uint8_t store_id[STORE_ID_SIZE], unsigned kind, const char *label, struct bytes secret,
              const uint8_t *store_key, struct seal_record *ret)
{
    const struct seal_kind_ops *ops = seal_ops(kind);
    struct aead *aead = NULL;
    uint8_t *kek = NULL, buf[256];
    struct bytes aad;
    int r = LB_E_NOMEM;

    memset(ret, 0, sizeof(*ret));
    if (ops == NULL || strlen(label) > LB_LABEL_MAX)
        return LB_E_VALUE;
    if (secret.len < ops->new_min)
        return LB_E_WEAK_SECRET;
    ret->kind = (uint8_t)kind;
    ret->created = (uint64_t)time(NULL);
    memcpy(ret->label, label, strlen(label) + 1);
    ret->params = malloc(PARAMS_SIZE);
    ret->wrapped = malloc(WRAPPED_SIZE);
    ret->wrapped_len = WRAPPED_SIZE;
    kek = secret_alloc(AEAD_KEY_SIZE);
    if (ret->params == NULL || ret->wrapped == NULL || kek == NULL)
        goto out;
    r = ops->new_params(ret->params, PARAMS_SIZE, &ret->params_len);
    if (r == 0)
        r = ops->derive(ret->params, ret->params_len, secret, kek);
    if (r == 0)
        r = seal_aad(store_id, ret, buf, sizeof(buf), &aad);
    if (r == 0)
        r = aead_new(&aead);
    if (r == 0)
        r = aead_seal(aead, kek, aad, (struct bytes){ store_key, STORE_KEY_SIZE }, ret->wrapped);
out:
    aead_free(aead);
    secret_free(kek, AEAD_KEY_SIZE);
    if (r != 0) {
        free(ret->params);
        free(ret->wrapped);
        memset(ret, 0, sizeof(*ret));
    }
    return r;
}

int seal_unwrap(const uint8_t store_id[STORE_ID_SIZE], const struct seal_record *seal, struct bytes secret,
                uint8_t *store_key)
{
    const struct seal_kind_ops *ops = seal_ops(seal->kind);
    struct aead *aead = NULL;
    uint8_t *kek = NULL, buf[256];
    struct bytes aad;
    int r;

    if (ops == NULL || seal->wrapped_len != WRAPPED_SIZE)
        return LB_E_DAMAGED;
    if (secret.len < ops->secret_min)
        return LB_E_SECRET;
    r = seal_aad(store_id, seal, buf, sizeof(buf), &aad);
    if (r != 0)
        return LB_E_DAMAGED;
    kek = secret_alloc(AEAD_KEY_SIZE);
    r = kek == NULL ? LB_E_NOMEM : ops->derive(seal->params, seal->params_len, secret, kek);
    if (r == 0)
        r = aead_new(&aead);
    if (r == 0)
        r = aead_open(aead, kek, aad, (struct bytes){ seal->wrapped, seal->wrapped_len }, store_key);
    /* Of the parameters' form we can say that it is damaged; a tag that does not fit is most often a wrong secret. */
    if (r == LB_E_DAMAGED && aead != NULL)
        r = LB_E_SECRET;
    aead_free(aead);
    secret_free(kek, AEAD_KEY_SIZE);
    return r;
}
