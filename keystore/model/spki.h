/* DER SubjectPublicKeyInfo (RFC 5280 4.1.2.7), and libcrypto's key of one. */
#ifndef LB_MODEL_SPKI_H
#define LB_MODEL_SPKI_H

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
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

/*
 * The SubjectPublicKeyInfo of a key as i2d_PUBKEY() writes it, in *ret, for OPENSSL_free(). Returns its length, or -1: libcrypto
 * refuses it; the errors on its queue say why. RSA, named curves, and keys of RFC 8410 are written from their numbers:
 * libcrypto's own way looks through all encoders of all providers.
 */
int spki_of(const EVP_PKEY *key, uint8_t **ret);

/*
 * The point of an EC key in full, in *ret, for OPENSSL_free(), and libcrypto's number of its curve. NID_undef: the key is none of
 * EC, writes its point in another form, or writes out its curve instead of naming it; or there is no memory.
 */
int spki_ec_point(const EVP_PKEY *key, uint8_t **ret, size_t *ret_len);

/*
 * The same public key in the one common way of writing it: a point in full (RFC 5480 2.2 allows it in short as well, X9.62
 * both in one), RSA with its NULL (RFC 3279 2.3.1). *ret is for free(). NULL and true: der is the common way, or of another
 * type. False: out of memory, or libcrypto refuses it.
 */
bool spki_common(const uint8_t *der, size_t len, uint8_t **ret, size_t *ret_len);

/* Are both the same public key, however each of them is written? What is no key is the same as nothing but itself. */
bool spki_same(const uint8_t *a, size_t a_len, const uint8_t *b, size_t b_len);

/* SHA-256 of the common way of writing it, so that it is one for each key. False: as with spki_common(). */
bool spki_hash(const uint8_t *der, size_t len, uint8_t ret[32]);

#endif
