/* What a private key does, through EVP: sign, and what lives between two requests. One path for every backend. */
#include "keys/key_op_priv.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/rsa.h>
#include <stdlib.h>
#include <string.h>

#include "model/scheme.h"

/* Contexts kept for later, a key: about as many as threads use one key at once. */
#define IDLE_MAX 64

/* A context that is set up for one scheme and its options, and used again and again. */
struct warm {
    uint8_t scheme, digest, mgf1_digest, flags;
    uint16_t salt_len;
    EVP_PKEY_CTX *sign; /* schemes over a digest */
    EVP_MD_CTX *md;     /* hashes the text; for schemes over the whole text it signs too */
    bool used;
    struct warm *next;
};

enum context_rule { CONTEXT_NEVER, CONTEXT_MAY, CONTEXT_MUST };

/* What a scheme takes beside the text. */
static const struct rule {
    bool over_digest;          /* signs digests of any kind; else texts */
    bool prehash;              /* signs texts, or the 64 bytes of their one kind of digest */
    enum context_rule context;
    uint8_t flags;             /* of enum sign_flag */
    const char *instance;      /* what libcrypto calls the scheme beside the key type; NULL: nothing */
    const char *since;         /* the OpenSSL that has its options */
} rules[SCHEME_LAST + 1] = {
    [SCHEME_RSA_PKCS1] = { true, false, CONTEXT_NEVER, 0, NULL, "" },
    [SCHEME_RSA_PSS] = { true, false, CONTEXT_NEVER, 0, NULL, "" },
    [SCHEME_ECDSA] = { true, false, CONTEXT_NEVER, SIGN_DETERMINISTIC, NULL, "3.2" },
    [SCHEME_ED25519] = { false, false, CONTEXT_NEVER, 0, NULL, "" },
    [SCHEME_ED448] = { false, false, CONTEXT_MAY, 0, NULL, "3.2" },
    [SCHEME_ED25519PH] = { false, true, CONTEXT_MAY, 0, "Ed25519ph", "3.2" },
    [SCHEME_ED25519CTX] = { false, false, CONTEXT_MUST, 0, "Ed25519ctx", "3.2" },
    [SCHEME_ED448PH] = { false, true, CONTEXT_MAY, 0, "Ed448ph", "3.2" },
    [SCHEME_ML_DSA] = { false, false, CONTEXT_MAY, SIGN_DETERMINISTIC | SIGN_RAW_MESSAGE | SIGN_MU, NULL, "3.5" },
    [SCHEME_SLH_DSA] = { false, false, CONTEXT_MAY, SIGN_DETERMINISTIC | SIGN_RAW_MESSAGE, NULL, "3.5" },
};

/* Fetched once, read-only from then on, for the life of the process. */
static EVP_MD *digests[DIGEST_LAST + 1];

int keyop_setup(void)
{
    for (unsigned d = 1; d <= DIGEST_LAST; d++) {
        digests[d] = EVP_MD_fetch(NULL, digest_name(d), NULL);
        /* MD5 may be absent, where only approved algorithms are. TLS 1.1 cannot be had then. */
        if (digests[d] == NULL && d != DIGEST_MD5_SHA1)
            return LB_E_CRYPTO;
    }
    ERR_clear_error();
    return 0;
}

const EVP_MD *keyop_digest(unsigned digest)
{
    return digest > DIGEST_LAST ? NULL : digests[digest];
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
    k->algorithm = key_algorithm_of(key);
    if (k->algorithm != NULL) {
        k->operations = k->algorithm->operations;
        k->schemes = k->algorithm->schemes;
    }
    return k;
}

struct livekey *livekey_ref(struct livekey *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

int livekey_set_object(struct livekey *k, const struct p11uri *u)
{
    struct token_object *object = calloc(1, sizeof(*object));

    if (object == NULL)
        return LB_E_NOMEM;
    object->label = u->a[P11_OBJECT];
    object->id = u->a[P11_ID];
    free(k->object);
    k->object = object;
    return 0;
}

const struct token_object *livekey_object(const struct livekey *k)
{
    return k->object;
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
    free(k->object);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

/* Checks what needs no operation of the key. */
static int check(const struct livekey *k, const struct sign_request *m, struct problem *p)
{
    const char *scheme = scheme_name(m->scheme);
    const struct rule *rule = &rules[m->scheme];

    if ((k->schemes & 1u << m->scheme) == 0)
        return problem_set(p, LB_E_SCHEME, "a key of type %s does not sign with %s", EVP_PKEY_get0_type_name(k->key),
                           scheme);
    if (m->scheme != SCHEME_RSA_PSS && (m->mgf1_digest != DIGEST_NONE || m->salt_len != 0))
        return problem_set(p, LB_E_SCHEME, "%s has neither a mask digest nor a salt", scheme);
    if ((m->flags & ~rule->flags) != 0)
        return problem_set(p, LB_E_SCHEME, "%s is not signed in this way (flags 0x%02x)", scheme, m->flags);
    if (m->context_len > 0 && rule->context == CONTEXT_NEVER)
        return problem_set(p, LB_E_SCHEME, "%s has no context string", scheme);
    if (m->context_len == 0 && rule->context == CONTEXT_MUST)
        return problem_set(p, LB_E_SCHEME, "%s needs a context string", scheme);
    if (!rule->over_digest) {
        if (m->digest != DIGEST_NONE || (m->input == INPUT_DIGEST && !rule->prehash))
            return problem_set(p, LB_E_SCHEME, "%s signs the whole text, not a digest", scheme);
        if (m->input == INPUT_DIGEST && m->data.len != SCHEME_PH_SIZE)
            return problem_set(p, LB_E_SCHEME, "the digest for %s has %d bytes, not %zu", scheme, SCHEME_PH_SIZE,
                               m->data.len);
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

/*
 * Sets the options of newer schemes. Each is looked for first: libcrypto passes over an option that it does not know, and
 * would sign something else. LB_E_UNSUPPORTED: this libcrypto does not have one.
 */
static int set_newer_options(EVP_PKEY_CTX *ctx, const struct sign_request *m)
{
    unsigned nonce_type = 1;
    int one = 1, raw = 0;
    OSSL_PARAM params[6];
    const OSSL_PARAM *known;
    size_t n = 0;

    if (rules[m->scheme].instance != NULL)
        params[n++] = OSSL_PARAM_construct_utf8_string(PARAM_INSTANCE, (char *)rules[m->scheme].instance, 0);
    if (m->context_len > 0)
        params[n++] = OSSL_PARAM_construct_octet_string(PARAM_CONTEXT, (void *)m->context, m->context_len);
    if ((m->flags & SIGN_DETERMINISTIC) != 0 && m->scheme == SCHEME_ECDSA)
        params[n++] = OSSL_PARAM_construct_uint(PARAM_NONCE_TYPE, &nonce_type);
    else if ((m->flags & SIGN_DETERMINISTIC) != 0)
        params[n++] = OSSL_PARAM_construct_int(PARAM_DETERMINISTIC, &one);
    if ((m->flags & SIGN_RAW_MESSAGE) != 0)
        params[n++] = OSSL_PARAM_construct_int(PARAM_ENCODING, &raw);
    if ((m->flags & SIGN_MU) != 0)
        params[n++] = OSSL_PARAM_construct_int(PARAM_MU, &one);
    if (n == 0)
        return 0;
    params[n] = OSSL_PARAM_construct_end();
    known = EVP_PKEY_CTX_settable_params(ctx);
    for (size_t i = 0; i < n; i++) {
        if (known == NULL || OSSL_PARAM_locate_const(known, params[i].key) == NULL)
            return LB_E_UNSUPPORTED;
    }
    return EVP_PKEY_CTX_set_params(ctx, params) > 0 ? 0 : LB_E_CRYPTO;
}

static int set_options(EVP_PKEY_CTX *ctx, const struct sign_request *m)
{
    bool ok = true;

    if (m->digest != DIGEST_NONE)
        ok = EVP_PKEY_CTX_set_signature_md(ctx, digests[m->digest]) > 0;
    if (ok && m->scheme == SCHEME_RSA_PKCS1)
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) > 0;
    if (ok && m->scheme == SCHEME_RSA_PSS)
        ok = EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) > 0 &&
             EVP_PKEY_CTX_set_rsa_mgf1_md(ctx, digests[m->mgf1_digest]) > 0 &&
             EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, m->salt_len) > 0;
    return ok ? set_newer_options(ctx, m) : LB_E_CRYPTO;
}

/* True: libcrypto is given a digest; false: a text in one piece. */
static bool takes_digest(const struct sign_request *m)
{
    return rules[m->scheme].over_digest || m->input == INPUT_DIGEST;
}

static int warm_new(struct livekey *k, const struct sign_request *m, struct warm **ret)
{
    struct warm *w = calloc(1, sizeof(*w));
    EVP_PKEY_CTX *options = NULL;
    int r = LB_E_NOMEM;

    if (w == NULL)
        return LB_E_NOMEM;
    w->scheme = m->scheme;
    w->digest = m->digest;
    w->mgf1_digest = m->mgf1_digest;
    w->salt_len = m->salt_len;
    w->flags = m->flags;
    w->md = EVP_MD_CTX_new();
    if (w->md == NULL)
        goto out;
    r = LB_E_CRYPTO;
    if (takes_digest(m)) {
        w->sign = options = EVP_PKEY_CTX_new_from_pkey(NULL, k->key, NULL);
        if (options == NULL)
            goto out;
        if (EVP_PKEY_sign_init(options) <= 0) {
            /* Before 3.4 libcrypto has no way to sign the digest of a PH scheme. */
            r = rules[m->scheme].prehash ? LB_E_UNSUPPORTED : LB_E_CRYPTO;
            goto out;
        }
    } else if (EVP_DigestSignInit_ex(w->md, &options, NULL, NULL, NULL, k->key, NULL) <= 0) {
        goto out;
    }
    r = set_options(options, m);
out:
    if (r != 0)
        warm_free(w);
    else
        *ret = w;
    return r;
}

/* Is the context of use to other requests? Not with options of this one. */
static bool is_kept(const struct sign_request *m)
{
    return m->context_len == 0 && rules[m->scheme].instance == NULL;
}

static int warm_take(struct livekey *k, const struct sign_request *m, struct warm **ret)
{
    struct warm *w = NULL, **at;

    if (!is_kept(m))
        return warm_new(k, m, ret);
    pthread_mutex_lock(&k->lock);
    for (at = &k->idle; *at != NULL; at = &(*at)->next) {
        w = *at;
        if (w->scheme == m->scheme && w->digest == m->digest && w->mgf1_digest == m->mgf1_digest &&
            w->salt_len == m->salt_len && w->flags == m->flags) {
            *at = w->next;
            k->idle_count--;
            break;
        }
        w = NULL;
    }
    pthread_mutex_unlock(&k->lock);
    *ret = w;
    return w != NULL ? 0 : warm_new(k, m, ret);
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

static bool sign_digest(struct warm *w, const struct sign_request *m, uint8_t *sig, size_t *len)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    struct bytes in = m->data;
    unsigned digest_len;

    if (m->input != INPUT_DIGEST) {
        if (EVP_DigestInit_ex2(w->md, digests[m->digest], NULL) <= 0 ||
            EVP_DigestUpdate(w->md, in.p, in.len) <= 0 || EVP_DigestFinal_ex(w->md, digest, &digest_len) <= 0)
            return false;
        in = (struct bytes){ digest, digest_len };
    }
    return EVP_PKEY_sign(w->sign, sig, len, in.p, in.len) > 0;
}

/* A used context is made ready by an empty init, which fetches nothing. */
static bool sign_text(struct warm *w, const struct sign_request *m, uint8_t *sig, size_t *len)
{
    if (is_kept(m) && w->used && EVP_DigestSignInit_ex(w->md, NULL, NULL, NULL, NULL, NULL, NULL) <= 0)
        return false;
    w->used = true;
    return EVP_DigestSign(w->md, sig, len, m->data.p, m->data.len) > 0;
}

static int refuse_unsupported(struct problem *p, const struct sign_request *m)
{
    const char *since = takes_digest(m) && rules[m->scheme].prehash ? "3.4" : rules[m->scheme].since;

    problem_set(p, LB_E_SCHEME, "%s: the box's libcrypto (OpenSSL %s) does not sign in this way",
                scheme_name(m->scheme), OpenSSL_version(OPENSSL_VERSION_STRING));
    problem_hint(p, "it is in OpenSSL %s and later", since);
    ERR_clear_error();
    return LB_E_SCHEME;
}

bool keyop_backend_problem(struct problem *p)
{
    const char *data;
    int flags;
    unsigned long e = ERR_peek_error();
    bool found = false;

    /* An error of ours is the last or the first: libcrypto may put its own around it. Most failures have none of ours. */
    if (e == 0)
        return false;
    e = ERR_peek_last_error_all(NULL, NULL, NULL, &data, &flags);
    if (ERR_GET_LIB(e) != ERR_LIB_USER) {
        e = ERR_peek_error_all(NULL, NULL, NULL, &data, &flags);
        if (ERR_GET_LIB(e) != ERR_LIB_USER)
            return false;
    }
    if ((flags & ERR_TXT_STRING) != 0) {
        const char *hint = strchr(data, '\n');

        problem_set(p, -(int)ERR_GET_REASON(e), "%.*s", (int)strcspn(data, "\n"), data);
        if (hint != NULL && hint[1] != '\0')
            problem_hint(p, "%s", hint + 1);
        found = true;
        ERR_clear_error();
    }
    return found;
}

/* Tells libcrypto's reason. The caller may see it: it is about the caller's options. */
static int crypto_problem(struct problem *p, int code, const struct sign_request *m)
{
    /* The first error is the cause. Later ones only say which functions passed it on. */
    unsigned long e = ERR_peek_error();
    const char *reason = e == 0 ? NULL : ERR_reason_error_string(e);

    if (keyop_backend_problem(p))
        return p->code;
    problem_set(p, code, "%s: %s", scheme_name(m->scheme), reason == NULL ? "libcrypto refused" : reason);
    ERR_clear_error();
    return code;
}

int keyop_sign(struct livekey *k, const struct sign_request *m, uint8_t *sig, size_t size, size_t *ret_len,
               struct problem *p)
{
    struct warm *w = NULL;
    size_t len = size;
    int r = check(k, m, p);

    if (r != 0)
        return r;
    r = warm_take(k, m, &w);
    if (r == LB_E_UNSUPPORTED)
        return refuse_unsupported(p, m);
    if (r != 0)
        return crypto_problem(p, LB_E_SCHEME, m);
    if (takes_digest(m) ? !sign_digest(w, m, sig, &len) : !sign_text(w, m, sig, &len)) {
        warm_free(w);
        return crypto_problem(p, LB_E_CRYPTO, m);
    }
    if (is_kept(m))
        warm_give_back(k, w);
    else
        warm_free(w);
    *ret_len = len;
    return 0;
}
