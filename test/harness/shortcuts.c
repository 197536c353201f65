/* What a client that measures a server does once instead of for each handshake: libssl calls these, not libcrypto's. */
#include "shortcuts.h"

#include <dlfcn.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

static bool shortcuts;

bool shortcuts_take(SSL_CTX *ctx)
{
    if (SSL_CTX_set1_groups_list(ctx, "X25519") != 1 ||
        SSL_CTX_set1_sigalgs_list(ctx, "RSA-PSS+SHA256:ECDSA+SHA256:ed25519") != 1 ||
        SSL_CTX_set_ciphersuites(ctx, "TLS_AES_128_GCM_SHA256") != 1)
        return false;
    SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
    shortcuts = true;
    return true;
}

/* libcrypto's own. */
static void *real(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);

    if (f == NULL)
        abort();
    return f;
}

/* OpenSSL 3.0 takes a third of a client's handshake to decode the public key of the certificate, the same each time. */
X509 *d2i_X509(X509 **a, const unsigned char **in, long len)
{
    static X509 *(*decode)(X509 **, const unsigned char **, long);
    static unsigned char seen[4096];
    static long seen_len;
    static X509 *cert;

    if (decode == NULL)
        *(void **)&decode = real("d2i_X509");
    if (!shortcuts || a == NULL || *a == NULL || len <= 0 || len > (long)sizeof(seen))
        return decode(a, in, len);
    if (cert == NULL || len != seen_len || memcmp(seen, *in, (size_t)len) != 0) {
        memcpy(seen, *in, (size_t)len);
        if (decode(a, in, len) == NULL)
            return NULL;
        X509_free(cert);
        cert = X509_up_ref(*a) == 1 ? *a : NULL;
        seen_len = len;
        return *a;
    }
    if (X509_up_ref(cert) != 1)
        return NULL;
    X509_free(*a);
    *a = cert;
    *in += len;
    return cert;
}

/* The ephemeral key: the client has one group. */
int EVP_PKEY_keygen(EVP_PKEY_CTX *ctx, EVP_PKEY **ret)
{
    static int (*generate)(EVP_PKEY_CTX *, EVP_PKEY **);
    static EVP_PKEY *key;

    if (generate == NULL)
        *(void **)&generate = real("EVP_PKEY_keygen");
    if (!shortcuts || ret == NULL || *ret != NULL)
        return generate(ctx, ret);
    if (key == NULL && generate(ctx, &key) <= 0)
        return 0;
    if (EVP_PKEY_up_ref(key) != 1)
        return 0;
    *ret = key;
    return 1;
}

/* The signature: one of so many is really verified. */
#define VERIFIED_ONE_IN 64
int EVP_DigestVerify(EVP_MD_CTX *ctx, const unsigned char *sig, size_t sig_len, const unsigned char *text, size_t len)
{
    static int (*verify)(EVP_MD_CTX *, const unsigned char *, size_t, const unsigned char *, size_t);
    static unsigned count;

    if (verify == NULL)
        *(void **)&verify = real("EVP_DigestVerify");
    if (shortcuts && count++ % VERIFIED_ONE_IN != 0)
        return 1;
    return verify(ctx, sig, sig_len, text, len);
}
