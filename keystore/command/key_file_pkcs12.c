/* The private key in a PKCS#12 file (RFC 7292). */
#include "command/key_file_pkcs12.h"

#include <openssl/objects.h>

/* Nobody's files nest bags deeper than this. */
#define DEPTH_MAX 4

struct search {
    const char *pass;
    int pass_len;
    unsigned keys;
    EVP_PKEY *key; /* the first one */
};

/* A bag with a key: counted, and the first one kept. */
static int take_key(const PKCS12_SAFEBAG *bag, struct search *s)
{
    const PKCS8_PRIV_KEY_INFO *plain = NULL;
    PKCS8_PRIV_KEY_INFO *opened = NULL;
    int r = 0;

    s->keys++;
    if (s->key != NULL)
        return 0;
    if (PKCS12_SAFEBAG_get_nid(bag) == NID_keyBag) {
        plain = PKCS12_SAFEBAG_get0_p8inf(bag);
    } else {
        opened = PKCS12_decrypt_skey(bag, s->pass, s->pass_len);
        plain = opened;
    }
    if (plain == NULL)
        r = LB_E_SECRET;
    else if ((s->key = EVP_PKCS82PKEY(plain)) == NULL)
        r = LB_E_VALUE;
    PKCS8_PRIV_KEY_INFO_free(opened);
    return r;
}

static int search_bags(const STACK_OF(PKCS12_SAFEBAG) *bags, unsigned depth, struct search *s)
{
    int r = 0;

    for (int i = 0; r == 0 && i < sk_PKCS12_SAFEBAG_num(bags); i++) {
        const PKCS12_SAFEBAG *bag = sk_PKCS12_SAFEBAG_value(bags, i);

        switch (PKCS12_SAFEBAG_get_nid(bag)) {
        case NID_keyBag:
        case NID_pkcs8ShroudedKeyBag:
            r = take_key(bag, s);
            break;
        case NID_safeContentsBag:
            r = depth == DEPTH_MAX ? LB_E_VALUE : search_bags(PKCS12_SAFEBAG_get0_safes(bag), depth + 1, s);
            break;
        default: /* certificates, CRLs, secrets of applications */
            break;
        }
    }
    return r;
}

static int search_contents(PKCS7 *contents, struct search *s)
{
    STACK_OF(PKCS12_SAFEBAG) *bags = NULL;
    int r = LB_E_SECRET;

    switch (OBJ_obj2nid(contents->type)) {
    case NID_pkcs7_data:
        bags = PKCS12_unpack_p7data(contents);
        r = LB_E_VALUE;
        break;
    case NID_pkcs7_encrypted:
        bags = PKCS12_unpack_p7encdata(contents, s->pass, s->pass_len);
        break;
    default: /* sealed for somebody's public key: nothing that a passphrase opens */
        return LB_E_VALUE;
    }
    if (bags == NULL)
        return r;
    r = search_bags(bags, 0, s);
    sk_PKCS12_SAFEBAG_pop_free(bags, PKCS12_SAFEBAG_free);
    return r;
}

int pkcs12_key(PKCS12 *p12, const char *pass, int pass_len, unsigned *ret_keys, EVP_PKEY **ret)
{
    struct search s = { .pass = pass, .pass_len = pass_len };
    STACK_OF(PKCS7) *safes = NULL;
    int r = 0;

    if (PKCS12_mac_present(p12) && !PKCS12_verify_mac(p12, pass, pass_len))
        return LB_E_SECRET;
    safes = PKCS12_unpack_authsafes(p12);
    if (safes == NULL)
        return LB_E_VALUE;
    for (int i = 0; r == 0 && i < sk_PKCS7_num(safes); i++)
        r = search_contents(sk_PKCS7_value(safes, i), &s);
    sk_PKCS7_pop_free(safes, PKCS7_free);
    *ret_keys = s.keys;
    if (r == 0 && s.keys == 1) {
        *ret = s.key;
        s.key = NULL; /* now owned by the caller */
    }
    EVP_PKEY_free(s.key);
    return r;
}
