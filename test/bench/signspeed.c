/* Signatures per second by a key that OpenSSL's configuration makes reachable: a file, a handle file or a URI. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/*
 * signspeed KEY SECONDS [THREADS]: prints signatures per second, of all threads together. What is signed has the size of
 * a TLS 1.3 CertificateVerify's input.
 */
#define THREADS_MAX 256
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

struct signer {
    pthread_t thread;
    EVP_PKEY *key;
    double seconds, per_second; /* 0: it failed */
};

static void *run(void *arg)
{
    struct signer *s = arg;
    double start = now(), elapsed;
    long count = 0;

    do {
        if (!sign(s->key)) {
            ERR_print_errors_fp(stderr);
            return NULL;
        }
        count++;
        elapsed = now() - start;
    } while (elapsed < s->seconds);
    s->per_second = (double)count / elapsed;
    return NULL;
}

int main(int argc, char **argv)
{
    static struct signer signers[THREADS_MAX];
    EVP_PKEY *key = argc == 3 || argc == 4 ? load(argv[1]) : NULL;
    int threads = argc == 4 ? atoi(argv[3]) : 1, started = 0;
    double sum = 0;

    if (key == NULL || threads < 1 || threads > THREADS_MAX || !sign(key)) {
        if (argc < 3 || argc > 4 || threads < 1 || threads > THREADS_MAX)
            fputs("usage: signspeed KEY SECONDS [THREADS]\n", stderr);
        ERR_print_errors_fp(stderr);
        EVP_PKEY_free(key);
        return 1;
    }
    for (; started < threads; started++) {
        signers[started] = (struct signer){ .key = key, .seconds = atof(argv[2]) };
        if (pthread_create(&signers[started].thread, NULL, run, &signers[started]) != 0)
            break;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(signers[i].thread, NULL);
        sum = signers[i].per_second == 0 || sum < 0 ? -1 : sum + signers[i].per_second;
    }
    EVP_PKEY_free(key);
    if (sum <= 0 || started < threads)
        return 1;
    printf("%.0f\n", sum);
    return 0;
}
