/* The options of a signature: from OSSL_PARAM and back, checked against the key. */
#include "sigopts.h"

#include <limits.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "error.h"

/* Names that headers of OpenSSL 3.0 do not have yet. */
#define PARAM_INSTANCE "instance"
#define PARAM_CONTEXT "context-string"
#define PARAM_NONCE_TYPE "nonce-type"
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

void sigopts_init(const struct key *k, struct sigopts *ret)
{
    *ret = (struct sigopts){ .scheme = k->alg->scheme, .salt = RSA_PSS_SALTLEN_AUTO };
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
    unsigned digest;

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

    return get_text(k, p, &name) && sigopts_set_digest(k, o, name);
}

static int set_mgf1_digest(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    const char *name;
    unsigned digest;

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
    o->salt = salt;
    return 1;
}

/* Options that newer callers may set to what we do anyway */

static int set_instance(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    const char *name;

    (void)o;
    if (!get_text(k, p, &name))
        return 0;
    if (OPENSSL_strcasecmp(name, k->alg->name) == 0)
        return 1;
    return error_raise(k->prov, LB_E_SCHEME, "'%s' is not made with this key: only pure %s is", name, k->alg->name);
}

static int set_context(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    (void)o;
    if (p->data_size == 0)
        return 1;
    return error_raise(k->prov, LB_E_SCHEME, "a box signs with an empty context string only");
}

static int set_nonce_type(const struct key *k, struct sigopts *o, const OSSL_PARAM *p)
{
    unsigned type;

    (void)o;
    if (OSSL_PARAM_get_uint(p, &type) && type == 0)
        return 1;
    return error_raise(k->prov, LB_E_SCHEME, "a box chooses the nonces of ECDSA itself");
}

/*
 * Digests are computed or named here, never fetched from the caller's providers, so a wish where to fetch them from has
 * no meaning.
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
    { PARAM_INSTANCE, 0, set_instance },
    { PARAM_CONTEXT, 0, set_context },
    { PARAM_NONCE_TYPE, 0, set_nonce_type },
};
#define OPTIONS (sizeof(options) / sizeof(options[0]))

static bool has_option(const struct key *k, const char *name)
{
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
        if (!has_option(k, p->key))
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

const OSSL_PARAM *sigopts_settable(const struct key *k, const struct sigopts *o)
{
    static const OSSL_PARAM padding[] = { PADDING_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM padding_and_digest[] = { PADDING_OPTIONS, DIGEST_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM digest[] = { DIGEST_OPTIONS, OSSL_PARAM_END };
    static const OSSL_PARAM none[] = { OSSL_PARAM_END };

    if (k == NULL)
        return padding_and_digest;
    if ((k->alg->options & OPT_PADDING) != 0)
        return o->digest_fixed ? padding : padding_and_digest;
    return (k->alg->options & OPT_DIGEST) == 0 || o->digest_fixed ? none : digest;
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
        return error_raise(k->prov, LB_E_SCHEME,
                           "this RSA-PSS key asks for a salt of %d bytes or more, %d is too short", k->pss.salt_min,
                           salt);
    *ret = salt;
    return 1;
}

int sigopts_to_request(const struct key *k, const struct sigopts *o, struct msg_sign *ret)
{
    int salt = 0;

    ret->scheme = (uint8_t)o->scheme;
    ret->digest = (uint8_t)o->digest;
    ret->mgf1_digest = DIGEST_NONE;
    ret->salt_len = 0;
    if (o->scheme != SCHEME_RSA_PSS)
        return 1;
    /* What `default` takes for a PSS signature of which nobody said the digest. */
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
    struct msg_sign m;
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
