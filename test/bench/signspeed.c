/* Signatures per second by a key that OpenSSL's configuration makes reachable: a file, a handle file or a URI. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/*
 * signspeed KEY SECONDS [SIGNATURES]: prints signatures per second, after so many seconds and signatures. What is signed has
 * the size of a TLS 1.3 CertificateVerify's input.
 */
#define TEXT_SIZE 130
#define SIGNATURE_MAX 2048

static EVP_PKEY *load(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    while (store != NULL && key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return key;
}

static int sign(EVP_PKEY *key)
{
    static const unsigned char text[TEXT_SIZE] = { 0x20 };
    unsigned char signature[SIGNATURE_MAX];
    size_t len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const char *digest = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : "SHA256";
    int ok = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
             EVP_DigestSign(ctx, signature, &len, text, sizeof(text)) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    EVP_PKEY *key = argc == 3 || argc == 4 ? load(argv[1]) : NULL;
    long count = 0, at_least = argc == 4 ? atol(argv[3]) : 0;
    double start, elapsed;

    if (key == NULL || !sign(key)) {
        if (argc < 3 || argc > 4)
            fputs("usage: signspeed KEY SECONDS [SIGNATURES]\n", stderr);
        ERR_print_errors_fp(stderr);
        EVP_PKEY_free(key);
        return 1;
    }
    start = now();
    do {
        if (!sign(key)) {
            ERR_print_errors_fp(stderr);
            EVP_PKEY_free(key);
            return 1;
        }
        count++;
        elapsed = now() - start;
    } while (elapsed < atof(argv[2]) || count < at_least);
    printf("%.0f\n", (double)count / elapsed);
    EVP_PKEY_free(key);
    return 0;
}
