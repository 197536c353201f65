/* The token's provider: key agreement by ECDH, X25519 and X448. */
#include <openssl/core_names.h>
#include <stdlib.h>

#include "model/limits.h"
#include "token/evp.h"

#define FN(ID, type, fn) { OSSL_FUNC_##ID, (void (*)(void))_Generic(&(fn), OSSL_FUNC_##type##_fn *: &(fn)) }

struct exchange {
    struct p11_key *key; /* a reference */
    EVP_PKEY *peer;
};

static void *new(void *provctx)
{
    (void)provctx;
    return calloc(1, sizeof(struct exchange));
}

static void free_exchange(void *ctx)
{
    struct exchange *x = ctx;

    if (x == NULL)
        return;
    p11_key_unref(x->key);
    EVP_PKEY_free(x->peer);
    free(x);
}

static int init(void *ctx, void *keydata, const OSSL_PARAM params[])
{
    struct exchange *x = ctx;
    const struct p11_keydata *d = keydata;

    (void)params;
    if (x == NULL || d == NULL || d->key == NULL)
        return 0;
    p11_key_unref(x->key);
    x->key = p11_key_ref(d->key);
    return 1;
}

static int set_peer(void *ctx, void *keydata)
{
    struct exchange *x = ctx;
    const struct p11_keydata *d = keydata;

    if (x == NULL || d == NULL || d->pub == NULL || !EVP_PKEY_up_ref(d->pub))
        return 0;
    EVP_PKEY_free(x->peer);
    x->peer = d->pub;
    return EVP_PKEY_parameters_eq(p11_key_public(x->key), x->peer) == 1;
}

static int derive(void *ctx, unsigned char *out, size_t *out_len, size_t out_size)
{
    struct exchange *x = ctx;
    size_t len, point_len = 0;
    uint8_t point[1 + 2 * LB_SHARED_MAX], any = 0;
    struct problem p = { 0 };
    int r;

    if (x == NULL || x->key == NULL || x->peer == NULL)
        return 0;
    *out_len = len = ((size_t)EVP_PKEY_get_bits(p11_key_public(x->key)) + 7) / 8;
    if (out == NULL)
        return 1;
    if (out_size < len || EVP_PKEY_get_octet_string_param(x->peer, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, point,
                                                          sizeof(point), &point_len) <= 0)
        return 0;
    r = p11_key_derive(x->key, (struct bytes){ point, point_len }, out, len, &p);
    if (r != 0)
        return p11_evp_failed(&p);
    /* A point of small order gives zeros, which are no secret (RFC 7748 6). No curve of ECDH has a point that gives zeros. */
    for (size_t i = 0; i < len; i++)
        any |= out[i];
    return any != 0;
}

const OSSL_DISPATCH p11_ecdh_exchange[] = {
    FN(KEYEXCH_NEWCTX, keyexch_newctx, new),
    FN(KEYEXCH_FREECTX, keyexch_freectx, free_exchange),
    FN(KEYEXCH_INIT, keyexch_init, init),
    FN(KEYEXCH_SET_PEER, keyexch_set_peer, set_peer),
    FN(KEYEXCH_DERIVE, keyexch_derive, derive),
    { 0, NULL },
};
