/* The key types that the provider knows: one table, which everything else asks. */
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
/* How the public half is written, and the public half of a key that has none; what a key in a box is cannot be set. */
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

#define ML_DSA_ROW(row, name)                                                                                          \
    [ALG_##row] = { name, HANDLE_##row, name, SCHEME_ML_DSA, OPT_CONTEXT | OPT_DETERMINISTIC | OPT_MU,                 \
                    raw_secrets, raw_public, raw_gettable, .own_signature = OWN(name) }
#define SLH_DSA_ROW(row, name)                                                                                         \
    [ALG_##row] = { name, HANDLE_##row, name, SCHEME_SLH_DSA, OPT_CONTEXT | OPT_DETERMINISTIC,                         \
                    raw_secrets, raw_public, raw_gettable, .own_signature = OWN(name) }

const struct alg algs[ALG_COUNT] = {
    [ALG_RSA]     = { "RSA", HANDLE_RSA, "RSA", SCHEME_RSA_PKCS1, OPT_DIGEST | OPT_PADDING,
                      rsa_secrets, rsa_public, rsa_gettable, .own_signature = OWN("RSA"), .own_cipher = OWN("RSA") },
    [ALG_RSA_PSS] = { "RSA-PSS", HANDLE_RSA_PSS, "RSA", SCHEME_RSA_PSS, OPT_DIGEST | OPT_PADDING | OPT_PSS_ONLY,
                      rsa_secrets, pss_public, pss_gettable, .own_signature = OWN("RSA"), .own_cipher = OWN("RSA") },
    [ALG_EC]      = { "EC", HANDLE_EC, "ECDSA", SCHEME_ECDSA, OPT_DIGEST | OPT_NONCE | OPT_CURVES,
                      ec_secrets, ec_public, ec_gettable, .settable = ec_settable, .own_signature = OWN("ECDSA"),
                      .own_exchange = OWN("ECDH") },
    [ALG_ED25519] = { "ED25519", HANDLE_ED25519, "ED25519", SCHEME_ED25519, OPT_INSTANCE | OPT_CONTEXT,
                      raw_secrets, raw_public, raw_gettable, .own_signature = OWN("ED25519") },
    [ALG_ED448]   = { "ED448", HANDLE_ED448, "ED448", SCHEME_ED448, OPT_INSTANCE | OPT_CONTEXT,
                      raw_secrets, raw_public, raw_gettable, .own_signature = OWN("ED448") },
    [ALG_X25519]  = { "X25519", HANDLE_X25519, NULL, 0, 0, raw_secrets, raw_public, x_gettable,
                      .settable = point_settable, .own_exchange = OWN("X25519") },
    [ALG_X448]    = { "X448", HANDLE_X448, NULL, 0, 0, raw_secrets, raw_public, x_gettable,
                      .settable = point_settable, .own_exchange = OWN("X448") },
    ML_DSA_ROW(ML_DSA_44, "ML-DSA-44"),
    ML_DSA_ROW(ML_DSA_65, "ML-DSA-65"),
    ML_DSA_ROW(ML_DSA_87, "ML-DSA-87"),
    SLH_DSA_ROW(SLH_DSA_SHA2_128S, "SLH-DSA-SHA2-128s"),
    SLH_DSA_ROW(SLH_DSA_SHA2_128F, "SLH-DSA-SHA2-128f"),
    SLH_DSA_ROW(SLH_DSA_SHA2_192S, "SLH-DSA-SHA2-192s"),
    SLH_DSA_ROW(SLH_DSA_SHA2_192F, "SLH-DSA-SHA2-192f"),
    SLH_DSA_ROW(SLH_DSA_SHA2_256S, "SLH-DSA-SHA2-256s"),
    SLH_DSA_ROW(SLH_DSA_SHA2_256F, "SLH-DSA-SHA2-256f"),
    SLH_DSA_ROW(SLH_DSA_SHAKE_128S, "SLH-DSA-SHAKE-128s"),
    SLH_DSA_ROW(SLH_DSA_SHAKE_128F, "SLH-DSA-SHAKE-128f"),
    SLH_DSA_ROW(SLH_DSA_SHAKE_192S, "SLH-DSA-SHAKE-192s"),
    SLH_DSA_ROW(SLH_DSA_SHAKE_192F, "SLH-DSA-SHAKE-192f"),
    SLH_DSA_ROW(SLH_DSA_SHAKE_256S, "SLH-DSA-SHAKE-256s"),
    SLH_DSA_ROW(SLH_DSA_SHAKE_256F, "SLH-DSA-SHAKE-256f"),
};

/*
 * Names as `default` has them, so that both mean the same type, and our own OID: OpenSSL 3.2 and later look for a
 * decoder and a key manager by the OID that they find in a PrivateKeyInfo.
 */
#define FEW_RSA                "RSA:rsaEncryption:1.2.840.113549.1.1.1"
#define FEW_RSA_PSS            "RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10"
#define FEW_EC                 "EC:id-ecPublicKey:1.2.840.10045.2.1"
#define FEW_ED25519            "ED25519:1.3.101.112"
#define FEW_ED448              "ED448:1.3.101.113"
#define FEW_X25519             "X25519:1.3.101.110"
#define FEW_X448               "X448:1.3.101.111"
#define FEW_ML_DSA_44          "ML-DSA-44"
#define FEW_ML_DSA_65          "ML-DSA-65"
#define FEW_ML_DSA_87          "ML-DSA-87"
#define FEW_SLH_DSA_SHA2_128S  "SLH-DSA-SHA2-128s"
#define FEW_SLH_DSA_SHA2_128F  "SLH-DSA-SHA2-128f"
#define FEW_SLH_DSA_SHA2_192S  "SLH-DSA-SHA2-192s"
#define FEW_SLH_DSA_SHA2_192F  "SLH-DSA-SHA2-192f"
#define FEW_SLH_DSA_SHA2_256S  "SLH-DSA-SHA2-256s"
#define FEW_SLH_DSA_SHA2_256F  "SLH-DSA-SHA2-256f"
#define FEW_SLH_DSA_SHAKE_128S "SLH-DSA-SHAKE-128s"
#define FEW_SLH_DSA_SHAKE_128F "SLH-DSA-SHAKE-128f"
#define FEW_SLH_DSA_SHAKE_192S "SLH-DSA-SHAKE-192s"
#define FEW_SLH_DSA_SHAKE_192F "SLH-DSA-SHAKE-192f"
#define FEW_SLH_DSA_SHAKE_256S "SLH-DSA-SHAKE-256s"
#define FEW_SLH_DSA_SHAKE_256F "SLH-DSA-SHAKE-256f"

#define NAMES_RSA                FEW_RSA ":" LB_HANDLE_ARC ".1"
#define NAMES_RSA_PSS            FEW_RSA_PSS ":" LB_HANDLE_ARC ".2"
#define NAMES_EC                 FEW_EC ":" LB_HANDLE_ARC ".3"
#define NAMES_ED25519            FEW_ED25519 ":" LB_HANDLE_ARC ".4"
#define NAMES_ED448              FEW_ED448 ":" LB_HANDLE_ARC ".5"
#define NAMES_X25519             FEW_X25519 ":" LB_HANDLE_ARC ".9"
#define NAMES_X448               FEW_X448 ":" LB_HANDLE_ARC ".10"
#define NAMES_ML_DSA_44          FEW_ML_DSA_44 ":MLDSA44:2.16.840.1.101.3.4.3.17:id-ml-dsa-44:" LB_HANDLE_ARC ".6"
#define NAMES_ML_DSA_65          FEW_ML_DSA_65 ":MLDSA65:2.16.840.1.101.3.4.3.18:id-ml-dsa-65:" LB_HANDLE_ARC ".7"
#define NAMES_ML_DSA_87          FEW_ML_DSA_87 ":MLDSA87:2.16.840.1.101.3.4.3.19:id-ml-dsa-87:" LB_HANDLE_ARC ".8"
#define NAMES_SLH_DSA_SHA2_128S  FEW_SLH_DSA_SHA2_128S ":id-slh-dsa-sha2-128s:2.16.840.1.101.3.4.3.20:" LB_HANDLE_ARC ".11"
#define NAMES_SLH_DSA_SHA2_128F  FEW_SLH_DSA_SHA2_128F ":id-slh-dsa-sha2-128f:2.16.840.1.101.3.4.3.21:" LB_HANDLE_ARC ".12"
#define NAMES_SLH_DSA_SHA2_192S  FEW_SLH_DSA_SHA2_192S ":id-slh-dsa-sha2-192s:2.16.840.1.101.3.4.3.22:" LB_HANDLE_ARC ".13"
#define NAMES_SLH_DSA_SHA2_192F  FEW_SLH_DSA_SHA2_192F ":id-slh-dsa-sha2-192f:2.16.840.1.101.3.4.3.23:" LB_HANDLE_ARC ".14"
#define NAMES_SLH_DSA_SHA2_256S  FEW_SLH_DSA_SHA2_256S ":id-slh-dsa-sha2-256s:2.16.840.1.101.3.4.3.24:" LB_HANDLE_ARC ".15"
#define NAMES_SLH_DSA_SHA2_256F  FEW_SLH_DSA_SHA2_256F ":id-slh-dsa-sha2-256f:2.16.840.1.101.3.4.3.25:" LB_HANDLE_ARC ".16"
#define NAMES_SLH_DSA_SHAKE_128S FEW_SLH_DSA_SHAKE_128S ":id-slh-dsa-shake-128s:2.16.840.1.101.3.4.3.26:" LB_HANDLE_ARC ".17"
#define NAMES_SLH_DSA_SHAKE_128F FEW_SLH_DSA_SHAKE_128F ":id-slh-dsa-shake-128f:2.16.840.1.101.3.4.3.27:" LB_HANDLE_ARC ".18"
#define NAMES_SLH_DSA_SHAKE_192S FEW_SLH_DSA_SHAKE_192S ":id-slh-dsa-shake-192s:2.16.840.1.101.3.4.3.28:" LB_HANDLE_ARC ".19"
#define NAMES_SLH_DSA_SHAKE_192F FEW_SLH_DSA_SHAKE_192F ":id-slh-dsa-shake-192f:2.16.840.1.101.3.4.3.29:" LB_HANDLE_ARC ".20"
#define NAMES_SLH_DSA_SHAKE_256S FEW_SLH_DSA_SHAKE_256S ":id-slh-dsa-shake-256s:2.16.840.1.101.3.4.3.30:" LB_HANDLE_ARC ".21"
#define NAMES_SLH_DSA_SHAKE_256F FEW_SLH_DSA_SHAKE_256F ":id-slh-dsa-shake-256f:2.16.840.1.101.3.4.3.31:" LB_HANDLE_ARC ".22"

#define PROPERTIES         "provider=littlebox"
#define PROPERTIES_DECODER PROPERTIES ",input=der,structure=PrivateKeyInfo"
#define DESCRIPTION        "private key in a littlebox"
#define END                { NULL, NULL, NULL, NULL }

const OSSL_ALGORITHM alg_keymgmt[] = {
#define KEYMGMT_LINE(row) { NAMES_##row, PROPERTIES, keymgmt_##row, DESCRIPTION },
    ALG_ROWS(KEYMGMT_LINE)
    END
};

const OSSL_ALGORITHM alg_keymgmt_few[] = {
#define KEYMGMT_FEW(row) { FEW_##row, PROPERTIES, keymgmt_##row, DESCRIPTION },
    ALG_ROWS(KEYMGMT_FEW)
    END
};

/* The name is that of what comes out of it, as libcrypto looks for what comes before another decoder. */
#define P11PEM_LINE { "DER", PROPERTIES ",input=pem", decoder_p11pem, "reference to a key on a token" },

const OSSL_ALGORITHM alg_decoder[] = {
#define DECODER_LINE(row) { NAMES_##row, PROPERTIES_DECODER, decoder_##row, DESCRIPTION },
    ALG_ROWS(DECODER_LINE)
    P11PEM_LINE
    END
};

const OSSL_ALGORITHM alg_decoder_few[] = {
    ALG_ROWS_FIRST(DECODER_LINE)
    P11PEM_LINE
    END
};

#define ENCODER(row, form, output) { NAMES_##row, PROPERTIES ",output=" output, encoder_##form, DESCRIPTION },
#define ENCODER_PAIR(row, form, structure)                \
    ENCODER(row, form##_pem, "pem,structure=" structure) \
    ENCODER(row, form##_der, "der,structure=" structure)

/*
 * The lines of every row, and around them what some have besides. The order of the lines of a row is that of `default`:
 * where several fit, libcrypto takes the last one.
 */
const OSSL_ALGORITHM alg_encoder[] = {
    ENCODER_PAIR(RSA, pair, "type-specific")
    ENCODER_PAIR(EC, params, "type-specific")
    ENCODER(EC, blob, "blob")
    ENCODER(RSA, msblob, "msblob")
#define ENCODER_LINES(row)                          \
    ENCODER_PAIR(row, handle, "PrivateKeyInfo")     \
    ENCODER_PAIR(row, spki, "SubjectPublicKeyInfo") \
    ENCODER(row, text, "text")
    ALG_ROWS(ENCODER_LINES)
    ENCODER_PAIR(RSA, rsa, "rsa")
    ENCODER_PAIR(EC, ec, "ec")
    ENCODER_PAIR(RSA, pkcs1, "pkcs1")
    ENCODER_PAIR(RSA_PSS, pkcs1, "pkcs1")
    ENCODER_PAIR(EC, x962, "X9.62")
    END
};

/* A row by its common names, and the same by our own. */
#define TWICE(names, own, functions)                   \
    { names, PROPERTIES, functions, DESCRIPTION },     \
    { OWN(own), PROPERTIES, functions, DESCRIPTION },

/* By key type, and as OpenSSL 3.4 and later fetch them: scheme and digest in one, under the names of sigalg.h. */
#define SIGNATURES_FIRST                                                \
    TWICE("RSA:rsaEncryption:1.2.840.113549.1.1.1", "RSA", signature_rsa) \
    TWICE("ECDSA", "ECDSA", signature_ecdsa)                            \
    TWICE("ED25519:1.3.101.112", "ED25519", signature_ed25519)          \
    TWICE("ED448:1.3.101.113", "ED448", signature_ed448)

const OSSL_ALGORITHM alg_signature[] = {
    SIGNATURES_FIRST
#define SIGNATURE_LINE(row, name, oid) TWICE(name ":" oid, name, signature_texts)
    SIGNATURES_OF_TEXTS(SIGNATURE_LINE)
#ifdef OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT
#define SIGALG_LINE(row, name, names, scheme, digest, family) { name names, PROPERTIES, sigalg_##row, DESCRIPTION },
    SIGALG_ROWS(SIGALG_LINE)
#endif
    END
};

const OSSL_ALGORITHM alg_signature_few[] = {
    SIGNATURES_FIRST
    END
};

const OSSL_ALGORITHM alg_cipher[] = {
    TWICE("RSA:rsaEncryption:1.2.840.113549.1.1.1", "RSA", cipher_functions)
    END
};

const OSSL_ALGORITHM alg_exchange[] = {
    TWICE("ECDH", "ECDH", exchange_ecdh)
    TWICE("X25519:1.3.101.110", "X25519", exchange_ecx)
    TWICE("X448:1.3.101.111", "X448", exchange_ecx)
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
