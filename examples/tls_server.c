/*
 * Serves one page over TLS on 127.0.0.1, with a private key that OpenSSL can load: a key file, or the URI of a key.
 *
 *     cc -o tls_server tls_server.c -lssl -lcrypto
 *     ./tls_server web.crt littlebox:web 8443
 *
 * There is nothing of a provider in here: openssl.cnf says which ones are loaded, and OSSL_STORE and SSL do the rest.
 */
#define _GNU_SOURCE 1 /* ppoll(), accept4() */
#include <arpa/inet.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n";

static volatile sig_atomic_t stopping;

static void stop(int number)
{
    (void)number;
    stopping = 1;
}

/* What went wrong and all that OpenSSL has to say about it. A provider explains itself in the data of its errors. */
static int complain(const char *what, const char *name)
{
    const char *data, *reason;
    unsigned long code;
    int flags;

    fprintf(stderr, "tls_server: %s '%s'\n", what, name);
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        reason = ERR_reason_error_string(code);
        if ((flags & ERR_TXT_STRING) == 0)
            data = "";
        fprintf(stderr, "    %s%s%s\n", reason == NULL ? "unknown error" : reason, data[0] == '\0' ? "" : ": ", data);
    }
    return 0;
}

/* The first private key at a URI, which may be a path. */
static EVP_PKEY *load_key(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, UI_OpenSSL(), NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    if (store != NULL && OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) == 1) {
        while (key == NULL && !OSSL_STORE_eof(store)) {
            OSSL_STORE_INFO *info = OSSL_STORE_load(store);

            if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
                key = OSSL_STORE_INFO_get1_PKEY(info);
            OSSL_STORE_INFO_free(info); /* NULL: an object that is not understood; a key may follow it */
        }
    }
    OSSL_STORE_close(store);
    return key;
}

static int configure(SSL_CTX *ctx, const char *cert, const char *uri)
{
    EVP_PKEY *key;
    int ok;

    if (SSL_CTX_use_certificate_chain_file(ctx, cert) != 1)
        return complain("cannot load the certificate", cert);
    if ((key = load_key(uri)) == NULL)
        return complain("there is no private key to be had from", uri);
    ok = SSL_CTX_use_PrivateKey(ctx, key) == 1 && SSL_CTX_check_private_key(ctx) == 1;
    EVP_PKEY_free(key); /* the SSL_CTX has its own reference */
    return ok ? 1 : complain("the certificate is not for the key", uri);
}

static int listen_on(const char *port)
{
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), yes = 1;

    a.sin_port = htons((unsigned short)strtoul(port, NULL, 10)); /* 0: any that is free */
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes)) != 0 ||
        bind(fd, (struct sockaddr *)&a, sizeof(a)) != 0 || listen(fd, 16) != 0 ||
        getsockname(fd, (struct sockaddr *)&a, &len) != 0) {
        fprintf(stderr, "tls_server: cannot listen on port %s: %s\n", port, strerror(errno));
        return -1;
    }
    printf("listening on 127.0.0.1:%d\n", ntohs(a.sin_port));
    fflush(stdout);
    return fd;
}

/* One connection. Whatever a client does, or a key that cannot sign now: the server goes on. */
static void serve(SSL_CTX *ctx, int fd)
{
    struct timeval patience = { .tv_sec = 5 };
    char request[4096];
    SSL *ssl = SSL_new(ctx);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1 || SSL_accept(ssl) != 1)
        complain("no connection: the handshake failed on", "127.0.0.1");
    else if (SSL_read(ssl, request, sizeof(request)) > 0 && SSL_write(ssl, answer, sizeof(answer) - 1) > 0)
        SSL_shutdown(ssl); /* says that the answer is complete; only where nothing has failed before */
    SSL_free(ssl);
    close(fd);
    ERR_clear_error();
}

int main(int argc, char *argv[])
{
    struct sigaction on_stop = { .sa_handler = stop }, ignore = { .sa_handler = SIG_IGN };
    struct pollfd p = { .fd = -1, .events = POLLIN };
    sigset_t blocked, open;
    SSL_CTX *ctx;

    if (argc != 4) {
        fprintf(stderr, "usage: tls_server CERTIFICATE KEY PORT\nKEY is a file or a URI, such as littlebox:web\n");
        return 2;
    }
    /* Stopped between two connections: the signals come through in ppoll() only. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGTERM);
    sigaddset(&blocked, SIGINT);
    sigprocmask(SIG_BLOCK, &blocked, &open);
    sigaction(SIGTERM, &on_stop, NULL);
    sigaction(SIGINT, &on_stop, NULL);
    sigaction(SIGPIPE, &ignore, NULL); /* a client that is gone is an error of SSL_write(), no more */
    ctx = SSL_CTX_new(TLS_server_method());
    if (ctx != NULL && configure(ctx, argv[1], argv[2]))
        p.fd = listen_on(argv[3]);
    while (p.fd >= 0 && !stopping) {
        int fd = ppoll(&p, 1, NULL, &open) == 1 ? accept4(p.fd, NULL, NULL, SOCK_CLOEXEC) : -1;

        if (fd >= 0)
            serve(ctx, fd);
    }
    SSL_CTX_free(ctx);
    return p.fd >= 0 && close(p.fd) == 0 ? 0 : 1;
}
