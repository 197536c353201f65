/* EMSA-PSS (RFC 8017 9.1.1) by libcrypto, for tokens that have RSA but not this padding of it. */

/* libcrypto gives the padded block alone only by functions that it calls deprecated. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/rsa.h>

#include "token/evp.h"

bool p11_pss_pad(EVP_PKEY *pub, const char *digest, const char *mgf1, size_t salt_len, struct bytes hash, uint8_t *out)
{
    EVP_MD *md = EVP_MD_fetch(NULL, digest, NULL), *mask = EVP_MD_fetch(NULL, mgf1, NULL);
    RSA *rsa = EVP_PKEY_get1_RSA(pub);
    bool ok = md != NULL && mask != NULL && rsa != NULL && hash.len == (size_t)EVP_MD_get_size(md) &&
              RSA_padding_add_PKCS1_PSS_mgf1(rsa, out, hash.p, md, mask, (int)salt_len) > 0;

    RSA_free(rsa);
    EVP_MD_free(mask);
    EVP_MD_free(md);
    return ok;
}
