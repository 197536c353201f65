/* A provider inside the box: makes a key on a token an EVP_PKEY, so that keys/key_op.c needs not know where keys are. */
#include "token/evp.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#define PROVIDER "littlebox-token"
/* How p11_evp() hands over a key: the pointer, as bytes. Only this file knows the name. */
#define PARAM_KEY "littlebox-key"

#define FN(ID, type, fn) { OSSL_FUNC_##ID, (void (*)(void))_Generic(&(fn), OSSL_FUNC_##type##_fn *: &(fn)) }

int p11_evp_failed(const struct problem *p)
{
    ERR_raise_data(ERR_LIB_USER, -p->code, "%s\n%s", p->text, p->hint);
    return 0;
}

bool p11_evp_digest(const char *name, CK_MECHANISM_TYPE *ret_hash, CK_RSA_PKCS_MGF_TYPE *ret_mgf)
{
    static const struct {
        const char *name;
        CK_MECHANISM_TYPE hash;
        CK_RSA_PKCS_MGF_TYPE mgf;
    } digests[] = {
        { "SHA1", CKM_SHA_1, CKG_MGF1_SHA1 },       { "SHA2-224", CKM_SHA224, CKG_MGF1_SHA224 },
        { "SHA2-256", CKM_SHA256, CKG_MGF1_SHA256 }, { "SHA2-384", CKM_SHA384, CKG_MGF1_SHA384 },
        { "SHA2-512", CKM_SHA512, CKG_MGF1_SHA512 },
    };
    EVP_MD *md = EVP_MD_fetch(NULL, name, NULL);
    bool found = false;

    for (size_t i = 0; md != NULL && !found && i < sizeof(digests) / sizeof(digests[0]); i++) {
        found = EVP_MD_is_a(md, digests[i].name);
        *ret_hash = digests[i].hash;
        *ret_mgf = digests[i].mgf;
    }
    EVP_MD_free(md);
    return found;
}

/* Keys */

static void key_free(void *keydata)
{
    struct p11_keydata *d = keydata;

    if (d == NULL)
        return;
    p11_key_unref(d->key);
    EVP_PKEY_free(d->pub);
    free(d);
}

static int key_has(const void *keydata, int selection)
{
    const struct p11_keydata *d = keydata;

    if (d == NULL || d->pub == NULL)
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0 || d->key != NULL;
}

static int key_match(const void *a, const void *b, int selection)
{
    const struct p11_keydata *x = a, *y = b;

    if (x == NULL || y == NULL || x->pub == NULL || y->pub == NULL)
        return 0;
    return (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0 ? EVP_PKEY_eq(x->pub, y->pub) == 1
                                                          : EVP_PKEY_parameters_eq(x->pub, y->pub) == 1;
}

/* Takes one of our keys, by its pointer, or the public half of the other side of a key agreement. */
static int key_import(void *keydata, int selection, const OSSL_PARAM params[])
{
    struct p11_keydata *d = keydata;
    const OSSL_PARAM *ours = OSSL_PARAM_locate_const(params, PARAM_KEY);
    struct p11_key *key = NULL;
    EVP_PKEY_CTX *ctx;
    int ok;

    if (d == NULL || d->pub != NULL)
        return 0;
    if (ours != NULL) {
        if (ours->data_type != OSSL_PARAM_OCTET_STRING || ours->data_size != sizeof(key))
            return 0;
        memcpy(&key, ours->data, sizeof(key));
        d->pub = p11_key_public(key);
        d->key = p11_key_ref(key);
        return EVP_PKEY_up_ref(d->pub);
    }
    /* Refuses a private half, so that libcrypto looks for another provider. libcrypto asks with all bits set. */
    if (OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_PRIV_KEY) != NULL ||
        OSSL_PARAM_locate_const(params, OSSL_PKEY_PARAM_RSA_D) != NULL)
        return 0;
    selection &= OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS;
    ctx = EVP_PKEY_CTX_new_from_name(/* libctx= */ NULL, d->algorithm->name, /* properties= */ NULL);
    ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) > 0 &&
         EVP_PKEY_fromdata(ctx, &d->pub, selection, (OSSL_PARAM *)params) > 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Nothing leaves: with a public half alone, libcrypto would believe that another provider can sign with it. */
static int key_export(void *keydata, int selection, OSSL_CALLBACK *callback, void *arg)
{
    const struct p11_keydata *d = keydata;

    if (d == NULL || d->pub == NULL || (d->key != NULL && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0))
        return 0;
    return EVP_PKEY_export(d->pub, selection, callback, arg);
}

static int key_get_params(void *keydata, OSSL_PARAM params[])
{
    const struct p11_keydata *d = keydata;
    OSSL_PARAM *ours = OSSL_PARAM_locate(params, PARAM_KEY);

    if (ours != NULL)
        return OSSL_PARAM_set_octet_string(ours, &d->key, sizeof(d->key));
    return d->pub != NULL && EVP_PKEY_get_params(d->pub, params);
}

static const OSSL_PARAM *key_gettable(void *provctx)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL), OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),
        OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0),
        OSSL_PARAM_octet_string(PARAM_KEY, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return params;
}

static const OSSL_PARAM *key_types(int selection)
{
    static const OSSL_PARAM params[] = {
        OSSL_PARAM_octet_string(PARAM_KEY, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),
        OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)selection;
    return params;
}

/* libcrypto asks for the name of an operation's algorithm, if the key's name is another one. */
static const char *operation_name(const struct key_algorithm *a, int operation)
{
    bool ec = a->family == KEY_FAMILY_EC;

    switch (operation) {
    case OSSL_OP_SIGNATURE:
        return (a->operations & KEY_SIGNS) == 0 ? NULL : ec ? "ECDSA" : a->name;
    case OSSL_OP_ASYM_CIPHER:
        return (a->operations & KEY_DECRYPTS) == 0 ? NULL : a->name;
    case OSSL_OP_KEYEXCH:
        return (a->operations & KEY_DERIVES) == 0 ? NULL : ec ? "ECDH" : a->name;
    default:
        return NULL;
    }
}

/*
 * What tokens hold (on_token of model/key_types.h), each family by itself, because libcrypto wants constant functions and
 * names in a row.
 */
#define ON_TOKEN_RSA(...) __VA_ARGS__
#define ON_TOKEN_RSA_PSS(...)
#define ON_TOKEN_EC(...) __VA_ARGS__
#define ON_TOKEN_ED25519(...) __VA_ARGS__
#define ON_TOKEN_ED448(...) __VA_ARGS__
#define ON_TOKEN_X25519(...) __VA_ARGS__
#define ON_TOKEN_X448(...) __VA_ARGS__
#define ON_TOKEN_ML_DSA(...)
#define ON_TOKEN_SLH_DSA(...)

#define KEYMGMT(row)                                                                   \
    static void *new_##row(void *provctx)                                              \
    {                                                                                  \
        struct p11_keydata *d = calloc(1, sizeof(*d));                                 \
                                                                                       \
        (void)provctx;                                                                 \
        if (d != NULL)                                                                 \
            d->algorithm = &key_algorithms[KEY_ALGORITHM_##row];                       \
        return d;                                                                      \
    }                                                                                  \
    static const char *operation_##row(int operation)                                  \
    {                                                                                  \
        return operation_name(&key_algorithms[KEY_ALGORITHM_##row], operation);        \
    }                                                                                  \
    static const OSSL_DISPATCH keymgmt_##row[] = {                                     \
        FN(KEYMGMT_NEW, keymgmt_new, new_##row),                                       \
        FN(KEYMGMT_FREE, keymgmt_free, key_free),                                      \
        FN(KEYMGMT_HAS, keymgmt_has, key_has),                                         \
        FN(KEYMGMT_MATCH, keymgmt_match, key_match),                                   \
        FN(KEYMGMT_GET_PARAMS, keymgmt_get_params, key_get_params),                    \
        FN(KEYMGMT_GETTABLE_PARAMS, keymgmt_gettable_params, key_gettable),            \
        FN(KEYMGMT_IMPORT, keymgmt_import, key_import),                                \
        FN(KEYMGMT_IMPORT_TYPES, keymgmt_import_types, key_types),                     \
        FN(KEYMGMT_EXPORT, keymgmt_export, key_export),                                \
        FN(KEYMGMT_EXPORT_TYPES, keymgmt_export_types, key_types),                     \
        FN(KEYMGMT_QUERY_OPERATION_NAME, keymgmt_query_operation_name, operation_##row), \
        { 0, NULL },                                                                   \
    };
#define KEYMGMT_OF(row, number, name, aliases, oid, family, ...) ON_TOKEN_##family(KEYMGMT(row))
KEY_ALGORITHMS(KEYMGMT_OF)

/* The provider */

/* What each family does on a token, by the names that libcrypto looks for. */
#define SIGNATURE_OF_RSA(name) { name, "", p11_rsa_signature, NULL },
#define SIGNATURE_OF_EC(name) { "ECDSA", "", p11_ecdsa_signature, NULL },
#define SIGNATURE_OF_ED25519(name) { name, "", p11_eddsa_signature, NULL },
#define SIGNATURE_OF_ED448(name) { name, "", p11_eddsa_signature, NULL },
#define SIGNATURE_OF_X25519(name)
#define SIGNATURE_OF_X448(name)
#define CIPHER_OF_RSA(name) { name, "", p11_rsa_cipher, NULL },
#define CIPHER_OF_EC(name)
#define CIPHER_OF_ED25519(name)
#define CIPHER_OF_ED448(name)
#define CIPHER_OF_X25519(name)
#define CIPHER_OF_X448(name)
#define EXCHANGE_OF_RSA(name)
#define EXCHANGE_OF_EC(name) { "ECDH", "", p11_ecdh_exchange, NULL },
#define EXCHANGE_OF_ED25519(name)
#define EXCHANGE_OF_ED448(name)
#define EXCHANGE_OF_X25519(name) { name, "", p11_ecdh_exchange, NULL },
#define EXCHANGE_OF_X448(name) { name, "", p11_ecdh_exchange, NULL },

#define KEYMGMT_LINE(row, number, name, aliases, oid, family, ...)                                                   \
    ON_TOKEN_##family({ name aliases, "", keymgmt_##row, NULL }, )
#define SIGNATURE_LINE(row, number, name, aliases, oid, family, ...) ON_TOKEN_##family(SIGNATURE_OF_##family(name aliases))
#define CIPHER_LINE(row, number, name, aliases, oid, family, ...) ON_TOKEN_##family(CIPHER_OF_##family(name aliases))
#define EXCHANGE_LINE(row, number, name, aliases, oid, family, ...) ON_TOKEN_##family(EXCHANGE_OF_##family(name aliases))

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
    static const OSSL_ALGORITHM keymgmt[] = { KEY_ALGORITHMS(KEYMGMT_LINE) { NULL, NULL, NULL, NULL } };
    static const OSSL_ALGORITHM signature[] = { KEY_ALGORITHMS(SIGNATURE_LINE) { NULL, NULL, NULL, NULL } };
    static const OSSL_ALGORITHM cipher[] = { KEY_ALGORITHMS(CIPHER_LINE) { NULL, NULL, NULL, NULL } };
    static const OSSL_ALGORITHM exchange[] = { KEY_ALGORITHMS(EXCHANGE_LINE) { NULL, NULL, NULL, NULL } };

    (void)provctx;
    *no_cache = 0;
    switch (operation) {
    case OSSL_OP_KEYMGMT:
        return keymgmt;
    case OSSL_OP_SIGNATURE:
        return signature;
    case OSSL_OP_ASYM_CIPHER:
        return cipher;
    case OSSL_OP_KEYEXCH:
        return exchange;
    default:
        return NULL;
    }
}

static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH functions[] = {
        FN(PROVIDER_QUERY_OPERATION, provider_query_operation, query),
        { 0, NULL },
    };

    (void)in;
    *out = functions;
    *provctx = (void *)handle;
    return 1;
}

/*
 * One library context for the life of the process. Its keys outlive locking and unlocking of the box, since a request that
 * is under way holds them.
 */
static OSSL_LIB_CTX *context;

static void make_context(void)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

    if (ctx != NULL && OSSL_PROVIDER_add_builtin(ctx, PROVIDER, init) && OSSL_PROVIDER_load(ctx, PROVIDER) != NULL)
        context = ctx;
    else
        OSSL_LIB_CTX_free(ctx);
}

EVP_PKEY *p11_evp(struct p11_key *k)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_octet_string(PARAM_KEY, &k, sizeof(k)),
        OSSL_PARAM_construct_end(),
    };
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *key = NULL;

    pthread_once(&once, make_context);
    if (context != NULL)
        ctx = EVP_PKEY_CTX_new_from_name(context, p11_key_algorithm(k)->name, /* properties= */ NULL);
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_KEYPAIR, params) <= 0)
        key = NULL;
    EVP_PKEY_CTX_free(ctx);
    return key;
}

const struct p11_key *p11_evp_key(EVP_PKEY *key)
{
    const OSSL_PROVIDER *provider = EVP_PKEY_get0_provider(key);
    const struct p11_key *k = NULL;
    size_t len = 0;

    if (provider == NULL || strcmp(OSSL_PROVIDER_get0_name(provider), PROVIDER) != 0 ||
        EVP_PKEY_get_octet_string_param(key, PARAM_KEY, (unsigned char *)&k, sizeof(k), &len) <= 0 || len != sizeof(k))
        return NULL;
    return k;
}
