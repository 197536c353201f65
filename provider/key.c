/* Key objects: where a private key is, and its public half. */
#include "key.h"

#include <openssl/core_dispatch.h>
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
#include "latest.h"
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
    EVP_PKEY_free(k->pub);
    OPENSSL_free(k->spki);
    OPENSSL_free(k);
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

    if (copy == NULL)
        return NULL;
    copy->has_public = k->has_public && (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) != 0;
    copy->pub = copy->has_public ? EVP_PKEY_dup(k->pub) : dup_params(k->pub);
    if (copy->pub == NULL)
        goto out;
    copy->signature_size = k->signature_size;
    copy->bits = k->bits;
    copy->pss = k->pss;
    if (!k->is_private || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) == 0)
        return copy;
    copy->spki = OPENSSL_memdup(k->spki, k->spki_len);
    if (copy->spki == NULL)
        goto out;
    copy->spki_len = k->spki_len;
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

static int take_public(struct key *k, const uint8_t *spki, size_t len)
{
    k->spki = OPENSSL_memdup(spki, len);
    if (k->spki == NULL)
        return LB_E_NOMEM;
    k->spki_len = len;
    ERR_set_mark();
    k->pub = spki_key(k->prov->libctx, spki, len);
    ERR_pop_to_mark();
    if (k->pub == NULL && !libcrypto_has(k->prov, k->alg->name))
        return LB_E_UNSUPPORTED;
    if (k->pub == NULL)
        return LB_E_VALUE;
    k->has_public = true;
    k->signature_size = EVP_PKEY_get_size(k->pub);
    k->bits = EVP_PKEY_get_bits(k->pub);
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
    if (is_private)
        latest_note(k);
    *ret = k;
    return 0;
}

int key_from_box(struct provctx *prov, const struct key_uri *uri, bool is_private, struct key **ret, struct problem *p)
{
    struct key_ref ref = { .version = uri->version };
    uint8_t request[BOX_REQUEST_MAX], answer[BOX_ANSWER_MAX];
    struct box_ask q;
    struct key_info m;
    struct box *box;
    int r = provider_box(prov, uri->box, &box, p);

    if (r != 0)
        return r;
    snprintf(ref.name, sizeof(ref.name), "%s", uri->name);
    r = ask_get(box_ask(&q, box, request, sizeof(request), answer, sizeof(answer)), &ref, &m, p);
    return r != 0 ? r : key_from_spki(prov, uri, m.spki.p, m.spki.len, is_private, ret, p);
}
