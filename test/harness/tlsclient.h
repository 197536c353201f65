/* What clients that load a server with handshakes have in common. */
#ifndef LB_TEST_TLSCLIENT_H
#define LB_TEST_TLSCLIENT_H

#include <netinet/in.h>
#include <openssl/ssl.h>
#include <stdbool.h>

/* ADDRESS:PORT, both numbers. */
bool tlsclient_address(const char *text, struct sockaddr_in *ret);

/*
 * For handshakes of which each is a new connection, without a ticket or session. The server's certificate must verify with the
 * file ca. version 0: any. NULL: OpenSSL's queue says why.
 */
SSL_CTX *tlsclient_new(const char *ca, int version);

/*
 * A socket that is on its way to the address, without waiting for it, and what will shake hands on it with "localhost". Both are
 * the caller's, also after a failure: -1 and NULL is what is not there.
 */
bool tlsclient_begin(SSL_CTX *ctx, const struct sockaddr_in *address, int *ret_fd, SSL **ret_ssl);

#endif
