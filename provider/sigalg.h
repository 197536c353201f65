/* The signature algorithms that OpenSSL may fetch by name, and their dispatch tables. */
#ifndef LB_SIGALG_H
#define LB_SIGALG_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h> /* for what it does not define before OpenSSL 3.4 */

#include "base/errors.h"
#include "model/scheme.h"

/*
 * One that leaves nothing to choose: scheme and digest are in its name (EVP_PKEY_sign_init_ex2(3) and the functions
 * around EVP_PKEY_sign_message_init(3), OpenSSL 3.4 and later).
 */
struct sigalg {
    const char *name;
    unsigned scheme;    /* enum scheme */
    unsigned digest;    /* enum digest */
    const char *family; /* the only key type that it goes with */
};

/* clang-format off */
/* row, name, further names, scheme, digest, family */
#define SIGALG_ROWS(X)                                                                                                 \
    X(RSA_SHA1, "RSA-SHA1", ":RSA-SHA-1:sha1WithRSAEncryption:1.2.840.113549.1.1.5",                                   \
      SCHEME_RSA_PKCS1, DIGEST_SHA1, RSA)                                                                              \
    X(RSA_SHA224, "RSA-SHA2-224", ":RSA-SHA224:sha224WithRSAEncryption:1.2.840.113549.1.1.14",                         \
      SCHEME_RSA_PKCS1, DIGEST_SHA224, RSA)                                                                            \
    X(RSA_SHA256, "RSA-SHA2-256", ":RSA-SHA256:sha256WithRSAEncryption:1.2.840.113549.1.1.11",                         \
      SCHEME_RSA_PKCS1, DIGEST_SHA256, RSA)                                                                            \
    X(RSA_SHA384, "RSA-SHA2-384", ":RSA-SHA384:sha384WithRSAEncryption:1.2.840.113549.1.1.12",                         \
      SCHEME_RSA_PKCS1, DIGEST_SHA384, RSA)                                                                            \
    X(RSA_SHA512, "RSA-SHA2-512", ":RSA-SHA512:sha512WithRSAEncryption:1.2.840.113549.1.1.13",                         \
      SCHEME_RSA_PKCS1, DIGEST_SHA512, RSA)                                                                            \
    X(RSA_SHA512_224, "RSA-SHA2-512/224", ":RSA-SHA512-224:sha512-224WithRSAEncryption:1.2.840.113549.1.1.15",         \
      SCHEME_RSA_PKCS1, DIGEST_SHA512_224, RSA)                                                                        \
    X(RSA_SHA512_256, "RSA-SHA2-512/256", ":RSA-SHA512-256:sha512-256WithRSAEncryption:1.2.840.113549.1.1.16",         \
      SCHEME_RSA_PKCS1, DIGEST_SHA512_256, RSA)                                                                        \
    X(RSA_SHA3_224, "RSA-SHA3-224", ":id-rsassa-pkcs1-v1_5-with-sha3-224:2.16.840.1.101.3.4.3.13",                     \
      SCHEME_RSA_PKCS1, DIGEST_SHA3_224, RSA)                                                                          \
    X(RSA_SHA3_256, "RSA-SHA3-256", ":id-rsassa-pkcs1-v1_5-with-sha3-256:2.16.840.1.101.3.4.3.14",                     \
      SCHEME_RSA_PKCS1, DIGEST_SHA3_256, RSA)                                                                          \
    X(RSA_SHA3_384, "RSA-SHA3-384", ":id-rsassa-pkcs1-v1_5-with-sha3-384:2.16.840.1.101.3.4.3.15",                     \
      SCHEME_RSA_PKCS1, DIGEST_SHA3_384, RSA)                                                                          \
    X(RSA_SHA3_512, "RSA-SHA3-512", ":id-rsassa-pkcs1-v1_5-with-sha3-512:2.16.840.1.101.3.4.3.16",                     \
      SCHEME_RSA_PKCS1, DIGEST_SHA3_512, RSA)                                                                          \
    X(ECDSA_SHA1, "ECDSA-SHA1", ":ECDSA-SHA-1:ecdsa-with-SHA1:1.2.840.10045.4.1",                                      \
      SCHEME_ECDSA, DIGEST_SHA1, EC)                                                                                   \
    X(ECDSA_SHA224, "ECDSA-SHA2-224", ":ECDSA-SHA224:ecdsa-with-SHA224:1.2.840.10045.4.3.1",                           \
      SCHEME_ECDSA, DIGEST_SHA224, EC)                                                                                 \
    X(ECDSA_SHA256, "ECDSA-SHA2-256", ":ECDSA-SHA256:ecdsa-with-SHA256:1.2.840.10045.4.3.2",                           \
      SCHEME_ECDSA, DIGEST_SHA256, EC)                                                                                 \
    X(ECDSA_SHA384, "ECDSA-SHA2-384", ":ECDSA-SHA384:ecdsa-with-SHA384:1.2.840.10045.4.3.3",                           \
      SCHEME_ECDSA, DIGEST_SHA384, EC)                                                                                 \
    X(ECDSA_SHA512, "ECDSA-SHA2-512", ":ECDSA-SHA512:ecdsa-with-SHA512:1.2.840.10045.4.3.4",                           \
      SCHEME_ECDSA, DIGEST_SHA512, EC)                                                                                 \
    X(ECDSA_SHA3_224, "ECDSA-SHA3-224", ":ecdsa_with_SHA3-224:id-ecdsa-with-sha3-224:2.16.840.1.101.3.4.3.9",          \
      SCHEME_ECDSA, DIGEST_SHA3_224, EC)                                                                               \
    X(ECDSA_SHA3_256, "ECDSA-SHA3-256", ":ecdsa_with_SHA3-256:id-ecdsa-with-sha3-256:2.16.840.1.101.3.4.3.10",         \
      SCHEME_ECDSA, DIGEST_SHA3_256, EC)                                                                               \
    X(ECDSA_SHA3_384, "ECDSA-SHA3-384", ":ecdsa_with_SHA3-384:id-ecdsa-with-sha3-384:2.16.840.1.101.3.4.3.11",         \
      SCHEME_ECDSA, DIGEST_SHA3_384, EC)                                                                               \
    X(ECDSA_SHA3_512, "ECDSA-SHA3-512", ":ecdsa_with_SHA3-512:id-ecdsa-with-sha3-512:2.16.840.1.101.3.4.3.12",         \
      SCHEME_ECDSA, DIGEST_SHA3_512, EC)                                                                               \
    X(ED25519PH, "ED25519ph", "", SCHEME_ED25519PH, DIGEST_NONE, ED25519)                                              \
    X(ED25519CTX, "ED25519ctx", "", SCHEME_ED25519CTX, DIGEST_NONE, ED25519)                                           \
    X(ED448PH, "ED448ph", "", SCHEME_ED448PH, DIGEST_NONE, ED448)
/* clang-format on */

extern const OSSL_DISPATCH signature_rsa[], signature_ecdsa[], signature_ed25519[], signature_ed448[];
extern const OSSL_DISPATCH signature_texts[];
#define SIGALG_DISPATCH(row, name, names, scheme, digest, family) extern const OSSL_DISPATCH sigalg_##row[];
SIGALG_ROWS(SIGALG_DISPATCH)
#undef SIGALG_DISPATCH

#endif
