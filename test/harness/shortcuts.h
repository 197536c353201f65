/* What a client that measures a server does once instead of for each handshake. */
#ifndef LB_TEST_SHORTCUTS_H
#define LB_TEST_SHORTCUTS_H

#include <openssl/ssl.h>
#include <stdbool.h>

/*
 * From now on the server's certificate is decoded once and not verified, there is one ephemeral key, and of the server's
 * signatures one in 64 is verified. For one thread, and for this context alone, which gets one group and one cipher suite.
 * False: OpenSSL's queue says why.
 */
bool shortcuts_take(SSL_CTX *ctx);

#endif
