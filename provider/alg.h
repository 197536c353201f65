/* What OpenSSL wants to know of each key type of model/key_types.h: one table, which everything else asks. */
#ifndef LB_ALG_H
#define LB_ALG_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <stdbool.h>

#include "base/errors.h"
#include "model/key_types.h"

/*
 * The rows, those of model/key_types.h, for those few functions that OpenSSL calls without saying which row it means: they are
 * made once a row. Those of OpenSSL 3.0, and those of 3.5.
 */
#define ALG_ROWS_FIRST(X) KEY_ALGORITHMS_FIRST(X)
#define ALG_ROWS_NEWER(X) KEY_ALGORITHMS_NEWER(X)
#define ALG_ROWS(X) KEY_ALGORITHMS(X)

enum alg_row {
#define ALG_ENUM(row, ...) ALG_##row,
    ALG_ROWS_FIRST(ALG_ENUM)
    ALG_NEWER, /* the first of the newer ones */
    ALG_BEFORE_NEWER = ALG_NEWER - 1,
    ALG_ROWS_NEWER(ALG_ENUM)
#undef ALG_ENUM
    ALG_COUNT
};

enum alg_options {
    OPT_DIGEST = 1 << 0,   /* the text is hashed, with a digest of the caller's choice; else it is signed whole */
    OPT_PADDING = 1 << 1,  /* RSA: padding, MGF1 digest, salt length */
    OPT_PSS_ONLY = 1 << 2, /* PSS is the only padding, and the key may restrict it further (RFC 4055 1.2) */
    OPT_NONCE = 1 << 3,    /* the nonce may be a deterministic one (RFC 6979) */
    OPT_INSTANCE = 1 << 4, /* has variants: Ed25519ph, Ed25519ctx, Ed448ph (RFC 8032) */
    OPT_CONTEXT = 1 << 5,  /* takes a context string */
    OPT_DETERMINISTIC = 1 << 6, /* can do without fresh randomness, and sign a text that is encoded already */
    OPT_MU = 1 << 7,       /* can sign mu in place of the text (FIPS 204 6.2) */
    OPT_CURVES = 1 << 8,   /* the curve is a parameter of the key */
};

/*
 * Operations have two names: the common one, for whoever fetches them by it, and one that no other provider has, which our
 * key managers give when libcrypto asks how to sign, decrypt or derive. By the common name it would find the provider that
 * was loaded first, ask us to export the key to it, be refused, and only then come to us: at each signature.
 */
struct alg {
    const char *name;          /* first of its names: the data type for OpenSSL */
    unsigned handle_type;      /* enum handle_type */
    const struct key_algorithm *type; /* its row in the table of key types */
    const char *signature;     /* name of its signature algorithm in `default`; NULL: it has none */
    unsigned scheme;           /* enum scheme; where there is padding, that of the padding it begins with */
    unsigned options;          /* enum alg_options */
    const char *const *secrets;     /* names of the parameters that carry a private key, NULL at the end */
    const OSSL_PARAM *public_types; /* those of a public key */
    const OSSL_PARAM *gettable;     /* what EVP_PKEY_get_params(3) finds */
    const OSSL_PARAM *settable;     /* what EVP_PKEY_set_params(3) may change in the public half; NULL: nothing */
    const char *own_signature, *own_cipher, *own_exchange; /* own names of what it does; NULL: it does not */
};

extern const struct alg algs[ALG_COUNT];

/* The row of an enum handle_type; NULL for 0 and for types without a row. */
const struct alg *alg_by_handle_type(unsigned handle_type);

/* What the provider offers, operation by operation; constant. */
extern const OSSL_ALGORITHM alg_keymgmt[], alg_signature[], alg_cipher[], alg_exchange[], alg_decoder[], alg_encoder[],
    alg_store[];
/*
 * The same for OpenSSL before 3.2, which goes through the names of all there is for every key that is read and every
 * operation that begins, whatever it is: fewer names, no signatures and no decoders for the newer rows. The decoder of the
 * first row says of handles to their keys that they need a newer OpenSSL. Decoders keep their OIDs: OSSL_STORE looks for a
 * decoder by the OID in a PrivateKeyInfo there too, where `base` is beside `default`.
 */
extern const OSSL_ALGORITHM alg_keymgmt_few[], alg_decoder_few[], alg_signature_few[];

/* The dispatch tables behind them, one of a kind or one a row; those of signatures are in sigalg.h. */
#define ALG_DISPATCH(row, ...) extern const OSSL_DISPATCH keymgmt_##row[], decoder_##row[];
ALG_ROWS(ALG_DISPATCH)
#undef ALG_DISPATCH
extern const OSSL_DISPATCH cipher_functions[], exchange_ecdh[], exchange_ecx[], store_functions[], store_p11_functions[],
    decoder_p11pem[];

/*
 * What encoders write, as `default` does: a name of ours, output type, structure (NULL: the output has none), and the
 * parts of a key of which it can be asked. A private key is a handle in each of them, or a text that says where it is.
 */
#define PART_PRIVATE OSSL_KEYMGMT_SELECT_PRIVATE_KEY
#define PART_PUBLIC OSSL_KEYMGMT_SELECT_PUBLIC_KEY
#define PART_PARAMS OSSL_KEYMGMT_SELECT_ALL_PARAMETERS
#define ENCODER_FORMS(X)                                              \
    X(handle_pem, "pem", "PrivateKeyInfo", PART_PRIVATE)              \
    X(handle_der, "der", "PrivateKeyInfo", PART_PRIVATE)              \
    X(spki_pem, "pem", "SubjectPublicKeyInfo", PART_PUBLIC)           \
    X(spki_der, "der", "SubjectPublicKeyInfo", PART_PUBLIC)           \
    X(pair_pem, "pem", "type-specific", PART_PRIVATE | PART_PUBLIC)   \
    X(pair_der, "der", "type-specific", PART_PRIVATE | PART_PUBLIC)   \
    X(params_pem, "pem", "type-specific", PART_PRIVATE | PART_PARAMS) \
    X(params_der, "der", "type-specific", PART_PRIVATE | PART_PARAMS) \
    X(rsa_pem, "pem", "rsa", PART_PUBLIC)                             \
    X(rsa_der, "der", "rsa", PART_PUBLIC)                             \
    X(pkcs1_pem, "pem", "pkcs1", PART_PUBLIC)                         \
    X(pkcs1_der, "der", "pkcs1", PART_PUBLIC)                         \
    X(ec_pem, "pem", "ec", PART_PARAMS)                               \
    X(ec_der, "der", "ec", PART_PARAMS)                               \
    X(x962_pem, "pem", "X9.62", PART_PARAMS)                          \
    X(x962_der, "der", "X9.62", PART_PARAMS)                          \
    X(blob, "blob", NULL, PART_PUBLIC | PART_PARAMS)                  \
    X(msblob, "msblob", NULL, PART_PUBLIC)                            \
    X(text, "text", NULL, PART_PRIVATE | PART_PUBLIC | PART_PARAMS)

#define ENCODER_DISPATCH(id, output, structure, parts) extern const OSSL_DISPATCH encoder_##id[];
ENCODER_FORMS(ENCODER_DISPATCH)
#undef ENCODER_DISPATCH

#endif
