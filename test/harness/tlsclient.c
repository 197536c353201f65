/* What clients that load a server with handshakes have in common. */
#include "tlsclient.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <arpa/inet.h>

bool tlsclient_address(const char *text, struct sockaddr_in *ret)
{
    const char *colon = strrchr(text, ':');
    char host[64];

    if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
        return false;
    snprintf(host, sizeof(host), "%.*s", (int)(colon - text), text);
    *ret = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(colon + 1)) };
    return ret->sin_port != 0 && inet_pton(AF_INET, host, &ret->sin_addr) == 1;
}

SSL_CTX *tlsclient_new(const char *ca, int version)
{
    SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

    if (ctx == NULL || SSL_CTX_load_verify_file(ctx, ca) != 1 ||
        (version != 0 &&
         (SSL_CTX_set_min_proto_version(ctx, version) != 1 || SSL_CTX_set_max_proto_version(ctx, version) != 1))) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, NULL);
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF);
    return ctx;
}

bool tlsclient_begin(SSL_CTX *ctx, const struct sockaddr_in *address, int *ret_fd, SSL **ret_ssl)
{
    const int one = 1;
    int fd = *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    SSL *ssl = *ret_ssl = SSL_new(ctx);

    if (fd < 0 || ssl == NULL || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)) != 0 ||
        SSL_set_fd(ssl, fd) != 1 || SSL_set_tlsext_host_name(ssl, "localhost") != 1 ||
        X509_VERIFY_PARAM_set1_host(SSL_get0_param(ssl), "localhost", 0) != 1)
        return false;
    SSL_set_connect_state(ssl);
    return connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0 || errno == EINPROGRESS;
}
