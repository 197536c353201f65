/* Handle files: a PKCS#8 PrivateKeyInfo that holds a key URI and the public key, and no secret. */
#include "model/handle.h"

#include <limits.h>
#include <openssl/asn1t.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>

#define HANDLE_VERSION 1

/* spki is kept as it stands, header and all, so that this file needs no idea of public keys. */
typedef struct {
    ASN1_INTEGER *version;
    ASN1_UTF8STRING *uri;
    ASN1_STRING *spki;
} HANDLE_BODY;

ASN1_SEQUENCE(HANDLE_BODY) = {
    ASN1_SIMPLE(HANDLE_BODY, version, ASN1_INTEGER),
    ASN1_SIMPLE(HANDLE_BODY, uri, ASN1_UTF8STRING),
    ASN1_OPT(HANDLE_BODY, spki, ASN1_SEQUENCE),
} static_ASN1_SEQUENCE_END(HANDLE_BODY)

static HANDLE_BODY *body_new(void)
{
    return (HANDLE_BODY *)ASN1_item_new(ASN1_ITEM_rptr(HANDLE_BODY));
}

static void body_free(HANDLE_BODY *body)
{
    ASN1_item_free((ASN1_VALUE *)body, ASN1_ITEM_rptr(HANDLE_BODY));
}

/* LB_HANDLE_ARC in DER, without its header. In an OID of ours one byte follows, the type. */
static const uint8_t arc[] = { 0x69, 0x83, 0x84, 0x8a, 0xc3, 0x9d, 0xbb, 0xf9, 0xaa, 0x8a,
                               0xf5, 0xa8, 0xfb, 0xc9, 0x91, 0x8a, 0xf3, 0xe0, 0x99, 0x4b };

/* 0: not one of our OIDs. */
static unsigned type_of_oid(const uint8_t *oid, size_t len)
{
    return len == sizeof(arc) + 1 && memcmp(oid, arc, sizeof(arc)) == 0 && key_algorithm_by_number(oid[sizeof(arc)]) != NULL
               ? oid[sizeof(arc)]
               : 0;
}

/* The URI must be printable: it is printed and logged before anybody parses it. */
static bool is_printable(const uint8_t *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] > 0x7e)
            return false;
    }
    return true;
}

static int copy_uri(const ASN1_UTF8STRING *s, char ret[LB_URI_MAX + 1])
{
    size_t len = (size_t)ASN1_STRING_length(s);

    if (len > LB_URI_MAX || !is_printable(ASN1_STRING_get0_data(s), len))
        return LB_E_VALUE;
    memcpy(ret, ASN1_STRING_get0_data(s), len);
    ret[len] = '\0';
    return 0;
}

static int parse_body(const uint8_t *der, size_t len, struct handle *ret)
{
    const uint8_t *p = der;
    HANDLE_BODY *body = (HANDLE_BODY *)ASN1_item_d2i(NULL, &p, (long)len, ASN1_ITEM_rptr(HANDLE_BODY));
    int64_t version;
    int r = LB_E_VALUE;

    if (body == NULL || p != der + len)
        goto out;
    if (!ASN1_INTEGER_get_int64(&version, body->version) || version != HANDLE_VERSION)
        goto out;
    r = copy_uri(body->uri, ret->uri);
    if (r != 0 || body->spki == NULL)
        goto out;
    ret->spki_len = (size_t)ASN1_STRING_length(body->spki);
    ret->spki = OPENSSL_memdup(ASN1_STRING_get0_data(body->spki), ret->spki_len);
    if (ret->spki == NULL)
        r = LB_E_NOMEM;
out:
    body_free(body);
    return r;
}

/*
 * Where our arc is near the start of what looks like a PrivateKeyInfo; NULL: it is not there. Input with our arc is ours, and
 * a failure to read it is ours to report, also where it breaks off behind the arc.
 */
static const uint8_t *find_arc(const uint8_t *der, size_t len)
{
    size_t end = len < 64 ? len : 64;

    for (size_t i = 0; i + sizeof(arc) <= end; i++) {
        if (memcmp(der + i, arc, sizeof(arc)) == 0)
            return der + i;
    }
    return NULL;
}

unsigned handle_peek(const uint8_t *der, size_t len)
{
    const uint8_t *at = find_arc(der, len);

    return at == NULL || at + sizeof(arc) == der + len ? 0 : type_of_oid(at, sizeof(arc) + 1);
}

int handle_from_der(const uint8_t *der, size_t len, struct handle *ret)
{
    const uint8_t *p = der, *octets;
    const ASN1_OBJECT *oid = NULL;
    const X509_ALGOR *alg;
    PKCS8_PRIV_KEY_INFO *p8 = NULL;
    int octets_len = 0, r;

    memset(ret, 0, sizeof(*ret));
    /* Refused before any parser allocates: most input is not ours. */
    if (find_arc(der, len) == NULL)
        return LB_E_UNSUPPORTED;
    p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)len);
    r = LB_E_VALUE;
    if (p8 == NULL || p != der + len || !PKCS8_pkey_get0(&oid, &octets, &octets_len, &alg, p8))
        goto out;
    ret->type = type_of_oid(OBJ_get0_data(oid), OBJ_length(oid));
    r = ret->type == 0 ? LB_E_UNSUPPORTED : parse_body(octets, (size_t)octets_len, ret);
out:
    PKCS8_PRIV_KEY_INFO_free(p8);
    if (r != 0)
        handle_clear(ret);
    return r;
}

int handle_to_der(const struct handle *h, uint8_t **ret, size_t *ret_len)
{
    HANDLE_BODY *body = body_new();
    PKCS8_PRIV_KEY_INFO *p8 = PKCS8_PRIV_KEY_INFO_new();
    ASN1_OBJECT *oid = NULL;
    unsigned char *octets = NULL, *der = NULL;
    char text[80];
    int len, r = LB_E_NOMEM;

    if (key_algorithm_by_number(h->type) == NULL) {
        r = LB_E_VALUE;
        goto out;
    }
    snprintf(text, sizeof(text), "%s.%u", LB_HANDLE_ARC, h->type);
    oid = OBJ_txt2obj(text, /* no_name= */ 1);
    if (body == NULL || p8 == NULL || oid == NULL)
        goto out;
    if (!ASN1_INTEGER_set(body->version, HANDLE_VERSION) || !ASN1_STRING_set(body->uri, h->uri, -1))
        goto out;
    if (h->spki != NULL) {
        body->spki = ASN1_STRING_type_new(V_ASN1_SEQUENCE);
        if (body->spki == NULL || !ASN1_STRING_set(body->spki, h->spki, (int)h->spki_len))
            goto out;
    }
    len = ASN1_item_i2d((ASN1_VALUE *)body, &octets, ASN1_ITEM_rptr(HANDLE_BODY));
    if (len <= 0 || !PKCS8_pkey_set0(p8, oid, 0, V_ASN1_UNDEF, NULL, octets, len))
        goto out;
    oid = NULL; /* now owned by p8, as are the octets */
    octets = NULL;
    len = i2d_PKCS8_PRIV_KEY_INFO(p8, &der);
    if (len <= 0)
        goto out;
    *ret = der;
    *ret_len = (size_t)len;
    r = 0;
out:
    OPENSSL_free(octets);
    ASN1_OBJECT_free(oid);
    PKCS8_PRIV_KEY_INFO_free(p8);
    body_free(body);
    return r;
}

int handle_to_pem(const struct handle *h, BIO *out)
{
    uint8_t *der = NULL;
    size_t len = 0;
    int r = handle_to_der(h, &der, &len);

    if (r != 0)
        return r;
    if (PEM_write_bio(out, PEM_STRING_PKCS8INF, "", der, (long)len) <= 0 || BIO_flush(out) <= 0)
        r = LB_E_SYSTEM;
    OPENSSL_free(der);
    return r;
}

unsigned handle_type_of(const uint8_t *spki, size_t len)
{
    const uint8_t *p = spki;
    X509_ALGOR *alg = NULL;
    const struct key_algorithm *algorithm;
    const ASN1_OBJECT *oid = NULL;
    char text[80] = "";
    long inner;
    int tag, class;

    /* Reads the algorithm alone: d2i_X509_PUBKEY() would make a key of it all, which takes longer than everything else. */
    if (len <= LONG_MAX && ASN1_get_object(&p, &inner, &tag, &class, (long)len) == V_ASN1_CONSTRUCTED &&
        tag == V_ASN1_SEQUENCE && class == V_ASN1_UNIVERSAL && p + inner == spki + len)
        alg = d2i_X509_ALGOR(NULL, &p, inner);
    if (alg != NULL) {
        X509_ALGOR_get0(&oid, NULL, NULL, alg);
        (void)OBJ_obj2txt(text, sizeof(text), oid, /* no_name= */ 1);
    }
    X509_ALGOR_free(alg);
    algorithm = key_algorithm_by_oid(text);
    return algorithm == NULL ? 0 : algorithm->number;
}

void handle_clear(struct handle *h)
{
    OPENSSL_free(h->spki);
    h->spki = NULL;
    h->spki_len = 0;
}
