/* Certificates as they were read from a token, and the chain that goes with a public key. */
#include "token/certificates.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "model/chain.h"
#include "model/spki.h"
#include "token/certificates_priv.h"

/* So many signatures are checked to find who issued what. A token that needs more is in disorder. */
#define CHECKS_MAX (4 * P11_CERTS_MAX)

void p11_certs_unref(struct p11_certs *c)
{
    if (c == NULL || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < c->count; i++) {
        X509_free(c->all[i].x);
        free(c->all[i].der);
    }
    free(c->all);
    free(c);
}

/* Putting together */

bool p11_certs_make_room(struct p11_certs *c, size_t size)
{
    c->size = size > P11_CERTS_MAX ? P11_CERTS_MAX : size;
    c->all = calloc(c->size + 1, sizeof(*c->all));
    return c->all != NULL;
}

static bool set_value(struct p11_value *ret, const uint8_t *value, size_t len)
{
    if (len > sizeof(ret->bytes))
        return false;
    if (len > 0)
        memcpy(ret->bytes, value, len);
    ret->len = (uint8_t)len;
    ret->set = len > 0;
    return true;
}

bool p11_certs_put(struct p11_certs *c, const struct p11_name *name, uint8_t *der, size_t len)
{
    struct p11_cert *one = &c->all[c->count];
    unsigned char *spki = NULL;
    int n = 0;

    memset(one, 0, sizeof(*one));
    one->issuer = -1;
    if (c->count < c->size && len <= LB_CHAIN_MAX - 4 && len <= P11_CERTS_BYTES_MAX - c->bytes)
        one->x = chain_certificate((struct bytes){ der, len });
    if (one->x != NULL)
        n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(one->x), &spki);
    if (n > 0 && spki_hash(spki, (size_t)n, one->hash) &&
        set_value(&one->id, name->id, name->id_len) && set_value(&one->label, name->label, name->label_len)) {
        one->der = der;
        one->len = len;
        c->bytes += len;
        c->count++;
    } else {
        X509_free(one->x);
        one->x = NULL;
        free(der);
        n = 0;
    }
    OPENSSL_free(spki);
    ERR_clear_error();
    return n > 0;
}

/* Finds who issued whom. A signature is checked only if the names fit. */
static void link_issuers(struct p11_certs *c)
{
    unsigned checks = 0;

    for (size_t i = 0; i < c->count; i++) {
        struct p11_cert *one = &c->all[i];

        if (X509_NAME_cmp(X509_get_subject_name(one->x), X509_get_issuer_name(one->x)) == 0)
            continue;
        for (size_t j = 0; one->issuer < 0 && j < c->count && checks < CHECKS_MAX; j++) {
            if (j == i || X509_NAME_cmp(X509_get_issuer_name(one->x), X509_get_subject_name(c->all[j].x)) != 0)
                continue;
            checks++;
            if (chain_issued_by(one->x, c->all[j].x))
                one->issuer = (int)j;
        }
    }
}

static bool is_before(X509 *a, X509 *b)
{
    time_t now = time(NULL);
    bool a_to_come = ASN1_TIME_cmp_time_t(X509_get0_notBefore(a), now) > 0;
    bool b_to_come = ASN1_TIME_cmp_time_t(X509_get0_notBefore(b), now) > 0;
    int days = 0, seconds = 0;

    if (a_to_come != b_to_come)
        return b_to_come;
    return ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(b), X509_get0_notBefore(a)) == 1 &&
           (days > 0 || seconds > 0);
}

/* Sorts the preferred one to the front, so that a search ends at it. */
static void sort_all(struct p11_certs *c)
{
    for (size_t i = 1; i < c->count; i++) {
        struct p11_cert one = c->all[i];
        size_t j = i;

        for (; j > 0 && is_before(one.x, c->all[j - 1].x); j--)
            c->all[j] = c->all[j - 1];
        c->all[j] = one;
    }
}

void p11_certs_finish(struct p11_certs *c)
{
    sort_all(c);
    link_issuers(c);
    for (size_t i = 0; i < c->count; i++) {
        X509_free(c->all[i].x);
        c->all[i].x = NULL;
    }
    ERR_clear_error();
}

/* Giving */

int p11_certs_of(const struct p11_certs *c, const uint8_t hash[LB_HASH_SIZE])
{
    for (size_t i = 0; i < c->count; i++) {
        if (memcmp(c->all[i].hash, hash, LB_HASH_SIZE) == 0)
            return (int)i;
    }
    return -1;
}

static void put_chain(const struct p11_certs *c, const int *chain, unsigned count, struct wire_writer *w)
{
    wire_put_u16(w, (uint16_t)count);
    for (unsigned i = 0; i < count; i++)
        wire_put_bytes(w, c->all[chain[i]].der, c->all[chain[i]].len);
}

unsigned p11_certs_chain(const struct p11_certs *c, int first, struct wire_writer *w)
{
    int chain[LB_CERTS_MAX];
    unsigned count = 0;
    size_t len = 2;

    for (int i = first; i >= 0 && count < LB_CERTS_MAX; i = c->all[i].issuer) {
        bool again = false;

        for (unsigned k = 0; k < count; k++)
            again = again || chain[k] == i; /* two that issued each other */
        len += 2 + c->all[i].len;
        if (again || len > LB_CHAIN_MAX)
            break;
        chain[count++] = i;
    }
    if (w != NULL)
        put_chain(c, chain, count, w);
    return count;
}

unsigned p11_certs_named(const struct p11_certs *c, const struct p11uri *want, struct wire_writer *w)
{
    int named[LB_CERTS_MAX];
    unsigned count = 0, fit = 0;
    size_t len = 2;

    for (size_t i = 0; i < c->count; i++) {
        struct p11uri has = { .a = { [P11_OBJECT] = c->all[i].label, [P11_ID] = c->all[i].id } };

        if (!p11uri_matches(want, &has, P11_BIT(P11_OBJECT) | P11_BIT(P11_ID)))
            continue;
        len += 2 + c->all[i].len;
        if (count++ < LB_CERTS_MAX && len <= LB_CHAIN_MAX)
            named[fit++] = (int)i;
    }
    if (fit == count)
        put_chain(c, named, fit, w);
    return count;
}
