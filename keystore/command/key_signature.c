/* How a key of a box signs a text, and how that signature is verified with its public half. */
#include "command/key_signature.h"

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "model/key_types.h"

static int digest_param(EVP_PKEY *key, const char *param)
{
    char name[64];

    /* RFC 4055 3.1: a restriction that names no digest is to SHA-1. libcrypto says nothing then. */
    if (EVP_PKEY_get_utf8_string_param(key, param, name, sizeof(name), NULL) <= 0)
        return DIGEST_SHA1;
    return digest_by_name(name);
}

/* An RSA-PSS key may be restricted to digests and to a least salt. */
static int pss_options(EVP_PKEY *key, struct sign_request *m)
{
    int salt = 0, digest = m->digest, mgf1 = m->digest;

    if (EVP_PKEY_get_int_param(key, OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, &salt) > 0) {
        digest = digest_param(key, OSSL_PKEY_PARAM_RSA_DIGEST);
        mgf1 = digest_param(key, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST);
    }
    if (digest < 0 || mgf1 < 0 || salt < 0 || salt > UINT16_MAX)
        return LB_E_SCHEME;
    m->digest = (uint8_t)digest;
    m->mgf1_digest = (uint8_t)mgf1;
    m->salt_len = salt > (int)digest_size(m->digest) ? (uint16_t)salt : (uint16_t)digest_size(m->digest);
    return 0;
}

int key_signature_how(EVP_PKEY *key, enum digest digest, struct sign_request *m, struct problem *p)
{
    const struct key_algorithm *a = key_algorithm_of(key);

    if (a == NULL || (a->operations & KEY_SIGNS) == 0)
        return problem_set(p, LB_E_SCHEME, "this type of key does not sign");
    m->scheme = (uint8_t)a->proof_scheme;
    m->digest = (uint8_t)(a->proof_digest == DIGEST_NONE || digest == DIGEST_NONE ? a->proof_digest : digest);
    if (a->proof_scheme == SCHEME_RSA_PSS && pss_options(key, m) != 0)
        return problem_set(p, LB_E_SCHEME, "the key is restricted to a digest that a box does not use");
    return 0;
}

EVP_MD_CTX *key_signature_verifier(EVP_PKEY *key, const struct sign_request *m, EVP_PKEY_CTX **ret_options)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();

    *ret_options = NULL;
    if (ctx != NULL && EVP_DigestVerifyInit_ex(ctx, ret_options, digest_name(m->digest), NULL, NULL, key, NULL) > 0 &&
        (m->scheme != SCHEME_RSA_PSS ||
         (EVP_PKEY_CTX_set_rsa_pss_saltlen(*ret_options, m->salt_len) > 0 &&
          EVP_PKEY_CTX_set_rsa_mgf1_md_name(*ret_options, digest_name(m->mgf1_digest), NULL) > 0)))
        return ctx;
    EVP_MD_CTX_free(ctx);
    return NULL;
}
