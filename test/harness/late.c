/*
 * A program that frees what it has of OpenSSL after OPENSSL_cleanup(), as one does whose global objects outlive main().
 *
 * late WHEN KEY CERTIFICATE    with OPENSSL_CONF in the environment; both are PEM files, KEY may be a URI as well
 *
 * It loads both, signs, and begins a signature that it does not end. Then it ends, and all of it is freed as the table
 * below says. Prints "signed" before the end and "freed" after it. Exit status 0, or 1 with the queue on stderr.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    OSSL_LIB_CTX *libctx; /* NULL: the default one */
    SSL_CTX *ctx;
    SSL *ssl;
    X509 *certificate;
    X509_STORE *store;
    EVP_PKEY *key, *public;
    EVP_PKEY_CTX *key_ctx;
    EVP_MD_CTX *unfinished;
    OSSL_STORE_CTX *open;
} all;

static bool made; /* and not freed yet */
static bool is_parent = true;

static void free_all(void)
{
    if (!made)
        return;
    made = false;
    OSSL_STORE_close(all.open);
    EVP_MD_CTX_free(all.unfinished);
    EVP_PKEY_CTX_free(all.key_ctx);
    EVP_PKEY_free(all.public);
    EVP_PKEY_free(all.key);
    X509_STORE_free(all.store);
    X509_free(all.certificate);
    SSL_free(all.ssl);
    SSL_CTX_free(all.ctx);
    OSSL_LIB_CTX_free(all.libctx);
    memset(&all, 0, sizeof(all));
    if (is_parent)
        (void)!write(STDOUT_FILENO, "freed\n", 6);
}

/* Nothing of all is set at any other exit, so these do nothing there. */
static bool at_exit, in_destructor;

static void free_at_exit(void)
{
    if (at_exit)
        free_all();
}

__attribute__((destructor)) static void free_in_destructor(void)
{
    if (in_destructor)
        free_all();
}

static int fail(const char *what)
{
    fprintf(stderr, "late: %s\n", what);
    ERR_print_errors_fp(stderr);
    return 0;
}

static EVP_PKEY *load_key(const char *key)
{
    OSSL_STORE_INFO *info = NULL;
    EVP_PKEY *ret = NULL;

    all.open = OSSL_STORE_open_ex(key, all.libctx, NULL, NULL, NULL, NULL, NULL, NULL);
    while (all.open != NULL && ret == NULL && !OSSL_STORE_eof(all.open)) {
        info = OSSL_STORE_load(all.open);
        if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            ret = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    return ret;
}

static int sign(void)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char sig[1024];
    size_t len = sizeof(sig);
    int ok = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, "SHA256", all.libctx, NULL, all.key, NULL) == 1 &&
             EVP_DigestSign(ctx, sig, &len, (const unsigned char *)"text", 4) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static int make_all(const char *key, const char *certificate)
{
    BIO *in = BIO_new_file(certificate, "r");

    made = true;
    all.certificate = X509_new_ex(all.libctx, NULL);
    if (in == NULL || PEM_read_bio_X509(in, &all.certificate, NULL, NULL) == NULL)
        return fail(certificate);
    BIO_free(in);
    all.public = X509_get_pubkey(all.certificate);
    all.store = X509_STORE_new();
    if (all.public == NULL || all.store == NULL || X509_STORE_add_cert(all.store, all.certificate) != 1)
        return fail("the certificate's key");
    all.key = load_key(key);
    if (all.key == NULL)
        return fail(key);
    all.ctx = SSL_CTX_new_ex(all.libctx, NULL, TLS_server_method());
    if (all.ctx == NULL || SSL_CTX_use_certificate(all.ctx, all.certificate) != 1 ||
        SSL_CTX_use_PrivateKey(all.ctx, all.key) != 1 || SSL_CTX_check_private_key(all.ctx) != 1)
        return fail("SSL_CTX");
    all.ssl = SSL_new(all.ctx);
    all.key_ctx = EVP_PKEY_CTX_new_from_pkey(all.libctx, all.key, NULL);
    all.unfinished = EVP_MD_CTX_new();
    if (all.ssl == NULL || all.key_ctx == NULL || EVP_PKEY_sign_init(all.key_ctx) != 1 || all.unfinished == NULL ||
        EVP_DigestSignInit_ex(all.unfinished, NULL, "SHA256", all.libctx, NULL, all.key, NULL) != 1 ||
        EVP_DigestSignUpdate(all.unfinished, "text", 4) != 1)
        return fail("a signature");
    if (X509_verify(all.certificate, all.public) != 1 || !sign())
        return fail("sign and verify");
    printf("signed\n");
    fflush(stdout);
    return 1;
}

static int own_context(void)
{
    all.libctx = OSSL_LIB_CTX_new();
    return all.libctx != NULL && OSSL_LIB_CTX_load_config(all.libctx, getenv("OPENSSL_CONF")) == 1
               ? 1
               : fail("a library context");
}

static int end_orderly(void)
{
    free_all();
    OPENSSL_cleanup();
    return 0;
}

static int end_after_cleanup(void)
{
    OPENSSL_cleanup();
    free_all();
    return 0;
}

/* The handler was registered before OpenSSL's, so it runs after that. */
static int end_at_exit(void)
{
    at_exit = true;
    return 0;
}

static int end_in_destructor(void)
{
    in_destructor = true;
    return 0;
}

static int end_never(void)
{
    made = false;
    puts("freed");
    return 0;
}

/* Both processes clean up, the child first. */
static int end_in_child_too(void)
{
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        is_parent = false;
        OPENSSL_cleanup();
        free_all();
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
        return 1;
    return end_after_cleanup();
}

/* One that is gone when OpenSSL cleans up, and one that is not. */
static int end_two_contexts(void)
{
    OSSL_LIB_CTX *other = OSSL_LIB_CTX_new();
    int ok = other != NULL && OSSL_LIB_CTX_load_config(other, getenv("OPENSSL_CONF")) == 1;

    OSSL_LIB_CTX_free(other);
    return ok ? end_after_cleanup() : 1;
}

static const struct {
    const char *when;
    bool own; /* in a library context of its own */
    int (*end)(void);
} ends[] = {
    { "orderly", false, end_orderly },
    { "after-cleanup", false, end_after_cleanup },
    { "at-exit", false, end_at_exit },
    { "in-destructor", false, end_in_destructor },
    { "never", false, end_never },
    { "in-child-too", false, end_in_child_too },
    { "two-contexts", false, end_two_contexts },
    { "own-orderly", true, end_orderly },
    { "own-after-cleanup", true, end_after_cleanup },
    { "own-at-exit", true, end_at_exit },
    { "own-two-contexts", true, end_two_contexts },
};

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++)
            puts(ends[i].when);
        return 0;
    }
    for (size_t i = 0; argc == 4 && i < sizeof(ends) / sizeof(ends[0]); i++) {
        if (strcmp(argv[1], ends[i].when) != 0)
            continue;
        if (atexit(free_at_exit) != 0 || (ends[i].own && !own_context()) || !make_all(argv[2], argv[3]))
            return 1;
        return ends[i].end();
    }
    fprintf(stderr, "usage: late WHEN KEY CERTIFICATE, or late --list\n");
    return 2;
}
