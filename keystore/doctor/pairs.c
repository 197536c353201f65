/* doctor: is a certificate of the key that a server's configuration has with it? */
#include "doctor/pairs.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "model/spki.h"

/* A key and its certificate, as they stand in the configuration. */
struct pair {
    const struct srv_half *key, *certificate;
};

struct pairs {
    size_t count;
    struct pair pair[]; /* in the order of the keys' texts, then of the configuration; no pair twice */
};

/* Halves that belong together stand together, in the order of the configuration: they are in one array. */
static int by_place(const void *a, const void *b)
{
    const struct srv_half *x = *(const struct srv_half *const *)a, *y = *(const struct srv_half *const *)b;
    int r = x->scope != y->scope ? (x->scope < y->scope ? -1 : 1) : strcmp(x->role, y->role);

    return r != 0 ? r : (x > y) - (x < y);
}

static int compare_pairs(const struct pair *x, const struct pair *y, bool certificates)
{
    int r = strcmp(x->key->text, y->key->text);

    if (r == 0 && certificates)
        r = strcmp(x->certificate->text, y->certificate->text);
    return r != 0 ? r : (x->key > y->key) - (x->key < y->key);
}

static int by_both(const void *a, const void *b)
{
    return compare_pairs(a, b, /* certificates= */ true);
}

static int by_key(const void *a, const void *b)
{
    return compare_pairs(a, b, /* certificates= */ false);
}

static bool together(const struct srv_half *a, const struct srv_half *b)
{
    return a->scope == b->scope && strcmp(a->role, b->role) == 0;
}

/*
 * The first certificate of a scope's role is of the first key there, and so on. If there are not as many certificates as keys,
 * their order says nothing.
 */
static void pair_group(struct pairs *p, const struct srv_half *const *half, size_t count)
{
    size_t keys = 0, k = 0, c = 0;

    for (size_t i = 0; i < count; i++)
        keys += half[i]->is_key;
    if (2 * keys != count)
        return;
    for (size_t i = 0; i < keys; i++, k++, c++) {
        while (!half[k]->is_key)
            k++;
        while (half[c]->is_key)
            c++;
        p->pair[p->count++] = (struct pair){ half[k], half[c] };
    }
}

/* The same pair stands in many places: the first one is kept. */
static void drop_repeated(struct pairs *p)
{
    size_t kept = 0;

    qsort(p->pair, p->count, sizeof(p->pair[0]), by_both);
    for (size_t i = 0; i < p->count; i++) {
        if (kept == 0 || strcmp(p->pair[kept - 1].key->text, p->pair[i].key->text) != 0 ||
            strcmp(p->pair[kept - 1].certificate->text, p->pair[i].certificate->text) != 0)
            p->pair[kept++] = p->pair[i];
    }
    p->count = kept;
}

struct pairs *pairs_new(const struct srvconf *c)
{
    const struct srv_half **half = calloc(c->half_count + 1, sizeof(const struct srv_half *));
    struct pairs *p = calloc(1, sizeof(*p) + (c->half_count / 2) * sizeof(p->pair[0]));

    if (half == NULL || p == NULL) {
        free(half);
        free(p);
        return NULL;
    }
    for (size_t i = 0; i < c->half_count; i++)
        half[i] = &c->halves[i];
    qsort(half, c->half_count, sizeof(const struct srv_half *), by_place);
    for (size_t from = 0, to; from < c->half_count; from = to) {
        for (to = from + 1; to < c->half_count && together(half[from], half[to]); to++)
            continue;
        pair_group(p, half + from, to - from);
    }
    free(half);
    drop_repeated(p);
    qsort(p->pair, p->count, sizeof(p->pair[0]), by_key);
    return p;
}

/* The place of the first pair of that key, or of the first behind it. */
static size_t first_of(const struct pairs *p, const char *key)
{
    size_t from = 0, to = p->count;

    while (from < to) {
        size_t middle = from + (to - from) / 2;

        if (strcmp(p->pair[middle].key->text, key) < 0)
            from = middle + 1;
        else
            to = middle;
    }
    return from;
}

/* The first certificate in the file, which is that of the key, as DER. False: none can be read. */
static bool read_certificate(const struct srvconf *c, const char *path, uint8_t **ret, long *ret_len)
{
    struct stat st;
    FILE *file = NULL;
    BIO *bio = NULL;
    int fd = -1;
    bool ok = false;

    if (path[0] == '/' && srv_open(c, path, &fd, &st) == 0)
        file = fdopen(fd, "r");
    if (file == NULL && fd >= 0)
        close(fd);
    /* Reading lines, a BIO of a descriptor takes a system call for each byte. */
    bio = file == NULL ? NULL : BIO_new_fp(file, BIO_CLOSE);
    if (bio == NULL && file != NULL)
        fclose(file);
    if (bio != NULL)
        ok = PEM_bytes_read_bio(ret, ret_len, NULL, PEM_STRING_X509, bio, NULL, NULL) == 1;
    BIO_free(bio);
    ERR_clear_error();
    return ok;
}

/* Passes over one field of DER, or with into to what is in it. False: there is none. */
static bool pass(const uint8_t **at, const uint8_t *end, bool into)
{
    const uint8_t *next = *at;
    long len = 0;
    int tag = 0, class = 0;

    if (next >= end || (ASN1_get_object(&next, &len, &tag, &class, end - next) & 0x81) != 0)
        return false;
    *at = into ? next : next + len;
    return true;
}

/*
 * Is the public key in a certificate (RFC 5280 4.1) written in just these bytes? False says nothing: one key can be written in
 * several ways.
 */
static bool has_bytes(const uint8_t *der, long len, const struct doctor_public *public)
{
    const uint8_t *at = der, *end = der + len, *next;

    /* TBSCertificate: version, serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo */
    if (!pass(&at, end, /* into= */ true) || !pass(&at, end, /* into= */ true))
        return false;
    for (int i = 0; i < 6; i++) {
        if (!pass(&at, end, /* into= */ false))
            return false;
    }
    next = at;
    return pass(&next, end, /* into= */ false) && (size_t)(next - at) == public->len &&
           memcmp(at, public->der, public->len) == 0;
}

/*
 * Is it a certificate of that key? Compares the keys, since one key can be written in several ways. A key of a type that
 * this OpenSSL does not know is compared as it is written.
 */
static bool certifies(X509 *certificate, const struct doctor_public *public)
{
    EVP_PKEY *mine = spki_key(/* libctx= */ NULL, public->der, public->len), *theirs = X509_get0_pubkey(certificate);
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

/* Is there a certificate in the file, and is it of another key? */
static bool is_other(const struct srvconf *c, const char *path, const struct doctor_public *public)
{
    uint8_t *der = NULL;
    const uint8_t *at;
    X509 *certificate;
    long len = 0;
    bool other = false;

    if (!read_certificate(c, path, &der, &len))
        return false;
    at = der;
    /* OpenSSL takes long for a certificate, which most often is the right one. */
    certificate = has_bytes(der, len, public) ? NULL : d2i_X509(NULL, &at, len);
    other = certificate != NULL && !certifies(certificate, public);
    X509_free(certificate);
    OPENSSL_free(der);
    ERR_clear_error();
    return other;
}

const struct srv_half *pairs_other_certificate(const struct pairs *p, const struct srvconf *c, const struct srv_key *key,
                                               const struct doctor_public *public, size_t *at)
{
    if (*at == 0)
        *at = first_of(p, key->text) + 1;
    while (*at <= p->count && strcmp(p->pair[*at - 1].key->text, key->text) == 0) {
        const struct srv_half *half = p->pair[(*at)++ - 1].certificate;

        if (is_other(c, half->text, public))
            return half;
    }
    return NULL;
}
