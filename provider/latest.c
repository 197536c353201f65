/* The private key that was loaded last: the certificate that is compared with a key next is most often its own. */
#include "latest.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <string.h>

#include "provctx.h"

void latest_note(struct key *k)
{
    key_unref(atomic_exchange(&k->prov->latest, key_ref(k)));
}

void latest_forget(struct provctx *prov)
{
    key_unref(atomic_exchange(&prov->latest, NULL));
}

/* Takes the key out, so that no other thread frees it meanwhile. NULL: there is none, or another thread has it. */
static struct key *take(struct provctx *prov)
{
    return atomic_exchange(&prov->latest, NULL);
}

static void give_back(struct provctx *prov, struct key *k)
{
    struct key *none = NULL;

    if (!atomic_compare_exchange_strong(&prov->latest, &none, k))
        key_unref(k); /* a newer one is there */
}

static bool is_text(const OSSL_PARAM *p, const char *text)
{
    return p->data_type == OSSL_PARAM_UTF8_STRING && p->data != NULL && strcmp(p->data, text) == 0;
}

/* Is the parameter about how a point or a curve is written, and says what is usual? */
static bool is_usual(const OSSL_PARAM *p)
{
    int value = 0;

    if (strcmp(p->key, OSSL_PKEY_PARAM_EC_ENCODING) == 0)
        return is_text(p, OSSL_PKEY_EC_ENCODING_GROUP);
    if (strcmp(p->key, OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT) == 0)
        return is_text(p, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED);
    if (strcmp(p->key, OSSL_PKEY_PARAM_USE_COFACTOR_ECDH) == 0 ||
        strcmp(p->key, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS) == 0)
        return OSSL_PARAM_get_int(p, &value) && value == 0;
    return strcmp(p->key, OSSL_PKEY_PARAM_EC_INCLUDE_PUBLIC) == 0 && OSSL_PARAM_get_int(p, &value) && value == 1;
}

/* Does the parameter say no more than the name of the curve does? libcrypto goes by the name where there is one. */
static bool follows_from_name(const OSSL_PARAM *p)
{
    static const char *const names[] = { OSSL_PKEY_PARAM_EC_FIELD_TYPE, OSSL_PKEY_PARAM_EC_P, OSSL_PKEY_PARAM_EC_A,
                                         OSSL_PKEY_PARAM_EC_B, OSSL_PKEY_PARAM_EC_GENERATOR, OSSL_PKEY_PARAM_EC_ORDER,
                                         OSSL_PKEY_PARAM_EC_COFACTOR, OSSL_PKEY_PARAM_EC_SEED };

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(p->key, names[i]) == 0)
            return true;
    }
    return false;
}

static bool is_curve_of(const struct key *k, const OSSL_PARAM *p)
{
    return k->group != NULL && is_text(p, k->group);
}

/* Size of the public key's octets; of a point on a curve, where it is written uncompressed (SEC 1 2.3.3). */
static size_t point_size(const struct key *k)
{
    return (k->alg->options & OPT_CURVES) != 0 ? 1 + 2 * (((size_t)k->bits + 7) / 8) : k->alg->type->point_size;
}

/* The octets of the public key are the last ones of a SubjectPublicKeyInfo. */
static bool is_point_of(const struct key *k, const OSSL_PARAM *p)
{
    size_t size = point_size(k);

    return p->data_type == OSSL_PARAM_OCTET_STRING && p->data != NULL && p->data_size == size && size < k->spki_len &&
           memcmp(k->spki + k->spki_len - size, p->data, size) == 0;
}

/* Only for keys that are some octets, and a named curve where the type does not say it all. */
static bool says_the_same(const struct key *k, const OSSL_PARAM params[])
{
    bool curves = (k->alg->options & OPT_CURVES) != 0, point = false, curve = !curves;

    if (!curves && k->alg->type->point_size == 0)
        return false;
    for (const OSSL_PARAM *p = params; p->key != NULL; p++) {
        if (strcmp(p->key, OSSL_PKEY_PARAM_PUB_KEY) == 0)
            point = is_point_of(k, p);
        else if (curves && strcmp(p->key, OSSL_PKEY_PARAM_GROUP_NAME) == 0)
            curve = is_curve_of(k, p);
        else if (!curves || (!is_usual(p) && !follows_from_name(p)))
            return false;
    }
    return point && curve;
}

bool latest_import(struct key *k, int selection, const OSSL_PARAM params[])
{
    struct key *latest = (selection & OSSL_KEYMGMT_SELECT_PUBLIC_KEY) != 0 ? take(k->prov) : NULL;
    bool same;

    if (latest == NULL)
        return false;
    same = latest->alg == k->alg && says_the_same(latest, params) && key_copy_public(k, latest);
    give_back(k->prov, latest);
    return same;
}
