/* A TLS server and a TLS client that talk over memory, and certificates for them. */
#ifndef LB_TEST_TLSPAIR_H
#define LB_TEST_TLSPAIR_H

#include <openssl/ssl.h>
#include <stdbool.h>

#include "crypto.h"

/* A certificate of the key by itself, for this host name, valid from now on. Freed by the caller. */
X509 *tls_certificate(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const char *name);

/* A method's SSL_CTX that authenticates with the pair; key NULL: with nothing. */
SSL_CTX *tls_ctx(OSSL_LIB_CTX *libctx, const SSL_METHOD *method, X509 *cert, EVP_PKEY *key);
/* The peer must authenticate itself, with this certificate or another that is trusted so. */
void tls_trust(SSL_CTX *ctx, X509 *cert);

/* What one end saw of the handshake messages that it got from its peer. */
struct tls_seen {
    unsigned scheme; /* by which the peer signed: its SignatureScheme (RFC 8446 4.2.3); 0: before TLS 1.2 */
    unsigned signatures;
    unsigned key_updates;
    unsigned certificate_requests;
    unsigned finished;
};

/* Must not move while it lives: both SSLs point into it. */
struct tls_pair {
    SSL *server, *client;
    struct tls_seen server_saw, client_saw;
};

/* Two SSLs that are connected and have said nothing yet; the client names its host, NULL: it names none. */
void tls_pair_new(struct tls_pair *p, SSL_CTX *server, SSL_CTX *client, int version, const char *host);
/* Lets both talk until both have finished the handshake, or one has failed: then its error is on the queue. */
bool tls_shake_hands(struct tls_pair *p);
/* A message each way; session tickets and whatever else is under way arrives with it. */
bool tls_talk(struct tls_pair *p);
/* tls_shake_hands() and tls_talk(), and what was negotiated is the version that was asked for. */
bool tls_connect(struct tls_pair *p);
void tls_pair_free(struct tls_pair *p);

#endif
