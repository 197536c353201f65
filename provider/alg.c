/* The key types that the provider knows: one table, which everything else asks. */
#include "alg.h"

#include <openssl/core_names.h>
#include <openssl/params.h>

#include "../keystore/handle.h"
#include "../keystore/scheme.h"
#include "../keystore/uri.h"

static const char *const rsa_secrets[] = { OSSL_PKEY_PARAM_RSA_D, OSSL_PKEY_PARAM_RSA_FACTOR1, NULL };
static const char *const raw_secrets[] = { OSSL_PKEY_PARAM_PRIV_KEY, NULL };

#define COMMON_GETTABLE                                           \
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

static const OSSL_PARAM rsa_public[] = { RSA_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM rsa_gettable[] = { COMMON_GETTABLE, DIGEST_GETTABLE, RSA_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM pss_public[] = { RSA_PUBLIC, PSS_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM pss_gettable[] = { COMMON_GETTABLE, DIGEST_GETTABLE, RSA_PUBLIC, PSS_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM ec_public[] = { EC_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM ec_gettable[] = {
    COMMON_GETTABLE, DIGEST_GETTABLE, EC_PUBLIC,
    OSSL_PARAM_octet_string(OSSL_PKEY_PARAM_ENCODED_PUBLIC_KEY, NULL, 0),
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_X, NULL, 0),
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_EC_PUB_Y, NULL, 0),
    OSSL_PARAM_int(OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, NULL),
    OSSL_PARAM_END
};
static const OSSL_PARAM raw_public[] = { RAW_PUBLIC, OSSL_PARAM_END };
static const OSSL_PARAM raw_gettable[] = { COMMON_GETTABLE, DIGEST_GETTABLE, RAW_PUBLIC, OSSL_PARAM_END };

const struct alg algs[ALG_COUNT] = {
    [ALG_RSA]     = { "RSA", HANDLE_RSA, "RSA", SCHEME_RSA_PKCS1, OPT_DIGEST | OPT_PADDING,
                      rsa_secrets, rsa_public, rsa_gettable },
    [ALG_RSA_PSS] = { "RSA-PSS", HANDLE_RSA_PSS, "RSA", SCHEME_RSA_PSS, OPT_DIGEST | OPT_PADDING | OPT_PSS_ONLY,
                      rsa_secrets, pss_public, pss_gettable },
    [ALG_EC]      = { "EC", HANDLE_EC, "ECDSA", SCHEME_ECDSA, OPT_DIGEST, raw_secrets, ec_public, ec_gettable },
    [ALG_ED25519] = { "ED25519", HANDLE_ED25519, "ED25519", SCHEME_ED25519, 0, raw_secrets, raw_public, raw_gettable },
    [ALG_ED448]   = { "ED448", HANDLE_ED448, "ED448", SCHEME_ED448, 0, raw_secrets, raw_public, raw_gettable },
};

/*
 * Names as `default` has them, so that both mean the same type, and our own OID: OpenSSL 3.2 and later look for a
 * decoder and a key manager by the OID that they find in a PrivateKeyInfo.
 */
#define NAMES_RSA     "RSA:rsaEncryption:1.2.840.113549.1.1.1:" LB_HANDLE_ARC ".1"
#define NAMES_RSA_PSS "RSA-PSS:RSASSA-PSS:1.2.840.113549.1.1.10:" LB_HANDLE_ARC ".2"
#define NAMES_EC      "EC:id-ecPublicKey:1.2.840.10045.2.1:" LB_HANDLE_ARC ".3"
#define NAMES_ED25519 "ED25519:1.3.101.112:" LB_HANDLE_ARC ".4"
#define NAMES_ED448   "ED448:1.3.101.113:" LB_HANDLE_ARC ".5"

#define PROPERTIES         "provider=littlebox"
#define PROPERTIES_DECODER PROPERTIES ",input=der,structure=PrivateKeyInfo"
#define PROPERTIES_PEM     PROPERTIES ",output=pem,structure=PrivateKeyInfo"
#define PROPERTIES_DER     PROPERTIES ",output=der,structure=PrivateKeyInfo"
#define DESCRIPTION        "private key in a littlebox"
#define END                { NULL, NULL, NULL, NULL }

const OSSL_ALGORITHM alg_keymgmt[] = {
    { NAMES_RSA,     PROPERTIES, keymgmt_RSA,     DESCRIPTION },
    { NAMES_RSA_PSS, PROPERTIES, keymgmt_RSA_PSS, DESCRIPTION },
    { NAMES_EC,      PROPERTIES, keymgmt_EC,      DESCRIPTION },
    { NAMES_ED25519, PROPERTIES, keymgmt_ED25519, DESCRIPTION },
    { NAMES_ED448,   PROPERTIES, keymgmt_ED448,   DESCRIPTION },
    END
};

const OSSL_ALGORITHM alg_signature[] = {
    { "RSA:rsaEncryption:1.2.840.113549.1.1.1", PROPERTIES, signature_functions, DESCRIPTION },
    { "ECDSA",                                  PROPERTIES, signature_functions, DESCRIPTION },
    { "ED25519:1.3.101.112",                    PROPERTIES, signature_functions, DESCRIPTION },
    { "ED448:1.3.101.113",                      PROPERTIES, signature_functions, DESCRIPTION },
    END
};

const OSSL_ALGORITHM alg_decoder[] = {
    { NAMES_RSA,     PROPERTIES_DECODER, decoder_RSA,     DESCRIPTION },
    { NAMES_RSA_PSS, PROPERTIES_DECODER, decoder_RSA_PSS, DESCRIPTION },
    { NAMES_EC,      PROPERTIES_DECODER, decoder_EC,      DESCRIPTION },
    { NAMES_ED25519, PROPERTIES_DECODER, decoder_ED25519, DESCRIPTION },
    { NAMES_ED448,   PROPERTIES_DECODER, decoder_ED448,   DESCRIPTION },
    END
};

const OSSL_ALGORITHM alg_encoder[] = {
    { NAMES_RSA,     PROPERTIES_PEM, encoder_pem, DESCRIPTION },
    { NAMES_RSA,     PROPERTIES_DER, encoder_der, DESCRIPTION },
    { NAMES_RSA_PSS, PROPERTIES_PEM, encoder_pem, DESCRIPTION },
    { NAMES_RSA_PSS, PROPERTIES_DER, encoder_der, DESCRIPTION },
    { NAMES_EC,      PROPERTIES_PEM, encoder_pem, DESCRIPTION },
    { NAMES_EC,      PROPERTIES_DER, encoder_der, DESCRIPTION },
    { NAMES_ED25519, PROPERTIES_PEM, encoder_pem, DESCRIPTION },
    { NAMES_ED25519, PROPERTIES_DER, encoder_der, DESCRIPTION },
    { NAMES_ED448,   PROPERTIES_PEM, encoder_pem, DESCRIPTION },
    { NAMES_ED448,   PROPERTIES_DER, encoder_der, DESCRIPTION },
    END
};

const OSSL_ALGORITHM alg_store[] = {
    { LB_URI_SCHEME, PROPERTIES, store_functions, "keys in littleboxes" },
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
