/* Key objects: where a private key is, and its public half. */
#include "key.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#include "client/box.h"
#include "client/keys.h"
#include "model/handle.h"
#include "model/spki.h"
#include "boxes.h"
#include "error.h"
#include "provctx.h"

struct key *key_new(struct provctx *prov, const struct alg *alg)
{
    struct key *k = OPENSSL_zalloc(sizeof(*k));

    if (k == NULL) {
        error_raise(prov, LB_E_NOMEM, "for a key object");
        return NULL;
    }
    atomic_init(&k->refs, 1);
    k->prov = prov;
    k->alg = alg;
    return k;
}

struct key *key_ref(struct key *k)
{
    atomic_fetch_add(&k->refs, 1);
    return k;
}

void key_unref(struct key *k)
{
    if (k == NULL || atomic_fetch_sub(&k->refs, 1) > 1)
        return;
    EVP_PKEY_free(atomic_load(&k->half));
    OPENSSL_free(k->spki);
    OPENSSL_free(k);
}

bool key_is_empty(const struct key *k)
{
    return k->spki == NULL && atomic_load(&k->half) == NULL;
}

EVP_PKEY *key_public(const struct key *k)
{
    struct key *mutable = (struct key *)k; /* what it is stays: this only keeps what was made of it */
    EVP_PKEY *half = atomic_load(&k->half), *there = NULL;

    if (half != NULL || k->spki == NULL)
        return half;
    ERR_set_mark();
    half = spki_key(k->prov->libctx, k->spki, k->spki_len);
    ERR_pop_to_mark();
    if (half == NULL || atomic_compare_exchange_strong(&mutable->half, &there, half))
        return half;
    EVP_PKEY_free(half);
    return there;
}

bool key_copy_public(struct key *k, const struct key *from)
{
    k->spki = OPENSSL_memdup(from->spki, from->spki_len);
    if (k->spki == NULL)
        return false;
    k->spki_len = from->spki_len;
    k->has_public = true;
    k->group = from->group;
    k->signature_size = from->signature_size;
    k->bits = from->bits;
    k->security_bits = from->security_bits;
    k->category = from->category;
    return true;
}

static EVP_PKEY *dup_params(EVP_PKEY *pub)
{
    EVP_PKEY *params = EVP_PKEY_new();

    if (params != NULL && EVP_PKEY_copy_parameters(params, pub))
        return params;
    EVP_PKEY_free(params);
    return NULL;
}

struct key *key_dup(const struct key *k, int selection)
{
    struct key *copy = key_new(k->prov, k->alg);
    EVP_PKEY *half;

    if (copy == NULL)
        return NULL;
    copy->has_public = k->has_public && (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    half = key_public(k);
    half = half == NULL ? NULL : copy->has_public ? EVP_PKEY_dup(half) : dup_params(half);
    if (half == NULL)
        goto out;
    atomic_store(&copy->half, half);
    copy->signature_size = k->signature_size;
    copy->bits = k->bits;
    copy->pss = k->pss;
    if (!k->is_private || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0)
        return copy;
    copy->spki = OPENSSL_memdup(k->spki, k->spki_len);
    if (copy->spki == NULL)
        goto out;
    copy->spki_len = k->spki_len;
    copy->group = k->group;
    copy->security_bits = k->security_bits;
    copy->category = k->category;
    copy->is_private = true;
    copy->uri = k->uri;
    copy->box = k->box;
    copy->ref = k->ref;
    return copy;
out:
    key_unref(copy);
    return NULL;
}

/* The digest that an AlgorithmIdentifier names; SHA-1 where it is left out (RFC 4055 3.1). 0: none of ours. */
static unsigned digest_of(const X509_ALGOR *alg)
{
    const ASN1_OBJECT *oid = NULL;
    int digest;

    if (alg == NULL)
        return DIGEST_SHA1;
    X509_ALGOR_get0(&oid, NULL, NULL, alg);
    digest = digest_by_name(OBJ_nid2sn(OBJ_obj2nid(oid)));
    return digest < 0 ? 0 : (unsigned)digest;
}

/* The digest inside of a MGF1 AlgorithmIdentifier. */
static unsigned mgf1_digest_of(const X509_ALGOR *mgf)
{
    const ASN1_OBJECT *oid = NULL;
    const void *parameter = NULL;
    X509_ALGOR *inner;
    unsigned digest;
    int type = 0;

    if (mgf == NULL)
        return DIGEST_SHA1;
    X509_ALGOR_get0(&oid, &type, &parameter, mgf);
    if (OBJ_obj2nid(oid) != NID_mgf1 || type != V_ASN1_SEQUENCE)
        return 0;
    inner = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(X509_ALGOR), mgf->parameter);
    digest = inner == NULL ? 0 : digest_of(inner);
    X509_ALGOR_free(inner);
    return digest;
}

/* Parameters absent: the key is not restricted. */
static int read_pss_limits(const uint8_t *spki, size_t len, struct pss_limits *ret)
{
    const uint8_t *p = spki;
    X509_PUBKEY *pub = d2i_X509_PUBKEY(NULL, &p, (long)len);
    RSA_PSS_PARAMS *params = NULL;
    X509_ALGOR *alg = NULL;
    const void *value = NULL;
    int type = V_ASN1_UNDEF, r = LB_E_VALUE;

    if (pub == NULL || !X509_PUBKEY_get0_param(NULL, NULL, NULL, &alg, pub))
        goto out;
    X509_ALGOR_get0(NULL, &type, &value, alg);
    if (type != V_ASN1_SEQUENCE) {
        r = 0;
        goto out;
    }
    params = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS), alg->parameter);
    if (params == NULL)
        goto out;
    ret->restricted = true;
    ret->digest = digest_of(params->hashAlgorithm);
    ret->mgf1_digest = mgf1_digest_of(params->maskGenAlgorithm);
    ret->salt_min = params->saltLength == NULL ? 20 : (int)ASN1_INTEGER_get(params->saltLength);
    r = ret->digest == 0 || ret->mgf1_digest == 0 || ret->salt_min < 0 ? LB_E_VALUE : 0;
out:
    RSA_PSS_PARAMS_free(params);
    X509_PUBKEY_free(pub);
    return r;
}

static bool libcrypto_has(const struct provctx *prov, const char *algorithm)
{
    EVP_KEYMGMT *keymgmt;

    ERR_set_mark();
    keymgmt = EVP_KEYMGMT_fetch(prov->libctx, algorithm, /* properties= */ NULL);
    ERR_pop_to_mark();
    EVP_KEYMGMT_free(keymgmt);
    return keymgmt != NULL;
}

/* Notes what servers ask of a key, so that it can be answered without the public half. False: something cannot be told so. */
static bool note_params(struct key *k, const EVP_PKEY *half)
{
    char name[80];

    k->security_bits = EVP_PKEY_get_security_bits(half);
    k->category = -1;
#ifdef OSSL_PKEY_PARAM_SECURITY_CATEGORY
    (void)EVP_PKEY_get_int_param(half, OSSL_PKEY_PARAM_SECURITY_CATEGORY, &k->category);
#endif
    if ((k->alg->options & OPT_CURVES) == 0)
        return k->alg->type->point_size > 0;
    if (!EVP_PKEY_get_group_name(half, name, sizeof(name), NULL))
        return false;
    /* libcrypto's own text, which stays. */
    k->group = OBJ_nid2sn(OBJ_sn2nid(name));
    return k->group != NULL && strcmp(k->group, name) == 0;
}

bool key_knows_params(const struct key *k, OSSL_PARAM params[], int *ret)
{
    const struct {
        const char *key;
        int value;
    } numbers[] = {
        { OSSL_PKEY_PARAM_BITS, k->bits },
        { OSSL_PKEY_PARAM_SECURITY_BITS, k->security_bits },
        { OSSL_PKEY_PARAM_MAX_SIZE, k->signature_size },
#ifdef OSSL_PKEY_PARAM_SECURITY_CATEGORY
        { OSSL_PKEY_PARAM_SECURITY_CATEGORY, k->category },
#endif
    };
    const size_t count = sizeof(numbers) / sizeof(numbers[0]);

    if (k->spki == NULL || atomic_load(&k->half) != NULL)
        return false;
    for (const OSSL_PARAM *p = params; p->key != NULL; p++) {
        size_t i = 0;

        while (i < count && strcmp(p->key, numbers[i].key) != 0)
            i++;
        if (i == count && (k->group == NULL || strcmp(p->key, OSSL_PKEY_PARAM_GROUP_NAME) != 0))
            return false;
    }
    *ret = 1;
    for (OSSL_PARAM *p = params; p->key != NULL && *ret == 1; p++) {
        if (strcmp(p->key, OSSL_PKEY_PARAM_GROUP_NAME) == 0)
            *ret = OSSL_PARAM_set_utf8_string(p, k->group);
        for (size_t i = 0; i < count; i++) {
            if (strcmp(p->key, numbers[i].key) == 0 && numbers[i].value >= 0)
                *ret = OSSL_PARAM_set_int(p, numbers[i].value);
        }
    }
    return true;
}

/* Makes the public half, even if it is not kept: what cannot be read is refused now, and not when it is used. */
static int take_public(struct key *k, const uint8_t *spki, size_t len)
{
    EVP_PKEY *half;

    k->spki = OPENSSL_memdup(spki, len);
    if (k->spki == NULL)
        return LB_E_NOMEM;
    k->spki_len = len;
    ERR_set_mark();
    half = spki_key(k->prov->libctx, spki, len);
    ERR_pop_to_mark();
    if (half == NULL && !libcrypto_has(k->prov, k->alg->name))
        return LB_E_UNSUPPORTED;
    if (half == NULL)
        return LB_E_VALUE;
    k->has_public = true;
    k->signature_size = EVP_PKEY_get_size(half);
    k->bits = EVP_PKEY_get_bits(half);
    if (note_params(k, half))
        EVP_PKEY_free(half);
    else
        atomic_store(&k->half, half);
    if (k->signature_size <= 0 || k->signature_size > LB_SIGNATURE_MAX)
        return LB_E_VALUE;
    if ((k->alg->options & OPT_PSS_ONLY) != 0)
        return read_pss_limits(spki, len, &k->pss);
    return 0;
}

static int take_place(struct key *k, const struct key_uri *uri, struct problem *p)
{
    int r = provider_box(k->prov, uri->box, &k->box, p);

    if (r != 0)
        return r;
    k->is_private = true;
    k->uri = *uri;
    snprintf(k->ref.name, sizeof(k->ref.name), "%s", uri->name);
    k->ref.version = uri->version;
    k->ref.has_hash = true;
    if (!EVP_Q_digest(k->prov->libctx, "SHA256", NULL, k->spki, k->spki_len, k->ref.hash, NULL))
        return problem_set(p, LB_E_CRYPTO, "SHA-256 failed");
    return 0;
}

int key_from_spki(struct provctx *prov, const struct key_uri *uri, const uint8_t *spki, size_t spki_len,
                  bool is_private, struct key **ret, struct problem *p)
{
    const struct alg *alg = alg_by_handle_type(handle_type_of(spki, spki_len));
    struct key *k;
    int r;

    if (alg == NULL) {
        problem_set(p, LB_E_KEY_TYPE, "key '%s' is of a type that this provider does not know", uri->name);
        problem_hint(p, "is the provider older than the box? update it");
        return LB_E_KEY_TYPE;
    }
    k = key_new(prov, alg);
    if (k == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    r = take_public(k, spki, spki_len);
    if (r == LB_E_UNSUPPORTED) {
        problem_set(p, LB_E_KEY_TYPE, "this program's libcrypto (OpenSSL %s) has no %s for key '%s'",
                    OpenSSL_version(OPENSSL_VERSION_STRING), alg->name, uri->name);
        problem_hint(p, "it is in OpenSSL %s and later", alg->type->since);
        r = LB_E_KEY_TYPE;
    } else if (r != 0)
        problem_set(p, r, "the public half of key '%s' cannot be read: %s", uri->name, lb_strerror(r));
    else if (is_private)
        r = take_place(k, uri, p);
    if (r != 0) {
        key_unref(k);
        return r;
    }
    *ret = k;
    return 0;
}

int key_from_box(struct provctx *prov, const struct key_uri *uri, bool is_private, struct key **ret, struct problem *p)
{
    struct key_ref ref = { .version = uri->version };
    uint8_t request[BOX_REQUEST_MAX], answer[BOX_ANSWER_MAX];
    struct key_uri found = *uri;
    struct box_ask q;
    struct key_info m;
    struct box *box;
    int r = provider_box(prov, uri->box, &box, p);

    if (r != 0)
        return r;
    snprintf(ref.name, sizeof(ref.name), "%s", uri->name);
    r = ask_get(box_ask(&q, box, request, sizeof(request), answer, sizeof(answer)), &ref, &m, p);
    if (r != 0)
        return r;
    /* What is next now is not for ever. */
    if (found.version == KEY_VERSION_NEXT)
        found.version = m.version;
    return key_from_spki(prov, &found, m.spki.p, m.spki.len, is_private, ret, p);
}
