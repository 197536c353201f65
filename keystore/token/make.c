/* Keys made on a token, and brought to it. */
#include "token/make.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/key_types.h"
#include "token/destroy.h"
#include "token/key_kind.h"
#include "token/public.h"

#define ID_SIZE 16
#define ATTRIBUTES_MAX 24

static CK_BBOOL yes = CK_TRUE, no = CK_FALSE;

static bool does(const struct key_type *type, enum key_operation operation)
{
    return (type->algorithm->operations & operation) != 0;
}

/* DER of CKA_EC_PARAMS; len 0: none. */
struct curve {
    uint8_t p[40];
    size_t len;
};

static void encode_oid(const ASN1_OBJECT *oid, struct curve *ret)
{
    unsigned char *at = ret->p;
    int len = oid == NULL ? -1 : i2d_ASN1_OBJECT(oid, NULL);

    ret->len = len > 0 && (size_t)len <= sizeof(ret->p) ? (size_t)i2d_ASN1_OBJECT(oid, &at) : 0;
}

/*
 * Names the curve. Curves of EC go by their OID. Those of Edwards and Montgomery go by their names, as PrintableString
 * (PKCS#11 3.0, 2.3.10), and in ret_other by the OID of RFC 8410: tokens differ.
 */
static void make_curve(const struct key_type *type, struct curve *ret, struct curve *ret_other)
{
    const char *name = type->algorithm->token_curve;
    ASN1_OBJECT *oid = NULL;

    ret->len = ret_other->len = 0;
    if (name == NULL) {
        if (type->group_name != NULL)
            encode_oid(OBJ_nid2obj(OBJ_txt2nid(type->group_name)), ret);
        return;
    }
    ret->p[0] = V_ASN1_PRINTABLESTRING;
    ret->p[1] = (uint8_t)strlen(name);
    memcpy(ret->p + 2, name, strlen(name));
    ret->len = 2 + strlen(name);
    oid = OBJ_txt2obj(type->algorithm->oid, /* no_name= */ 1);
    encode_oid(oid, ret_other);
    ASN1_OBJECT_free(oid);
}

/* How the token makes such keys. SoftHSM2 2.6 makes keys on curves of Montgomery as it makes those of Edwards. */
static CK_MECHANISM_TYPE mechanism_of(const struct p11_token *t, const struct key_type *type)
{
    CK_MECHANISM_TYPE own = p11_kind_of(type->algorithm)->generate;
    bool other = p11_kind_of(type->algorithm)->type == CKK_EC_MONTGOMERY && !p11_token_can(t, own, CKF_GENERATE_KEY_PAIR) &&
                 p11_token_can(t, CKM_EC_EDWARDS_KEY_PAIR_GEN, CKF_GENERATE_KEY_PAIR) &&
                 p11_token_can(t, CKM_ECDH1_DERIVE, CKF_DERIVE);

    return other ? CKM_EC_EDWARDS_KEY_PAIR_GEN : own;
}

struct template
{
    CK_ATTRIBUTE a[ATTRIBUTES_MAX];
    CK_ULONG n;
};

static void add(struct template *t, CK_ATTRIBUTE_TYPE type, const void *value, size_t len)
{
    t->a[t->n++] = (CK_ATTRIBUTE){ type, (void *)value, len };
}

static void add_bool(struct template *t, CK_ATTRIBUTE_TYPE type, bool value)
{
    add(t, type, value ? &yes : &no, sizeof(CK_BBOOL));
}

/*
 * What every private key gets. The key may do all that its type does, since the box's policy decides who may do what with
 * it.
 */
static void add_private(struct template *t, const struct key_type *type, const struct p11_name *name)
{
    add_bool(t, CKA_TOKEN, true);
    add_bool(t, CKA_PRIVATE, true);
    add_bool(t, CKA_SENSITIVE, true);
    add_bool(t, CKA_EXTRACTABLE, false);
    add_bool(t, CKA_SIGN, does(type, KEY_SIGNS));
    if (does(type, KEY_DECRYPTS))
        add_bool(t, CKA_DECRYPT, true);
    if (does(type, KEY_DERIVES))
        add_bool(t, CKA_DERIVE, true);
    add(t, CKA_ID, name->id, name->id_len);
    add(t, CKA_LABEL, name->label, name->label_len);
}

static void add_public(struct template *t, const struct key_type *type, const struct p11_name *name)
{
    add_bool(t, CKA_TOKEN, true);
    add_bool(t, CKA_VERIFY, does(type, KEY_SIGNS));
    if (does(type, KEY_DECRYPTS))
        add_bool(t, CKA_ENCRYPT, true);
    add(t, CKA_ID, name->id, name->id_len);
    add(t, CKA_LABEL, name->label, name->label_len);
}

static int new_name(const char *label, struct p11_name *ret, struct problem *p)
{
    memset(ret, 0, sizeof(*ret));
    ret->label_len = strlen(label) > sizeof(ret->label) ? sizeof(ret->label) : strlen(label);
    memcpy(ret->label, label, ret->label_len);
    ret->id_len = ID_SIZE;
    return RAND_bytes(ret->id, ID_SIZE) > 0 ? 0 : problem_set(p, LB_E_CRYPTO, "no random numbers");
}

/* Generating */

struct make {
    const struct key_type *type;
    struct p11_name name;
    struct curve curve, other_curve;
    bool again; /* work may be done twice: the first time may have left something */
    uint8_t *spki;
    size_t spki_len;
};

static CK_RV generate(struct p11_session *s, const struct make *m, const struct curve *curve, CK_OBJECT_HANDLE *pub,
                      CK_OBJECT_HANDLE *key)
{
    static const uint8_t exponent[] = { 1, 0, 1 };
    CK_MECHANISM mechanism = { mechanism_of(s->token, m->type), NULL, 0 };
    CK_ULONG bits = m->type->bits;
    struct template public = { .n = 0 }, private = { .n = 0 };

    add_public(&public, m->type, &m->name);
    if (bits != 0) {
        add(&public, CKA_MODULUS_BITS, &bits, sizeof(bits));
        add(&public, CKA_PUBLIC_EXPONENT, exponent, sizeof(exponent));
    } else {
        add(&public, CKA_EC_PARAMS, curve->p, curve->len);
    }
    add_private(&private, m->type, &m->name);
    return P11_CALL(&s->call, C_GenerateKeyPair, s->h, &mechanism, public.a, public.n, private.a, private.n, pub, key);
}

static CK_RV make(struct p11_session *s, void *arg, struct problem *p)
{
    struct make *m = arg;
    CK_OBJECT_HANDLE pub = 0, key = 0;
    CK_RV rv;

    if (p11_token_must(s->token, mechanism_of(s->token, m->type), CKF_GENERATE_KEY_PAIR, p) != 0) {
        p->code = LB_E_KEY_TYPE;
        return P11_TOLD;
    }
    rv = m->again ? p11_discard_now(s, &m->name) : CKR_OK;
    if (rv != CKR_OK)
        return rv;
    m->again = true;
    rv = generate(s, m, &m->curve, &pub, &key);
    /* The curve under its other name. */
    if (rv != CKR_OK && m->other_curve.len > 0)
        rv = generate(s, m, &m->other_curve, &pub, &key);
    if (rv != CKR_OK)
        return rv;
    return p11_public(s, key, &m->spki, &m->spki_len, p);
}

static int refuse_type(const char *name, struct problem *p)
{
    char list[KEYTYPE_LIST_MAX] = "";
    const struct key_type *type;

    for (size_t i = 0; (type = keytype_row(i)) != NULL; i++) {
        size_t len = strlen(list);

        if (p11_kind_of(type->algorithm) != NULL)
            snprintf(list + len, sizeof(list) - len, "%s ", type->name);
    }
    problem_set(p, LB_E_KEY_TYPE, "keys of type %s are not made on a token", name);
    problem_hint(p, "%sare", list);
    return LB_E_KEY_TYPE;
}

int p11_make(struct p11_token *t, const char *type, const char *label, struct p11_name *ret_name, uint8_t **ret_spki,
             size_t *ret_len, struct problem *p)
{
    enum digest digest;
    struct make m = { .type = keytype_find(type, &digest) };
    int r;

    if (m.type == NULL || p11_kind_of(m.type->algorithm) == NULL)
        return refuse_type(type, p);
    make_curve(m.type, &m.curve, &m.other_curve);
    r = new_name(label, &m.name, p);
    if (r == 0)
        r = p11_do(t, "making a key", make, &m, p);
    if (r != 0 && m.again)
        p11_discard(t, &m.name, p);
    if (r != 0)
        return r;
    *ret_name = m.name;
    *ret_spki = m.spki;
    *ret_len = m.spki_len;
    return 0;
}

/* Importing */

struct part {
    uint8_t *p;
    size_t len;
};

struct import {
    const struct key_type *type;
    struct p11_name name;
    CK_KEY_TYPE key;
    struct curve curve;
    struct template private, public;
    bool again; /* as in struct make */
};

static CK_RV import(struct p11_session *s, void *arg, struct problem *p)
{
    struct import *m = arg;
    CK_OBJECT_HANDLE key, pub;
    CK_RV rv = m->again ? p11_discard_now(s, &m->name) : CKR_OK;

    (void)p;
    m->again = true;
    if (rv == CKR_OK)
        rv = P11_CALL(&s->call, C_CreateObject, s->h, m->private.a, m->private.n, &key);
    if (rv == CKR_OK)
        rv = P11_CALL(&s->call, C_CreateObject, s->h, m->public.a, m->public.n, &pub);
    return rv;
}

/* Gets a number of the key, big endian, at its own length or, for a scalar, at that of the curve. */
static bool number(EVP_PKEY *key, const char *name, size_t size, struct part *ret)
{
    BIGNUM *n = NULL;
    bool ok = EVP_PKEY_get_bn_param(key, name, &n) > 0;

    if (ok) {
        ret->len = size > 0 ? size : (size_t)BN_num_bytes(n);
        ret->p = OPENSSL_secure_zalloc(ret->len);
        ok = ret->p != NULL && BN_bn2binpad(n, ret->p, (int)ret->len) >= 0;
    }
    BN_clear_free(n);
    return ok;
}

static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
    bool is_public;
} rsa_parts[] = {
    { CKA_MODULUS, OSSL_PKEY_PARAM_RSA_N, true },
    { CKA_PUBLIC_EXPONENT, OSSL_PKEY_PARAM_RSA_E, true },
    { CKA_PRIVATE_EXPONENT, OSSL_PKEY_PARAM_RSA_D, false },
    { CKA_PRIME_1, OSSL_PKEY_PARAM_RSA_FACTOR1, false },
    { CKA_PRIME_2, OSSL_PKEY_PARAM_RSA_FACTOR2, false },
    { CKA_EXPONENT_1, OSSL_PKEY_PARAM_RSA_EXPONENT1, false },
    { CKA_EXPONENT_2, OSSL_PKEY_PARAM_RSA_EXPONENT2, false },
    { CKA_COEFFICIENT, OSSL_PKEY_PARAM_RSA_COEFFICIENT1, false },
};
#define PARTS_MAX 10

static int rsa_import(EVP_PKEY *key, struct import *m, struct part *parts)
{
    for (size_t i = 0; i < sizeof(rsa_parts) / sizeof(rsa_parts[0]); i++) {
        if (!number(key, rsa_parts[i].name, 0, &parts[i]))
            return LB_E_CRYPTO;
        add(&m->private, rsa_parts[i].type, parts[i].p, parts[i].len);
        if (rsa_parts[i].is_public)
            add(&m->public, rsa_parts[i].type, parts[i].p, parts[i].len);
    }
    return 0;
}

/* Puts the point into an OCTET STRING, as Cryptoki wants it. */
static bool wrap_point(const uint8_t *point, size_t len, struct part *ret)
{
    ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
    unsigned char *der = NULL;
    int n = s != NULL && ASN1_OCTET_STRING_set(s, point, (int)len) ? i2d_ASN1_OCTET_STRING(s, &der) : -1;

    ASN1_OCTET_STRING_free(s);
    if (n > 0)
        ret->p = OPENSSL_secure_zalloc((size_t)n);
    if (n > 0 && ret->p != NULL) {
        memcpy(ret->p, der, (size_t)n);
        ret->len = (size_t)n;
    }
    OPENSSL_free(der);
    return ret->p != NULL;
}

static int curve_import(EVP_PKEY *key, struct import *m, struct part *parts)
{
    bool edwards = m->key == CKK_EC_EDWARDS;
    size_t size = ((size_t)EVP_PKEY_get_bits(key) + 7) / 8, len = 0;
    uint8_t point[160] = { POINT_CONVERSION_UNCOMPRESSED };
    struct part x = { NULL, 0 }, y = { NULL, 0 };
    bool ok;

    if (edwards) {
        len = sizeof(point);
        ok = EVP_PKEY_get_raw_public_key(key, point, &len) > 0 && EVP_PKEY_get_raw_private_key(key, NULL, &size) > 0 &&
             (parts[0].p = OPENSSL_secure_zalloc(size)) != NULL && (parts[0].len = size) > 0 &&
             EVP_PKEY_get_raw_private_key(key, parts[0].p, &size) > 0;
    } else {
        /* The point is written in full, whatever its form in the file: few tokens take another form. */
        len = 1 + 2 * size;
        ok = len <= sizeof(point) && number(key, OSSL_PKEY_PARAM_PRIV_KEY, size, &parts[0]) &&
             number(key, OSSL_PKEY_PARAM_EC_PUB_X, size, &x) && number(key, OSSL_PKEY_PARAM_EC_PUB_Y, size, &y);
        if (ok) {
            memcpy(point + 1, x.p, size);
            memcpy(point + 1 + size, y.p, size);
        }
        OPENSSL_secure_free(x.p);
        OPENSSL_secure_free(y.p);
    }
    if (!ok || !wrap_point(point, len, &parts[1]))
        return LB_E_CRYPTO;
    add(&m->private, CKA_EC_PARAMS, m->curve.p, m->curve.len);
    add(&m->private, CKA_VALUE, parts[0].p, parts[0].len);
    add(&m->public, CKA_EC_PARAMS, m->curve.p, m->curve.len);
    add(&m->public, CKA_EC_POINT, parts[1].p, parts[1].len);
    return 0;
}

/* The row of such keys, of any size: rows of one algorithm and curve differ in no attribute that is written. */
static const struct key_type *type_of(EVP_PKEY *key)
{
    const struct key_algorithm *a = key_algorithm_of(key);
    const struct key_type *type;
    char group[40] = "";

    if (p11_kind_of(a) == NULL || a->on_token == KEY_ON_TOKEN_MONTGOMERY)
        return NULL;
    if (a->on_token == KEY_ON_TOKEN_EC)
        return EVP_PKEY_get_group_name(key, group, sizeof(group), NULL) > 0 ? keytype_of_group(group) : NULL;
    for (size_t i = 0; (type = keytype_row(i)) != NULL; i++) {
        if (type->algorithm == a)
            return type;
    }
    return NULL;
}

int p11_import(struct p11_token *t, EVP_PKEY *key, const char *label, struct p11_name *ret_name, struct problem *p)
{
    struct import m = { .type = type_of(key) };
    CK_OBJECT_CLASS private = CKO_PRIVATE_KEY, public = CKO_PUBLIC_KEY;
    struct part parts[PARTS_MAX] = { { NULL, 0 } };
    struct curve other_curve;
    int r;

    if (m.type == NULL)
        return problem_set(p, LB_E_KEY_TYPE, "keys of the algorithm %s are not brought to a token",
                           EVP_PKEY_get0_type_name(key));
    m.key = p11_kind_of(m.type->algorithm)->type;
    make_curve(m.type, &m.curve, &other_curve);
    r = new_name(label, &m.name, p);
    if (r != 0)
        return r;
    add(&m.private, CKA_CLASS, &private, sizeof(private));
    add(&m.private, CKA_KEY_TYPE, &m.key, sizeof(m.key));
    add_private(&m.private, m.type, &m.name);
    add(&m.public, CKA_CLASS, &public, sizeof(public));
    add(&m.public, CKA_KEY_TYPE, &m.key, sizeof(m.key));
    add_public(&m.public, m.type, &m.name);
    r = m.key == CKK_RSA ? rsa_import(key, &m, parts) : curve_import(key, &m, parts);
    if (r != 0)
        problem_set(p, r, "the key has not all the parts that a token wants");
    else
        r = p11_do(t, "bringing the key in", import, &m, p);
    if (r == LB_E_TOKEN)
        problem_hint(p, "the token may take no keys from outside: make one on it, with 'littlebox create'; or the box may "
                        "not write to where it keeps them");
    if (r != 0 && m.again)
        p11_discard(t, &m.name, p);
    for (size_t i = 0; i < PARTS_MAX; i++)
        OPENSSL_secure_clear_free(parts[i].p, parts[i].len);
    if (r == 0)
        *ret_name = m.name;
    return r;
}
