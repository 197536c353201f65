/* The certificates on a token: read now and then, kept as they were read, and the chain that goes with a public key. */
#include "token/certificates.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "model/chain.h"
#include "model/spki.h"
#include "token/object.h"
#include "token/token_priv.h"

/* Older than this, in seconds, it is read anew: what other programs write to the token is noticed after that time. */
#define KEEP_SECONDS 30
/* Whoever can connect may ask for certificates: a token that cannot give them is left alone for so long, in seconds. */
#define RETRY_SECONDS 10
/* Signatures that are checked to find who issued what. A token where that does not do is one in disorder. */
#define CHECKS_MAX (4 * P11_CERTS_MAX)

struct p11_cert {
    struct p11_value id, label;
    uint8_t *der;
    size_t len;
    uint8_t hash[LB_HASH_SIZE]; /* spki_hash() of its public key */
    int issuer;                 /* which of the others; -1: none of them, or itself */
    X509 *x;                    /* while they are being read */
};

struct p11_certs {
    atomic_uint refs;
    unsigned generation; /* of the connection */
    unsigned epoch;      /* when reading began */
    unsigned long long at;
    struct p11_cert *all;
    size_t count, size, bytes;
};

static unsigned long long now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec;
}

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

struct p11_certs *p11_certs_known(struct p11_token *t)
{
    struct p11_certs *c;

    pthread_mutex_lock(&t->certs_lock);
    c = t->certs;
    if (c != NULL)
        atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
    pthread_mutex_unlock(&t->certs_lock);
    return c;
}

static bool is_current(struct p11_token *t, const struct p11_certs *c)
{
    return c != NULL && c->epoch == atomic_load(&t->certs_epoch) && c->generation == p11_token_generation(t) &&
           now() - c->at < KEEP_SECONDS;
}

bool p11_certs_are_current(struct p11_token *t)
{
    struct p11_certs *c = p11_certs_known(t);
    bool current = is_current(t, c);

    p11_certs_unref(c);
    return current;
}

void p11_certs_forget(struct p11_token *t)
{
    atomic_fetch_add(&t->certs_epoch, 1);
}

/* Reading */

struct reading {
    struct p11_certs *certs;
    CK_OBJECT_HANDLE found[P11_CERTS_MAX + 1];
    CK_ULONG count;
    CK_OBJECT_HANDLE one;
    unsigned useless; /* objects that are no certificates, or for which there is no room */
    bool moved;       /* the handles are of another connection by now */
};

static CK_RV find(struct p11_session *s, void *arg, struct problem *p)
{
    struct reading *r = arg;
    CK_OBJECT_CLASS class = CKO_CERTIFICATE;
    CK_CERTIFICATE_TYPE type = CKC_X_509;
    CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
                                { CKA_CERTIFICATE_TYPE, &type, sizeof(type) } };

    (void)p;
    r->certs->generation = s->generation;
    return p11_find(s, template, 2, r->found, P11_CERTS_MAX + 1, &r->count);
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

/* Takes over der. False: it is no certificate, or there is no room for it. */
static bool put(struct p11_certs *c, const struct p11_name *name, uint8_t *der, size_t len)
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

/* One object a time: between two of them the session serves others. One that cannot be read does not hide the rest. */
static CK_RV read_one(struct p11_session *s, void *arg, struct problem *p)
{
    struct reading *r = arg;
    struct p11_name name;
    uint8_t *der = NULL;
    size_t len = 0;
    CK_RV rv, alive;

    (void)p;
    r->moved = s->generation != r->certs->generation;
    if (r->moved)
        return CKR_OK;
    rv = p11_name_of(s, r->one, &name);
    if (rv == CKR_OK)
        rv = p11_attribute_new(s, r->one, CKA_VALUE, &der, &len);
    if (rv == CKR_OK) {
        if (!put(r->certs, &name, der, len))
            r->useless++;
        return CKR_OK;
    }
    alive = rv == CKR_USER_NOT_LOGGED_IN ? rv : p11_alive(s);
    r->useless += alive == CKR_OK;
    return alive;
}

/* Who issued whom: names first, signatures only where those fit. */
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

/* So that of several that fit the first is the one that is meant. */
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

static int read_all(struct p11_token *t, struct reading *r, struct problem *p)
{
    struct p11_certs *c = calloc(1, sizeof(*c));
    int result;

    r->certs = c;
    r->useless = 0;
    r->moved = false;
    if (c == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    atomic_init(&c->refs, 1);
    c->epoch = atomic_load(&t->certs_epoch);
    result = p11_do(t, "looking for certificates", find, r, p);
    if (result != 0)
        return result;
    c->size = r->count > P11_CERTS_MAX ? P11_CERTS_MAX : r->count;
    c->all = calloc(c->size + 1, sizeof(*c->all));
    if (c->all == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    for (CK_ULONG i = 0; result == 0 && !r->moved && i < r->count; i++) {
        r->one = r->found[i];
        result = p11_do(t, "reading a certificate", read_one, r, p);
    }
    return result;
}

static int read_now(struct p11_token *t, struct p11_certs **ret, struct problem *p)
{
    struct reading r = { .moved = true };
    int result = 0;

    for (int tries = 0; result == 0 && r.moved && tries < 3; tries++) {
        p11_certs_unref(r.certs);
        result = read_all(t, &r, p);
    }
    if (result == 0 && r.moved)
        result = problem_set(p, LB_E_TOKEN, "the token went away while its certificates were read");
    if (result != 0) {
        p11_certs_unref(r.certs);
        return result;
    }
    if (r.useless > 0)
        log_warning("%u certificate objects on the token are left out: they are no X.509 certificates, or too many", r.useless);
    sort_all(r.certs);
    link_issuers(r.certs);
    for (size_t i = 0; i < r.certs->count; i++) {
        X509_free(r.certs->all[i].x);
        r.certs->all[i].x = NULL;
    }
    ERR_clear_error();
    r.certs->at = now();
    *ret = r.certs;
    return 0;
}

static void publish(struct p11_token *t, struct p11_certs *c)
{
    struct p11_certs *old;

    pthread_mutex_lock(&t->certs_lock);
    old = t->certs;
    t->certs = c;
    pthread_mutex_unlock(&t->certs_lock);
    p11_certs_unref(old);
}

/* With certs_reading held. A token that is away, and the pause before it is looked for again, are p11_do()'s. */
static void note_failure(struct p11_token *t, const struct problem *p)
{
    struct p11_token_info info;

    p11_token_info(t, &info);
    if (!info.connected)
        return;
    t->certs_problem = *p;
    t->certs_generation = p11_token_generation(t);
    t->certs_retry_at = now() + RETRY_SECONDS;
}

/* With certs_reading held. */
static int read_unless_failed(struct p11_token *t, struct p11_certs **ret, struct problem *p)
{
    int r;

    if (now() < t->certs_retry_at && t->certs_generation == p11_token_generation(t)) {
        *p = t->certs_problem;
        return p->code;
    }
    r = read_now(t, ret, p);
    if (r != 0)
        note_failure(t, p);
    return r;
}

int p11_certs_read(struct p11_token *t, struct p11_certs **ret, struct problem *p)
{
    struct p11_certs *c = p11_certs_known(t), *more = NULL;
    int r = 0;

    if (!is_current(t, c)) {
        pthread_mutex_lock(&t->certs_reading);
        /* Somebody may have read them while this thread waited. */
        p11_certs_unref(c);
        c = p11_certs_known(t);
        if (!is_current(t, c)) {
            r = read_unless_failed(t, &more, p);
            if (r == 0) {
                publish(t, more);
                p11_certs_unref(c);
                c = p11_certs_known(t);
            }
        }
        pthread_mutex_unlock(&t->certs_reading);
    }
    *ret = c;
    return c != NULL ? 0 : r;
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
