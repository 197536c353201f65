/* Wrapping under a key-encryption key, for kinds of seals whose secret becomes one. */
#include "seals/kek.h"

#include <stdlib.h>

#include "guard/aead.h"
#include "guard/secret.h"

#define AAD_LABEL "littlebox v1 seal"
#define WRAPPED_SIZE (STORE_KEY_SIZE + AEAD_OVERHEAD)
#define AAD_SIZE (KEK_PARAMS_MAX + 256)

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

int kek_wrap_with(const struct kek_derivation *d, const uint8_t *store_id, struct bytes secret, const uint8_t *store_key,
                  struct seal_record *ret)
{
    uint8_t *kek = secret_alloc(AEAD_KEY_SIZE), buf[AAD_SIZE];
    struct aead *aead = NULL;
    struct bytes aad;
    int r = LB_E_NOMEM;

    ret->wrapped = malloc(WRAPPED_SIZE);
    ret->wrapped_len = WRAPPED_SIZE;
    if (ret->wrapped == NULL || kek == NULL)
        goto out;
    r = d->derive(ret->params, ret->params_len, secret, kek);
    if (r == 0)
        r = seal_aad(store_id, ret, buf, sizeof(buf), &aad);
    if (r == 0)
        r = aead_new(&aead);
    if (r == 0)
        r = aead_seal(aead, kek, aad, (struct bytes){ store_key, STORE_KEY_SIZE }, ret->wrapped);
out:
    aead_free(aead);
    secret_free(kek, AEAD_KEY_SIZE);
    return r;
}

int kek_wrap(const struct kek_derivation *d, const uint8_t *store_id, struct bytes secret, const uint8_t *store_key,
             struct seal_record *ret)
{
    int r;

    ret->params = malloc(KEK_PARAMS_MAX);
    if (ret->params == NULL)
        return LB_E_NOMEM;
    r = d->new_params(ret->params, KEK_PARAMS_MAX, &ret->params_len);
    return r != 0 ? r : kek_wrap_with(d, store_id, secret, store_key, ret);
}

int kek_unwrap(const struct kek_derivation *d, const struct seal_try *t, uint8_t *store_key)
{
    const struct seal_record *seal = t->seal;
    uint8_t *kek = NULL, buf[AAD_SIZE];
    struct aead *aead = NULL;
    struct bytes aad;
    int r;

    if (seal->wrapped_len != WRAPPED_SIZE || seal_aad(t->store_id, seal, buf, sizeof(buf), &aad) != 0)
        return LB_E_DAMAGED;
    kek = secret_alloc(AEAD_KEY_SIZE);
    r = kek == NULL ? LB_E_NOMEM : d->derive(seal->params, seal->params_len, t->secret, kek);
    if (r == 0)
        r = aead_new(&aead);
    if (r == 0)
        r = aead_open(aead, kek, aad, (struct bytes){ seal->wrapped, seal->wrapped_len }, store_key);
    /* A tag that does not fit most often means a wrong secret. Only parameters of a wrong form are told as damage. */
    if (r == LB_E_DAMAGED && aead != NULL)
        r = LB_E_SECRET;
    aead_free(aead);
    secret_free(kek, AEAD_KEY_SIZE);
    return r;
}
