/* Which key does a server prove to have? */
#include "deploy/handshake.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/socket.h"
#include "deploy/wait.h"

#define SECONDS 10

/* The signature schemes of TLS that a key of this type makes. Of most types the scheme has the type's own name, in small letters. */
static void schemes_of(EVP_PKEY *key, char *ret, size_t size)
{
    const char *type = EVP_PKEY_get0_type_name(key);
    size_t at = 0;

    if (EVP_PKEY_is_a(key, "RSA")) {
        snprintf(ret, size, "rsa_pss_rsae_sha256:rsa_pss_rsae_sha384:rsa_pss_rsae_sha512:RSA+SHA256:RSA+SHA384:RSA+SHA512");
    } else if (EVP_PKEY_is_a(key, "RSA-PSS")) {
        snprintf(ret, size, "rsa_pss_pss_sha256:rsa_pss_pss_sha384:rsa_pss_pss_sha512");
    } else if (EVP_PKEY_is_a(key, "EC")) {
        snprintf(ret, size, "ECDSA+SHA256:ECDSA+SHA384:ECDSA+SHA512");
    } else {
        for (; type != NULL && *type != '\0' && at + 1 < size; type++) {
            if (*type != '-')
                ret[at++] = (char)tolower((unsigned char)*type);
        }
        ret[at] = '\0';
    }
}

static int try_once(SSL *ssl, int fd, long long end, struct problem *p)
{
    int r = 0, done = 0;

    while (r == 0 && (done = SSL_connect(ssl)) != 1) {
        int why = SSL_get_error(ssl, done);

        if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
            r = wait_for(fd, why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, end);
        else
            r = LB_E_VALUE;
    }
    if (done == 1)
        return 0;
    if (r == LB_E_TIMEOUT)
        return problem_set(p, r, "no TLS in time");
    if (ERR_peek_error() != 0)
        return problem_set(p, LB_E_VALUE, "no TLS: %s", ERR_reason_error_string(ERR_peek_error()));
    return problem_set(p, LB_E_VALUE, "no TLS: the connection was closed");
}

/* An alert of the server's, which wants a certificate of the client for one, comes after it has proved its key. */
static bool refused_us(void)
{
    unsigned long e = ERR_peek_error();

    return ERR_GET_LIB(e) == ERR_LIB_SSL && ERR_GET_REASON(e) >= SSL_AD_REASON_OFFSET;
}

/* ret: DER SubjectPublicKeyInfo, since a key of this library context would not outlive it. */
static int talk(SSL_CTX *ctx, const struct address *to, const char *sni, const char *schemes, uint8_t **ret, int *ret_len,
                struct problem *p)
{
    long long end = wait_now() + 1000LL * SECONDS;
    SSL *ssl = SSL_new(ctx);
    X509 *certificate = NULL;
    int fd = -1, r;

    if (ssl == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    if ((sni != NULL && !SSL_set_tlsext_host_name(ssl, sni)) || (schemes != NULL && !SSL_set1_sigalgs_list(ssl, schemes))) {
        SSL_free(ssl);
        return problem_set(p, LB_E_VALUE, "no TLS with these keys here");
    }
    r = address_connect(to, end, &fd, p);
    if (r == 0 && !SSL_set_fd(ssl, fd))
        r = problem_set(p, LB_E_NOMEM, "out of memory");
    if (r == 0) {
        ERR_clear_error();
        r = try_once(ssl, fd, end, p);
        certificate = r == 0 || refused_us() ? SSL_get1_peer_certificate(ssl) : NULL;
    }
    if (certificate != NULL && (*ret_len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), ret)) > 0)
        r = 0;
    else if (r == 0)
        r = problem_set(p, LB_E_VALUE, "the server shows no certificate whose key is known here");
    if (r == 0)
        (void)SSL_shutdown(ssl);
    X509_free(certificate);
    SSL_free(ssl);
    socket_close(fd);
    ERR_clear_error();
    return r;
}

int handshake(const struct address *to, const char *sni, EVP_PKEY *like, EVP_PKEY **ret, struct problem *p)
{
    /* One's own, so that openssl.cnf decides nothing here. */
    OSSL_LIB_CTX *lib = OSSL_LIB_CTX_new();
    SSL_CTX *ctx = lib == NULL ? NULL : SSL_CTX_new_ex(lib, /* propq= */ NULL, TLS_client_method());
    char schemes[160] = "";
    uint8_t *spki = NULL;
    const uint8_t *der;
    int r = 0, len = 0;

    *ret = NULL;
    if (ctx == NULL) {
        r = problem_set(p, LB_E_NOMEM, "no TLS here");
    } else {
        SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
        SSL_CTX_set_security_level(ctx, 0); /* what is asked is which key it is, not how good it is */
        if (like != NULL)
            schemes_of(like, schemes, sizeof(schemes));
        r = LB_E_VALUE;
        if (schemes[0] != '\0')
            r = talk(ctx, to, sni, schemes, &spki, &len, p);
        if (r == LB_E_VALUE)
            r = talk(ctx, to, sni, /* schemes= */ NULL, &spki, &len, p);
    }
    SSL_CTX_free(ctx);
    OSSL_LIB_CTX_free(lib);
    der = spki;
    if (r == 0 && (*ret = d2i_PUBKEY(NULL, &der, len)) == NULL)
        r = problem_set(p, LB_E_VALUE, "the server has a key of a type that is not known here");
    OPENSSL_free(spki);
    return r;
}
