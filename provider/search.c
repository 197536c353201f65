/* What a search in a store is for (OSSL_STORE_find), and whether a key or a certificate is that. */
#include "search.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

#include "error.h"
#include "provctx.h"

/* Digests by their size, for a fingerprint that comes without. */
static const struct {
    size_t size;
    const char *name;
} by_size[] = { { 20, "SHA1" }, { 32, "SHA256" }, { 48, "SHA384" }, { 64, "SHA512" } };

static int take_name(const struct provctx *prov, const OSSL_PARAM params[], const char *which, const char *what,
                     X509_NAME **ret)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, which);
    const unsigned char *der;
    const void *data = NULL;
    size_t len = 0;

    if (p == NULL)
        return 1;
    if (!OSSL_PARAM_get_octet_string_ptr(p, &data, &len))
        return 0;
    X509_NAME_free(*ret);
    der = data;
    ERR_set_mark();
    *ret = d2i_X509_NAME(NULL, &der, (long)len);
    ERR_pop_to_mark();
    if (*ret == NULL || der != (const unsigned char *)data + len)
        return error_raise(prov, LB_E_VALUE, "the %s to search for is not the DER of a name", what);
    return 1;
}

static int take_serial(const OSSL_PARAM params[], BIGNUM **ret)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_SERIAL);

    return p == NULL || OSSL_PARAM_get_BN(p, ret);
}

static int take_text(const OSSL_PARAM params[], const char *which, char **ret)
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, which);

    if (p == NULL)
        return 1;
    OPENSSL_free(*ret);
    *ret = NULL;
    return OSSL_PARAM_get_utf8_string(p, ret, 0);
}

static int guess_digest(const struct provctx *prov, struct search *s)
{
    for (size_t i = 0; s->digest == NULL && i < sizeof(by_size) / sizeof(by_size[0]); i++) {
        if (by_size[i].size == s->fingerprint_len)
            s->digest = OPENSSL_strdup(by_size[i].name);
    }
    if (s->digest != NULL)
        return 1;
    return error_raise(prov, LB_E_VALUE, "a fingerprint of %zu bytes needs the name of its digest", s->fingerprint_len);
}

static int take_fingerprint(const struct provctx *prov, struct search *s, const OSSL_PARAM params[])
{
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_FINGERPRINT);
    void *data = NULL;
    EVP_MD *md;
    int size;

    if (p == NULL)
        return 1;
    if (!OSSL_PARAM_get_octet_string(p, &data, 0, &s->fingerprint_len))
        return 0;
    OPENSSL_free(s->fingerprint);
    s->fingerprint = data;
    if (!guess_digest(prov, s))
        return 0;
    ERR_set_mark();
    md = EVP_MD_fetch(prov->libctx, s->digest, NULL);
    ERR_pop_to_mark();
    if (md == NULL)
        return error_raise(prov, LB_E_VALUE, "unknown digest '%s' of a fingerprint", s->digest);
    size = EVP_MD_get_size(md);
    EVP_MD_free(md);
    if (size <= 0 || (size_t)size != s->fingerprint_len)
        return error_raise(prov, LB_E_VALUE, "a fingerprint of %zu bytes is none of %s", s->fingerprint_len, s->digest);
    return 1;
}

int search_set(const struct provctx *prov, struct search *s, const OSSL_PARAM params[])
{
    return take_name(prov, params, OSSL_STORE_PARAM_SUBJECT, "subject", &s->subject) &&
           take_name(prov, params, OSSL_STORE_PARAM_ISSUER, "issuer", &s->issuer) &&
           take_serial(params, &s->serial) && take_text(params, OSSL_STORE_PARAM_DIGEST, &s->digest) && take_fingerprint(prov, s, params) &&
           take_text(params, OSSL_STORE_PARAM_ALIAS, &s->alias);
}

void search_clear(struct search *s)
{
    X509_NAME_free(s->subject);
    X509_NAME_free(s->issuer);
    BN_free(s->serial);
    OPENSSL_free(s->fingerprint);
    OPENSSL_free(s->digest);
    OPENSSL_free(s->alias);
    memset(s, 0, sizeof(*s));
}

bool search_is_set(const struct search *s)
{
    return s->subject != NULL || s->issuer != NULL || s->serial != NULL || s->fingerprint != NULL || s->alias != NULL;
}

bool search_takes_keys(const struct search *s)
{
    return s->subject == NULL && s->issuer == NULL && s->serial == NULL;
}

static bool has_fingerprint(const struct provctx *prov, const struct search *s, const void *data, size_t len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    size_t size = 0;

    return EVP_Q_digest(prov->libctx, s->digest, NULL, data, len, digest, &size) && size == s->fingerprint_len &&
           memcmp(digest, s->fingerprint, size) == 0;
}

static bool has_alias(const struct search *s, const char *name)
{
    return s->alias == NULL || strcmp(s->alias, name) == 0;
}

bool search_fits_key(const struct provctx *prov, const struct search *s, const char *name, struct bytes spki)
{
    return search_takes_keys(s) && has_alias(s, name) &&
           (s->fingerprint == NULL || has_fingerprint(prov, s, spki.p, spki.len));
}

static bool has_serial(const struct search *s, const X509 *x)
{
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    bool same = serial != NULL && BN_cmp(serial, s->serial) == 0;

    BN_free(serial);
    return same;
}

/* Is the fingerprint that of the certificate, or of the key in it? */
static bool certificate_has_fingerprint(const struct provctx *prov, const struct search *s, X509 *x, struct bytes der)
{
    unsigned char *spki = NULL;
    int len;
    bool has = has_fingerprint(prov, s, der.p, der.len);

    if (has)
        return true;
    len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
    has = len > 0 && has_fingerprint(prov, s, spki, (size_t)len);
    OPENSSL_free(spki);
    return has;
}

bool search_fits_certificate(const struct provctx *prov, const struct search *s, const char *name, struct bytes der)
{
    const unsigned char *p = der.p;
    X509 *x;
    bool fits;

    if (!has_alias(s, name))
        return false;
    ERR_set_mark();
    x = d2i_X509(NULL, &p, (long)der.len);
    ERR_pop_to_mark();
    /* Names are compared as X.509 does, whatever the encoding of their strings. */
    fits = x != NULL && (s->subject == NULL || X509_NAME_cmp(s->subject, X509_get_subject_name(x)) == 0) &&
           (s->issuer == NULL || X509_NAME_cmp(s->issuer, X509_get_issuer_name(x)) == 0) &&
           (s->serial == NULL || has_serial(s, x)) &&
           (s->fingerprint == NULL || certificate_has_fingerprint(prov, s, x, der));
    X509_free(x);
    return fits;
}
