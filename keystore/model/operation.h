/* What a private key is asked to do, and how. */
#ifndef LB_MODEL_OPERATION_H
#define LB_MODEL_OPERATION_H

#include <stdint.h>

#include "base/wire.h"
#include "model/vocabulary.h"

/* INPUT_FILE: the text is in a sealed memory file that comes with the packet (base/memfile.h), data is empty. */
enum sign_input { INPUT_DIGEST = 1, INPUT_TEXT = 2, INPUT_FILE = 3 };

/* How to sign, beyond the scheme; bits. */
enum sign_flag {
    SIGN_DETERMINISTIC = 1 << 0, /* ECDSA: RFC 6979; ML-DSA, SLH-DSA: FIPS 204 and 205, no fresh randomness */
    SIGN_RAW_MESSAGE = 1 << 1,   /* ML-DSA, SLH-DSA: the text is M' of FIPS 204 5.2, without its prefix added */
    SIGN_MU = 1 << 2,            /* ML-DSA: the text is the 64 bytes mu of FIPS 204 6.2 */
    SIGN_FLAGS = SIGN_DETERMINISTIC | SIGN_RAW_MESSAGE | SIGN_MU
};

struct sign_request {
    struct key_ref key;
    uint8_t scheme;       /* enum scheme */
    uint8_t digest;       /* enum digest; DIGEST_NONE for schemes over texts and PKCS#1 over the caller's bytes */
    uint8_t mgf1_digest;  /* RSA-PSS only, else DIGEST_NONE */
    uint16_t salt_len;    /* RSA-PSS only, bytes, else 0 */
    uint8_t flags;        /* of enum sign_flag */
    uint8_t context_len;
    uint8_t context[LB_CONTEXT_MAX];
    uint8_t input;        /* enum sign_input; the box hashes INPUT_TEXT and INPUT_FILE itself */
    struct bytes data;    /* at most LB_TEXT_MAX on the wire */
};

/* There is no "none": raw RSA would undo every padding. */
enum decrypt_padding {
    PADDING_PKCS1 = 1, /* RFC 8017 7.2 */
    PADDING_OAEP = 2,  /* RFC 8017 7.1 */
    PADDING_TLS = 3,   /* RFC 5246 7.4.7.1: a premaster secret, or a random one where padding or version are bad */
    PADDING_LAST = PADDING_TLS
};

struct decrypt_request {
    struct key_ref key;
    uint8_t padding;             /* enum decrypt_padding */
    uint8_t digest;              /* OAEP: enum digest; else DIGEST_NONE */
    uint8_t mgf1_digest;         /* OAEP, else DIGEST_NONE */
    uint16_t client_version;     /* TLS: what the ClientHello offered, else 0 */
    uint16_t negotiated_version; /* TLS: also taken where it is not 0, for clients that send the wrong one; else 0 */
    struct bytes label;          /* OAEP: at most LB_OAEP_LABEL_MAX; else empty */
    struct bytes data;           /* at most LB_CIPHERTEXT_MAX */
};

struct derive_request {
    struct key_ref key;
    struct bytes peer; /* DER SubjectPublicKeyInfo of the other side, at most LB_SPKI_MAX */
};

#endif
