/*
 * A yardstick for benchmarks, and no product: the least daemon that could sign for a server in another process. It guards
 * nothing: whoever reaches its socket signs with any key, and nothing is checked, counted or written down. What a box costs
 * beyond this daemon is the price of what a box does; what this daemon costs is the price of a second process.
 */
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "bare.h"

/*
 * bare SOCKET FILE...: the private keys, in the order of bare.h. A thread a connection; a signature is one read, the signature
 * with contexts that the thread keeps, and one write. A request that fails ends its connection.
 */
static EVP_PKEY *keys[BARE_KEYS];

struct signer {
    EVP_PKEY_CTX *over_digest; /* of RSA and EC: PSS with a salt as long as the digest, ECDSA */
    EVP_MD_CTX *over_text;     /* of Ed25519 */
};

static bool signer_init(struct signer *s, EVP_PKEY *key)
{
    if (key == NULL)
        return true;
    if (EVP_PKEY_is_a(key, "ED25519")) {
        s->over_text = EVP_MD_CTX_new();
        return s->over_text != NULL && EVP_DigestSignInit_ex(s->over_text, NULL, NULL, NULL, NULL, key, NULL) == 1;
    }
    s->over_digest = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    if (s->over_digest == NULL || EVP_PKEY_sign_init(s->over_digest) != 1 ||
        EVP_PKEY_CTX_set_signature_md(s->over_digest, EVP_sha256()) != 1)
        return false;
    return !EVP_PKEY_is_a(key, "RSA") ||
           (EVP_PKEY_CTX_set_rsa_padding(s->over_digest, RSA_PKCS1_PSS_PADDING) == 1 &&
            EVP_PKEY_CTX_set_rsa_pss_saltlen(s->over_digest, RSA_PSS_SALTLEN_DIGEST) == 1);
}

static void signer_clear(struct signer *s)
{
    EVP_PKEY_CTX_free(s->over_digest);
    EVP_MD_CTX_free(s->over_text);
}

/* An empty init makes a used context ready for the next text, and fetches nothing. */
static bool signer_sign(struct signer *s, const unsigned char *in, size_t len, unsigned char *ret, size_t *ret_len)
{
    if (s->over_digest != NULL)
        return EVP_PKEY_sign(s->over_digest, ret, ret_len, in, len) == 1;
    return s->over_text != NULL && EVP_DigestSignInit_ex(s->over_text, NULL, NULL, NULL, NULL, NULL, NULL) == 1 &&
           EVP_DigestSign(s->over_text, ret, ret_len, in, len) == 1;
}

static void *serve(void *arg)
{
    int fd = (int)(intptr_t)arg;
    unsigned char request[BARE_REQUEST_MAX], signature[BARE_SIGNATURE_MAX];
    struct signer signers[BARE_KEYS] = { 0 };
    ssize_t got;
    size_t len;
    bool ok = true;

    for (size_t i = 0; ok && i < BARE_KEYS; i++)
        ok = signer_init(&signers[i], keys[i]);
    /* Who asks has one request on its way, so that a read gets it whole. */
    while (ok && (got = read(fd, request, sizeof(request))) > 1) {
        len = sizeof(signature);
        ok = request[0] < BARE_KEYS && signer_sign(&signers[request[0]], request + 1, (size_t)got - 1, signature, &len) &&
             write(fd, signature, len) == (ssize_t)len;
    }
    if (!ok)
        ERR_print_errors_fp(stderr);
    for (size_t i = 0; i < BARE_KEYS; i++)
        signer_clear(&signers[i]);
    close(fd);
    return NULL;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = fopen(path, "r");
    EVP_PKEY *key = f != NULL ? PEM_read_PrivateKey(f, NULL, NULL, NULL) : NULL;

    if (f != NULL)
        fclose(f);
    if (key == NULL)
        fprintf(stderr, "bare: no private key in %s\n", path);
    return key;
}

/* For everybody, since the workers of a server are of another user. */
static int listen_at(const char *path)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (strlen(path) >= sizeof(a.sun_path))
        return -1;
    strcpy(a.sun_path, path);
    if (fd < 0 || bind(fd, (const struct sockaddr *)&a, sizeof(a)) != 0 || chmod(path, 0666) != 0 || listen(fd, SOMAXCONN) != 0) {
        perror(path);
        return -1;
    }
    return fd;
}

int main(int argc, char **argv)
{
    pthread_attr_t detached;
    pthread_t thread;
    int fd, connection;

    if (argc < 3 || argc > 2 + BARE_KEYS) {
        fputs("usage: bare SOCKET RSA.pem [EC.pem [ED25519.pem]]\n", stderr);
        return 2;
    }
    for (int i = 2; i < argc; i++) {
        keys[i - 2] = read_key(argv[i]);
        if (keys[i - 2] == NULL)
            return 1;
    }
    fd = listen_at(argv[1]);
    if (fd < 0 || pthread_attr_init(&detached) != 0 ||
        pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) != 0)
        return 1;
    while ((connection = accept4(fd, NULL, NULL, SOCK_CLOEXEC)) >= 0) {
        if (pthread_create(&thread, &detached, serve, (void *)(intptr_t)connection) != 0)
            close(connection);
    }
    perror("accept");
    return 1;
}
