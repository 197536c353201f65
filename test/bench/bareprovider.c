/*
 * A yardstick for benchmarks, and no product: the least OpenSSL provider by which a server signs with the bare daemon. It guards
 * nothing, and does what full handshakes of TLS 1.3 need with SHA-256 and a client whose group is X25519, and no more.
 *
 * A key file is a PrivateKeyInfo: its algorithm is 2.999.1 for RSA, 2.999.2 for EC, 2.999.3 for Ed25519, and where the private
 * key would be is the public one, a SubjectPublicKeyInfo. The daemon's socket is the setting "bare-socket" of the provider's
 * section in openssl.cnf; `default` has to be activated before it. Each thread of a process has its own connection, from its
 * first signature on; a process that has signed must not fork.
 */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bare.h"
#include "dispatch.h"

struct provctx {
    OSSL_LIB_CTX *libctx; /* with the default provider alone */
    OSSL_PROVIDER *default_provider;
    EVP_MD *sha256;
    OSSL_FUNC_BIO_read_ex_fn *bio_read_ex;
    struct sockaddr_un address;
};

static const char *const types[BARE_KEYS] = { [BARE_RSA] = "RSA", [BARE_EC] = "EC", [BARE_ED25519] = "ED25519" };

struct key {
    struct provctx *prov;
    enum bare_key number;
    EVP_PKEY *pub; /* of the default provider; NULL until it is imported */
    bool is_private;
};

static struct key *key_new(void *provctx, enum bare_key number)
{
    struct key *k = OPENSSL_zalloc(sizeof(*k));

    if (k != NULL)
        *k = (struct key){ .prov = provctx, .number = number };
    return k;
}

static void key_free(void *keydata)
{
    struct key *k = keydata;

    if (k != NULL)
        EVP_PKEY_free(k->pub);
    OPENSSL_free(k);
}

/* --- Key management: the public half answers, the private half cannot be exported. */

static void *load(const void *reference, size_t reference_size)
{
    struct key **from = (struct key **)reference, *k;

    if (reference_size != sizeof(from))
        return NULL;
    k = *from;
    *from = NULL;
    return k;
}

static int has(const void *keydata, int selection)
{
    const struct key *k = keydata;

    return k->pub != NULL && (k->is_private || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0);
}

static int match(const void *a, const void *b, int selection)
{
    (void)selection;
    return EVP_PKEY_eq(((const struct key *)a)->pub, ((const struct key *)b)->pub) == 1;
}

static int get_params(void *keydata, OSSL_PARAM params[])
{
    return EVP_PKEY_get_params(((struct key *)keydata)->pub, params);
}

static const OSSL_PARAM *no_params(void *provctx)
{
    static const OSSL_PARAM none[] = { OSSL_PARAM_END };

    (void)provctx;
    return none;
}

#define PUBLIC (OSSL_KEYMGMT_SELECT_PUBLIC_KEY | OSSL_KEYMGMT_SELECT_ALL_PARAMETERS)

static int import(void *keydata, int selection, const OSSL_PARAM params[])
{
    struct key *k = keydata;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(k->prov->libctx, types[k->number], NULL);
    int ok = ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
             EVP_PKEY_fromdata(ctx, &k->pub, selection & PUBLIC, (OSSL_PARAM *)params) == 1;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* With the public half alone, libcrypto would believe that the default provider can sign. */
static int export(void *keydata, int selection, OSSL_CALLBACK *callback, void *arg)
{
    const struct key *k = keydata;

    if (k->is_private && (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0)
        return 0;
    return EVP_PKEY_export(k->pub, selection & PUBLIC, callback, arg);
}

/* libcrypto asks for names and no values here. */
static const OSSL_PARAM *import_types(int selection)
{
    static const OSSL_PARAM names[] = { OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0), OSSL_PARAM_END };

    return (selection & PUBLIC) != 0 ? names : NULL;
}

static const char *operation_name(int operation)
{
    return operation == OSSL_OP_SIGNATURE ? "ECDSA" : NULL;
}

/* --- Decoder */

static int does_selection(void *provctx, int selection)
{
    (void)provctx;
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

struct decoder {
    struct provctx *prov;
    enum bare_key number;
};

static void *decoder_new(void *provctx, enum bare_key number)
{
    struct decoder *d = OPENSSL_zalloc(sizeof(*d));

    if (d != NULL)
        *d = (struct decoder){ .prov = provctx, .number = number };
    return d;
}

static void decoder_free(void *ctx)
{
    OPENSSL_free(ctx);
}

/* Passes over in silence what is for another row or provider: that is success without an object. */
static int decode(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *callback, void *arg,
                  OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_arg)
{
    struct decoder *d = ctx;
    unsigned char der[4096];
    const unsigned char *p = der;
    size_t len = 0;
    int spki_len;
    PKCS8_PRIV_KEY_INFO *info = NULL;
    struct key *k = NULL;
    EVP_PKEY *pub = NULL;
    int type = OSSL_OBJECT_PKEY, ok = 1;

    (void)selection;
    (void)passphrase;
    (void)passphrase_arg;
    ERR_set_mark();
    if (d->prov->bio_read_ex(in, der, sizeof(der), &len) == 1)
        info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len);
    if (info != NULL && PKCS8_pkey_get0(NULL, &p, &spki_len, NULL, info) == 1)
        pub = d2i_PUBKEY_ex(NULL, &p, spki_len, d->prov->libctx, NULL);
    ERR_pop_to_mark();
    if (pub != NULL && EVP_PKEY_is_a(pub, types[d->number]) && (k = key_new(d->prov, d->number)) != NULL) {
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
            OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)types[d->number], 0),
            OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &k, sizeof(k)),
            OSSL_PARAM_construct_end(),
        };

        k->is_private = EVP_PKEY_up_ref(pub) == 1;
        k->pub = k->is_private ? pub : NULL;
        ok = callback(params, arg);
        key_free(k); /* unless load() took it */
    }
    EVP_PKEY_free(pub);
    PKCS8_PRIV_KEY_INFO_free(info);
    return ok;
}

/* --- Signing: one write and one read */

struct signature {
    struct provctx *prov;
    const struct key *key; /* not owned: libcrypto keeps it as long as the context */
};

static void *signature_new(void *provctx, const char *propq)
{
    struct signature *s = OPENSSL_zalloc(sizeof(*s));

    (void)propq;
    if (s != NULL)
        s->prov = provctx;
    return s;
}

static void signature_free(void *ctx)
{
    OPENSSL_free(ctx);
}

/* PSS and its salt: the daemon has no other. */
static int set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    (void)ctx;
    (void)params;
    return 1;
}

static const OSSL_PARAM *settable_ctx_params(void *ctx, void *provctx)
{
    static const OSSL_PARAM settable[] = {
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)ctx;
    (void)provctx;
    return settable;
}

static int sign_init(void *ctx, const char *mdname, void *key, const OSSL_PARAM params[])
{
    struct signature *s = ctx;

    (void)params;
    s->key = key;
    return s->key != NULL && s->key->is_private &&
           (s->key->number == BARE_ED25519 || (mdname != NULL && EVP_MD_is_a(s->prov->sha256, mdname)));
}

static int connect_to(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

static int sign(void *ctx, unsigned char *sig, size_t *ret_len, size_t size, const unsigned char *text, size_t len)
{
    static _Thread_local int fd = -1;
    const struct signature *s = ctx;
    unsigned char request[BARE_REQUEST_MAX];
    ssize_t got;

    *ret_len = (size_t)EVP_PKEY_get_size(s->key->pub);
    if (sig == NULL)
        return 1;
    if (size < *ret_len || len > sizeof(request) - 1)
        return 0;
    request[0] = (unsigned char)s->key->number;
    if (s->key->number == BARE_ED25519) {
        memcpy(request + 1, text, len);
    } else {
        if (EVP_Digest(text, len, request + 1, NULL, s->prov->sha256, NULL) != 1)
            return 0;
        len = (size_t)EVP_MD_get_size(s->prov->sha256);
    }
    if (fd < 0)
        fd = connect_to(&s->prov->address);
    if (fd < 0 || write(fd, request, 1 + len) != (ssize_t)len + 1)
        return 0;
    got = read(fd, sig, size);
    *ret_len = got > 0 ? (size_t)got : 0;
    return got > 0;
}

/* --- Tables: libcrypto calls some functions without a key that says of which row it is. */

#define ROW(row, ...)                                                                                        \
    static void *new_##row(void *provctx)                                                                    \
    {                                                                                                        \
        return key_new(provctx, BARE_##row);                                                                 \
    }                                                                                                        \
    static void *decoder_##row(void *provctx)                                                                \
    {                                                                                                        \
        return decoder_new(provctx, BARE_##row);                                                             \
    }                                                                                                        \
    static const OSSL_DISPATCH keymgmt_##row[] = {                                                           \
        LB_FN(KEYMGMT_NEW, keymgmt_new, new_##row),                                                          \
        LB_FN(KEYMGMT_FREE, keymgmt_free, key_free),                                                         \
        LB_FN(KEYMGMT_LOAD, keymgmt_load, load),                                                             \
        LB_FN(KEYMGMT_HAS, keymgmt_has, has),                                                                \
        LB_FN(KEYMGMT_MATCH, keymgmt_match, match),                                                          \
        LB_FN(KEYMGMT_GET_PARAMS, keymgmt_get_params, get_params),                                           \
        LB_FN(KEYMGMT_GETTABLE_PARAMS, keymgmt_gettable_params, no_params),                                  \
        LB_FN(KEYMGMT_IMPORT, keymgmt_import, import),                                                       \
        LB_FN(KEYMGMT_IMPORT_TYPES, keymgmt_import_types, import_types),                                     \
        LB_FN(KEYMGMT_EXPORT, keymgmt_export, export),                                                       \
        LB_FN(KEYMGMT_EXPORT_TYPES, keymgmt_export_types, import_types),                                     \
        __VA_ARGS__ LB_FN_END,                                                                               \
    };                                                                                                       \
    static const OSSL_DISPATCH decode_##row[] = {                                                            \
        LB_FN(DECODER_NEWCTX, decoder_newctx, decoder_##row),                                                \
        LB_FN(DECODER_FREECTX, decoder_freectx, decoder_free),                                               \
        LB_FN(DECODER_DOES_SELECTION, decoder_does_selection, does_selection),                               \
        LB_FN(DECODER_DECODE, decoder_decode, decode),                                                       \
        LB_FN_END,                                                                                           \
    }
ROW(RSA, );
ROW(EC, LB_FN(KEYMGMT_QUERY_OPERATION_NAME, keymgmt_query_operation_name, operation_name), );
ROW(ED25519, );

static const OSSL_DISPATCH signing[] = {
    LB_FN(SIGNATURE_NEWCTX, signature_newctx, signature_new),
    LB_FN(SIGNATURE_FREECTX, signature_freectx, signature_free),
    LB_FN(SIGNATURE_DIGEST_SIGN_INIT, signature_digest_sign_init, sign_init),
    LB_FN(SIGNATURE_DIGEST_SIGN, signature_digest_sign, sign),
    LB_FN(SIGNATURE_SET_CTX_PARAMS, signature_set_ctx_params, set_ctx_params),
    LB_FN(SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable_ctx_params, settable_ctx_params),
    LB_FN_END,
};

static const OSSL_ALGORITHM *query(void *provctx, int operation, int *no_cache)
{
#define RSA_NAMES     "RSA:rsaEncryption:1.2.840.113549.1.1.1:2.999.1"
#define EC_NAMES      "EC:id-ecPublicKey:1.2.840.10045.2.1:2.999.2"
#define ED25519_NAMES "ED25519:1.3.101.112:2.999.3"
#define OF            "provider=bare"
#define DER           OF ",input=der,structure=PrivateKeyInfo"
    static const OSSL_ALGORITHM keymgmts[] = {
        { RSA_NAMES, OF, keymgmt_RSA, NULL },
        { EC_NAMES, OF, keymgmt_EC, NULL },
        { ED25519_NAMES, OF, keymgmt_ED25519, NULL },
        { NULL, NULL, NULL, NULL },
    };
    static const OSSL_ALGORITHM signatures[] = {
        { RSA_NAMES, OF, signing, NULL },
        { "ECDSA", OF, signing, NULL },
        { ED25519_NAMES, OF, signing, NULL },
        { NULL, NULL, NULL, NULL },
    };
    static const OSSL_ALGORITHM decoders[] = {
        { RSA_NAMES, DER, decode_RSA, NULL },
        { EC_NAMES, DER, decode_EC, NULL },
        { ED25519_NAMES, DER, decode_ED25519, NULL },
        { NULL, NULL, NULL, NULL },
    };

    (void)provctx;
    *no_cache = 0;
    return operation == OSSL_OP_KEYMGMT     ? keymgmts
           : operation == OSSL_OP_SIGNATURE ? signatures
           : operation == OSSL_OP_DECODER   ? decoders
                                            : NULL;
}

static void teardown(void *provctx)
{
    struct provctx *prov = provctx;

    EVP_MD_free(prov->sha256);
    if (prov->default_provider != NULL)
        OSSL_PROVIDER_unload(prov->default_provider);
    OSSL_LIB_CTX_free(prov->libctx);
    OPENSSL_free(prov);
}

OSSL_provider_init_fn OSSL_provider_init;

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out, void **provctx)
{
    static const OSSL_DISPATCH functions[] = {
        LB_FN(PROVIDER_TEARDOWN, provider_teardown, teardown),
        LB_FN(PROVIDER_QUERY_OPERATION, provider_query_operation, query),
        LB_FN_END,
    };
    struct provctx *prov = OPENSSL_zalloc(sizeof(*prov));
    OSSL_FUNC_core_get_params_fn *core_get_params = NULL;
    const char *path = NULL;
    OSSL_PARAM params[] = { OSSL_PARAM_utf8_ptr("bare-socket", &path, 0), OSSL_PARAM_END };

    if (prov == NULL)
        return 0;
    for (; in->function_id != 0; in++) {
        if (in->function_id == OSSL_FUNC_CORE_GET_PARAMS)
            core_get_params = OSSL_FUNC_core_get_params(in);
        else if (in->function_id == OSSL_FUNC_BIO_READ_EX)
            prov->bio_read_ex = OSSL_FUNC_BIO_read_ex(in);
    }
    prov->address.sun_family = AF_UNIX;
    prov->libctx = OSSL_LIB_CTX_new();
    prov->default_provider = prov->libctx != NULL ? OSSL_PROVIDER_load(prov->libctx, "default") : NULL;
    prov->sha256 = prov->default_provider != NULL ? EVP_MD_fetch(prov->libctx, "SHA256", NULL) : NULL;
    if (core_get_params == NULL || prov->bio_read_ex == NULL || prov->sha256 == NULL || core_get_params(handle, params) != 1 ||
        path == NULL || strlen(path) >= sizeof(prov->address.sun_path)) {
        teardown(prov);
        return 0;
    }
    strcpy(prov->address.sun_path, path);
    *out = functions;
    *provctx = prov;
    return 1;
}
