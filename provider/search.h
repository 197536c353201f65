/* What a search in a store is for (OSSL_STORE_find), and whether a key or a certificate is that. */
#ifndef LB_SEARCH_H
#define LB_SEARCH_H

#include <openssl/x509.h>
#include <stdbool.h>

#include "base/wire.h"

struct provctx;

/* Criteria; all that are set must fit. Zeroed, there are none, and everything fits. */
struct search {
    X509_NAME *subject, *issuer; /* of certificates */
    BIGNUM *serial;
    uint8_t *fingerprint; /* over a certificate, or over the SubjectPublicKeyInfo of a key or in a certificate, DER */
    size_t fingerprint_len;
    char *digest; /* its digest; set with fingerprint */
    char *alias;  /* name of a key, and of the certificates that go with it */
};

/* The parameters that search_set() knows, as rows for a table of settable ones. */
#define SEARCH_SETTABLE                                                \
    OSSL_PARAM_octet_string(OSSL_STORE_PARAM_SUBJECT, NULL, 0),        \
    OSSL_PARAM_octet_string(OSSL_STORE_PARAM_ISSUER, NULL, 0),         \
    OSSL_PARAM_BN(OSSL_STORE_PARAM_SERIAL, NULL, 0),                   \
    OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_DIGEST, NULL, 0),          \
    OSSL_PARAM_octet_string(OSSL_STORE_PARAM_FINGERPRINT, NULL, 0),    \
    OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_ALIAS, NULL, 0)

/* Takes the criteria out of params, in the place of those that were set before. 0: an error is on the queue. */
int search_set(const struct provctx *prov, struct search *s, const OSSL_PARAM params[]);
void search_clear(struct search *s);

/* Any criterion? */
bool search_is_set(const struct search *s);
/* Can a key fit? Those have no subject, issuer or serial number. */
bool search_takes_keys(const struct search *s);

bool search_fits_key(const struct provctx *prov, const struct search *s, const char *name, struct bytes spki);
/* name: of the key that it goes with. */
bool search_fits_certificate(const struct provctx *prov, const struct search *s, const char *name, struct bytes der);

#endif
