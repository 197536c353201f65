/* doctor: is a certificate of the key that a server's configuration has with it? */
#include "doctor/pairs.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

/*
 * The certificate that belongs to the key at that place among the halves. NULL: there is none, or the scope has not as many
 * certificates as keys, so that their order says nothing.
 */
static const struct srv_half *partner(const struct srvconf *c, size_t key)
{
    const struct srv_half *k = &c->halves[key];
    size_t before = 0, keys = 0, certificates = 0;

    for (size_t i = 0; i < c->half_count; i++) {
        const struct srv_half *h = &c->halves[i];

        if (h->scope != k->scope || strcmp(h->role, k->role) != 0)
            continue;
        before += h->is_key && i < key;
        keys += h->is_key;
        certificates += !h->is_key;
    }
    if (keys != certificates)
        return NULL;
    for (size_t i = 0; i < c->half_count; i++) {
        const struct srv_half *h = &c->halves[i];

        if (!h->is_key && h->scope == k->scope && strcmp(h->role, k->role) == 0 && before-- == 0)
            return h;
    }
    return NULL;
}

static bool is_key(const struct srvconf *c, size_t i, const struct srv_key *key)
{
    return c->halves[i].is_key && strcmp(c->halves[i].text, key->text) == 0;
}

/* Was the pair seen before? The same pair stands in many places. */
static bool was_before(const struct srvconf *c, size_t at, const struct srv_key *key, const struct srv_half *certificate)
{
    for (size_t i = 0; i < at; i++) {
        const struct srv_half *other = is_key(c, i, key) ? partner(c, i) : NULL;

        if (other != NULL && strcmp(other->text, certificate->text) == 0)
            return true;
    }
    return false;
}

/* The first certificate in the file, which is that of the key. NULL: none can be read. */
static X509 *read_certificate(const struct srvconf *c, const char *path)
{
    X509 *certificate = NULL;
    struct stat st;
    BIO *bio = NULL;
    int fd = -1;

    if (path[0] == '/' && srv_open(c, path, &fd, &st) == 0)
        bio = BIO_new_fd(fd, BIO_CLOSE);
    if (bio == NULL && fd >= 0)
        close(fd);
    if (bio != NULL)
        certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
    BIO_free(bio);
    ERR_clear_error();
    return certificate;
}

/*
 * Is it a certificate of that key? Compares the keys, since one key can be written in several ways. A key of a type that
 * this OpenSSL does not know is compared as it is written.
 */
static bool certifies(X509 *certificate, const struct doctor_public *public)
{
    const uint8_t *at = public->der;
    EVP_PKEY *mine = d2i_PUBKEY(NULL, &at, (long)public->len), *theirs = X509_get0_pubkey(certificate);
    uint8_t *der = NULL;
    int len;
    bool same;

    if (mine != NULL && theirs != NULL) {
        same = EVP_PKEY_eq(mine, theirs) == 1;
    } else {
        len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
        same = len >= 0 && (size_t)len == public->len && memcmp(der, public->der, public->len) == 0;
        OPENSSL_free(der);
    }
    EVP_PKEY_free(mine);
    ERR_clear_error();
    return same;
}

const struct srv_half *doctor_other_certificate(const struct srvconf *c, const struct srv_key *key,
                                                const struct doctor_public *public, size_t *at)
{
    while (*at < c->half_count) {
        size_t i = (*at)++;
        const struct srv_half *half = is_key(c, i, key) ? partner(c, i) : NULL;
        X509 *certificate;
        bool other;

        if (half == NULL || was_before(c, i, key, half))
            continue;
        certificate = read_certificate(c, half->text);
        other = certificate != NULL && !certifies(certificate, public);
        X509_free(certificate);
        if (other)
            return half;
    }
    return NULL;
}
