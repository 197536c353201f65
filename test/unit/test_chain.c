/* chain.c: which certificates belong to a key and to each other, made here for the purpose. */
#include "model/chain.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "model/limits.h"
#include "unit.h"

static X509_NAME *name_of(const char *text)
{
    X509_NAME *name = X509_NAME_new();

    CU_ASSERT(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0));
    return name;
}

/* For key, in the name of subject, signed with by in the name of issuer. */
static X509 *certificate(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *by)
{
    X509 *x = X509_new();
    X509_NAME *to = name_of(subject), *from = name_of(issuer);

    X509_set_version(x, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(x), 7);
    X509_set_subject_name(x, to);
    X509_set_issuer_name(x, from);
    X509_gmtime_adj(X509_getm_notBefore(x), 0);
    X509_gmtime_adj(X509_getm_notAfter(x), 3600);
    X509_set_pubkey(x, key);
    CU_ASSERT(X509_sign(x, by, EVP_sha256()) > 0);
    X509_NAME_free(to);
    X509_NAME_free(from);
    return x;
}

struct world {
    EVP_PKEY *leaf_key, *sub_key, *root_key;
    X509 *leaf, *sub, *root;
    uint8_t *spki;
    struct bytes spki_view;
};

static void world_open(struct world *w)
{
    int len;

    w->leaf_key = EVP_EC_gen("P-256");
    w->sub_key = EVP_EC_gen("P-256");
    w->root_key = EVP_RSA_gen(2048);
    w->leaf = certificate("leaf", w->leaf_key, "sub", w->sub_key);
    w->sub = certificate("sub", w->sub_key, "root", w->root_key);
    w->root = certificate("root", w->root_key, "root", w->root_key);
    w->spki = NULL;
    len = i2d_PUBKEY(w->leaf_key, &w->spki);
    CU_ASSERT_FATAL(len > 0);
    w->spki_view = (struct bytes){ w->spki, (size_t)len };
}

static void world_close(struct world *w)
{
    EVP_PKEY_free(w->leaf_key);
    EVP_PKEY_free(w->sub_key);
    EVP_PKEY_free(w->root_key);
    X509_free(w->leaf);
    X509_free(w->sub);
    X509_free(w->root);
    OPENSSL_free(w->spki);
}

/* In a static buffer. */
static struct bytes chain_of(X509 *a, X509 *b, X509 *c)
{
    static uint8_t buf[LB_CHAIN_MAX];
    X509 *all[] = { a, b, c };
    struct wire_writer w;
    size_t len = 0;
    uint16_t count = 0;

    for (size_t i = 0; i < 3; i++)
        count += all[i] != NULL;
    wire_write(&w, buf, sizeof(buf));
    wire_put_u16(&w, count);
    for (size_t i = 0; i < count; i++) {
        unsigned char *der = NULL;
        int n = i2d_X509(all[i], &der);

        wire_put_bytes(&w, der, (size_t)n);
        OPENSSL_free(der);
    }
    OK(wire_written(&w, &len));
    return (struct bytes){ buf, len };
}

static void chains_of_the_key(void)
{
    struct world w;
    struct problem p = { 0 };

    world_open(&w);
    OK(chain_check(chain_of(w.leaf, NULL, NULL), w.spki_view, "web", &p));
    OK(chain_check(chain_of(w.leaf, w.sub, NULL), w.spki_view, "web", &p));
    OK(chain_check(chain_of(w.leaf, w.sub, w.root), w.spki_view, "web", &p));
    CU_ASSERT_TRUE(chain_is_of(chain_of(w.leaf, w.sub, w.root), w.spki_view));
    CU_ASSERT_TRUE(chain_issued_by(w.root, w.root));
    CU_ASSERT_FALSE(chain_issued_by(w.leaf, w.leaf));
    world_close(&w);
}

static void others_are_refused(void)
{
    struct world w;
    struct problem p;
    X509 *impostor;

    world_open(&w);
    FAILS(chain_check(chain_of(w.sub, w.root, NULL), w.spki_view, "version 1 of key 'web'", &p), LB_E_PUBLIC_KEY);
    TEXT_IS(p.text, "the certificate /CN=sub is for another key than version 1 of key 'web'");
    TEXT_HAS(p.hint, "the key's public key");
    FAILS(chain_check(chain_of(w.leaf, w.root, NULL), w.spki_view, "web", &p), LB_E_VALUE);
    TEXT_IS(p.text, "certificate 2 (/CN=root) did not issue certificate 1 (/CN=leaf)");
    TEXT_HAS(p.hint, "the key's certificate first");
    FAILS(chain_check(chain_of(w.leaf, w.sub, w.leaf), w.spki_view, "web", &p), LB_E_VALUE);
    TEXT_IS(p.text, "certificate 3 (/CN=leaf) did not issue certificate 2 (/CN=sub)");
    /* The name of the issuer, and another key. */
    impostor = certificate("sub", w.root_key, "root", w.root_key);
    FAILS(chain_check(chain_of(w.leaf, impostor, NULL), w.spki_view, "web", &p), LB_E_VALUE);
    TEXT_IS(p.text, "certificate 2 (/CN=sub) did not issue certificate 1 (/CN=leaf)");
    CU_ASSERT_FALSE(chain_is_of(chain_of(w.sub, w.root, NULL), w.spki_view));
    CU_ASSERT_FALSE(chain_is_of(chain_of(NULL, NULL, NULL), w.spki_view));
    X509_free(impostor);
    world_close(&w);
}

static void what_is_no_certificate(void)
{
    struct world w;
    struct problem p;
    uint8_t copy[4096];
    struct bytes chain;

    world_open(&w);
    chain = chain_of(w.leaf, NULL, NULL);
    CU_ASSERT_FATAL(chain.len < sizeof(copy) - 1);
    memcpy(copy, chain.p, chain.len);
    /* A byte behind the DER, inside of its field. */
    copy[3] = (uint8_t)(copy[3] + 1);
    copy[2] = (uint8_t)(copy[2] + (copy[3] == 0));
    copy[chain.len] = 0;
    FAILS(chain_check((struct bytes){ copy, chain.len + 1 }, w.spki_view, "web", &p), LB_E_VALUE);
    TEXT_IS(p.text, "certificate 1 cannot be read");
    CU_ASSERT_FALSE(chain_is_of((struct bytes){ copy, chain.len + 1 }, w.spki_view));
    FAILS(chain_check((struct bytes){ (const uint8_t *)"\0\1\0\1x", 5 }, w.spki_view, "web", &p), LB_E_VALUE);
    TEXT_IS(p.text, "certificate 1 cannot be read");
    FAILS(chain_check((struct bytes){ chain.p, chain.len - 1 }, w.spki_view, "web", &p), LB_E_CUT_OFF);
    TEXT_HAS(p.text, "this is not a chain of certificates");
    world_close(&w);
}

static const struct unit_test tests[] = {
    { "chains of the key", chains_of_the_key },
    { "others are refused", others_are_refused },
    { "what is no certificate", what_is_no_certificate },
    { NULL, NULL },
};
const struct unit_suite suite_chain = { "chain", tests };
