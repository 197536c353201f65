/* Signature schemes and digests, as requests name them. */
#ifndef LB_MODEL_SCHEME_H
#define LB_MODEL_SCHEME_H

#include <stddef.h>
#include <stdint.h>

/*
 * What a signature request asks for. There is no raw RSA: PKCS#1 v1.5 always pads (RFC 8017 8.2), with the DigestInfo
 * of the named digest, or, for DIGEST_NONE, around bytes that the caller chose (at most the modulus less 11 bytes).
 */
enum scheme {
    SCHEME_RSA_PKCS1 = 1, /* RFC 8017 8.2 */
    SCHEME_RSA_PSS = 2,   /* RFC 8017 8.1 */
    SCHEME_ECDSA = 3,     /* FIPS 186-4 6; the answer is the DER SEQUENCE of r and s */
    SCHEME_ED25519 = 4,   /* RFC 8032 5.1, pure */
    SCHEME_ED448 = 5,     /* RFC 8032 5.2, pure; a context string is optional */
    SCHEME_ED25519PH = 6, /* RFC 8032 5.1, over the SHA-512 of the text */
    SCHEME_ED25519CTX = 7, /* RFC 8032 5.1, pure, with a context string that is not empty */
    SCHEME_ED448PH = 8,   /* RFC 8032 5.2, over the first 64 bytes of the SHAKE256 of the text */
    SCHEME_ML_DSA = 9,    /* FIPS 204 5.2, pure */
    SCHEME_SLH_DSA = 10,  /* FIPS 205 10.2, pure */
    SCHEME_LAST = SCHEME_SLH_DSA
};

enum digest {
    DIGEST_NONE = 0,
    DIGEST_SHA1 = 1,
    DIGEST_SHA224 = 2,
    DIGEST_SHA256 = 3,
    DIGEST_SHA384 = 4,
    DIGEST_SHA512 = 5,
    DIGEST_SHA512_224 = 6,
    DIGEST_SHA512_256 = 7,
    DIGEST_SHA3_224 = 8,
    DIGEST_SHA3_256 = 9,
    DIGEST_SHA3_384 = 10,
    DIGEST_SHA3_512 = 11,
    DIGEST_MD5_SHA1 = 12, /* TLS 1.0 and 1.1 */
    DIGEST_LAST = DIGEST_MD5_SHA1
};

/* OpenSSL's names of options of signatures, those that the headers of OpenSSL 3.0 do not have yet. */
#define PARAM_INSTANCE "instance"
#define PARAM_CONTEXT "context-string"
#define PARAM_NONCE_TYPE "nonce-type"
#define PARAM_DETERMINISTIC "deterministic"
#define PARAM_ENCODING "message-encoding"
#define PARAM_MU "mu"

/* OpenSSL's name of a digest, as EVP_MD_fetch(3) takes it; NULL for DIGEST_NONE and numbers out of range. */
const char *digest_name(unsigned digest);
/* Size of its output in bytes; 0 for DIGEST_NONE and numbers out of range. */
size_t digest_size(unsigned digest);
/*
 * The digest that a caller calls name (any name of EVP_MD_fetch(3): "SHA256", "SHA2-256", "sha-256" …), or -1.
 */
int digest_by_name(const char *name);
/* The digest that the PH schemes are made over. */
#define SCHEME_PH_SIZE 64

/* For messages: "rsa-pkcs1", "rsa-pss", "ecdsa", "ed25519", "ml-dsa" and so on; "unknown" otherwise. */
const char *scheme_name(unsigned scheme);

#endif
