/* The certificates that go with a key: out of a file, in their order, and as messages carry them. */
#include "command/certificates.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "model/chain.h"

void certificates_clear(struct certificates *all)
{
    for (unsigned i = 0; i < all->count; i++)
        X509_free(all->at[i]);
    all->count = 0;
}

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

/* Out of a file */

/*
 * The next certificate's block at or behind *at, which moves behind it. The file may hold a private key: nothing but
 * these blocks goes through libcrypto's buffers.
 */
static bool next_block(struct bytes file, size_t *at, struct bytes *ret)
{
    static const char *const labels[] = { "CERTIFICATE-----", "X509 CERTIFICATE-----" };
    static const char begin[] = "-----BEGIN ", end[] = "-----END ";

    while (*at < file.len) {
        const uint8_t *from = memmem(file.p + *at, file.len - *at, begin, strlen(begin)), *to;
        size_t left;

        if (from == NULL)
            return false;
        *at = (size_t)(from - file.p) + strlen(begin);
        left = file.len - *at;
        for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
            size_t len = strlen(labels[i]);

            if (left < len || memcmp(file.p + *at, labels[i], len) != 0)
                continue;
            to = memmem(file.p + *at, left, end, strlen(end));
            /* A block without an end is a block too, which cannot be read. */
            to = to == NULL || (size_t)(file.p + file.len - to) < strlen(end) + len ? file.p + file.len
                                                                                     : to + strlen(end) + len;
            *ret = (struct bytes){ from, (size_t)(to - from) };
            *at = (size_t)(to - file.p);
            return true;
        }
    }
    return false;
}

static X509 *read_block(struct bytes block)
{
    BIO *bio = BIO_new_mem_buf(block.p, (int)block.len);
    X509 *x = bio == NULL ? NULL : PEM_read_bio_X509(bio, NULL, NULL, NULL);

    BIO_free(bio);
    return x;
}

static bool has(const struct certificates *all, const X509 *x)
{
    for (unsigned i = 0; i < all->count; i++) {
        if (X509_cmp(all->at[i], x) == 0)
            return true;
    }
    return false;
}

int certificates_parse(const char *path, struct bytes file, struct certificates *ret, struct problem *p)
{
    struct bytes block;
    unsigned number = 0;
    size_t at = 0;

    while (next_block(file, &at, &block)) {
        X509 *x = read_block(block);

        number++;
        if (x == NULL) {
            ERR_clear_error();
            return problem_set(p, LB_E_VALUE, "certificate %u in '%s' cannot be read", number, path);
        }
        if (has(ret, x)) {
            X509_free(x);
        } else if (ret->count == FILE_CERTS_MAX) {
            X509_free(x);
            return problem_set(p, LB_E_TOO_LONG, "'%s' has more than %d certificates", path, FILE_CERTS_MAX);
        } else {
            ret->at[ret->count++] = x;
        }
    }
    if (ret->count > 0)
        return 0;
    problem_set(p, LB_E_VALUE, "there is no certificate in '%s'", path);
    problem_hint(p, "it must be PEM; from DER: openssl x509 -inform DER -in FILE");
    return LB_E_VALUE;
}

/* A chain */

static void swap(struct certificates *all, unsigned a, unsigned b)
{
    X509 *x = all->at[a];

    all->at[a] = all->at[b];
    all->at[b] = x;
}

static bool is_root(X509 *x)
{
    return chain_issued_by(x, x);
}

int certificates_sort(const char *path, const struct key_info *key, struct certificates *all, struct problem *p)
{
    char first[CHAIN_NAME_SIZE], other[CHAIN_NAME_SIZE];
    unsigned i = 0, sorted;

    while (i < all->count && !chain_certifies(all->at[i], key->spki))
        i++;
    if (i == all->count) {
        problem_set(p, LB_E_PUBLIC_KEY, "no certificate in '%s' is for version %u of key '%s'", path, key->version,
                    key->name);
        problem_hint(p, "its public key: littlebox --box %s show '%s;version=%u' --public", key->box, key->name,
                     key->version);
        return LB_E_PUBLIC_KEY;
    }
    swap(all, 0, i);
    for (sorted = 1; sorted < all->count; sorted++) {
        for (i = sorted; i < all->count && !chain_issued_by(all->at[sorted - 1], all->at[i]); i++)
            ;
        if (i == all->count || is_root(all->at[sorted - 1]))
            break;
        swap(all, sorted, i);
    }
    if (sorted == all->count)
        return 0;
    chain_name(X509_get_subject_name(all->at[0]), first);
    chain_name(X509_get_subject_name(all->at[sorted]), other);
    problem_set(p, LB_E_VALUE, "the certificate %s in '%s' is not in the chain of %s", other, path, first);
    problem_hint(p, "add the certificates between them, or leave it out");
    return LB_E_VALUE;
}

int certificates_put(const struct certificates *all, uint8_t *buf, struct bytes *ret, struct problem *p)
{
    struct wire_writer w;
    size_t len;

    if (all->count > LB_CERTS_MAX)
        return problem_set(p, LB_E_TOO_LONG, "a chain of %u certificates is too long: a box keeps at most %d for a key",
                           all->count, LB_CERTS_MAX);
    wire_write(&w, buf, LB_CHAIN_MAX);
    wire_put_u16(&w, (uint16_t)all->count);
    for (unsigned i = 0; i < all->count; i++) {
        unsigned char *der = NULL;
        int n = i2d_X509(all->at[i], &der);

        if (n <= 0)
            return out_of_memory(p);
        wire_put_bytes(&w, der, (size_t)n);
        OPENSSL_free(der);
    }
    if (wire_written(&w, &len) != 0)
        return problem_set(p, LB_E_TOO_LONG, "the chain is too long: a box keeps at most %d bytes of it for a key",
                           LB_CHAIN_MAX);
    *ret = (struct bytes){ buf, len };
    return 0;
}

int certificates_get(struct bytes chain, struct certificates *ret, struct problem *p)
{
    struct wire_reader r;
    unsigned count;
    int result = chain_read(chain, &count, &r);

    for (unsigned i = 0; result == 0 && i < count; i++) {
        ret->at[i] = chain_certificate(wire_get_bytes(&r, LB_CHAIN_MAX));
        if (ret->at[i] == NULL)
            result = LB_E_VALUE;
        else
            ret->count++;
    }
    return result == 0 ? 0 : problem_set(p, result, "the box's chain of certificates cannot be read");
}

int certificates_write(const struct certificates *all, BIO *out, struct problem *p)
{
    for (unsigned i = 0; i < all->count; i++) {
        if (!PEM_write_bio_X509(out, all->at[i]))
            return out_of_memory(p);
    }
    return 0;
}
