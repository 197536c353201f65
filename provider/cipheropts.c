/* The options of a decryption: from OSSL_PARAM and back, checked on the way. */
#include "cipheropts.h"

#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <string.h>

#include "model/scheme.h"
#include "error.h"

/* A name that headers of OpenSSL 3.0 do not have yet. */
#define PARAM_IMPLICIT_REJECTION "implicit-rejection"

static const struct {
    const char *name; /* NULL: libcrypto has a number only */
    int number;
    unsigned padding;
} paddings[] = {
    { OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING, PADDING_PKCS1 },
    { OSSL_PKEY_RSA_PAD_MODE_OAEP, RSA_PKCS1_OAEP_PADDING, PADDING_OAEP },
    { "oeap", RSA_PKCS1_OAEP_PADDING, PADDING_OAEP }, /* libcrypto takes this spelling too */
    { NULL, RSA_PKCS1_WITH_TLS_PADDING, PADDING_TLS },
};
#define PADDINGS (sizeof(paddings) / sizeof(paddings[0]))

void cipheropts_init(struct cipheropts *ret)
{
    *ret = (struct cipheropts){ .padding = PADDING_PKCS1 };
}

int cipheropts_copy(const struct provctx *prov, const struct cipheropts *o, struct cipheropts *ret)
{
    *ret = *o;
    if (o->label == NULL)
        return 1;
    ret->label = OPENSSL_memdup(o->label, o->label_len);
    return ret->label != NULL ? 1 : error_raise(prov, LB_E_NOMEM, "for a label");
}

void cipheropts_clear(struct cipheropts *o)
{
    OPENSSL_free(o->label);
    cipheropts_init(o);
}

static int get_text(const struct provctx *prov, const OSSL_PARAM *p, const char **ret)
{
    if (OSSL_PARAM_get_utf8_string_ptr(p, ret) && *ret != NULL)
        return 1;
    return error_raise(prov, LB_E_VALUE, "option '%s' is not a text", p->key);
}

static int set_padding(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM *p)
{
    const char *name = NULL;
    int number = 0;

    if (p->data_type == OSSL_PARAM_UTF8_STRING ? !get_text(prov, p, &name) : !OSSL_PARAM_get_int(p, &number))
        return error_raise(prov, LB_E_VALUE, "the padding is neither a name nor a number");
    for (size_t i = 0; i < PADDINGS; i++) {
        if (name != NULL ? paddings[i].name != NULL && strcmp(name, paddings[i].name) == 0
                         : number == paddings[i].number) {
            o->padding = paddings[i].padding;
            return 1;
        }
    }
    if (name != NULL)
        return error_raise(prov, LB_E_SCHEME, "padding '%s' is none that a box decrypts with: use oaep or pkcs1", name);
    return error_raise(prov, LB_E_SCHEME, "padding number %d is none that a box decrypts with: use oaep or pkcs1",
                       number);
}

static int find_digest(const struct provctx *prov, const OSSL_PARAM *p, unsigned *ret)
{
    const char *name;
    int digest;

    if (!get_text(prov, p, &name))
        return 0;
    digest = digest_by_name(name);
    if (digest < 0 || digest == DIGEST_MD5_SHA1)
        return error_raise(prov, LB_E_SCHEME,
                           "digest '%s' is none that a box decrypts with: use SHA2-256 or another of the SHA-1, SHA-2 "
                           "and SHA-3 family",
                           name);
    *ret = (unsigned)digest;
    return 1;
}

static int set_digest(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM *p)
{
    return find_digest(prov, p, &o->digest);
}

static int set_mgf1_digest(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM *p)
{
    return find_digest(prov, p, &o->mgf1_digest);
}

static int set_label(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM *p)
{
    const void *label = NULL;
    unsigned char *copy = NULL;
    size_t len = 0;

    if (!OSSL_PARAM_get_octet_string_ptr(p, &label, &len))
        return error_raise(prov, LB_E_VALUE, "the label is not a string of bytes");
    if (len > LB_OAEP_LABEL_MAX)
        return error_raise(prov, LB_E_TOO_LONG, "a box takes a label of %d bytes at most, not %zu", LB_OAEP_LABEL_MAX,
                           len);
    if (len > 0) {
        copy = OPENSSL_memdup(label, len);
        if (copy == NULL)
            return error_raise(prov, LB_E_NOMEM, "for a label");
    }
    OPENSSL_free(o->label);
    o->label = copy;
    o->label_len = len;
    return 1;
}

static int get_version(const struct provctx *prov, const OSSL_PARAM *p, unsigned *ret)
{
    unsigned version;

    if (!OSSL_PARAM_get_uint(p, &version) || version > UINT16_MAX)
        return error_raise(prov, LB_E_VALUE, "option '%s' is not a version of TLS", p->key);
    *ret = version;
    return 1;
}

static int set_client_version(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM *p)
{
    return get_version(prov, p, &o->client_version);
}

static int set_negotiated_version(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM *p)
{
    return get_version(prov, p, &o->negotiated_version);
}

/* Implicit rejection cannot be switched off: the box does it where its libcrypto can, and never tells of a bad padding then. */
static int set_implicit_rejection(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM *p)
{
    unsigned on;

    (void)o;
    if (OSSL_PARAM_get_uint(p, &on) && on == 1)
        return 1;
    return error_raise(prov, LB_E_SCHEME,
                       "implicit rejection of PKCS#1 v1.5 paddings cannot be switched off: use oaep, or take an "
                       "unexpected plaintext for the wrong one");
}

/* Properties of digests mean nothing: digests are named here, and the box fetches them. */
static int set_nothing(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM *p)
{
    (void)prov;
    (void)o;
    (void)p;
    return 1;
}

static const struct option {
    const char *name;
    int (*set)(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM *p);
} options[] = {
    { OSSL_ASYM_CIPHER_PARAM_PAD_MODE, set_padding },
    { OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, set_digest },
    { OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST_PROPS, set_nothing },
    { OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, set_mgf1_digest },
    { OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST_PROPS, set_nothing },
    { OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, set_label },
    { OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, set_client_version },
    { OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, set_negotiated_version },
    { PARAM_IMPLICIT_REJECTION, set_implicit_rejection },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

int cipheropts_set(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM params[])
{
    for (const OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++) {
        size_t i = 0;

        while (i < OPTIONS && strcmp(options[i].name, p->key) != 0)
            i++;
        if (i == OPTIONS)
            return error_raise(prov, LB_E_SCHEME, "RSA decryption has no option '%s'", p->key);
        if (!options[i].set(prov, o, p))
            return 0;
    }
    return 1;
}

static const char *name_or_empty(unsigned digest)
{
    return digest == DIGEST_NONE ? "" : digest_name(digest);
}

static int get_padding(const struct cipheropts *o, OSSL_PARAM *p)
{
    for (size_t i = 0; i < PADDINGS; i++) {
        if (paddings[i].padding != o->padding)
            continue;
        if (p->data_type == OSSL_PARAM_UTF8_STRING)
            return paddings[i].name != NULL && OSSL_PARAM_set_utf8_string(p, paddings[i].name);
        return OSSL_PARAM_set_int(p, paddings[i].number);
    }
    return 0;
}

static unsigned oaep_digest(const struct cipheropts *o)
{
    /* OAEP without a digest is with SHA-1, as with `default`. */
    return o->digest == DIGEST_NONE && o->padding == PADDING_OAEP ? DIGEST_SHA1 : o->digest;
}

static unsigned oaep_mgf1_digest(const struct cipheropts *o)
{
    return o->mgf1_digest != DIGEST_NONE ? o->mgf1_digest : oaep_digest(o);
}

int cipheropts_get(const struct cipheropts *o, OSSL_PARAM params[])
{
    OSSL_PARAM *p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_PAD_MODE);

    if (p != NULL && !get_padding(o, p))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST);
    if (p != NULL && !OSSL_PARAM_set_utf8_string(p, name_or_empty(oaep_digest(o))))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST);
    if (p != NULL && !OSSL_PARAM_set_utf8_string(p, name_or_empty(oaep_mgf1_digest(o))))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL);
    if (p != NULL && !OSSL_PARAM_set_octet_ptr(p, o->label, o->label_len))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION);
    if (p != NULL && !OSSL_PARAM_set_uint(p, o->client_version))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION);
    if (p != NULL && !OSSL_PARAM_set_uint(p, o->negotiated_version))
        return 0;
    p = OSSL_PARAM_locate(params, PARAM_IMPLICIT_REJECTION);
    return p == NULL || OSSL_PARAM_set_uint(p, 1);
}

#define OPTIONS_BOTH_WAYS                                                      \
    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_PAD_MODE, NULL, 0),          \
    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST, NULL, 0),       \
    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST, NULL, 0),       \
    OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_CLIENT_VERSION, NULL),          \
    OSSL_PARAM_uint(OSSL_ASYM_CIPHER_PARAM_TLS_NEGOTIATED_VERSION, NULL),      \
    OSSL_PARAM_uint(PARAM_IMPLICIT_REJECTION, NULL)

const OSSL_PARAM cipheropts_settable[] = {
    OPTIONS_BOTH_WAYS,
    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_OAEP_DIGEST_PROPS, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_ASYM_CIPHER_PARAM_MGF1_DIGEST_PROPS, NULL, 0),
    OSSL_PARAM_octet_string(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, NULL, 0),
    OSSL_PARAM_END,
};

const OSSL_PARAM cipheropts_gettable[] = {
    OPTIONS_BOTH_WAYS,
    OSSL_PARAM_DEFN(OSSL_ASYM_CIPHER_PARAM_OAEP_LABEL, OSSL_PARAM_OCTET_PTR, NULL, 0),
    OSSL_PARAM_END,
};

int cipheropts_to_request(const struct provctx *prov, const struct cipheropts *o, struct decrypt_request *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->padding = (uint8_t)o->padding;
    if (o->padding == PADDING_TLS && o->client_version == 0)
        return error_raise(prov, LB_E_SCHEME,
                           "the padding of TLS needs the version that the client offered: set it before");
    if (o->padding == PADDING_TLS) {
        ret->client_version = (uint16_t)o->client_version;
        ret->negotiated_version = (uint16_t)o->negotiated_version;
    } else if (o->padding == PADDING_OAEP) {
        ret->digest = (uint8_t)oaep_digest(o);
        ret->mgf1_digest = (uint8_t)oaep_mgf1_digest(o);
        ret->label = (struct bytes){ o->label, o->label_len };
    }
    return 1;
}
