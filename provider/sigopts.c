/* The options of a signature: from OSSL_PARAM and back, checked against the key. */
#include "sigopts.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"
#include "provctx.h"

/* Names that headers of OpenSSL 3.0 do not have yet. */
#define PARAM_TLS_VERSION "tls-version"
#ifndef RSA_PSS_SALTLEN_AUTO_DIGEST_MAX
#define RSA_PSS_SALTLEN_AUTO_DIGEST_MAX (-4)
#endif
#define SALT_AUTO_DIGEST_MAX "auto-digestmax"

static const struct {
    const char *name;
    int number;
    unsigned scheme;
} paddings[] = {
    { OSSL_PKEY_RSA_PAD_MODE_PKCSV15, RSA_PKCS1_PADDING, SCHEME_RSA_PKCS1 },
    { OSSL_PKEY_RSA_PAD_MODE_PSS, RSA_PKCS1_PSS_PADDING, SCHEME_RSA_PSS },
};
#define PADDINGS (sizeof(paddings) / sizeof(paddings[0]))

static const struct {
    const char *name;
    int number;
} salts[] = {
    { OSSL_PKEY_RSA_PSS_SALT_LEN_DIGEST, RSA_PSS_SALTLEN_DIGEST },
    { OSSL_PKEY_RSA_PSS_SALT_LEN_MAX, RSA_PSS_SALTLEN_MAX },
    { OSSL_PKEY_RSA_PSS_SALT_LEN_AUTO, RSA_PSS_SALTLEN_AUTO },
    { SALT_AUTO_DIGEST_MAX, RSA_PSS_SALTLEN_AUTO_DIGEST_MAX },
};
#define SALTS (sizeof(salts) / sizeof(salts[0]))

void sigopts_init(const struct key *k, const struct sigalg *fixed, struct sigopts *ret)
{
    /* The salt of `default`: since OpenSSL 3.1 at most as long as the digest (FIPS 186-4 5.5), before that the longest. */
    int salt = OpenSSL_version_num() >= 0x30100000ul ? RSA_PSS_SALTLEN_AUTO_DIGEST_MAX : RSA_PSS_SALTLEN_AUTO;

    *ret = (struct sigopts){ .scheme = k->alg->scheme, .salt = salt };
    if (fixed != NULL) {
        ret->scheme = fixed->scheme;
        ret->digest = fixed->digest;
        ret->digest_fixed = ret->all_fixed = true;
    }
    if (k->pss.restricted) {
        ret->digest = k->pss.digest;
        ret->mgf1_digest = k->pss.mgf1_digest;
        ret->salt = k->pss.salt_min;
    }
}

/* Digests */

static int find_digest(const struct key *k, const char *name, unsigned *ret)
{
    int digest = digest_by_name(name);

    if (digest < 0)
        return error_raise(
            k->prov, LB_E_SCHEME,
            "digest '%s' is none that a box signs: use SHA2-256 or another of the SHA-2 and SHA-3 family", name);
    *ret = (unsigned)digest;
    return 1;
}

static int refuse_restricted(const struct key *k, const char *what, unsigned wanted, unsigned given)
{
    return error_raise(k->prov, LB_E_SCHEME, "the %s of this RSA-PSS key is restricted to %s, %s is not allowed", what,
                       digest_name(wanted), digest_name(given));
}

int sigopts_set_digest(const struct key *k, struct sigopts *o, const char *name)
{
    unsigned digest = DIGEST_NONE;

    if (name == NULL || name[0] == '\0')
        return 1;
    if ((k->alg->options & OPT_DIGEST) == 0)
        return error_raise(k->prov, LB_E_SCHEME, "%s signs the text itself: no digest can be set, not '%s' either",
                           k->alg->name, name);
    if (!find_digest(k, name, &digest))
        return 0;
    if (k->pss.restricted && digest != k->pss.digest)
        return refuse_restricted(k, "digest", k->pss.digest, digest);
    if (o->digest_fixed && digest != o->digest)
        return error_raise(k->prov, LB_E_SCHEME, "the digest cannot be changed to %s: this operation began with %s",
                           name, o->digest == DIGEST_NONE ? "none" : digest_name(o->digest));
    o->digest = digest;
    return 1;
}

static int get_text(const struct key *k, const OSSL_PARAM *p, const char **ret)
{
    if (OSSL_PARAM_get_utf8_string_ptr(p, ret))
        return 1;
    return error_raise(k->prov, LB_E_VALUE, "option '%s' is not a text", p->key);
}

static int set_digest(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    const char *name;

    if (!get_text(k, p, &name))
        return 0;
    if (name[0] == '\0')
        return error_raise(k->prov, LB_E_VALUE, "the digest is an empty name");
    return sigopts_set_digest(k, o, name);
}

static int set_mgf1_digest(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    const char *name;
    unsigned digest = DIGEST_NONE;

    if (!get_text(k, p, &name) || !find_digest(k, name, &digest))
        return 0;
    if (o->scheme != SCHEME_RSA_PSS)
        return error_raise(k->prov, LB_E_SCHEME, "an MGF1 digest goes with PSS padding only: set the padding first");
    if (k->pss.restricted && digest != k->pss.mgf1_digest)
        return refuse_restricted(k, "MGF1 digest", k->pss.mgf1_digest, digest);
    o->mgf1_digest = digest;
    return 1;
}

/* RSA's padding and salt length come as numbers (EVP_PKEY_CTX_set_rsa_padding) and as words (-pkeyopt) */

static int set_padding(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    const char *name = NULL;
    int number = 0;
    size_t i;

    if (p->data_type == OSSL_PARAM_UTF8_STRING ? !get_text(k, p, &name) : !OSSL_PARAM_get_int(p, &number))
        return error_raise(k->prov, LB_E_VALUE, "the padding is neither a name nor a number");
    for (i = 0; i < PADDINGS; i++) {
        if (name != NULL ? strcmp(name, paddings[i].name) == 0 : number == paddings[i].number)
            break;
    }
    if (i == PADDINGS && name != NULL)
        return error_raise(k->prov, LB_E_SCHEME, "padding '%s' is none that a box signs with: use pkcs1 or pss", name);
    if (i == PADDINGS)
        return error_raise(k->prov, LB_E_SCHEME, "padding number %d is none that a box signs with: use pkcs1 or pss",
                           number);
    if ((k->alg->options & OPT_PSS_ONLY) != 0 && paddings[i].scheme != SCHEME_RSA_PSS)
        return error_raise(k->prov, LB_E_SCHEME, "an RSA-PSS key has no padding but pss, not '%s'", paddings[i].name);
    o->scheme = paddings[i].scheme;
    /* PSS without a digest is with SHA-1, as with `default`. */
    if (o->scheme == SCHEME_RSA_PSS && o->digest == DIGEST_NONE)
        o->digest = DIGEST_SHA1;
    return 1;
}

/* The special lengths also come as the numbers that C programs use: -1 in a text is "digest". */
static int parse_salt(const char *text, int *ret)
{
    size_t sign = text[0] == '-', len = sign + strspn(text + sign, "0123456789");

    for (size_t i = 0; i < SALTS; i++) {
        if (strcmp(text, salts[i].name) == 0) {
            *ret = salts[i].number;
            return 1;
        }
    }
    if (len == sign || len > 5 || text[len] != '\0')
        return 0;
    *ret = atoi(text);
    return 1;
}

static int refuse_short_salt(const struct key *k, int salt)
{
    return error_raise(k->prov, LB_E_SCHEME, "this RSA-PSS key asks for a salt of %d bytes or more, %d is too short",
                       k->pss.salt_min, salt);
}

/*
 * Asks `default`, with the public half, if this salt length may be asked for. Versions of OpenSSL differ: before 3.1 there is
 * no "auto-digestmax", and since 3.4 a restricted key takes neither to sign.
 */
static bool default_takes(const struct key *k, int salt)
{
    EVP_PKEY_CTX *ctx;
    bool takes;

    ERR_set_mark();
    ctx = EVP_PKEY_CTX_new_from_pkey(k->prov->libctx, key_public(k), NULL);
    takes = ctx != NULL && EVP_PKEY_sign_init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) > 0;
    ERR_pop_to_mark();
    EVP_PKEY_CTX_free(ctx);
    return takes;
}

static int set_salt(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    const char *text = NULL;
    int salt = 0, ok;

    if (o->scheme != SCHEME_RSA_PSS)
        return error_raise(k->prov, LB_E_SCHEME, "a salt length goes with PSS padding only: set the padding first");
    if (p->data_type == OSSL_PARAM_UTF8_STRING)
        ok = get_text(k, p, &text) && parse_salt(text, &salt);
    else
        ok = OSSL_PARAM_get_int(p, &salt);
    if (!ok || salt < RSA_PSS_SALTLEN_AUTO_DIGEST_MAX || salt > UINT16_MAX)
        return error_raise(k->prov, LB_E_VALUE, "the salt length is neither digest, max or auto nor a number of bytes");
    if ((salt == RSA_PSS_SALTLEN_AUTO || salt == RSA_PSS_SALTLEN_AUTO_DIGEST_MAX) && !default_takes(k, salt))
        return error_raise(k->prov, LB_E_VALUE, "OpenSSL %s has no salt length %d for this key: use digest, max or a number",
                           OpenSSL_version(OPENSSL_VERSION_STRING), salt);
    if (k->pss.restricted && salt >= 0 && salt < k->pss.salt_min)
        return refuse_short_salt(k, salt);
    o->salt = salt;
    return 1;
}

/* Variants of RFC 8032, by name */

static const struct {
    const char *name;
    enum scheme scheme;
} instances[] = {
    { "Ed25519", SCHEME_ED25519 }, { "Ed25519ph", SCHEME_ED25519PH }, { "Ed25519ctx", SCHEME_ED25519CTX },
    { "Ed448", SCHEME_ED448 },     { "Ed448ph", SCHEME_ED448PH },
};

static int set_instance(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    const char *name;

    if (!get_text(k, p, &name))
        return 0;
    for (size_t i = 0; i < sizeof(instances) / sizeof(instances[0]); i++) {
        if (OPENSSL_strcasecmp(name, instances[i].name) == 0 &&
            (k->alg->type->schemes & 1u << instances[i].scheme) != 0) {
            o->scheme = instances[i].scheme;
            return 1;
        }
    }
    return error_raise(k->prov, LB_E_SCHEME, "'%s' is not made with a key of type %s", name, k->alg->name);
}

static int set_context(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    const void *data = NULL;
    size_t len = 0;

    if (!OSSL_PARAM_get_octet_string_ptr(p, &data, &len))
        return error_raise(k->prov, LB_E_VALUE, "the context string is not a string of bytes");
    if (len > LB_CONTEXT_MAX)
        return error_raise(k->prov, LB_E_TOO_LONG, "a context string has at most %d bytes, not %zu", LB_CONTEXT_MAX,
                           len);
    o->context_len = (uint8_t)len;
    if (len > 0)
        memcpy(o->context, data, len);
    return 1;
}

static int set_nonce_type(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    unsigned type;

    if (!OSSL_PARAM_get_uint(p, &type) || type > 1)
        return error_raise(k->prov, LB_E_SCHEME, "the nonces of ECDSA are random (0) or deterministic (1)");
    o->flags = (uint8_t)((o->flags & ~SIGN_DETERMINISTIC) | (type == 1 ? SIGN_DETERMINISTIC : 0));
    return 1;
}

/* An option that is 0 or 1, and the flag that stands for it. */
static int set_flag(const struct key *k, struct sigopts *o, const OSSL_PARAM *p, unsigned flag, int when)
{
    int value;

    if (!OSSL_PARAM_get_int(p, &value) || value < 0 || value > 1)
        return error_raise(k->prov, LB_E_VALUE, "option '%s' is 0 or 1", p->key);
    o->flags = (uint8_t)((o->flags & ~flag) | (value == when ? flag : 0));
    return 1;
}

static int set_deterministic(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    return set_flag(k, o, p, SIGN_DETERMINISTIC, 1);
}

static int set_encoding(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    return set_flag(k, o, p, SIGN_RAW_MESSAGE, 0);
}

static int set_mu(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    return set_flag(k, o, p, SIGN_MU, 1);
}

/*
 * Takes options that mean nothing here. Properties of digests: digests are computed or named here, never fetched from the
 * caller's providers. The protocol version that libssl 4.0 tells: no type of key here signs otherwise for it.
 */
static int set_nothing(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    (void)k;
    (void)o;
    (void)p;
    return 1;
}

static const struct option {
    const char *name;
    unsigned options; /* of struct alg: any of these, 0: every type */
    int (*set)(const struct key *k, struct sigopts *o, const OSSL_PARAM *p);
} options[] = {
    { OSSL_SIGNATURE_PARAM_DIGEST, 0, set_digest },
    { OSSL_SIGNATURE_PARAM_PROPERTIES, 0, set_nothing },
    { OSSL_SIGNATURE_PARAM_PAD_MODE, OPT_PADDING, set_padding }, /* before those that depend on it */
    { OSSL_SIGNATURE_PARAM_PSS_SALTLEN, OPT_PADDING, set_salt },
    { OSSL_SIGNATURE_PARAM_MGF1_DIGEST, OPT_PADDING, set_mgf1_digest },
    { OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES, OPT_PADDING, set_nothing },
    { PARAM_INSTANCE, OPT_INSTANCE, set_instance },
    { PARAM_CONTEXT, OPT_CONTEXT, set_context },
    { PARAM_NONCE_TYPE, OPT_NONCE, set_nonce_type },
    { PARAM_DETERMINISTIC, OPT_DETERMINISTIC, set_deterministic },
    { PARAM_ENCODING, OPT_DETERMINISTIC, set_encoding },
    { PARAM_MU, OPT_MU, set_mu },
    { PARAM_TLS_VERSION, 0, set_nothing },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

/* A named algorithm leaves a context string to choose, where its key type has one. */
static bool has_option(const struct key *k, const struct sigopts *o, const char *name)
{
    if (o->all_fixed && strcmp(name, PARAM_CONTEXT) != 0)
        return false;
    if (o->instance_fixed && strcmp(name, PARAM_INSTANCE) == 0)
        return false;
    for (size_t i = 0; i < OPTIONS; i++) {
        if (strcmp(options[i].name, name) == 0)
            return options[i].options == 0 || (k->alg->options & options[i].options) != 0;
    }
    return false;
}

int sigopts_set(const struct key *k, struct sigopts *o, const OSSL_PARAM params[])
{
    struct sigopts next = *o;

    if (params == NULL)
        return 1;
    for (const OSSL_PARAM *p = params; p->key != NULL; p++) {
        if (!has_option(k, o, p->key))
            return error_raise(k->prov, LB_E_SCHEME, "%s signatures have no option '%s'", k->alg->name, p->key);
    }
    for (size_t i = 0; i < OPTIONS; i++) {
        const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, options[i].name);

        if (p != NULL && !options[i].set(k, &next, p))
            return 0;
    }
    *o = next;
    return 1;
}

static const char *name_or_empty(unsigned digest)
{
    return digest == DIGEST_NONE ? "" : digest_name(digest);
}

static unsigned mgf1_digest(const struct sigopts *o)
{
    return o->mgf1_digest != DIGEST_NONE ? o->mgf1_digest : o->digest;
}

static int get_padding(const struct sigopts *o, OSSL_PARAM *p)
{
    for (size_t i = 0; i < PADDINGS; i++) {
        if (paddings[i].scheme == o->scheme)
            return p->data_type == OSSL_PARAM_UTF8_STRING ? OSSL_PARAM_set_utf8_string(p, paddings[i].name)
                                                          : OSSL_PARAM_set_int(p, paddings[i].number);
    }
    return 0;
}

static int get_salt(const struct sigopts *o, OSSL_PARAM *p)
{
    char number[16];

    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_set_int(p, o->salt);
    for (size_t i = 0; i < SALTS; i++) {
        if (salts[i].number == o->salt)
            return OSSL_PARAM_set_utf8_string(p, salts[i].name);
    }
    snprintf(number, sizeof(number), "%d", o->salt);
    return OSSL_PARAM_set_utf8_string(p, number);
}

int sigopts_get(const struct key *k, const struct sigopts *o, OSSL_PARAM params[])
{
    OSSL_PARAM *p;

    if ((k->alg->options & OPT_DIGEST) != 0) {
        p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_DIGEST);
        if (p != NULL && !OSSL_PARAM_set_utf8_string(p, name_or_empty(o->digest)))
            return 0;
    }
    if ((k->alg->options & OPT_NONCE) != 0) {
        p = OSSL_PARAM_locate(params, PARAM_NONCE_TYPE);
        if (p != NULL && !OSSL_PARAM_set_uint(p, (o->flags & SIGN_DETERMINISTIC) != 0))
            return 0;
    }
    if ((k->alg->options & OPT_PADDING) == 0)
        return 1;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PAD_MODE);
    if (p != NULL && !get_padding(o, p))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_MGF1_DIGEST);
    if (p != NULL && !OSSL_PARAM_set_utf8_string(p, name_or_empty(mgf1_digest(o))))
        return 0;
    p = OSSL_PARAM_locate(params, OSSL_SIGNATURE_PARAM_PSS_SALTLEN);
    return p == NULL || get_salt(o, p);
}

#define DIGEST_OPTIONS                                                                                                 \
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),                                                      \
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PROPERTIES, NULL, 0)
#define PADDING_OPTIONS                                                                                                \
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),                                                    \
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),                                                 \
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),                                                 \
    OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_PROPERTIES, NULL, 0)

#define NONCE_OPTIONS OSSL_PARAM_uint(PARAM_NONCE_TYPE, NULL)
#define CONTEXT_OPTIONS OSSL_PARAM_octet_string(PARAM_CONTEXT, NULL, 0)
#define INSTANCE_OPTIONS OSSL_PARAM_utf8_string(PARAM_INSTANCE, NULL, 0)
#define TEXT_OPTIONS                                                                                                   \
    OSSL_PARAM_int(PARAM_DETERMINISTIC, NULL), OSSL_PARAM_int(PARAM_ENCODING, NULL)

/* Does `default` list the digest as an option, once an ECDSA operation began with one? Versions of OpenSSL differ. */
static bool default_lists_digest(const struct key *k, unsigned digest)
{
    EVP_MD_CTX *md;
    EVP_PKEY_CTX *ctx = NULL; /* owned by md */
    bool lists;

    ERR_set_mark();
    md = EVP_MD_CTX_new();
    lists = md != NULL &&
            EVP_DigestSignInit_ex(md, &ctx, digest == DIGEST_NONE ? NULL : digest_name(digest), k->prov->libctx, NULL,
                                  key_public(k), NULL) > 0 &&
            OSSL_PARAM_locate_const(EVP_PKEY_CTX_settable_params(ctx), OSSL_SIGNATURE_PARAM_DIGEST) != NULL;
    ERR_pop_to_mark();
    EVP_MD_CTX_free(md);
    return lists;
}

const OSSL_PARAM *sigopts_settable(const struct key *k, const struct sigopts *o)
{
    static const OSSL_PARAM padding[] = { PADDING_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM padding_and_digest[] = { PADDING_OPTIONS, DIGEST_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM ecdsa[] = { NONCE_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM ecdsa_and_digest[] = { NONCE_OPTIONS, DIGEST_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM eddsa[] = { INSTANCE_OPTIONS, CONTEXT_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM ml_dsa[] = { CONTEXT_OPTIONS, TEXT_OPTIONS, OSSL_PARAM_int(PARAM_MU, NULL), OSSL_PARAM_END };
    static const OSSL_PARAM slh_dsa[] = { CONTEXT_OPTIONS, TEXT_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM context[] = { CONTEXT_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM none[] = { OSSL_PARAM_END };
    static const struct {
        unsigned options; /* of struct alg */
        const OSSL_PARAM *with_digest, *without;
    } rows[] = {
        { OPT_PADDING, padding_and_digest, padding }, { OPT_NONCE, ecdsa_and_digest, ecdsa },
        { OPT_INSTANCE, eddsa, eddsa },               { OPT_MU, ml_dsa, ml_dsa },
        { OPT_DETERMINISTIC, slh_dsa, slh_dsa },
    };

    if (k == NULL)
        return padding_and_digest;
    if (o->all_fixed || (o->instance_fixed && (k->alg->options & OPT_INSTANCE) != 0))
        return (k->alg->options & OPT_CONTEXT) != 0 ? context : none;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((k->alg->options & rows[i].options) == 0)
            continue;
        if (o->digest_fixed && (rows[i].options != OPT_NONCE || !default_lists_digest(k, o->digest)))
            return rows[i].without;
        return rows[i].with_digest;
    }
    return none;
}

const OSSL_PARAM *sigopts_gettable(const struct key *k)
{
    static const OSSL_PARAM rsa[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, NULL, 0),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM ecdsa[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_SIGNATURE_PARAM_DIGEST, NULL, 0),
        OSSL_PARAM_uint(PARAM_NONCE_TYPE, NULL),
        OSSL_PARAM_END,
    };
    static const OSSL_PARAM eddsa[] = {
        OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, NULL, 0),
        OSSL_PARAM_END,
    };

    if (k == NULL || (k->alg->options & OPT_PADDING) != 0)
        return rsa;
    return (k->alg->options & OPT_DIGEST) != 0 ? ecdsa : eddsa;
}

/* emLen - hLen - 2 of RFC 8017 9.1.1, where emLen holds one bit less than the modulus. */
static int largest_salt(const struct key *k, unsigned digest)
{
    return (k->bits - 1 + 7) / 8 - (int)digest_size(digest) - 2;
}

static int resolve_salt(const struct key *k, const struct sigopts *o, unsigned digest, int *ret)
{
    int largest = largest_salt(k, digest), size = (int)digest_size(digest), salt = o->salt;

    if (salt == RSA_PSS_SALTLEN_DIGEST)
        salt = size;
    else if (salt == RSA_PSS_SALTLEN_MAX || salt == RSA_PSS_SALTLEN_AUTO)
        salt = largest;
    else if (salt == RSA_PSS_SALTLEN_AUTO_DIGEST_MAX)
        salt = size < largest ? size : largest;
    if (salt < 0 || salt > largest)
        return error_raise(k->prov, LB_E_SCHEME, "a %d bit key is too small for PSS with %s and a salt of %d bytes",
                           k->bits, digest_name(digest), salt);
    if (k->pss.restricted && salt < k->pss.salt_min)
        return refuse_short_salt(k, salt);
    *ret = salt;
    return 1;
}

int sigopts_to_request(const struct key *k, const struct sigopts *o, struct sign_request *ret)
{
    int salt = 0;

    ret->scheme = (uint8_t)o->scheme;
    ret->digest = (uint8_t)o->digest;
    ret->mgf1_digest = DIGEST_NONE;
    ret->salt_len = 0;
    ret->flags = o->flags;
    ret->context_len = o->context_len;
    memcpy(ret->context, o->context, o->context_len);
    if (o->scheme == SCHEME_ED25519 && o->context_len > 0)
        return error_raise(k->prov, LB_E_SCHEME, "Ed25519 has no context string: Ed25519ctx and Ed25519ph have");
    if (o->scheme == SCHEME_ED25519CTX && o->context_len == 0)
        return error_raise(k->prov, LB_E_SCHEME, "Ed25519ctx needs a context string");
    if (o->scheme != SCHEME_RSA_PSS)
        return 1;
    if (o->digest == DIGEST_NONE && (k->alg->options & OPT_PSS_ONLY) != 0)
        return error_raise(k->prov, LB_E_SCHEME, "a digest is needed to sign with this key: use SHA2-256");
    /* A PSS signature without a digest is with SHA-1, as with `default`. */
    if (o->digest == DIGEST_NONE)
        ret->digest = DIGEST_SHA1;
    if (ret->digest == DIGEST_MD5_SHA1)
        return error_raise(k->prov, LB_E_SCHEME, "PSS is not made with MD5-SHA1: that digest is for PKCS#1 padding");
    ret->mgf1_digest = o->mgf1_digest != DIGEST_NONE ? (uint8_t)o->mgf1_digest : ret->digest;
    if (!resolve_salt(k, o, ret->digest, &salt))
        return 0;
    ret->salt_len = (uint16_t)salt;
    return 1;
}

int sigopts_to_params(const struct key *k, const struct sigopts *o, struct sigopts_storage *storage,
                      OSSL_PARAM ret[SIGOPTS_PARAMS])
{
    struct sign_request m;
    size_t n = 0;

    if (!sigopts_to_request(k, o, &m))
        return 0;
    for (size_t i = 0; i < PADDINGS; i++) {
        if (paddings[i].scheme != o->scheme)
            continue;
        storage->padding = paddings[i].name;
        ret[n++] = OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_PAD_MODE, (char *)storage->padding, 0);
    }
    if (m.scheme == SCHEME_RSA_PSS) {
        storage->salt = m.salt_len;
        ret[n++] = OSSL_PARAM_construct_int(OSSL_SIGNATURE_PARAM_PSS_SALTLEN, &storage->salt);
        ret[n++] =
            OSSL_PARAM_construct_utf8_string(OSSL_SIGNATURE_PARAM_MGF1_DIGEST, (char *)digest_name(m.mgf1_digest), 0);
    }
    ret[n] = OSSL_PARAM_construct_end();
    return 1;
}
