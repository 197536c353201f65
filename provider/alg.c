/* What OpenSSL wants to know of each key type of model/key_types.h: one table, which everything else asks. */
#include "alg.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "model/handle.h"
#include "model/pkcs11_uri.h"
#include "model/scheme.h"
#include "model/uri.h"
#include "sigalg.h"

static const char *const rsa_secrets[] = { OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, NULL };
/* Of EC a "seed" is public: that of the curve. */
static const char *const ec_secrets[] = { OSSL_PKEY_PARAM_PRIV_KEY, NULL };
/* The seed is ML-DSA's. */
static const char *const raw_secrets[] = { OSSL_PKEY_PARAM_PRIV_KEY, "seed", NULL };

#ifdef OSSL_PKEY_PARAM_SECURITY_CATEGORY /* OpenSSL 3.6 */
#define CATEGORY_GETTABLE OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_CATEGORY, NULL),
#else
#define CATEGORY_GETTABLE
#endif
#define COMMON_GETTABLE                                           \
    CATEGORY_GETTABLE                                             \
    OSSL_PARAM_int(OSSL_PKEY_PARAM_BITS, NULL),                   \
    OSSL_PARAM_int(OSSL_PKEY_PARAM_SECURITY_BITS, NULL),          \
    OSSL_PARAM_int(OSSL_PKEY_PARAM_MAX_SIZE, NULL)
#define DIGEST_GETTABLE                                           \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_DEFAULT_DIGEST, NULL, 0), \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_MANDATORY_DIGEST, NULL, 0)
#define RSA_PUBLIC                                                \
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_N, NULL, 0),                \
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0)
#define PSS_PUBLIC                                                \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST, NULL, 0),  \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_MASKGENFUNC, NULL, 0), \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, NULL, 0), \
    OSSL_PARAM_int(OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, NULL)
#define EC_PUBLIC                                                 \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),  \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0), \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0), \
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_FIELD_TYPE, NULL, 0), \
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_P, NULL, 0),                 \
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_A, NULL, 0),                 \
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_B, NULL, 0),                 \
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_EC_GENERATOR, NULL, 0), \
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_ORDER, NULL, 0),             \
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_COFACTOR, NULL, 0),          \
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_EC_SEED, NULL, 0),    \
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0)
#define RAW_PUBLIC OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_PUB_KEY, NULL, 0)

#ifdef OSSL_PKEY_PARAM_EC_FIELD_DEGREE /* OpenSSL 4.0 */
#define DEGREE_GETTABLE OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_FIELD_DEGREE, NULL),
#else
#define DEGREE_GETTABLE
#endif

static const OSSL_PARAM rsa_public[] = { RSA_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM rsa_gettable[] = { COMMON_GETTABLE, DIGEST_GETTABLE, RSA_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM pss_public[] = { RSA_PUBLIC, PSS_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM pss_gettable[] = { COMMON_GETTABLE, DIGEST_GETTABLE, RSA_PUBLIC, PSS_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM ec_public[] = { EC_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM ec_gettable[] = {
    COMMON_GETTABLE, DIGEST_GETTABLE, EC_PUBLIC, DEGREE_GETTABLE
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, NULL, 0),
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, NULL, 0),
    OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, NULL),
    OSSL_PARAM_int(OSSL_PKEY_PARAM_USE_COFACTOR_FLAG, NULL),
    OSSL_PARAM_END
};
/* Set can be how the public half is written, and the public half of a key without one. What a key in a box is cannot. */
#define POINT_SETTABLE OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0)
static const OSSL_PARAM ec_settable[] = {
    POINT_SETTABLE,
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0),
    OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
    OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC, NULL),
    OSSL_PARAM_int(OSSL_PKEY_PARAM_USE_COFACTOR_FLAG, NULL),
    OSSL_PARAM_END
};
static const OSSL_PARAM point_settable[] = { POINT_SETTABLE, OSSL_PARAM_END };
static const OSSL_PARAM raw_public[] = { RAW_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM x_gettable[] = {
    COMMON_GETTABLE, RAW_PUBLIC, OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0), OSSL_PARAM_END
};
static const OSSL_PARAM raw_gettable[] = { COMMON_GETTABLE, DIGEST_GETTABLE, RAW_PUBLIC, OSSL_PARAM_END };

#define OWN(name) "littlebox-" name

/* What each family has besides the names: signature, scheme, options, parameters, own names. */
#define ALG_OF_RSA(name)                                                                                               \
    "RSA", SCHEME_RSA_PKCS1, OPT_DIGEST | OPT_PADDING, rsa_secrets, rsa_public, rsa_gettable,                          \
        .own_signature = OWN("RSA"), .own_cipher = OWN("RSA")
#define ALG_OF_RSA_PSS(name)                                                                                           \
    "RSA", SCHEME_RSA_PSS, OPT_DIGEST | OPT_PADDING | OPT_PSS_ONLY, rsa_secrets, pss_public, pss_gettable,             \
        .own_signature = OWN("RSA"), .own_cipher = OWN("RSA")
#define ALG_OF_EC(name)                                                                                                \
    "ECDSA", SCHEME_ECDSA, OPT_DIGEST | OPT_NONCE | OPT_CURVES, ec_secrets, ec_public, ec_gettable,                    \
        .settable = ec_settable, .own_signature = OWN("ECDSA"), .own_exchange = OWN("ECDH")
#define ALG_OF_ED25519(name)                                                                                           \
    name, SCHEME_ED25519, OPT_INSTANCE | OPT_CONTEXT, raw_secrets, raw_public, raw_gettable, .own_signature = OWN(name)
#define ALG_OF_ED448(name)                                                                                             \
    name, SCHEME_ED448, OPT_INSTANCE | OPT_CONTEXT, raw_secrets, raw_public, raw_gettable, .own_signature = OWN(name)
#define ALG_OF_X25519(name)                                                                                            \
    NULL, 0, 0, raw_secrets, raw_public, x_gettable, .settable = point_settable, .own_exchange = OWN(name)
#define ALG_OF_X448(name) ALG_OF_X25519(name)
#define ALG_OF_ML_DSA(name)                                                                                            \
    name, SCHEME_ML_DSA, OPT_CONTEXT | OPT_DETERMINISTIC | OPT_MU, raw_secrets, raw_public, raw_gettable,              \
        .own_signature = OWN(name)
#define ALG_OF_SLH_DSA(name)                                                                                           \
    name, SCHEME_SLH_DSA, OPT_CONTEXT | OPT_DETERMINISTIC, raw_secrets, raw_public, raw_gettable,                      \
        .own_signature = OWN(name)

#define ALG_LINE(row, number, name, aliases, oid, family, ...)                                                         \
    [ALG_##row] = { name, number, &key_algorithms[KEY_ALGORITHM_##row], ALG_OF_##family(name) },

const struct alg algs[ALG_COUNT] = { ALG_ROWS(ALG_LINE) };

/*
 * Names as `default` has them, so that both mean the same type, and our own OID: OpenSSL 3.2 and later look for a
 * decoder and a key manager by the OID that they find in a PrivateKeyInfo.
 */
#define DEFAULT_NAMES(name, aliases, oid) name aliases ":" oid
#define NAMES(number, name, aliases, oid) DEFAULT_NAMES(name, aliases, oid) ":" LB_HANDLE_ARC "." #number

#define PROPERTIES         "provider=littlebox"
#define PROPERTIES_DECODER PROPERTIES ",input=der,structure=PrivateKeyInfo"
#define DESCRIPTION        "private key in a littlebox"
#define END                { NULL, NULL, NULL, NULL }

#define KEYMGMT(row, names) { names, PROPERTIES, keymgmt_##row, DESCRIPTION },

const OSSL_ALGORITHM alg_keymgmt[] = {
#define KEYMGMT_LINE(row, number, name, aliases, oid, ...) KEYMGMT(row, NAMES(number, name, aliases, oid))
    ALG_ROWS(KEYMGMT_LINE)
    END
};

const OSSL_ALGORITHM alg_keymgmt_few[] = {
#define KEYMGMT_FIRST(row, number, name, aliases, oid, ...) KEYMGMT(row, DEFAULT_NAMES(name, aliases, oid))
#define KEYMGMT_LATER(row, number, name, ...) KEYMGMT(row, name)
    ALG_ROWS_FIRST(KEYMGMT_FIRST)
    ALG_ROWS_NEWER(KEYMGMT_LATER)
    END
};

/* The decoder is called by what comes out of it: that is how libcrypto finds what to put before another decoder. */
#define P11PEM_LINE { "DER", PROPERTIES ",input=pem", decoder_p11pem, "reference to a key on a token" },

const OSSL_ALGORITHM alg_decoder[] = {
#define DECODER_LINE(row, number, name, aliases, oid, ...)                                                             \
    { NAMES(number, name, aliases, oid), PROPERTIES_DECODER, decoder_##row, DESCRIPTION },
    ALG_ROWS(DECODER_LINE)
    P11PEM_LINE
    END
};

const OSSL_ALGORITHM alg_decoder_few[] = {
    ALG_ROWS_FIRST(DECODER_LINE)
    P11PEM_LINE
    END
};

#define ENCODER(names, form, output) { names, PROPERTIES ",output=" output, encoder_##form, DESCRIPTION },
#define ENCODER_PAIR(names, form, structure)                \
    ENCODER(names, form##_pem, "pem,structure=" structure) \
    ENCODER(names, form##_der, "der,structure=" structure)

/* Encoders of some families, before and behind those of every row. */
#define ENCODERS_BEFORE_RSA(names) ENCODER_PAIR(names, pair, "type-specific") ENCODER(names, msblob, "msblob")
#define ENCODERS_BEFORE_RSA_PSS(names)
#define ENCODERS_BEFORE_EC(names) ENCODER_PAIR(names, params, "type-specific") ENCODER(names, blob, "blob")
#define ENCODERS_BEFORE_ED25519(names)
#define ENCODERS_BEFORE_ED448(names)
#define ENCODERS_BEFORE_X25519(names)
#define ENCODERS_BEFORE_X448(names)
#define ENCODERS_BEFORE_ML_DSA(names)
#define ENCODERS_BEFORE_SLH_DSA(names)
#define ENCODERS_BEHIND_RSA(names) ENCODER_PAIR(names, rsa, "rsa") ENCODER_PAIR(names, pkcs1, "pkcs1")
#define ENCODERS_BEHIND_RSA_PSS(names) ENCODER_PAIR(names, pkcs1, "pkcs1")
#define ENCODERS_BEHIND_EC(names) ENCODER_PAIR(names, ec, "ec") ENCODER_PAIR(names, x962, "X9.62")
#define ENCODERS_BEHIND_ED25519(names)
#define ENCODERS_BEHIND_ED448(names)
#define ENCODERS_BEHIND_X25519(names)
#define ENCODERS_BEHIND_X448(names)
#define ENCODERS_BEHIND_ML_DSA(names)
#define ENCODERS_BEHIND_SLH_DSA(names)

/* A row's lines have the order of `default`, since libcrypto takes the last one that fits. */
const OSSL_ALGORITHM alg_encoder[] = {
#define ENCODERS_EVERY(names)                         \
    ENCODER_PAIR(names, handle, "PrivateKeyInfo")     \
    ENCODER_PAIR(names, spki, "SubjectPublicKeyInfo") \
    ENCODER(names, text, "text")
#define ENCODERS(family, names) ENCODERS_BEFORE_##family(names) ENCODERS_EVERY(names) ENCODERS_BEHIND_##family(names)
#define ENCODER_LINES(row, number, name, aliases, oid, family, ...) ENCODERS(family, NAMES(number, name, aliases, oid))
    ALG_ROWS(ENCODER_LINES)
    END
};

/* A row by its common names, and the same by our own. */
#define TWICE(names, own, functions)                   \
    { names, PROPERTIES, functions, DESCRIPTION },     \
    { OWN(own), PROPERTIES, functions, DESCRIPTION },

/*
 * Signatures by key type, whose names names are; then those that OpenSSL 3.4 and later fetch, with scheme and digest in one,
 * under the names of sigalg.h. Signatures with RSA-PSS keys are fetched as RSA.
 */
#define SIGNATURES_RSA(name, names) TWICE(names, name, signature_rsa)
#define SIGNATURES_RSA_PSS(name, names)
#define SIGNATURES_EC(name, names) TWICE("ECDSA", "ECDSA", signature_ecdsa)
#define SIGNATURES_ED25519(name, names) TWICE(names, name, signature_ed25519)
#define SIGNATURES_ED448(name, names) TWICE(names, name, signature_ed448)
#define SIGNATURES_X25519(name, names)
#define SIGNATURES_X448(name, names)
#define SIGNATURES_ML_DSA(name, names) TWICE(names, name, signature_texts)
#define SIGNATURES_SLH_DSA(name, names) TWICE(names, name, signature_texts)
#define SIGNATURE_LINES(row, number, name, aliases, oid, family, ...)                                                  \
    SIGNATURES_##family(name, DEFAULT_NAMES(name, aliases, oid))

const OSSL_ALGORITHM alg_signature[] = {
    ALG_ROWS(SIGNATURE_LINES)
#ifdef OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT
#define SIGALG_LINE(row, name, names, scheme, digest, family) { name names, PROPERTIES, sigalg_##row, DESCRIPTION },
    SIGALG_ROWS(SIGALG_LINE)
#endif
    END
};

const OSSL_ALGORITHM alg_signature_few[] = {
    ALG_ROWS_FIRST(SIGNATURE_LINES)
    END
};

#define CIPHERS_RSA(name, names) TWICE(names, name, cipher_functions)
#define CIPHERS_RSA_PSS(name, names)
#define CIPHERS_EC(name, names)
#define CIPHERS_ED25519(name, names)
#define CIPHERS_ED448(name, names)
#define CIPHERS_X25519(name, names)
#define CIPHERS_X448(name, names)
#define CIPHERS_ML_DSA(name, names)
#define CIPHERS_SLH_DSA(name, names)
#define CIPHER_LINES(row, number, name, aliases, oid, family, ...)                                                     \
    CIPHERS_##family(name, DEFAULT_NAMES(name, aliases, oid))

const OSSL_ALGORITHM alg_cipher[] = {
    ALG_ROWS(CIPHER_LINES)
    END
};

#define EXCHANGES_RSA(name, names)
#define EXCHANGES_RSA_PSS(name, names)
#define EXCHANGES_EC(name, names) TWICE("ECDH", "ECDH", exchange_ecdh)
#define EXCHANGES_ED25519(name, names)
#define EXCHANGES_ED448(name, names)
#define EXCHANGES_X25519(name, names) TWICE(names, name, exchange_ecx)
#define EXCHANGES_X448(name, names) TWICE(names, name, exchange_ecx)
#define EXCHANGES_ML_DSA(name, names)
#define EXCHANGES_SLH_DSA(name, names)
#define EXCHANGE_LINES(row, number, name, aliases, oid, family, ...)                                                   \
    EXCHANGES_##family(name, DEFAULT_NAMES(name, aliases, oid))

const OSSL_ALGORITHM alg_exchange[] = {
    ALG_ROWS(EXCHANGE_LINES)
    END
};

const OSSL_ALGORITHM alg_store[] = {
    { LB_URI_SCHEME, PROPERTIES, store_functions, "keys in littleboxes" },
    { LB_P11_SCHEME, PROPERTIES, store_p11_functions, "keys on the tokens of littleboxes" },
    END
};

const struct alg *alg_by_handle_type(unsigned handle_type)
{
    for (size_t i = 0; i < ALG_COUNT; i++) {
        if (algs[i].handle_type == handle_type)
            return &algs[i];
    }
    return NULL;
}
