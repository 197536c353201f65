/* A TLS server and a TLS client that talk over memory, and certificates for them. */
#include "tlspair.h"

#include <openssl/ssl3.h>
#include <openssl/x509v3.h>
#include <string.h>

X509 *tls_certificate(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const char *name)
{
    X509 *cert = X509_new_ex(libctx, NULL);
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    X509_NAME *subject = X509_NAME_new();
    char alt[128];
    X509_EXTENSION *ext;

    snprintf(alt, sizeof(alt), "DNS:%s", name);
    ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt);
    NEED(cert != NULL && md != NULL && ext != NULL);
    NEED(X509_set_version(cert, X509_VERSION_3) == 1 && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
    NEED(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0) == 1);
    NEED(X509_set_subject_name(cert, subject) == 1 && X509_set_issuer_name(cert, subject) == 1);
    NEED(X509_gmtime_adj(X509_getm_notBefore(cert), 0) != NULL &&
         X509_gmtime_adj(X509_getm_notAfter(cert), 3600) != NULL);
    NEED(X509_add_ext(cert, ext, -1) == 1 && X509_set_pubkey(cert, key) == 1);
    NEED(EVP_DigestSignInit_ex(md, NULL, NULL, libctx, NULL, key, NULL) > 0 && X509_sign_ctx(cert, md) > 0);
    X509_EXTENSION_free(ext);
    X509_NAME_free(subject);
    EVP_MD_CTX_free(md);
    return cert;
}

SSL_CTX *tls_ctx(OSSL_LIB_CTX *libctx, const SSL_METHOD *method, X509 *cert, EVP_PKEY *key)
{
    SSL_CTX *ctx = SSL_CTX_new_ex(libctx, NULL, method);

    NEED(ctx != NULL);
    if (key != NULL) {
        NEED(SSL_CTX_use_certificate(ctx, cert) == 1 && SSL_CTX_use_PrivateKey(ctx, key) == 1);
        NEED(SSL_CTX_check_private_key(ctx) == 1);
    }
    return ctx;
}

void tls_trust(SSL_CTX *ctx, X509 *cert)
{
    SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    NEED(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), cert) == 1);
}

/*
 * A CertificateVerify begins with the SignatureScheme. In a ServerKeyExchange it stands behind the public key; all of
 * ours have a named curve, which is curve type 3 (RFC 8422 5.4).
 */
static unsigned scheme_of(uint8_t type, const uint8_t *body, size_t len)
{
    size_t at = 0;

    if (type == SSL3_MT_SERVER_KEY_EXCHANGE)
        at = len > 3 && body[0] == 3 ? (size_t)4 + body[3] : len;
    return at + 2 <= len ? (unsigned)body[at] << 8 | body[at + 1] : 0;
}

static void see(int write, int version, int content, const void *buf, size_t len, SSL *ssl, void *arg)
{
    const uint8_t *m = buf, *body = m + SSL3_HM_HEADER_LENGTH;
    struct tls_seen *seen = arg;

    (void)ssl;
    if (write || content != SSL3_RT_HANDSHAKE || len < SSL3_HM_HEADER_LENGTH)
        return;
    len -= SSL3_HM_HEADER_LENGTH;
    switch (m[0]) {
    case SSL3_MT_SERVER_KEY_EXCHANGE:
    case SSL3_MT_CERTIFICATE_VERIFY:
        seen->scheme = version >= TLS1_2_VERSION ? scheme_of(m[0], body, len) : 0;
        seen->signatures++;
        break;
    case SSL3_MT_KEY_UPDATE:
        seen->key_updates++;
        break;
    case SSL3_MT_CERTIFICATE_REQUEST:
        seen->certificate_requests++;
        break;
    case SSL3_MT_FINISHED:
        seen->finished++;
        break;
    default:
        break;
    }
}

/* A flight of handshake messages fits: certificate and signature of an ML-DSA key have twelve kilobytes together. */
#define BUFFER 65536

void tls_pair_new(struct tls_pair *p, SSL_CTX *server, SSL_CTX *client, int version, const char *host)
{
    BIO *a = NULL, *b = NULL;

    memset(p, 0, sizeof(*p));
    p->server = SSL_new(server);
    p->client = SSL_new(client);
    NEED(p->server != NULL && p->client != NULL && BIO_new_bio_pair(&a, BUFFER, &b, BUFFER) == 1);
    SSL_set_bio(p->server, a, a);
    SSL_set_bio(p->client, b, b);
    SSL_set_accept_state(p->server);
    SSL_set_connect_state(p->client);
    SSL_set_msg_callback(p->server, see);
    SSL_set_msg_callback_arg(p->server, &p->server_saw);
    SSL_set_msg_callback(p->client, see);
    SSL_set_msg_callback_arg(p->client, &p->client_saw);
    NEED(SSL_set_min_proto_version(p->client, version) == 1 && SSL_set_max_proto_version(p->client, version) == 1);
    if (host != NULL)
        NEED(SSL_set_tlsext_host_name(p->client, host) == 1 &&
             X509_VERIFY_PARAM_set1_host(SSL_get0_param(p->client), host, 0) == 1);
}

bool tls_shake_hands(struct tls_pair *p)
{
    int s = 0, c = 0;

    for (int i = 0; i < 20 && (s != 1 || c != 1); i++) {
        c = SSL_do_handshake(p->client);
        if (c != 1 && SSL_get_error(p->client, c) != SSL_ERROR_WANT_READ)
            return false;
        s = SSL_do_handshake(p->server);
        if (s != 1 && SSL_get_error(p->server, s) != SSL_ERROR_WANT_READ)
            return false;
    }
    return s == 1 && c == 1;
}

/* Takes what came in that is not data: tickets, key updates, a handshake that the peer began. */
static bool take_others(SSL *ssl)
{
    char byte;
    int r = SSL_peek(ssl, &byte, 1);

    return r > 0 || SSL_get_error(ssl, r) == SSL_ERROR_WANT_READ;
}

/* Either end may have to hear the other one first: both go on in turn until the text is there. */
static bool say(SSL *from, SSL *to, const char *text)
{
    int len = (int)strlen(text), sent = -1, r;
    char got[64];

    for (int i = 0; i < 20; i++) {
        if (sent < 0)
            sent = SSL_write(from, text, len);
        if (sent < 0 && SSL_get_error(from, sent) != SSL_ERROR_WANT_READ)
            return false;
        r = SSL_read(to, got, sizeof(got));
        if (r > 0)
            return r == len && memcmp(got, text, (size_t)len) == 0;
        if (SSL_get_error(to, r) != SSL_ERROR_WANT_READ || !take_others(from))
            return false;
    }
    return false;
}

bool tls_talk(struct tls_pair *p)
{
    return say(p->client, p->server, "who are you") && say(p->server, p->client, "one who proved it");
}

bool tls_connect(struct tls_pair *p)
{
    return tls_shake_hands(p) && tls_talk(p) && SSL_version(p->client) == SSL_get_min_proto_version(p->client) &&
           SSL_get_verify_result(p->client) == X509_V_OK && SSL_get_verify_result(p->server) == X509_V_OK;
}

void tls_pair_free(struct tls_pair *p)
{
    SSL_free(p->server);
    SSL_free(p->client);
    p->server = NULL;
    p->client = NULL;
}
