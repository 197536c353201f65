/* Objects on a token: the public key that belongs to a private one, wherever the token has it. */
#include "token/public.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "model/limits.h"
#include "token/key_kind.h"

/* Attributes of one object, read as needed. */
struct value {
    uint8_t *p;
    size_t len;
};

static bool get(struct p11_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, struct value *ret)
{
    *ret = (struct value){ NULL, 0 };
    return p11_attribute_new(s, h, type, &ret->p, &ret->len) == CKR_OK && ret->p != NULL;
}

static EVP_PKEY *build(const char *algorithm, OSSL_PARAM_BLD *bld)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(/* libctx= */ NULL, algorithm, /* properties= */ NULL);
    OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(bld);
    EVP_PKEY *key = NULL;

    if (ctx == NULL || params == NULL || EVP_PKEY_fromdata_init(ctx) <= 0 ||
        EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) <= 0)
        key = NULL;
    OSSL_PARAM_free(params);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

static EVP_PKEY *rsa(struct p11_session *s, CK_OBJECT_HANDLE h)
{
    struct value n, e = { NULL, 0 };
    BIGNUM *bn_n = NULL, *bn_e = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    EVP_PKEY *key = NULL;

    if (!get(s, h, CKA_MODULUS, &n) || !get(s, h, CKA_PUBLIC_EXPONENT, &e) || n.len > 2048 || e.len > 2048)
        goto out;
    bn_n = BN_bin2bn(n.p, (int)n.len, NULL);
    bn_e = BN_bin2bn(e.p, (int)e.len, NULL);
    if (bld != NULL && bn_n != NULL && bn_e != NULL && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, bn_n) &&
        OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, bn_e))
        key = build("RSA", bld);
out:
    OSSL_PARAM_BLD_free(bld);
    BN_free(bn_n);
    BN_free(bn_e);
    free(n.p);
    free(e.p);
    return key;
}

/* CKA_EC_POINT is an OCTET STRING around the point (PKCS#11 2.40, 2.3.3); some tokens leave that out. */
static struct bytes point_of(const struct value *v, ASN1_OCTET_STRING **ret_holder)
{
    const unsigned char *at = v->p;

    *ret_holder = d2i_ASN1_OCTET_STRING(NULL, &at, (long)v->len);
    if (*ret_holder != NULL && at == v->p + v->len)
        return (struct bytes){ ASN1_STRING_get0_data(*ret_holder), (size_t)ASN1_STRING_length(*ret_holder) };
    return (struct bytes){ v->p, v->len };
}

/* The short name of the curve that CKA_EC_PARAMS names by its OID; NULL: no named one. */
static const char *curve_of(const struct value *v)
{
    const unsigned char *at = v->p;
    ASN1_OBJECT *oid = d2i_ASN1_OBJECT(NULL, &at, (long)v->len);
    int nid = oid == NULL ? NID_undef : OBJ_obj2nid(oid);

    ASN1_OBJECT_free(oid);
    return nid == NID_undef ? NULL : OBJ_nid2sn(nid);
}

static EVP_PKEY *ec(struct p11_session *s, CK_OBJECT_HANDLE h)
{
    struct value params, point = { NULL, 0 };
    ASN1_OCTET_STRING *holder = NULL;
    OSSL_PARAM_BLD *bld = OSSL_PARAM_BLD_new();
    const char *curve = NULL;
    struct bytes raw;
    EVP_PKEY *key = NULL;

    if (!get(s, h, CKA_EC_PARAMS, &params) || !get(s, h, CKA_EC_POINT, &point))
        goto out;
    curve = curve_of(&params);
    raw = point_of(&point, &holder);
    if (bld != NULL && curve != NULL && OSSL_PARAM_BLD_push_utf8_string(bld, OSSL_PKEY_PARAM_GROUP_NAME, curve, 0) &&
        OSSL_PARAM_BLD_push_octet_string(bld, OSSL_PKEY_PARAM_PUB_KEY, raw.p, raw.len))
        key = build("EC", bld);
out:
    ASN1_OCTET_STRING_free(holder);
    OSSL_PARAM_BLD_free(bld);
    free(params.p);
    free(point.p);
    return key;
}

/* Does CKA_EC_PARAMS name the curve of that algorithm, as in PKCS#11 3.0 2.3.5 and 2.3.7, or by the OID of RFC 8410? */
static bool is_curve(const struct value *params, const struct key_algorithm *a)
{
    const unsigned char *at = params->p;
    size_t len = strlen(a->token_curve);
    ASN1_OBJECT *oid;
    char text[80] = "";

    if (params->len == len + 2 && params->p[0] == V_ASN1_PRINTABLESTRING && params->p[1] == len)
        return memcmp(params->p + 2, a->token_curve, len) == 0;
    oid = params->p == NULL ? NULL : d2i_ASN1_OBJECT(NULL, &at, (long)params->len);
    if (oid != NULL)
        (void)OBJ_obj2txt(text, sizeof(text), oid, /* no_name= */ 1);
    ASN1_OBJECT_free(oid);
    return strcmp(text, a->oid) == 0;
}

/*
 * CKA_EC_PARAMS decides if the length of the point leaves two curves: SoftHSM2 2.6 has curves of Montgomery too as keys of
 * Edwards.
 */
static EVP_PKEY *raw_curve(struct p11_session *s, CK_OBJECT_HANDLE h, CK_KEY_TYPE type)
{
    struct value point, params;
    ASN1_OCTET_STRING *holder = NULL;
    const struct key_algorithm *otherwise = NULL, *found = NULL;
    struct bytes raw;
    EVP_PKEY *key = NULL;

    if (!get(s, h, CKA_EC_POINT, &point))
        return NULL;
    raw = point_of(&point, &holder);
    (void)get(s, h, CKA_EC_PARAMS, &params);
    for (const struct key_algorithm *a = key_algorithms; a < key_algorithms + KEY_ALGORITHM_COUNT; a++) {
        if (a->token_curve == NULL || a->point_size != raw.len)
            continue;
        if (is_curve(&params, a))
            found = a;
        /* If CKA_EC_PARAMS says nothing that we know, the type of the key decides. */
        if ((a->on_token == KEY_ON_TOKEN_MONTGOMERY) == (type == CKK_EC_MONTGOMERY))
            otherwise = a;
    }
    if (found == NULL)
        found = otherwise;
    if (found != NULL)
        key = EVP_PKEY_new_raw_public_key_ex(NULL, found->name, NULL, raw.p, raw.len);
    ASN1_OCTET_STRING_free(holder);
    free(point.p);
    free(params.p);
    return key;
}

/* From an object's own attributes, be it a public or a private one. */
static EVP_PKEY *from_attributes(struct p11_session *s, CK_OBJECT_HANDLE h, CK_KEY_TYPE type)
{
    struct value spki;
    EVP_PKEY *key = NULL;

    if (get(s, h, CKA_PUBLIC_KEY_INFO, &spki)) {
        const unsigned char *at = spki.p;

        key = d2i_PUBKEY(NULL, &at, (long)spki.len);
        free(spki.p);
        if (key != NULL)
            return key;
    }
    switch (type) {
    case CKK_RSA:
        return rsa(s, h);
    case CKK_EC:
        return ec(s, h);
    case CKK_EC_EDWARDS:
    case CKK_EC_MONTGOMERY:
        return raw_curve(s, h, type);
    default:
        return NULL;
    }
}

static EVP_PKEY *from_certificate(struct p11_session *s, CK_OBJECT_HANDLE h)
{
    struct value der;
    const unsigned char *at;
    X509 *x;
    EVP_PKEY *key = NULL;

    if (!get(s, h, CKA_VALUE, &der))
        return NULL;
    at = der.p;
    x = d2i_X509(NULL, &at, (long)der.len);
    if (x != NULL)
        key = X509_get_pubkey(x);
    X509_free(x);
    free(der.p);
    return key;
}

/* SoftHSM2 2.6 has curves of Montgomery as keys of Edwards. */
static bool is_kind(const struct p11_kind *kind, CK_KEY_TYPE type)
{
    return kind != NULL && (kind->type == type || (kind->type == CKK_EC_MONTGOMERY && type == CKK_EC_EDWARDS));
}

/* Does the public half fit what the private object says of itself? If the object says nothing, any does. */
static bool fits(struct p11_session *s, CK_OBJECT_HANDLE key, CK_KEY_TYPE type, EVP_PKEY *pub)
{
    EVP_PKEY *own = type == CKK_RSA ? rsa(s, key) : NULL;
    bool is = is_kind(p11_kind_of(key_algorithm_of(pub)), type);

    if (is && own != NULL)
        is = EVP_PKEY_eq(own, pub) == 1;
    EVP_PKEY_free(own);
    return is;
}

/* The first that fits among the objects of a class that have the key's id (or its label, if it has no id). */
static EVP_PKEY *beside(struct p11_session *s, CK_OBJECT_HANDLE key, const struct p11_name *name, CK_KEY_TYPE type,
                        CK_OBJECT_CLASS class)
{
    CK_ATTRIBUTE template[] = {
        { CKA_CLASS, &class, sizeof(class) },
        { CKA_ID, (void *)name->id, name->id_len },
    };
    CK_OBJECT_HANDLE found[8];
    CK_ULONG count = 0;
    EVP_PKEY *pub = NULL;

    if (name->id_len == 0)
        template[1] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)name->label, name->label_len };
    if (name->id_len == 0 && name->label_len == 0)
        return NULL;
    if (p11_find(s, template, 2, found, 8, &count) != CKR_OK)
        return NULL;
    for (CK_ULONG i = 0; pub == NULL && i < count; i++) {
        pub = class == CKO_CERTIFICATE ? from_certificate(s, found[i]) : from_attributes(s, found[i], type);
        if (pub != NULL && !fits(s, key, type, pub)) {
            EVP_PKEY_free(pub);
            pub = NULL;
        }
    }
    return pub;
}

static CK_RV none(const struct p11_name *name, struct problem *p)
{
    char text[200];

    p11_name_text(name, text, sizeof(text));
    problem_set(p, LB_E_NO_OBJECT, "the token has no public key and no certificate for key %s", text);
    problem_hint(p, "put its certificate (or public key) beside it, with the same id: pkcs11-tool --write-object FILE "
                    "--type cert --id ...");
    return P11_TOLD;
}

CK_RV p11_public(struct p11_session *s, CK_OBJECT_HANDLE key, uint8_t **ret, size_t *ret_len, struct problem *p)
{
    CK_KEY_TYPE type = CKK_VENDOR_DEFINED;
    struct p11_name name;
    EVP_PKEY *pub = NULL;
    unsigned char *der = NULL;
    size_t len = 0;
    int n;
    CK_RV rv = p11_attribute(s, key, CKA_KEY_TYPE, &type, sizeof(type), &len);

    if (rv == CKR_OK && len != sizeof(type))
        rv = CKR_ATTRIBUTE_VALUE_INVALID;
    if (rv == CKR_OK)
        rv = p11_name_of(s, key, &name);
    if (rv != CKR_OK)
        return rv;
    if (!p11_kind_is_known(type)) {
        problem_set(p, LB_E_KEY_TYPE, "the key on the token is of a type that a box does not hold (CKA_KEY_TYPE 0x%lx)",
                    type);
        return P11_TOLD;
    }
    pub = beside(s, key, &name, type, CKO_PUBLIC_KEY);
    if (pub == NULL)
        pub = beside(s, key, &name, type, CKO_CERTIFICATE);
    if (pub == NULL)
        pub = from_attributes(s, key, type);
    ERR_clear_error();
    if (pub == NULL)
        return none(&name, p);
    n = i2d_PUBKEY(pub, &der);
    EVP_PKEY_free(pub);
    if (n <= 0 || n > LB_SPKI_MAX) {
        OPENSSL_free(der);
        return none(&name, p);
    }
    *ret = malloc((size_t)n);
    if (*ret != NULL) {
        memcpy(*ret, der, (size_t)n);
        *ret_len = (size_t)n;
    }
    OPENSSL_free(der);
    return *ret == NULL ? CKR_HOST_MEMORY : CKR_OK;
}
