/*
 * Key types: the one table of all that a box, its callers and its tokens have to know of a type. Nothing else lists types; code
 * asks a row, when a key is opened and not for each signature.
 *
 * An algorithm is what libcrypto has a key manager for, and what a handle names: RSA, EC, ED25519. A type is what a box makes,
 * and what a person writes: "rsa:3072", "ec:P-256", "ed25519". A new algorithm whose name says it all is a row of
 * KEY_ALGORITHMS_FIXED or KEY_ALGORITHMS_NEWER, which makes its type too. A new curve or size is a row of types[] in
 * model/key_types.c.
 */
#ifndef LB_MODEL_KEY_TYPES_H
#define LB_MODEL_KEY_TYPES_H

#include <openssl/evp.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"
#include "model/limits.h"
#include "model/scheme.h"

/* clang-format off */
/*
 * X(row, number, name, aliases, oid, family, type, words), a row an algorithm:
 *   number   of its handles: the last arc of their OID (model/handle.h). A number is never used for anything else.
 *   name     libcrypto's
 *   aliases  libcrypto's other names, each with ':' before it
 *   oid      of the AlgorithmIdentifier in a SubjectPublicKeyInfo, as text: an older libcrypto has no number for newer ones
 *   family   whose properties the algorithm has: FAMILY_* in model/key_types.c
 *   type     the type; with ':' and a parameter behind it where the algorithm does not say it all
 *   words    beginnings of words, folded, for which this type is proposed, with a space between them
 */

/* The algorithm needs a parameter: a size or a curve. */
#define KEY_ALGORITHMS_SIZED(X)                                                                                               \
    X(RSA,     1, "RSA",     ":rsaEncryption",  "1.2.840.113549.1.1.1",  RSA,     "rsa",     "")                              \
    X(RSA_PSS, 2, "RSA-PSS", ":RSASSA-PSS",     "1.2.840.113549.1.1.10", RSA_PSS, "rsa-pss", "")                              \
    X(EC,      3, "EC",      ":id-ecPublicKey", "1.2.840.10045.2.1",     EC,      "ec",      "")

/* RFC 8410 */
#define KEY_ALGORITHMS_FIXED(X)                                                                                               \
    X(ED25519,  4, "ED25519", "", "1.3.101.112", ED25519, "ed25519", "eddsa ed 25519")                                        \
    X(ED448,    5, "ED448",   "", "1.3.101.113", ED448,   "ed448",   "")                                                      \
    X(X25519,   9, "X25519",  "", "1.3.101.110", X25519,  "x25519",  "curve")                                                 \
    X(X448,    10, "X448",    "", "1.3.101.111", X448,    "x448",    "")

/* Since OpenSSL 3.5 */
#define KEY_ALGORITHMS_NEWER(X)                                                                                               \
    X(ML_DSA_44, 6, "ML-DSA-44", ":MLDSA44:id-ml-dsa-44", "2.16.840.1.101.3.4.3.17", ML_DSA, "ml-dsa-44", "")                 \
    X(ML_DSA_65, 7, "ML-DSA-65", ":MLDSA65:id-ml-dsa-65", "2.16.840.1.101.3.4.3.18", ML_DSA, "ml-dsa-65", "mldsa dilithium")  \
    X(ML_DSA_87, 8, "ML-DSA-87", ":MLDSA87:id-ml-dsa-87", "2.16.840.1.101.3.4.3.19", ML_DSA, "ml-dsa-87", "")                 \
    X(SLH_DSA_SHA2_128S,  11, "SLH-DSA-SHA2-128s",  ":id-slh-dsa-sha2-128s",  "2.16.840.1.101.3.4.3.20", SLH_DSA,             \
      "slh-dsa-sha2-128s", "slh sphincs")                                                                                     \
    X(SLH_DSA_SHA2_128F,  12, "SLH-DSA-SHA2-128f",  ":id-slh-dsa-sha2-128f",  "2.16.840.1.101.3.4.3.21", SLH_DSA,             \
      "slh-dsa-sha2-128f", "")                                                                                                \
    X(SLH_DSA_SHA2_192S,  13, "SLH-DSA-SHA2-192s",  ":id-slh-dsa-sha2-192s",  "2.16.840.1.101.3.4.3.22", SLH_DSA,             \
      "slh-dsa-sha2-192s", "")                                                                                                \
    X(SLH_DSA_SHA2_192F,  14, "SLH-DSA-SHA2-192f",  ":id-slh-dsa-sha2-192f",  "2.16.840.1.101.3.4.3.23", SLH_DSA,             \
      "slh-dsa-sha2-192f", "")                                                                                                \
    X(SLH_DSA_SHA2_256S,  15, "SLH-DSA-SHA2-256s",  ":id-slh-dsa-sha2-256s",  "2.16.840.1.101.3.4.3.24", SLH_DSA,             \
      "slh-dsa-sha2-256s", "")                                                                                                \
    X(SLH_DSA_SHA2_256F,  16, "SLH-DSA-SHA2-256f",  ":id-slh-dsa-sha2-256f",  "2.16.840.1.101.3.4.3.25", SLH_DSA,             \
      "slh-dsa-sha2-256f", "")                                                                                                \
    X(SLH_DSA_SHAKE_128S, 17, "SLH-DSA-SHAKE-128s", ":id-slh-dsa-shake-128s", "2.16.840.1.101.3.4.3.26", SLH_DSA,             \
      "slh-dsa-shake-128s", "")                                                                                               \
    X(SLH_DSA_SHAKE_128F, 18, "SLH-DSA-SHAKE-128f", ":id-slh-dsa-shake-128f", "2.16.840.1.101.3.4.3.27", SLH_DSA,             \
      "slh-dsa-shake-128f", "")                                                                                               \
    X(SLH_DSA_SHAKE_192S, 19, "SLH-DSA-SHAKE-192s", ":id-slh-dsa-shake-192s", "2.16.840.1.101.3.4.3.28", SLH_DSA,             \
      "slh-dsa-shake-192s", "")                                                                                               \
    X(SLH_DSA_SHAKE_192F, 20, "SLH-DSA-SHAKE-192f", ":id-slh-dsa-shake-192f", "2.16.840.1.101.3.4.3.29", SLH_DSA,             \
      "slh-dsa-shake-192f", "")                                                                                               \
    X(SLH_DSA_SHAKE_256S, 21, "SLH-DSA-SHAKE-256s", ":id-slh-dsa-shake-256s", "2.16.840.1.101.3.4.3.30", SLH_DSA,             \
      "slh-dsa-shake-256s", "")                                                                                               \
    X(SLH_DSA_SHAKE_256F, 22, "SLH-DSA-SHAKE-256f", ":id-slh-dsa-shake-256f", "2.16.840.1.101.3.4.3.31", SLH_DSA,             \
      "slh-dsa-shake-256f", "")

/* All that OpenSSL 3.0 has; and all. */
#define KEY_ALGORITHMS_FIRST(X) KEY_ALGORITHMS_SIZED(X) KEY_ALGORITHMS_FIXED(X)
#define KEY_ALGORITHMS(X) KEY_ALGORITHMS_FIRST(X) KEY_ALGORITHMS_NEWER(X)
/* clang-format on */

/* The place of an algorithm among all, for arrays that have one entry each. */
enum key_algorithm_row {
#define KEY_ALGORITHM_ROW(row, ...) KEY_ALGORITHM_##row,
    KEY_ALGORITHMS(KEY_ALGORITHM_ROW)
#undef KEY_ALGORITHM_ROW
    KEY_ALGORITHM_COUNT
};

/* Algorithms of one family differ in name, number and strength alone. */
enum key_family {
    KEY_FAMILY_RSA,
    KEY_FAMILY_RSA_PSS,
    KEY_FAMILY_EC,
    KEY_FAMILY_ED25519,
    KEY_FAMILY_ED448,
    KEY_FAMILY_X25519,
    KEY_FAMILY_X448,
    KEY_FAMILY_ML_DSA,
    KEY_FAMILY_SLH_DSA
};

/* What keys can do; bits. */
enum key_operation { KEY_SIGNS = 1 << 0, KEY_DECRYPTS = 1 << 1, KEY_DERIVES = 1 << 2 };

/* What such keys are on a PKCS#11 token; token/ says how Cryptoki calls it. */
enum key_on_token { KEY_NOT_ON_TOKEN, KEY_ON_TOKEN_RSA, KEY_ON_TOKEN_EC, KEY_ON_TOKEN_EDWARDS, KEY_ON_TOKEN_MONTGOMERY };

struct key_algorithm {
    const char *name; /* libcrypto's */
    enum key_algorithm_row row;
    unsigned number; /* of its handles */
    const char *oid; /* as text */
    const char *type; /* "rsa", "ed25519" */
    enum key_family family;
    const char *title;          /* of the family, as people write it: "Ed25519", "ML-DSA" */
    const char *short_list;     /* all types of the family in short: "ml-dsa-{44,65,87}"; NULL: each by its name */
    const char *since;          /* the OpenSSL that has it */
    unsigned operations;        /* enum key_operation */
    unsigned schemes;           /* 1 << enum scheme, each */
    enum scheme proof_scheme;   /* what a test signature is made with; 0: keys of this algorithm do not sign */
    enum digest proof_digest;   /* DIGEST_NONE: the text itself is signed */
    size_t point_size;          /* the public key is these bytes of RFC 7748 or RFC 8032, and nothing else; 0: it is more */
    enum key_on_token on_token;
    const char *token_curve;    /* the name of its curve in CKA_EC_PARAMS (PKCS#11 3.0, 2.3.5 and 2.3.7); NULL: another way */
};

struct key_type {
    const char *name; /* "ec:P-256"; restrictable says what may follow it */
    const struct key_algorithm *algorithm;
    const char *group;      /* the curve, as the type names it, and libcrypto understands it; NULL: there are none */
    const char *group_name; /* the curve, as libcrypto names it */
    unsigned bits;          /* of RSA; else 0 */
    bool restrictable;      /* a digest may follow: "rsa-pss:2048:sha256" */
    const char *words;      /* what standards and tools call the curve, folded, with a space between them */
    const char *beginnings; /* beginnings of words, folded, for which this type is proposed */
};

#define KEYTYPE_DEFAULT "ec:P-256"

/* Algorithms */

/* In the order of enum key_algorithm_row. */
extern const struct key_algorithm key_algorithms[KEY_ALGORITHM_COUNT];

/* The algorithm of a key of libcrypto's, of any provider; NULL: one that a box does not hold. */
const struct key_algorithm *key_algorithm_of(const EVP_PKEY *key);
/* By an OID as text; NULL: none of ours. */
const struct key_algorithm *key_algorithm_by_oid(const char *oid);
/* By the number of its handles; NULL: none has it. */
const struct key_algorithm *key_algorithm_by_number(unsigned number);
/* By the name of a type, odd sizes too: "rsa:2600" is RSA; NULL: it begins with no algorithm's. */
const struct key_algorithm *key_algorithm_by_type(const char *type);

/* Types */

/* The rows of all types that can be generated, one after the other from 0; NULL: there are no more. */
const struct key_type *keytype_row(size_t i);
/*
 * The row of a type that can be generated, and the digest behind its name (DIGEST_NONE: none); NULL: it is none. Needs no
 * libcrypto, as all that follow.
 */
const struct key_type *keytype_find(const char *name, enum digest *ret_digest);
/* The row of a curve by one of libcrypto's names of it; NULL: a box holds no such keys. */
const struct key_type *keytype_of_group(const char *group);
/* LB_E_KEY_TYPE with text and hint when it is none that can be generated. */
LB_MUST_USE int keytype_check(const char *type, struct problem *p);
/* The names of all types that can be generated, those with a digest too, from 0; false: there are no more. */
bool keytype_name(size_t i, char ret[LB_TYPE_MAX + 1]);
/* How a digest is written behind the type of a restricted key, of those too that are only imported; NULL: in no way. */
const char *keytype_digest_name(enum digest digest);

/* What a person may type after --type, in short, for usage and errors. */
#define KEYTYPE_LIST_MAX 600
const char *keytype_list(char ret[KEYTYPE_LIST_MAX]);
/* The curves that a key of EC may be on, for messages: "P-256, P-384 and P-521". */
const char *keytype_curves(char ret[KEYTYPE_LIST_MAX]);
/* All kinds of keys that a box holds, as people write them: "RSA, RSA-PSS, EC on ..., Ed25519, ... and SLH-DSA". */
const char *keytype_families(char ret[KEYTYPE_LIST_MAX]);

/*
 * The type that a person means: its name in any case and with any signs between its parts ("RSA-4096", "ML_DSA_65"), or
 * one that standards and tools have for it. LB_E_KEY_TYPE, with the nearest one in the hint, for all that leaves a choice,
 * such as "rsa". model/key_words.c
 */
LB_MUST_USE int keytype_meant(const char *word, char ret[LB_TYPE_MAX + 1], struct problem *p);

/*
 * The name of a key's type ("rsa:2600" for odd sizes too, "rsa-pss:4096:sha512" for a key restricted to a digest).
 * LB_E_KEY_TYPE: not one that a box holds: another algorithm, another curve, RSA below 2048 or above 16384 bits; p says
 * which and what would do. model/key_type_of.c
 */
LB_MUST_USE int keytype_of(EVP_PKEY *key, char ret[LB_TYPE_MAX + 1], struct problem *p);

#endif
