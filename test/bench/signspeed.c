/* Signatures per second by a key that OpenSSL's configuration makes reachable: a file, a handle file or a URI. */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/*
 * signspeed KEY SECONDS [SIGNATURES [THREADS]]: prints signatures per second, after so many seconds and so many signatures of
 * each thread. What is signed has the size of a TLS 1.3 CertificateVerify's input.
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

static bool sign(EVP_PKEY *key)
{
    static const unsigned char text[TEXT_SIZE] = { 0x20 };
    unsigned char signature[SIGNATURE_MAX];
    size_t len = sizeof(signature);
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    const char *digest = EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : "SHA256";
    bool ok = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, digest, NULL, NULL, key, NULL) == 1 &&
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

struct load {
    EVP_PKEY *key;
    double seconds;
    long at_least;
    pthread_barrier_t start;
    double elapsed; /* of the slowest; by lock */
    long count;
    pthread_mutex_t lock;
};

/* Each has signed once before all begin, so that connections and first uses are not in what is measured. */
static void *work(void *arg)
{
    struct load *l = arg;
    bool ok = sign(l->key);
    double start, elapsed = 0;
    long count = 0;

    pthread_barrier_wait(&l->start);
    start = now();
    while (ok && (elapsed < l->seconds || count < l->at_least)) {
        ok = sign(l->key);
        count++;
        elapsed = now() - start;
    }
    if (!ok)
        ERR_print_errors_fp(stderr);
    pthread_mutex_lock(&l->lock);
    l->count += count;
    if (elapsed > l->elapsed)
        l->elapsed = elapsed;
    pthread_mutex_unlock(&l->lock);
    return ok ? l : NULL;
}

static int run(struct load *l, int threads)
{
    pthread_t *t = calloc((size_t)threads, sizeof(*t));
    int failed = 0;

    if (t == NULL || pthread_barrier_init(&l->start, NULL, (unsigned)threads) != 0)
        return 1;
    for (int i = 0; i < threads; i++) {
        if (pthread_create(&t[i], NULL, work, l) != 0) {
            perror("pthread_create");
            exit(1); /* the others wait for it */
        }
    }
    for (int i = 0; i < threads; i++) {
        void *ret = NULL;

        failed += pthread_join(t[i], &ret) != 0 || ret == NULL;
    }
    pthread_barrier_destroy(&l->start);
    free(t);
    return failed;
}

int main(int argc, char **argv)
{
    struct load l = { .lock = PTHREAD_MUTEX_INITIALIZER };
    int threads = argc > 4 ? atoi(argv[4]) : 1, failed;

    if (argc < 3 || argc > 5 || threads < 1) {
        fputs("usage: signspeed KEY SECONDS [SIGNATURES [THREADS]]\n", stderr);
        return 1;
    }
    l.key = load(argv[1]);
    l.seconds = atof(argv[2]);
    l.at_least = argc > 3 ? atol(argv[3]) : 0;
    if (l.key == NULL) {
        ERR_print_errors_fp(stderr);
        return 1;
    }
    failed = run(&l, threads);
    if (failed == 0)
        printf("%.0f\n", (double)l.count / l.elapsed);
    EVP_PKEY_free(l.key);
    return failed != 0;
}
