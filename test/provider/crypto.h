/* What every test of the provider does with OpenSSL: library contexts, keys in, signatures checked. */
#ifndef LB_TEST_CRYPTO_H
#define LB_TEST_CRYPTO_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "model/uri.h"
#include "boxproc.h"

/*
 * A library context configured from a file, as a program has it: littlebox and default, in that order or the other;
 * settings are further lines of the provider's section, "" for none. dir is where the boxes' sockets are; NULL: not
 * said.
 */
OSSL_LIB_CTX *new_libctx(const char *dir, bool littlebox_first, const char *settings);
/* The same with the providers of these letters, in their order: D default, B base, L littlebox. */
OSSL_LIB_CTX *new_libctx_of(const char *dir, const char *providers);
/* The same with littlebox and no other provider. */
OSSL_LIB_CTX *new_libctx_alone(const char *dir);
/* As a program makes one for itself: providers are loaded by name, and no configuration is read. */
struct bare_libctx {
    OSSL_LIB_CTX *libctx;
    OSSL_PROVIDER *providers[2];
};
void bare_libctx_new(struct bare_libctx *b);
void bare_libctx_free(struct bare_libctx *b);

/*
 * The same without littlebox, which OSSL_PROVIDER_load(libctx, "littlebox") brings in later. default_configured: the
 * file activates `default`; else it is there because nobody activates any provider.
 */
OSSL_LIB_CTX *new_libctx_without(const char *dir, bool default_configured);

/* The key of a store URI; expect is an OSSL_STORE_INFO_* or 0. NULL: an error is on the queue. */
EVP_PKEY *load_uri(OSSL_LIB_CTX *libctx, const char *uri, int expect);
/* "littlebox:KEY", which must be there. */
EVP_PKEY *load_key(OSSL_LIB_CTX *libctx, const char *key);

/* A new key of `default`, of a type as `littlebox create` has it: "rsa:2048", "rsa-pss:2048:sha256", "ec:P-256". */
EVP_PKEY *plain_key(OSSL_LIB_CTX *libctx, const char *type);

/* The handle file of a key, freed with OPENSSL_free(). */
char *handle_pem(EVP_PKEY *key);
/* The URI in a handle file, which must be one. */
void handle_uri(const char *pem, char ret[LB_URI_MAX + 1]);
/* A reference file as pkcs11-provider writes it, freed with OPENSSL_free(). */
char *reference_pem(const char *description, const char *uri);
/* "pkcs11:token=BOX;object=KEY;type=private" in one. */
char *reference_to(const struct boxproc *box, const char *key);
/* PEM_read_bio_PrivateKey_ex, without a passphrase. */
EVP_PKEY *load_pem(OSSL_LIB_CTX *libctx, const char *pem);

/* The public half as a key of the default provider in a context of its own, which knows nothing of littlebox. */
EVP_PKEY *plain_public(EVP_PKEY *key);

/* One-shot EVP_DigestSign; digest NULL: the key's own. The length, 0 on failure. */
size_t sign_text(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const char *digest, const void *text, size_t len, uint8_t *sig,
                 size_t size);
/* With a public key from plain_public(). */
bool verify_text(EVP_PKEY *plain, const char *digest, const void *text, size_t len, const uint8_t *sig, size_t sig_len);
/* A key and its plain public half agree over a fresh signature. */
bool signs(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *plain);

/* Is there an error on the queue whose reason or data contains text? Empties the queue; prints it if there is not. */
bool error_says(const char *text);
/* The same, and the error must come from the provider. */
bool littlebox_says(const char *text);

#endif
