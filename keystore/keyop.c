/* What a private key does, through EVP: sign. One path for every backend. */
#include "keyop.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "scheme.h"

/* Contexts kept for later, a key: about as many as threads use one key at once. */
#define IDLE_MAX 64

/* A context that is set up for one scheme and its options, and used again and again. */
struct warm {
    uint8_t scheme, digest, mgf1_digest;
    uint16_t salt_len;
    EVP_PKEY_CTX *sign; /* schemes over a digest */
    EVP_MD_CTX *md;     /* hashes the text; for schemes over the whole text it signs too */
    struct warm *next;
};

struct livekey {
    EVP_PKEY *key;
    atomic_uint refs;
    unsigned schemes; /* bits, 1 << enum scheme */
    pthread_mutex_t lock;
    struct warm *idle; /* guarded by lock */
    unsigned idle_count;
};

/* Which schemes a key type does. */
static const struct {
    const char *type;
    unsigned schemes;
} types[] = {
    { "RSA", 1u << SCHEME_RSA_PKCS1 | 1u << SCHEME_RSA_PSS },
    { "RSA-PSS", 1u << SCHEME_RSA_PSS },
    { "EC", 1u << SCHEME_ECDSA },
    { "ED25519", 1u << SCHEME_ED25519 },
    { "ED448", 1u << SCHEME_ED448 },
};

/* Fetched once, read-only from then on, for the life of the process. */
static EVP_MD *digests[DIGEST_LAST + 1];

int keyop_setup(void)
{
    for (unsigned d = 1; d <= DIGEST_LAST; d++) {
        digests[d] = EVP_MD_fetch(NULL, digest_name(d), NULL);
        /* MD5 is absent where only approved algorithms are: then TLS 1.1 is not to be had. */
        if (digests[d] == NULL && d != DIGEST_MD5_SHA1)
            return LB_E_CRYPTO;
    }
    ERR_clear_error();
    return 0;
}

static void warm_free(struct warm *w)
{
    if (w == NULL)
        return;
    EVP_PKEY_CTX_free(w->sign);
    EVP_MD_CTX_free(w->md);
    free(w);
}

struct livekey *livekey_new(EVP_PKEY *key)
{
    struct livekey *k = calloc(1, sizeof(*k));

    if (k == NULL || pthread_mutex_init(&k->lock, NULL) != 0) {
        free(k);
        EVP_PKEY_free(key);
        return NULL;
    }
    k->key = key;
    atomic_init(&k->refs, 1);
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (EVP_PKEY_is_a(key, types[i].type))
            k->schemes = types[i].schemes;
    }
    return k;
}

struct livekey *livekey_ref(struct livekey *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void livekey_unref(struct livekey *k)
{
    if (k == NULL || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    while (k->idle != NULL) {
        struct warm *w = k->idle;

        k->idle = w->next;
        warm_free(w);
    }
    EVP_PKEY_free(k->key);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

static bool over_digest(unsigned scheme)
{
    return scheme <= SCHEME_ECDSA;
}

/* Everything about the request that can be told without the key's help. */
static int check(const struct livekey *k, const struct msg_sign *m, struct problem *p)
{
    const char *scheme = scheme_name(m->scheme);

    if ((k->schemes & 1u << m->scheme) == 0)
        return problem_set(p, LB_E_SCHEME, "a key of type %s does not sign with %s", EVP_PKEY_get0_type_name(k->key),
                           scheme);
    if (m->scheme != SCHEME_RSA_PSS && (m->mgf1_digest != DIGEST_NONE || m->salt_len != 0))
        return problem_set(p, LB_E_SCHEME, "%s has neither a mask digest nor a salt", scheme);
    if (!over_digest(m->scheme)) {
        if (m->digest != DIGEST_NONE || m->input != INPUT_TEXT)
            return problem_set(p, LB_E_SCHEME, "%s signs the whole text, not a digest", scheme);
        return 0;
    }
    if (m->digest == DIGEST_NONE) {
        if (m->scheme != SCHEME_RSA_PKCS1 || m->input != INPUT_DIGEST)
            return problem_set(p, LB_E_SCHEME, "%s needs a digest", scheme);
        return 0;
    }
    if (digests[m->digest] == NULL || (m->mgf1_digest != DIGEST_NONE && digests[m->mgf1_digest] == NULL))
        return problem_set(p, LB_E_SCHEME, "the box's libcrypto has no digest %s", digest_name(m->digest));
    if (m->scheme == SCHEME_RSA_PSS && m->mgf1_digest == DIGEST_NONE)
        return problem_set(p, LB_E_SCHEME, "%s needs a mask digest", scheme);
    if (m->input == INPUT_DIGEST && m->data.len != digest_size(m->digest))
        return problem_set(p, LB_E_SCHEME, "a %s digest has %zu bytes, not %zu", digest_name(m->digest),
                           digest_size(m->digest), m->data.len);
    return 0;
}

static bool set_options(EVP_PKEY_CTX *ctx, const struct msg_sign *m)
{
    if (m->digest != DIGEST_NONE && EVP_PKEY_CTX_set_signature_md(ctx, digests[m->digest]) <= 0)
        return false;
    if (m->scheme == SCHEME_RSA_PKCS1)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
    if (m->scheme == SCHEME_RSA_PSS)
        return EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
               EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digests[m->mgf1_digest]) > 0 &&
               EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, m->salt_len) > 0;
    return true;
}

static struct warm *warm_new(struct livekey *k, const struct msg_sign *m)
{
    struct warm *w = calloc(1, sizeof(*w));

    if (w == NULL)
        return NULL;
    w->scheme = m->scheme;
    w->digest = m->digest;
    w->mgf1_digest = m->mgf1_digest;
    w->salt_len = m->salt_len;
    w->md = EVP_MD_CTX_new();
    if (w->md == NULL)
        goto fail;
    if (!over_digest(m->scheme)) {
        if (EVP_DigestSignInit_ex(w->md, NULL, NULL, NULL, NULL, k->key, NULL) <= 0)
            goto fail;
        return w;
    }
    w->sign = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
    if (w->sign == NULL || EVP_PKEY_sign_init(w->sign) <= 0 || !set_options(w->sign, m))
        goto fail;
    return w;
fail:
    warm_free(w);
    return NULL;
}

static struct warm *warm_take(struct livekey *k, const struct msg_sign *m)
{
    struct warm *w = NULL, **at;

    pthread_mutex_lock(&k->lock);
    for (at = &k->idle; *at != NULL; at = &(*at)->next) {
        w = *at;
        if (w->scheme == m->scheme && w->digest == m->digest && w->mgf1_digest == m->mgf1_digest &&
            w->salt_len == m->salt_len) {
            *at = w->next;
            k->idle_count--;
            break;
        }
        w = NULL;
    }
    pthread_mutex_unlock(&k->lock);
    return w != NULL ? w : warm_new(k, m);
}

/* To the front, so that the context whose memory is warmest is taken next. */
static void warm_give_back(struct livekey *k, struct warm *w)
{
    struct warm *last = NULL, **at;

    pthread_mutex_lock(&k->lock);
    w->next = k->idle;
    k->idle = w;
    if (++k->idle_count > IDLE_MAX) {
        for (at = &k->idle; (*at)->next != NULL;)
            at = &(*at)->next;
        last = *at;
        *at = NULL;
        k->idle_count--;
    }
    pthread_mutex_unlock(&k->lock);
    warm_free(last);
}

static bool sign_digest(struct warm *w, const struct msg_sign *m, uint8_t *sig, size_t *len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct bytes in = m->data;
    unsigned digest_len;

    if (m->input == INPUT_TEXT) {
        if (EVP_DigestInit_ex2(w->md, digests[m->digest], NULL) <= 0 ||
            EVP_DigestUpdate(w->md, in.p, in.len) <= 0 || EVP_DigestFinal_ex(w->md, digest, &digest_len) <= 0)
            return false;
        in = (struct bytes){ digest, digest_len };
    }
    return EVP_PKEY_sign(w->sign, sig, len, in.p, in.len) > 0;
}

/* The empty init is what makes a used context ready again; it fetches nothing. */
static bool sign_text(struct warm *w, const struct msg_sign *m, uint8_t *sig, size_t *len)
{
    return EVP_DigestSignInit_ex(w->md, NULL, NULL, NULL, NULL, NULL, NULL) > 0 &&
           EVP_DigestSign(w->md, sig, len, m->data.p, m->data.len) > 0;
}

/* libcrypto's reason is about the caller's options, which the caller may see. */
static int crypto_problem(struct problem *p, int code, const struct msg_sign *m)
{
    /* The first error is the cause; those behind it only say which function passed it on. */
    unsigned long e = ERR_peek_error();
    const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);

    problem_set(p, code, "%s: %s", scheme_name(m->scheme), reason == NULL ? "libcrypto refused" : reason);
    ERR_clear_error();
    return code;
}

int keyop_sign(struct livekey *k, const struct msg_sign *m, uint8_t *sig, size_t size, size_t *ret_len,
               struct problem *p)
{
    struct warm *w;
    size_t len = size;
    int r = check(k, m, p);

    if (r != 0)
        return r;
    w = warm_take(k, m);
    if (w == NULL)
        return crypto_problem(p, LB_E_SCHEME, m);
    if (over_digest(m->scheme) ? !sign_digest(w, m, sig, &len) : !sign_text(w, m, sig, &len)) {
        warm_free(w);
        return crypto_problem(p, LB_E_CRYPTO, m);
    }
    warm_give_back(k, w);
    *ret_len = len;
    return 0;
}
