/* doctor: is a certificate of the key that a server's configuration has with it? */
#include "doctor/pairs.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

const struct srv_half *pairs_other_certificate(const struct pairs *p, const struct srvconf *c, const struct srv_key *key,
                                               const struct doctor_public *public, size_t *at)
{
    if (*at == 0)
        *at = first_of(p, key->text) + 1;
    while (*at <= p->count && strcmp(p->pair[*at - 1].key->text, key->text) == 0) {
        const struct srv_half *half = p->pair[(*at)++ - 1].certificate;
        X509 *certificate = read_certificate(c, half->text);
        bool other = certificate != NULL && !certifies(certificate, public);

        X509_free(certificate);
        if (other)
            return half;
    }
    return NULL;
}
