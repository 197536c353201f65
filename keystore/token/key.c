/* A private key on a token, and what it does there. */
#include "token/key.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "model/spki.h"
#include "token/copy.h"
#include "token/find_key.h"
#include "token/key_kind.h"
#include "token/message_api.h"

struct p11_key {
    atomic_uint refs;
    struct p11_token *token;
    struct p11_name name;
    const struct key_algorithm *algorithm;
    EVP_PKEY *pub;
    uint8_t *spki;
    size_t spki_len;
    pthread_mutex_t lock;
    CK_OBJECT_HANDLE h;    /* guarded by lock, good in this generation */
    struct p11_copy *copy; /* the same */
    unsigned generation;
    bool found, always_authenticate;
};

int p11_key_new(struct p11_token *t, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                struct p11_key **ret)
{
    struct p11_key *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return LB_E_NOMEM;
    pthread_mutex_init(&k->lock, NULL);
    atomic_init(&k->refs, 1);
    k->token = t;
    k->name = *name;
    k->pub = spki_key(/* libctx= */ NULL, spki, spki_len);
    k->spki = malloc(spki_len == 0 ? 1 : spki_len);
    k->algorithm = k->pub == NULL ? NULL : key_algorithm_of(k->pub);
    if (k->pub == NULL || k->spki == NULL || p11_kind_of(k->algorithm) == NULL) {
        ERR_clear_error();
        p11_key_unref(k);
        return LB_E_VALUE;
    }
    memcpy(k->spki, spki, spki_len);
    k->spki_len = spki_len;
    *ret = k;
    return 0;
}

struct p11_key *p11_key_ref(struct p11_key *k)
{
    atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
    return k;
}

void p11_key_unref(struct p11_key *k)
{
    if (k == NULL || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
        return;
    EVP_PKEY_free(k->pub);
    free(k->spki);
    pthread_mutex_destroy(&k->lock);
    free(k);
}

const struct key_algorithm *p11_key_algorithm(const struct p11_key *k)
{
    return k->algorithm;
}

const struct p11_name *p11_key_name(const struct p11_key *k)
{
    return &k->name;
}

EVP_PKEY *p11_key_public(const struct p11_key *k)
{
    return k->pub;
}

/*
 * Finds the object's handle by name and public half, and keeps it as long as the connection. anew: the handle we had is
 * stale.
 */
static CK_RV handle_of(struct p11_key *k, struct p11_session *s, bool anew, struct p11_use *ret, bool *ret_login,
                       struct problem *p)
{
    CK_RV rv = CKR_OK;

    pthread_mutex_lock(&k->lock);
    if (anew || !k->found || k->generation != s->generation) {
        if (k->found && k->generation == s->generation)
            p11_copy_drop(s, k->copy);
        k->found = false;
        rv = p11_find_key(s, &k->name, k->spki, k->spki_len, &k->h, p);
        if (rv == CKR_OK) {
            k->always_authenticate = p11_flag(s, k->h, CKA_ALWAYS_AUTHENTICATE);
            k->copy = k->always_authenticate ? NULL : p11_copy_of(s, k->h, &k->name);
            k->generation = s->generation;
            k->found = true;
        }
    }
    *ret = (struct p11_use){ .object = k->h, .copy = k->copy };
    *ret_login = k->always_authenticate;
    pthread_mutex_unlock(&k->lock);
    return rv;
}

/* One operation, for p11_do(). */
struct op {
    struct p11_key *key;
    CK_MECHANISM *mechanism;
    struct bytes in;
    uint8_t *out;
    size_t size, len;
    bool refused; /* of a decryption: the token found nothing in it */
};

/*
 * C_SignInit or C_DecryptInit, with the known handle; if that is stale, with one that is found anew. Only signatures are
 * made with a copy. A decryption that is tried again because of its copy would tell something about the ciphertext.
 */
static CK_RV begin(struct p11_session *s, const struct op *o, bool decrypt, struct p11_use *u, struct problem *p)
{
    bool login = false;
    CK_RV rv = CKR_OK;

    p11_message_end(s);
    if (p11_token_must(s->token, o->mechanism->mechanism, decrypt ? CKF_DECRYPT : CKF_SIGN, p) != 0)
        return P11_TOLD;
    for (int i = 0; i < 2; i++) {
        rv = handle_of(o->key, s, /* anew= */ i > 0, u, &login, p);
        if (rv != CKR_OK)
            return rv;
        rv = decrypt ? P11_CALL(&s->call, C_DecryptInit, s->h, o->mechanism, u->object)
                     : P11_CALL(&s->call, C_SignInit, s->h, o->mechanism, p11_copy_pick(s, u));
        if (u->by_copy || (rv != CKR_KEY_HANDLE_INVALID && rv != CKR_OBJECT_HANDLE_INVALID))
            break;
    }
    return rv == CKR_OK && login ? p11_context_login(s, p) : rv;
}

/* Signs with a kept context, if the token has such. */
static CK_RV sign_message(struct p11_session *s, struct op *o, struct problem *p)
{
    CK_RV rv = P11_NO_MESSAGE;

    if (!p11_message_can(s, o->mechanism))
        return rv;
    for (int i = 0; i < 2; i++) {
        CK_ULONG len = o->size;
        struct p11_use u;
        bool login;

        rv = handle_of(o->key, s, /* anew= */ i > 0, &u, &login, p);
        if (rv != CKR_OK)
            return rv;
        if (login)
            return P11_NO_MESSAGE;
        rv = p11_message_sign(s, o->mechanism, u.object, o->in, o->out, &len);
        o->len = len;
        if (rv != CKR_KEY_HANDLE_INVALID && rv != CKR_OBJECT_HANDLE_INVALID)
            break;
    }
    return rv;
}

static CK_RV sign(struct p11_session *s, void *arg, struct problem *p)
{
    struct p11_use u = { .copy = NULL };
    struct op *o = arg;
    CK_ULONG len;
    CK_RV rv = sign_message(s, o, p);

    if (rv != P11_NO_MESSAGE)
        return rv;
    do {
        len = o->size;
        rv = begin(s, o, /* decrypt= */ false, &u, p);
        if (rv == CKR_OK)
            rv = P11_CALL(&s->call, C_Sign, s->h, (CK_BYTE_PTR)o->in.p, o->in.len, o->out, &len);
    } while (p11_copy_over(s, &u, rv));
    o->len = len;
    return rv;
}

int p11_key_sign(struct p11_key *k, CK_MECHANISM *m, struct bytes in, uint8_t *out, size_t len, struct problem *p)
{
    struct op o = { .key = k, .mechanism = m, .in = in, .out = out, .size = len };
    int r = p11_do_for(k, k->token, "signing", sign, &o, p);

    if (r == 0 && o.len != len)
        r = problem_set(p, LB_E_TOKEN, "the token returned a signature of %zu bytes instead of %zu", o.len, len);
    return r;
}

/* Is it a failure of session or token, which p11_do() cures? Anything else that C_Decrypt says is about the ciphertext. */
static bool is_of_token(CK_RV rv)
{
    return rv == CKR_SESSION_HANDLE_INVALID || rv == CKR_SESSION_CLOSED || rv == CKR_USER_NOT_LOGGED_IN ||
           rv == CKR_DEVICE_REMOVED || rv == CKR_TOKEN_NOT_PRESENT || rv == CKR_CRYPTOKI_NOT_INITIALIZED ||
           rv == CKR_HOST_MEMORY;
}

/*
 * A token may say these of a bad padding too. To answer them in another way would tell a bad padding from a good one, so
 * they count only with raw RSA, which has no padding.
 */
static bool may_be_of_token(CK_RV rv, const struct op *o)
{
    return (rv == CKR_DEVICE_ERROR || rv == CKR_DEVICE_MEMORY) && o->mechanism->mechanism == CKM_RSA_X_509;
}

static CK_RV decrypt(struct p11_session *s, void *arg, struct problem *p)
{
    struct p11_use u = { .copy = NULL };
    struct op *o = arg;
    CK_ULONG len = o->size;
    CK_RV rv = begin(s, o, /* decrypt= */ true, &u, p), alive;

    if (rv != CKR_OK)
        return rv;
    rv = P11_CALL(&s->call, C_Decrypt, s->h, (CK_BYTE_PTR)o->in.p, o->in.len, o->out, &len);
    /* Asked in each case, so that a bad padding makes the same calls as a good one. */
    alive = p11_alive(s);
    if (is_of_token(rv) || may_be_of_token(rv, o))
        return rv;
    if (alive != CKR_OK)
        return alive;
    o->refused = rv != CKR_OK || len > o->size;
    o->len = len;
    return CKR_OK;
}

int p11_key_decrypt(struct p11_key *k, CK_MECHANISM *m, struct bytes in, uint8_t *out, size_t size, size_t *ret_len,
                    struct problem *p)
{
    struct op o = { .key = k, .mechanism = m, .in = in, .out = out, .size = size };
    int r = p11_do(k->token, "decrypting", decrypt, &o, p);

    *ret_len = o.refused ? 0 : o.len;
    return r != 0 ? r : o.refused ? LB_E_CRYPTO : 0;
}

/* Reads the secret, which Cryptoki gives as an object of the session, and then destroys the object. */
static CK_RV derive(struct p11_session *s, void *arg, struct problem *p)
{
    struct op *o = arg;
    CK_OBJECT_CLASS class = CKO_SECRET_KEY;
    CK_KEY_TYPE type = CKK_GENERIC_SECRET;
    CK_BBOOL yes = CK_TRUE, no = CK_FALSE;
    CK_ULONG size = o->size;
    CK_ATTRIBUTE template[] = {
        { CKA_CLASS, &class, sizeof(class) },  { CKA_KEY_TYPE, &type, sizeof(type) },
        { CKA_TOKEN, &no, sizeof(no) },        { CKA_SENSITIVE, &no, sizeof(no) },
        { CKA_EXTRACTABLE, &yes, sizeof(yes) }, { CKA_VALUE_LEN, &size, sizeof(size) },
    };
    struct p11_use u;
    CK_OBJECT_HANDLE secret;
    bool login;
    CK_RV rv = CKR_OK;

    if (p11_token_must(s->token, CKM_ECDH1_DERIVE, CKF_DERIVE, p) != 0)
        return P11_TOLD;
    for (int i = 0; i < 2; i++) {
        rv = handle_of(o->key, s, /* anew= */ i > 0, &u, &login, p);
        if (rv != CKR_OK)
            return rv;
        rv = P11_CALL(&s->call, C_DeriveKey, s->h, o->mechanism, u.object, template,
                      sizeof(template) / sizeof(template[0]), &secret);
        if (rv != CKR_KEY_HANDLE_INVALID && rv != CKR_OBJECT_HANDLE_INVALID)
            break;
    }
    if (rv != CKR_OK)
        return rv;
    rv = p11_attribute(s, secret, CKA_VALUE, o->out, o->size, &o->len);
    (void)P11_CALL(&s->call, C_DestroyObject, s->h, secret);
    return rv;
}

int p11_key_derive(struct p11_key *k, struct bytes point, uint8_t *out, size_t len, struct problem *p)
{
    CK_ECDH1_DERIVE_PARAMS params = { .kdf = CKD_NULL, .ulPublicDataLen = point.len,
                                      .pPublicData = (CK_BYTE_PTR)point.p };
    CK_MECHANISM m = { CKM_ECDH1_DERIVE, &params, sizeof(params) };
    struct op o = { .key = k, .mechanism = &m, .out = out, .size = len };
    int r = p11_do(k->token, "key agreement", derive, &o, p);

    if (r == 0 && o.len != len)
        r = problem_set(p, LB_E_TOKEN, "the token returned a shared secret of %zu bytes instead of %zu", o.len, len);
    return r;
}
