/* DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7), and libcrypto's key of one. */
#ifndef LB_SPKI_H
#define LB_SPKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stddef.h>
#include <stdint.h>

typedef struct {
    X509_ALGOR *algorithm;
    ASN1_BIT_STRING *key;
} SPKI;

/*
 * The parts of exactly these len bytes; NULL: they are no SubjectPublicKeyInfo in DER, or there is no memory. Looks into
 * neither part. The caller frees it. Thread-safe, as all of these.
 */
SPKI *spki_read(const uint8_t *der, size_t len);
/* NULL is fine. */
void spki_free(SPKI *s);

/*
 * The public key whose bytes are those of s, of this algorithm ("EC", "X25519", ...), and of this curve where the
 * algorithm does not say it all; else group is "". NULL: libcrypto refuses it; the errors on its queue say why.
 */
EVP_PKEY *spki_point(OSSL_LIB_CTX *libctx, const SPKI *s, const char *algorithm, const char *group);

/*
 * The public key of exactly these len bytes, of any type that libcrypto knows. NULL as with spki_point(). The types that
 * servers have are made from their numbers: libcrypto's own way tries all decoders of all providers.
 */
EVP_PKEY *spki_key(OSSL_LIB_CTX *libctx, const uint8_t *der, size_t len);

#endif
