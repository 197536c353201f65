/* Key management: each question about a key is answered by its public half, the private half is "in a box". */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

#include "client/box.h"
#include "client/keys.h"
#include "alg.h"
#include "dispatch.h"
#include "error.h"
#include "genopts.h"
#include "key.h"
#include "keygen.h"
#include "latest.h"
#include "provctx.h"

#define SELECT_PUBLIC (OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS)

static void key_free(void *keydata)
{
    key_unref(keydata);
}

/* reference: what the decoder and the store put there, a pointer to a key. Taken over by emptying it. */
static void *load(const void *reference, size_t reference_size)
{
    struct key **from, *k;

    if (reference_size != sizeof(from))
        return NULL;
    from = (struct key **)reference;
    k = *from;
    *from = NULL;
    if (k != NULL && k->is_private)
        latest_note(k);
    return k;
}

static int has(const void *keydata, int selection)
{
    const struct key *k = keydata;

    if (k == NULL || key_is_empty(k))
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && !k->is_private)
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) == 0 || k->has_public;
}

/* Compares public halves. Both keys are ours: libcrypto imports another provider's key before it asks. */
static int match(const void *keydata1, const void *keydata2, int selection)
{
    const struct key *a = keydata1, *b = keydata2;
    bool keys = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    EVP_PKEY *x, *y;
    int r;

    if (a == NULL || b == NULL || key_is_empty(a) || key_is_empty(b) || a->alg != b->alg)
        return 0;
    if (keys && a->spki != NULL && b->spki != NULL && a->spki_len == b->spki_len && memcmp(a->spki, b->spki, a->spki_len) == 0)
        return 1;
    x = key_public(a);
    y = key_public(b);
    if (x == NULL || y == NULL)
        return 0;
    ERR_set_mark();
    r = keys ? EVP_PKEY_eq(x, y) : EVP_PKEY_parameters_eq(x, y);
    ERR_pop_to_mark();
    return r == 1;
}

/* Has `default` check one part of the public half, the cheap way for OSSL_KEYMGMT_VALIDATE_QUICK_CHECK. */
static int check_public(const struct key *k, int part, int checktype)
{
    bool quick = checktype == OSSL_KEYMGMT_VALIDATE_QUICK_CHECK;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(k->prov->libctx, key_public(k), NULL);
    int r = 0;

    if (ctx != NULL && part == OSSL_KEYMGMT_SELECT_PUBLIC_KEY)
        r = quick ? EVP_PKEY_public_check_quick(ctx) : EVP_PKEY_public_check(ctx);
    else if (ctx != NULL)
        r = quick ? EVP_PKEY_param_check_quick(ctx) : EVP_PKEY_param_check(ctx);
    EVP_PKEY_CTX_free(ctx);
    return r == 1;
}

/* Checks all that can be checked of the private half: the box has it, and it belongs to this public half. */
static int check_private(const struct key *k)
{
    uint8_t request[BOX_REQUEST_MAX], answer[BOX_ANSWER_MAX];
    struct box_ask q;
    struct problem p;
    struct key_info m;

    if (!k->is_private)
        return error_raise(k->prov, LB_E_NO_KEY, "this is a public key, it has no private half");
    return ask_get(box_ask(&q, k->box, request, sizeof(request), answer, sizeof(answer)), &k->ref, &m, &p) == 0 ? 1 : error_problem(k->prov, &p);
}

static int validate(const void *keydata, int selection, int checktype)
{
    const struct key *k = keydata;

    if (k == NULL || key_is_empty(k))
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS) != 0 &&
        !check_public(k, OSSL_KEYMGMT_SELECT_DOMAIN_PARAMETERS, checktype))
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 &&
        !check_public(k, OSSL_KEYMGMT_SELECT_PUBLIC_KEY, checktype))
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || check_private(k);
}

static int refuse_export(const struct key *k)
{
    return error_raise(k->prov, ERROR_PRIVATE_HALF, "key '%s' is in box '%s' and cannot be exported: use its URI or handle",
                       k->ref.name, box_name(k->box));
}

static bool names_secret(const struct key *k, const OSSL_PARAM params[])
{
    for (const char *const *name = k->alg->secrets; *name != NULL; name++) {
        if (OSSL_PARAM_locate_const(params, *name) != NULL)
            return true;
    }
    return false;
}

/*
 * Gives parameters of the public half. Secret ones are absent, as from any public key, and that is no error: programs ask for
 * them just to see, and show what is left on the error queue after a success (PHP's openssl_pkey_get_details).
 */
static int get_params(void *keydata, OSSL_PARAM params[])
{
    const struct key *k = keydata;

    int r;

    if (key_knows_params(k, params, &r))
        return r;
    return !key_is_empty(k) && EVP_PKEY_get_params(key_public(k), params);
}

/*
 * Sets how the public half is written, as `openssl ec -conv_form` does; never what the key is. A key without a public half
 * gets one: for CMS, libcrypto makes the other side's key of a copy of our curve and a point.
 */
static int set_params(void *keydata, const OSSL_PARAM params[])
{
    struct key *k = keydata;

    if (k == NULL || key_is_empty(k))
        return 0;
    for (const OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++) {
        if (k->alg->settable == NULL || OSSL_PARAM_locate_const(k->alg->settable, p->key) == NULL)
            return error_raise(k->prov, LB_E_UNSUPPORTED, "the parameter '%s' of a key of type %s cannot be set",
                               p->key, k->alg->name);
        if (k->is_private && strcmp(p->key, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) == 0)
            return error_raise(k->prov, LB_E_UNSUPPORTED, "the public half of a key in a box cannot be set");
    }
    if (params == NULL || params[0].key == NULL)
        return 1;
    if (key_public(k) == NULL || !EVP_PKEY_set_params(key_public(k), (OSSL_PARAM *)params))
        return 0;
    if (OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY) != NULL)
        k->has_public = true;
    /* A public key may be another one now. */
    if (!k->is_private) {
        OPENSSL_free(k->spki);
        k->spki = NULL;
    }
    return 1;
}

/*
 * Imports public halves alone, so that keys of other providers can be compared with ours. A private key is refused, and not
 * cut down to its public half: libcrypto then offers it to the next provider that might sign with it.
 */
static int import(void *keydata, int selection, const OSSL_PARAM params[])
{
    struct key *k = keydata;
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *half = NULL;
    int ok = 0;

    if (k == NULL || !key_is_empty(k))
        return 0;
    if (names_secret(k, params))
        return error_raise(k->prov, ERROR_PRIVATE_HALF,
                           "a private key cannot be brought into this process's littlebox provider: "
                           "bring it into a box with 'littlebox import' or 'littlebox adopt'");
    selection &= SELECT_PUBLIC;
    if (latest_import(k, selection, params))
        return 1;
    ctx = EVP_PKEY_CTX_new_from_name(k->prov->libctx, k->alg->name, NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &half, selection, (OSSL_PARAM *)params) <= 0)
        goto out;
    atomic_store(&k->half, half);
    k->has_public = (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0;
    ok = 1;
out:
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/*
 * Exports nothing where the private half of a private key is asked for. With the public half alone, libcrypto would believe
 * that another provider can sign with it.
 */
static int export(void *keydata, int selection, OSSL_CALLBACK *callback, void *arg)
{
    const struct key *k = keydata;

    if (k == NULL || key_is_empty(k))
        return 0;
    if ((selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0 && k->is_private)
        return refuse_export(k);
    return EVP_PKEY_export(key_public(k), selection & SELECT_PUBLIC, callback, arg);
}

static void *dup(const void *keydata, int selection)
{
    const struct key *k = keydata;

    return k == NULL || key_is_empty(k) ? NULL : key_dup(k, selection);
}

/* Our own name of the row's algorithm for an operation; NULL: keys of this type do not do that. */
static const char *operation_name(const struct alg *alg, int operation)
{
    switch (operation) {
    case OSSL_OP_SIGNATURE:
        return alg->own_signature;
    case OSSL_OP_ASYM_CIPHER:
        return alg->own_cipher;
    case OSSL_OP_KEYEXCH:
        return alg->own_exchange;
    default:
        return NULL;
    }
}

/* Each row has its own functions: libcrypto calls these without a key that says which row it is. */
#define KEYMGMT_ROW(row, ...)                                                                     \
    static void *new_##row(void *provctx)                                                         \
    {                                                                                             \
        return key_new(provctx, &algs[ALG_##row]);                                                \
    }                                                                                             \
    static const OSSL_PARAM *types_##row(int selection)                                           \
    {                                                                                             \
        return (selection & SELECT_PUBLIC) != 0 ? algs[ALG_##row].public_types : NULL;            \
    }                                                                                             \
    static const OSSL_PARAM *gettable_##row(void *provctx)                                        \
    {                                                                                             \
        (void)provctx;                                                                            \
        return algs[ALG_##row].gettable;                                                          \
    }                                                                                             \
    static void *gen_init_##row(void *provctx, int selection, const OSSL_PARAM params[])          \
    {                                                                                             \
        return keygen_init(provctx, &algs[ALG_##row], selection, params);                         \
    }                                                                                             \
    static const OSSL_PARAM *gen_settable_##row(void *genctx, void *provctx)                      \
    {                                                                                             \
        (void)genctx;                                                                             \
        (void)provctx;                                                                            \
        return genopts_settable(&algs[ALG_##row]);                                                \
    }                                                                                             \
    static const OSSL_PARAM *settable_##row(void *provctx)                                        \
    {                                                                                             \
        static const OSSL_PARAM none[] = { OSSL_PARAM_END };                                      \
                                                                                                  \
        (void)provctx;                                                                            \
        return algs[ALG_##row].settable == NULL ? none : algs[ALG_##row].settable;                \
    }                                                                                             \
    static const char *operation_##row(int operation)                                             \
    {                                                                                             \
        return operation_name(&algs[ALG_##row], operation);                                       \
    }                                                                                             \
    const OSSL_DISPATCH keymgmt_##row[] = {                                                       \
        LB_FN(KEYMGMT_NEW, keymgmt_new, new_##row),                                               \
        LB_FN(KEYMGMT_FREE, keymgmt_free, key_free),                                              \
        LB_FN(KEYMGMT_LOAD, keymgmt_load, load),                                                  \
        LB_FN(KEYMGMT_HAS, keymgmt_has, has),                                                     \
        LB_FN(KEYMGMT_MATCH, keymgmt_match, match),                                               \
        LB_FN(KEYMGMT_VALIDATE, keymgmt_validate, validate),                                      \
        LB_FN(KEYMGMT_GET_PARAMS, keymgmt_get_params, get_params),                                \
        LB_FN(KEYMGMT_GETTABLE_PARAMS, keymgmt_gettable_params, gettable_##row),                  \
        LB_FN(KEYMGMT_SET_PARAMS, keymgmt_set_params, set_params),                                \
        LB_FN(KEYMGMT_SETTABLE_PARAMS, keymgmt_settable_params, settable_##row),                  \
        LB_FN(KEYMGMT_IMPORT, keymgmt_import, import),                                            \
        LB_FN(KEYMGMT_IMPORT_TYPES, keymgmt_import_types, types_##row),                           \
        LB_FN(KEYMGMT_EXPORT, keymgmt_export, export),                                            \
        LB_FN(KEYMGMT_EXPORT_TYPES, keymgmt_export_types, types_##row),                           \
        LB_FN(KEYMGMT_DUP, keymgmt_dup, dup),                                                     \
        LB_FN(KEYMGMT_GEN_INIT, keymgmt_gen_init, gen_init_##row),                                \
        LB_FN(KEYMGMT_GEN_SET_TEMPLATE, keymgmt_gen_set_template, keygen_set_template),           \
        LB_FN(KEYMGMT_GEN_SET_PARAMS, keymgmt_gen_set_params, keygen_set_params),                 \
        LB_FN(KEYMGMT_GEN_SETTABLE_PARAMS, keymgmt_gen_settable_params, gen_settable_##row),      \
        LB_FN(KEYMGMT_GEN, keymgmt_gen, keygen),                                                  \
        LB_FN(KEYMGMT_GEN_CLEANUP, keymgmt_gen_cleanup, keygen_cleanup),                          \
        LB_FN(KEYMGMT_QUERY_OPERATION_NAME, keymgmt_query_operation_name, operation_##row),       \
        LB_FN_END,                                                                                \
    };
ALG_ROWS(KEYMGMT_ROW)
