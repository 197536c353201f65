/* The local backend: private keys sealed in the store, clear in this process alone. */
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "backends/site_priv.h"
#include "guard/aead.h"
#include "guard/secret.h"
#include "guard/shield.h"
#include "keys/make_key.h"
#include "keys/private_key_info.h"
#include "model/spki.h"
#include "seals/seal.h"
#include "store/bound.h"

#define KEY_LABEL "littlebox v1 key"
/* Plain text of a version's material: DER PrivateKeyInfo. */
#define PLAIN_MAX LB_PRIVATE_MAX

struct backend_sealed {
    uint8_t id[STORE_ID_SIZE];
    struct aead *aead; /* for any number of threads */
    pthread_mutex_t resting; /* guards what follows */
    struct shield *shield;   /* the store key at rest */
    uint8_t *store_key;      /* secret memory: the store key while it has users, else zeros */
    unsigned users;
    /* For check(), which runs for each key of a box: to allocate secret memory costs system calls. */
    uint8_t *check_key, *check_plain;
    pthread_mutex_t decoding; /* guards what follows */
    /*
     * One decoder an algorithm, made when it is first needed, and kept. On OpenSSL 3.0 a kept decoder is 10 to 50 times
     * faster than d2i_AutoPrivateKey() for each key.
     */
    OSSL_DECODER_CTX *decoders[KEY_ALGORITHM_COUNT];
    EVP_PKEY *decoded; /* where the decoders put the key that they found; NULL between calls */
};

static int backend_fill(struct backend_sealed *b, const uint8_t *store_key)
{
    int r;

    b->store_key = secret_alloc(STORE_KEY_SIZE);
    b->check_key = secret_alloc(AEAD_KEY_SIZE);
    b->check_plain = secret_alloc(PLAIN_MAX);
    if (b->store_key == NULL || b->check_key == NULL || b->check_plain == NULL)
        return LB_E_NOMEM;
    r = aead_new(&b->aead);
    if (r == 0)
        r = shield_new(b->aead, &b->shield);
    return r != 0 ? r : shield_put(b->shield, store_key);
}

int backend_sealed_new(const uint8_t store_id[STORE_ID_SIZE], const uint8_t *store_key, struct backend_sealed **ret)
{
    struct backend_sealed *b = calloc(1, sizeof(*b));
    int r;

    if (b == NULL)
        return LB_E_NOMEM;
    if (pthread_mutex_init(&b->decoding, NULL) != 0 || pthread_mutex_init(&b->resting, NULL) != 0) {
        free(b);
        return LB_E_NOMEM;
    }
    memcpy(b->id, store_id, STORE_ID_SIZE);
    r = backend_fill(b, store_key);
    if (r != 0) {
        backend_sealed_free(b);
        return r;
    }
    *ret = b;
    return 0;
}

void backend_sealed_free(struct backend_sealed *b)
{
    if (b == NULL)
        return;
    for (size_t i = 0; i < KEY_ALGORITHM_COUNT; i++)
        OSSL_DECODER_CTX_free(b->decoders[i]);
    shield_free(b->shield);
    aead_free(b->aead);
    secret_free(b->store_key, STORE_KEY_SIZE);
    secret_free(b->check_key, AEAD_KEY_SIZE);
    secret_free(b->check_plain, PLAIN_MAX);
    pthread_mutex_destroy(&b->resting);
    pthread_mutex_destroy(&b->decoding);
    free(b);
}

size_t backend_sealed_memory(unsigned threads)
{
    size_t a_key = secret_locks(AEAD_KEY_SIZE), a_plain = secret_locks(PLAIN_MAX);

    return shield_memory() + 2 * a_key + a_plain + threads * (a_key + a_plain);
}

int backend_sealed_take(struct backend_sealed *b, const uint8_t **ret)
{
    int r = 0;

    pthread_mutex_lock(&b->resting);
    if (b->users == 0)
        r = shield_get(b->shield, b->store_key);
    if (r == 0) {
        b->users++;
        *ret = b->store_key;
    }
    pthread_mutex_unlock(&b->resting);
    return r;
}

void backend_sealed_rest(struct backend_sealed *b)
{
    pthread_mutex_lock(&b->resting);
    if (--b->users == 0) {
        /* A failure (no random numbers) leaves the store key shielded as it was. */
        (void)!shield_put(b->shield, b->store_key);
        secret_wipe(b->store_key, STORE_KEY_SIZE);
    }
    pthread_mutex_unlock(&b->resting);
}

/* Sealing */

/* The key of one version: label | store id | key id | version (STORE.md). */
static int derive(struct backend_sealed *b, const struct version_record *v, uint8_t *ret_key)
{
    uint8_t info[sizeof(KEY_LABEL) - 1 + STORE_ID_SIZE + KEY_ID_SIZE + 4];
    const uint8_t *store_key;
    struct wire_writer w;
    size_t len;
    int r;

    wire_write(&w, info, sizeof(info));
    wire_put_raw(&w, KEY_LABEL, sizeof(KEY_LABEL) - 1);
    wire_put_raw(&w, b->id, STORE_ID_SIZE);
    wire_put_raw(&w, v->key_id, KEY_ID_SIZE);
    wire_put_u32(&w, v->version);
    r = wire_written(&w, &len);
    if (r == 0)
        r = backend_sealed_take(b, &store_key);
    if (r != 0)
        return r;
    r = aead_derive(b->aead, (struct bytes){ store_key, STORE_KEY_SIZE }, (struct bytes){ NULL, 0 },
                    (struct bytes){ info, len }, ret_key);
    backend_sealed_rest(b);
    return r;
}

static int seal(struct backend_sealed *b, const struct key_record *k, const struct version_record *v, struct bytes plain,
                uint8_t **ret, size_t *ret_len)
{
    uint8_t *key = secret_alloc(AEAD_KEY_SIZE), *aad = NULL, *material = malloc(plain.len + AEAD_OVERHEAD);
    size_t aad_len = 0;
    int r = key == NULL || material == NULL ? LB_E_NOMEM : bound_data(b->id, k, v, &aad, &aad_len);

    if (r == 0)
        r = derive(b, v, key);
    if (r == 0)
        r = aead_seal(b->aead, key, (struct bytes){ aad, aad_len }, plain, material);
    if (r == 0) {
        *ret = material;
        *ret_len = plain.len + AEAD_OVERHEAD;
        material = NULL; /* now owned by the caller */
    }
    free(aad);
    free(material);
    secret_free(key, AEAD_KEY_SIZE);
    return r;
}

/* key and plain: AEAD_KEY_SIZE and PLAIN_MAX bytes of secret memory. Both hold secrets afterwards. */
static int unseal_with(struct backend_sealed *b, const struct key_record *k, const struct version_record *v, uint8_t *key,
                       uint8_t *plain, size_t *ret_len)
{
    uint8_t *aad = NULL;
    size_t aad_len = 0;
    int r;

    if (v->material == NULL || v->material_len < AEAD_OVERHEAD || v->material_len > PLAIN_MAX + AEAD_OVERHEAD)
        return LB_E_DAMAGED;
    r = bound_data(b->id, k, v, &aad, &aad_len);
    if (r != 0)
        return r == LB_E_NOMEM ? r : LB_E_DAMAGED;
    r = derive(b, v, key);
    if (r == 0)
        r = aead_open(b->aead, key, (struct bytes){ aad, aad_len }, (struct bytes){ v->material, v->material_len },
                      plain);
    if (r == 0)
        *ret_len = v->material_len - AEAD_OVERHEAD;
    free(aad);
    return r;
}

/* plain: PLAIN_MAX bytes of secret memory. */
static int unseal(struct backend_sealed *b, const struct key_record *k, const struct version_record *v, uint8_t *plain,
                  size_t *ret_len)
{
    uint8_t *key = secret_alloc(AEAD_KEY_SIZE);
    int r = key == NULL ? LB_E_NOMEM : unseal_with(b, k, v, key, plain, ret_len);

    secret_free(key, AEAD_KEY_SIZE);
    return r;
}

int backend_sealed_put(struct backend_sealed *b, const struct key_record *k, struct version_record *v, struct bytes plain)
{
    return seal(b, k, v, plain, &v->material, &v->material_len);
}

int backend_sealed_get(struct backend_sealed *b, const struct key_record *k, const struct version_record *v,
                       uint8_t *plain, size_t *ret_len)
{
    return unseal(b, k, v, plain, ret_len);
}

/* Keys and their encodings */

static OSSL_DECODER_CTX *decoder_of(struct backend_sealed *b, const char *type)
{
    const struct key_algorithm *a = key_algorithm_by_type(type);

    if (a != NULL && b->decoders[a->row] == NULL)
        b->decoders[a->row] = OSSL_DECODER_CTX_new_for_pkey(&b->decoded, "DER", "PrivateKeyInfo", a->name, EVP_PKEY_KEYPAIR,
                                                            /* libctx= */ NULL, /* properties= */ NULL);
    return a == NULL ? NULL : b->decoders[a->row];
}

static int decode(struct backend_sealed *b, const char *type, const uint8_t *der, size_t len, EVP_PKEY **ret)
{
    OSSL_DECODER_CTX *decoder;
    bool ok;

    pthread_mutex_lock(&b->decoding);
    decoder = decoder_of(b, type);
    b->decoded = NULL;
    ok = decoder != NULL && OSSL_DECODER_from_data(decoder, &der, &len) && len == 0;
    *ret = b->decoded;
    b->decoded = NULL; /* now owned by the caller */
    pthread_mutex_unlock(&b->decoding);
    if (ok)
        return 0;
    EVP_PKEY_free(*ret);
    *ret = NULL;
    ERR_clear_error();
    /* libcrypto does not say whether memory or the key is to blame. With a heap that is not short, the same key tells. */
    return secret_heap_is_short() ? LB_E_NOMEM : LB_E_DAMAGED;
}

static int encode_public(EVP_PKEY *key, uint8_t **ret, size_t *ret_len)
{
    unsigned char *der = NULL;
    int len = spki_of(key, &der), r = LB_E_CRYPTO;

    if (len > LB_SPKI_MAX)
        r = LB_E_TOO_LONG;
    if (len > 0 && len <= LB_SPKI_MAX) {
        /* A copy in our memory: records are freed with free(), not with libcrypto's. */
        *ret = malloc((size_t)len);
        r = *ret == NULL ? LB_E_NOMEM : 0;
    }
    if (r == 0) {
        memcpy(*ret, der, (size_t)len);
        *ret_len = (size_t)len;
    }
    OPENSSL_free(der);
    return r;
}

/* Fills spki and material of v from key. On failure v has neither. */
static int put_key(struct backend_sealed *b, EVP_PKEY *key, const struct key_record *k, struct version_record *v)
{
    uint8_t *plain = secret_alloc(PLAIN_MAX);
    size_t len = 0;
    int r = plain == NULL ? LB_E_NOMEM : private_key_info(key, plain, PLAIN_MAX, &len);

    if (r == 0)
        r = encode_public(key, &v->spki, &v->spki_len);
    if (r == 0)
        r = seal(b, k, v, (struct bytes){ plain, len }, &v->material, &v->material_len);
    if (r != 0) {
        free(v->spki);
        v->spki = NULL;
        v->spki_len = 0;
    }
    secret_free(plain, PLAIN_MAX);
    return r;
}

/* The calls of backends/backend.h */

static int sealed_create(void *arg, const struct key_record *k, struct version_record *v, EVP_PKEY **ret,
                         struct problem *p)
{
    EVP_PKEY *key = NULL;
    int r = keytype_generate(v->type, &key, p);

    if (r != 0)
        return r;
    r = put_key(arg, key, k, v);
    if (r != 0) {
        EVP_PKEY_free(key);
        return problem_set(p, r, "the new key '%s' cannot be sealed: %s", v->name, lb_strerror(r));
    }
    *ret = key;
    return 0;
}

/*
 * Decodes by a decoder that is kept: making one costs ten times what it then does. False: the algorithm is none of ours, or
 * this key has to be read in another way.
 */
static bool decode_kept(struct backend_sealed *b, const PKCS8_PRIV_KEY_INFO *p8, struct bytes pkcs8, EVP_PKEY **ret)
{
    const ASN1_OBJECT *oid = NULL;
    const struct key_algorithm *a;
    char text[64] = "";

    if (!PKCS8_pkey_get0(&oid, NULL, NULL, NULL, p8))
        return false;
    OBJ_obj2txt(text, sizeof(text), oid, /* no_name= */ 1);
    a = key_algorithm_by_oid(text);
    return a != NULL && decode(b, a->type, pkcs8.p, pkcs8.len, ret) == 0;
}

/* Reads exactly one PrivateKeyInfo, of any algorithm that libcrypto knows. */
static int parse_import(struct backend_sealed *b, struct bytes pkcs8, EVP_PKEY **ret, struct problem *p)
{
    const unsigned char *at = pkcs8.p;
    PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.len);
    int r = 0;

    if (p8 == NULL || at != pkcs8.p + pkcs8.len) {
        r = problem_set(p, LB_E_VALUE, "the key to import is not a DER PrivateKeyInfo");
        problem_hint(p, "convert it with 'openssl pkcs8 -topk8'");
    } else if (!decode_kept(b, p8, pkcs8, ret)) {
        *ret = EVP_PKCS82PKEY_ex(p8, /* libctx= */ NULL, /* properties= */ NULL);
        if (*ret == NULL)
            r = problem_set(p, LB_E_KEY_TYPE, "libcrypto does not understand the key to import");
    }
    PKCS8_PRIV_KEY_INFO_free(p8);
    return r;
}

static int sealed_import(void *arg, struct bytes pkcs8, const struct key_record *k, struct version_record *v,
                         EVP_PKEY **ret, struct problem *p)
{
    struct backend_sealed *b = arg;
    EVP_PKEY *key = NULL;
    int r = parse_import(b, pkcs8, &key, p);

    if (r == 0)
        r = keytype_of(key, v->type, p);
    if (r != 0)
        goto out;
    r = keytype_pairwise(key);
    if (r != 0) {
        r = problem_set(p, LB_E_VALUE, "the halves of the key to import do not belong together");
        goto out;
    }
    r = put_key(b, key, k, v);
    if (r != 0) {
        problem_set(p, r, "the key '%s' cannot be sealed: %s", v->name, lb_strerror(r));
        goto out;
    }
    *ret = key;
    key = NULL; /* now owned by the caller */
out:
    EVP_PKEY_free(key);
    return r;
}

static bool public_half_is(EVP_PKEY *key, const uint8_t *spki, size_t len)
{
    uint8_t *has = NULL;
    size_t has_len = 0;
    bool same = encode_public(key, &has, &has_len) == 0 && has_len == len && memcmp(has, spki, len) == 0;

    free(has);
    return same;
}

static int sealed_open(void *arg, const struct key_record *k, const struct version_record *v, EVP_PKEY **ret)
{
    struct backend_sealed *b = arg;
    uint8_t *plain = secret_alloc(PLAIN_MAX);
    EVP_PKEY *key = NULL;
    size_t len = 0;
    int r = plain == NULL ? LB_E_NOMEM : unseal(b, k, v, plain, &len);

    *ret = NULL;
    /* A tombstone holds nothing, and only a tombstone does. */
    if (r == 0 && key_state_destroyed(v->state) != (len == 0))
        r = LB_E_DAMAGED;
    if (r != 0 || key_state_destroyed(v->state))
        goto out;
    r = decode(b, v->type, plain, len, &key);
    if (r == 0 && !public_half_is(key, v->spki, v->spki_len))
        r = LB_E_DAMAGED;
    if (r == 0) {
        *ret = key;
        key = NULL; /* now owned by the caller */
    }
out:
    EVP_PKEY_free(key);
    secret_free(plain, PLAIN_MAX);
    return r;
}

static int sealed_check(void *arg, const struct key_record *k, const struct version_record *v)
{
    struct backend_sealed *b = arg;
    size_t len = 0;
    int r = unseal_with(b, k, v, b->check_key, b->check_plain, &len);

    secret_wipe(b->check_key, AEAD_KEY_SIZE);
    secret_wipe(b->check_plain, len);
    return r == 0 && key_state_destroyed(v->state) != (len == 0) ? LB_E_DAMAGED : r;
}

static int sealed_rebind(void *arg, const struct key_record *old_key, const struct version_record *old,
                         const struct key_record *k, struct version_record *v)
{
    struct backend_sealed *b = arg;
    uint8_t *plain = secret_alloc(PLAIN_MAX), *material = NULL;
    size_t len = 0, material_len = 0;
    int r = plain == NULL ? LB_E_NOMEM : 0;

    /* A destruction needs nothing of the old material: a damaged version can be destroyed too. */
    if (r == 0 && !key_state_destroyed(v->state))
        r = key_state_destroyed(old->state) ? LB_E_DESTROYED : unseal(b, old_key, old, plain, &len);
    if (r == 0 && !key_state_destroyed(v->state) && len == 0)
        r = LB_E_DAMAGED;
    if (r == 0)
        r = seal(b, k, v, (struct bytes){ plain, len }, &material, &material_len);
    if (r == 0) {
        if (v->material != old->material)
            free(v->material);
        v->material = material;
        v->material_len = material_len;
    }
    secret_free(plain, PLAIN_MAX);
    return r;
}

/* Nothing to do: the key is in its material alone. */
static int sealed_destroy(void *arg, const struct key_record *k, const struct version_record *v, struct problem *p)
{
    (void)arg;
    (void)k;
    (void)v;
    (void)p;
    return 0;
}

static int sealed_attach(void *arg, struct bytes id, struct bytes label, const struct key_record *k,
                         struct version_record *v, EVP_PKEY **ret, struct problem *p)
{
    (void)arg;
    (void)id;
    (void)label;
    (void)v;
    (void)ret;
    problem_set(p, LB_E_UNSUPPORTED, "there is no token to attach key '%s' of", k->name);
    problem_hint(p, "BOX.conf: backend = pkcs11; see littlebox.conf(5)");
    return LB_E_UNSUPPORTED;
}

/* The box passes for a token of its own name. A name that does not fit is not told. */
static void sealed_token_of(void *arg, const char *box, struct p11uri *ret)
{
    (void)arg;
    (void)!p11uri_set_text(ret, P11_TOKEN, box);
    (void)!p11uri_set_text(ret, P11_MANUFACTURER, "littlebox");
    (void)!p11uri_set_text(ret, P11_MODEL, backend_sealed_ops.name);
}

/* Nothing to set: objects are named as keys are (own_objects). */
static int sealed_object_of(void *arg, EVP_PKEY *key, struct p11uri *ret)
{
    (void)arg;
    (void)key;
    (void)ret;
    return 0;
}

const struct backend_ops backend_sealed_ops = {
    .name = "sealed",
    .site = &sealed_site_ops,
    .create = sealed_create,
    .import = sealed_import,
    .open = sealed_open,
    .check = sealed_check,
    .rebind = sealed_rebind,
    .destroy = sealed_destroy,
    .attach = sealed_attach,
    .token_of = sealed_token_of,
    .object_of = sealed_object_of,
};
