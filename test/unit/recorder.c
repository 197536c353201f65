/* Keys that sign as others do, and remember what they were asked to sign: a provider of OpenSSL's within the test. */
#include "recorder.h"

#include <CUnit/CUnit.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define TEXTS_MAX 64

static OSSL_LIB_CTX *libctx;
static OSSL_PROVIDER *providers[2];
/* Those that were asked for, and those that were signed since. */
static struct recorded told[TEXTS_MAX], texts[TEXTS_MAX];
static size_t told_count, count;

static void forget(struct recorded *of, size_t *of_count)
{
    for (size_t i = 0; i < *of_count; i++) {
        EVP_PKEY_free(of[i].key);
        OPENSSL_free(of[i].text);
    }
    *of_count = 0;
}

static bool keep(EVP_PKEY *key, const char *digest, const unsigned char *text, size_t len)
{
    struct recorded *r = &texts[count];

    if (count == TEXTS_MAX || !EVP_PKEY_up_ref(key))
        return false;
    count++;
    r->key = key;
    r->len = len;
    r->text = OPENSSL_memdup(text, len);
    snprintf(r->digest, sizeof(r->digest), "%s", digest);
    return r->text != NULL;
}

/* Keys: of the default provider in the default library context, and nobody gets at their private halves through the recorder. */

struct key {
    const char *type;
    EVP_PKEY *inner; /* NULL until it is imported */
    bool is_private;
};

static void *new_key(const char *type)
{
    struct key *k = OPENSSL_zalloc(sizeof(*k));

    if (k != NULL)
        k->type = type;
    return k;
}

static void free_key(void *keydata)
{
    struct key *k = keydata;

    if (k != NULL)
        EVP_PKEY_free(k->inner);
    OPENSSL_free(k);
}

static int has(const void *keydata, int selection)
{
    const struct key *k = keydata;

    return k->inner != NULL && (k->is_private || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0);
}

static int match(const void *a, const void *b, int selection)
{
    (void)selection;
    return EVP_PKEY_eq(((const struct key *)a)->inner, ((const struct key *)b)->inner) == 1;
}

static int get_params(void *keydata, OSSL_PARAM params[])
{
    return EVP_PKEY_get_params(((struct key *)keydata)->inner, params);
}

static const OSSL_PARAM *no_params(void *provctx)
{
    static const OSSL_PARAM none[] = { OSSL_PARAM_END };

    (void)provctx;
    return none;
}

static int import(void *keydata, int selection, const OSSL_PARAM params[])
{
    struct key *k = keydata;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, k->type, "provider=default");
    int ok = EVP_PKEY_fromdata_init(ctx) > 0 && EVP_PKEY_fromdata(ctx, &k->inner, selection, (OSSL_PARAM *)params) > 0;

    k->is_private = (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static int export(void *keydata, int selection, OSSL_CALLBACK *callback, void *arg)
{
    const struct key *k = keydata;

    if (k->is_private && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return 0;
    return EVP_PKEY_export(k->inner, selection, callback, arg);
}

static const OSSL_PARAM *types(int selection)
{
    static const OSSL_PARAM names[] = { OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0), OSSL_PARAM_END };

    (void)selection;
    return names;
}

static const char *ecdsa(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

/* Signing: all at once, and bit by bit. */

struct signature {
    EVP_MD_CTX *inner;
    EVP_PKEY_CTX *pctx; /* of inner */
    EVP_PKEY *key;      /* of the key that libcrypto keeps as long as this */
    char digest[32];
    unsigned char *text; /* so far */
    size_t len;
};

static void *new_signature(void *provctx, const char *propq)
{
    (void)provctx;
    (void)propq;
    return OPENSSL_zalloc(sizeof(struct signature));
}

static void free_signature(void *ctx)
{
    struct signature *s = ctx;

    EVP_MD_CTX_free(s->inner);
    OPENSSL_free(s->text);
    OPENSSL_free(s);
}

static void *dup_signature(void *ctx)
{
    const struct signature *from = ctx;
    struct signature *s = OPENSSL_memdup(from, sizeof(*from));

    if (s == NULL)
        return NULL;
    s->inner = EVP_MD_CTX_new();
    s->text = OPENSSL_memdup(from->text, from->len);
    if (s->inner == NULL || !EVP_MD_CTX_copy_ex(s->inner, from->inner) || (s->text == NULL && from->len > 0)) {
        free_signature(s);
        return NULL;
    }
    s->pctx = EVP_MD_CTX_get_pkey_ctx(s->inner);
    return s;
}

static int sign_init(void *ctx, const char *mdname, void *keydata, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    s->key = ((struct key *)keydata)->inner;
    snprintf(s->digest, sizeof(s->digest), "%s", mdname == NULL ? "" : mdname);
    EVP_MD_CTX_free(s->inner);
    s->inner = EVP_MD_CTX_new();
    return EVP_DigestSignInit_ex(s->inner, &s->pctx, mdname, NULL, NULL, s->key, params) > 0;
}

static int sign(void *ctx, unsigned char *sig, size_t *ret_len, size_t size, const unsigned char *text, size_t len)
{
    struct signature *s = ctx;

    *ret_len = size;
    return EVP_DigestSign(s->inner, sig, ret_len, text, len) > 0 && (sig == NULL || keep(s->key, s->digest, text, len));
}

static int sign_update(void *ctx, const unsigned char *text, size_t len)
{
    struct signature *s = ctx;
    unsigned char *longer = OPENSSL_realloc(s->text, s->len + len + 1);

    if (longer == NULL)
        return 0;
    s->text = longer;
    memcpy(s->text + s->len, text, len);
    s->len += len;
    return EVP_DigestSignUpdate(s->inner, text, len) > 0;
}

static int sign_final(void *ctx, unsigned char *sig, size_t *ret_len, size_t size)
{
    struct signature *s = ctx;

    *ret_len = size;
    return EVP_DigestSignFinal(s->inner, sig, ret_len) > 0 && (sig == NULL || keep(s->key, s->digest, s->text, s->len));
}

static int get_ctx_params(void *ctx, OSSL_PARAM params[])
{
    return EVP_PKEY_CTX_get_params(((struct signature *)ctx)->pctx, params) > 0;
}

static int set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    return EVP_PKEY_CTX_set_params(((struct signature *)ctx)->pctx, params) > 0;
}

static const OSSL_PARAM *ctx_params(void *ctx, void *provctx)
{
    static const OSSL_PARAM all[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return all;
}

/* Tables */

#define FN(ID, fn) { OSSL_FUNC_##ID, (void (*)(void))(fn) }
#define FN_END { 0, NULL }
#define KEYS(row, name, ...)                                                                                 \
    static void *new_##row(void *provctx)                                                                    \
    {                                                                                                        \
        (void)provctx;                                                                                       \
        return new_key(name);                                                                                \
    }                                                                                                        \
    static const OSSL_DISPATCH keys_##row[] = {                                                              \
        FN(KEYMGMT_NEW, new_##row),                                                                          \
        FN(KEYMGMT_FREE, free_key),                                                                          \
        FN(KEYMGMT_HAS, has),                                                                                \
        FN(KEYMGMT_MATCH, match),                                                                            \
        FN(KEYMGMT_GET_PARAMS, get_params),                                                                  \
        FN(KEYMGMT_GETTABLE_PARAMS, no_params),                                                              \
        FN(KEYMGMT_IMPORT, import),                                                                          \
        FN(KEYMGMT_IMPORT_TYPES, types),                                                                     \
        FN(KEYMGMT_EXPORT, export),                                                                          \
        FN(KEYMGMT_EXPORT_TYPES, types),                                                                     \
        __VA_ARGS__ FN_END,                                                                                  \
    }
KEYS(rsa, "RSA", );
KEYS(ec, "EC", FN(KEYMGMT_QUERY_OPERATION_NAME, ecdsa), );
KEYS(ed25519, "ED25519", );
KEYS(ed448, "ED448", );

static const OSSL_DISPATCH signing[] = {
    FN(SIGNATURE_NEWCTX, new_signature),
    FN(SIGNATURE_FREECTX, free_signature),
    FN(SIGNATURE_DUPCTX, dup_signature),
    FN(SIGNATURE_DIGEST_SIGN_INIT, sign_init),
    FN(SIGNATURE_DIGEST_SIGN, sign),
    FN(SIGNATURE_DIGEST_SIGN_UPDATE, sign_update),
    FN(SIGNATURE_DIGEST_SIGN_FINAL, sign_final),
    FN(SIGNATURE_GET_CTX_PARAMS, get_ctx_params),
    FN(SIGNATURE_GETTABLE_CTX_PARAMS, ctx_params),
    FN(SIGNATURE_SET_CTX_PARAMS, set_ctx_params),
    FN(SIGNATURE_SETTABLE_CTX_PARAMS, ctx_params),
    FN_END,
};

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
#define OF "provider=recorder"
    static const OSSL_ALGORITHM keys[] = {
        { "RSA:rsaEncryption", OF, keys_rsa, NULL }, { "EC:id-ecPublicKey", OF, keys_ec, NULL },
        { "ED25519", OF, keys_ed25519, NULL },       { "ED448", OF, keys_ed448, NULL },
        { NULL, NULL, NULL, NULL },
    };
    static const OSSL_ALGORITHM signatures[] = {
        { "RSA:rsaEncryption", OF, signing, NULL }, { "ECDSA", OF, signing, NULL },
        { "ED25519", OF, signing, NULL },           { "ED448", OF, signing, NULL },
        { NULL, NULL, NULL, NULL },
    };

    (void)provctx;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT ? keys : operation == OSSL_OP_SIGNATURE ? signatures : NULL;
}

static int init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH functions[] = { FN(PROVIDER_QUERY_OPERATION, query), FN_END };

    (void)in;
    *out = functions;
    *provctx = (void *)handle;
    return 1;
}

/* For the test */

OSSL_LIB_CTX *recorder_libctx(void)
{
    if (libctx != NULL)
        return libctx;
    libctx = OSSL_LIB_CTX_new();
    CU_ASSERT_FATAL(libctx != NULL && OSSL_PROVIDER_add_builtin(libctx, "recorder", init) > 0);
    providers[0] = OSSL_PROVIDER_load(libctx, "default");
    providers[1] = OSSL_PROVIDER_load(libctx, "recorder");
    CU_ASSERT_FATAL(providers[0] != NULL && providers[1] != NULL && EVP_set_default_properties(libctx, "?provider=default") > 0);
    return libctx;
}

EVP_PKEY *recorder_key(EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(recorder_libctx(), EVP_PKEY_get0_type_name(key), "provider=recorder");
    OSSL_PARAM *params = NULL;
    EVP_PKEY *recording = NULL;

    CU_ASSERT_FATAL(ctx != NULL && EVP_PKEY_todata(key, EVP_PKEY_KEYPAIR, &params) > 0 && EVP_PKEY_fromdata_init(ctx) > 0 &&
                    EVP_PKEY_fromdata(ctx, &recording, EVP_PKEY_KEYPAIR, params) > 0);
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return recording;
}

const struct recorded *recorder_texts(size_t *ret_count)
{
    forget(told, &told_count);
    memcpy(told, texts, sizeof(told));
    told_count = count;
    count = 0;
    *ret_count = told_count;
    return told;
}

void recorder_end(void)
{
    forget(told, &told_count);
    forget(texts, &count);
    for (int i = 1; i >= 0; i--) {
        if (providers[i] != NULL)
            OSSL_PROVIDER_unload(providers[i]);
        providers[i] = NULL;
    }
    OSSL_LIB_CTX_free(libctx);
    libctx = NULL;
}
