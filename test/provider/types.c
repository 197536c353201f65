/* The key types of the provider, and a box with a key of each: what the tests walk over. */
#include "types.h"

#include <openssl/err.h>
#include <string.h>

const struct type types[ALL_TYPES] = {
    { "rsa", "rsa:2048", "RSA", "SHA1 SHA256 SHA384 SHA512 SHA3-256 SHA512-256" },
    { "pss", "rsa-pss:2048", "RSA-PSS", "SHA256 SHA384 SHA512" },
    { "pss256", "rsa-pss:2048:sha256", "RSA-PSS", "SHA256" },
    { "p256", "ec:P-256", "EC", "SHA1 SHA224 SHA256 SHA384 SHA512 SHA3-512" },
    { "p384", "ec:P-384", "EC", "SHA256 SHA384" },
    { "p521", "ec:P-521", "EC", "SHA256 SHA512" },
    { "ed25519", "ed25519", "ED25519", NULL },
    { "ed448", "ed448", "ED448", NULL },
#if OPENSSL_VERSION_PREREQ(3, 5)
    { "mldsa", "ml-dsa-44", "ML-DSA-44", NULL },
    { "slhdsa", "slh-dsa-sha2-128f", "SLH-DSA-SHA2-128f", NULL },
#endif
};

OSSL_LIB_CTX *contexts[2];
struct boxproc box;

void types_begin(void)
{
    boxproc_new(&box, "default");
    for (size_t i = 0; i < ALL_TYPES; i++)
        boxproc_create(&box, types[i].key, types[i].type);
    for (size_t c = 0; c < 2; c++)
        contexts[c] = new_libctx(box.dir, /* littlebox_first= */ c == 0, "");
}

void types_end(void)
{
    for (size_t c = 0; c < 2; c++)
        OSSL_LIB_CTX_free(contexts[c]);
    boxproc_free(&box);
}

void each(void (*test)(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain))
{
    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < ALL_TYPES; i++) {
            EVP_PKEY *key = load_key(contexts[c], types[i].key), *plain = plain_public(key);
            unsigned failed = CU_get_number_of_failures();

            test(contexts[c], &types[i], key, plain);
            if (CU_get_number_of_failures() != failed) {
                fprintf(stderr, "\nfailed for %s, %s first\n", types[i].type, c == 0 ? "littlebox" : "default");
                ERR_print_errors_fp(stderr);
            }
            ERR_clear_error();
            EVP_PKEY_free(plain);
            EVP_PKEY_free(key);
        }
    }
}

bool in_list(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *p = list; (p = strstr(p, word)) != NULL; p += len) {
        if ((p == list || p[-1] == ' ') && (p[len] == '\0' || p[len] == ' '))
            return true;
    }
    return false;
}
