/* Rows of the table of operations that authenticate in TLS. */
#include <string.h>

#include "optable.h"
#include "tlspair.h"

static int protocol(const char *name)
{
    return strcmp(name, "TLSv1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;
}

/* Server and client authenticate themselves with the same key, which the box holds. */
bool handshakes(struct run *r)
{
    const char *ciphers = option_value(r, "-cipher");
    X509 *cert = tls_certificate(r->libctx, r->key, "localhost");
    SSL_CTX *server = tls_ctx(r->libctx, TLS_server_method(), cert, r->key);
    SSL_CTX *client = tls_ctx(r->libctx, TLS_client_method(), cert, r->key);
    struct tls_pair p;
    bool ok;

    tls_trust(server, cert);
    tls_trust(client, cert);
    NEED(ciphers == NULL || SSL_CTX_set_cipher_list(client, ciphers) == 1);
    tls_pair_new(&p, server, client, protocol(option_value(r, "-protocol")), "localhost");
    ok = tls_connect(&p) && (ciphers == NULL || strcmp(SSL_get_cipher(p.client), ciphers) == 0);
    tls_pair_free(&p);
    SSL_CTX_free(client);
    SSL_CTX_free(server);
    X509_free(cert);
    return ok;
}
