/* OSSL_STORE on littlebox: URIs: what comes out of a key and of a box, in which order, expected or searched for. */
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <string.h>

#include "store/store.h"
#include "crypto.h"
#include "suite.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* Keys with long names, so that LIST takes more than one page. */
#define CROWD 700

static struct boxproc box;
static OSSL_LIB_CTX *contexts[2];

/* Two authorities outside of the box, and the certificates of the keys in it. */
static EVP_PKEY *root_key, *sub_key;
static X509 *root, *sub, *web, *mail, *old, *crowd;

/* What is in a store: letters, p a private key, P a public one, C a certificate, n a name. */
struct seen {
    char order[64];
    size_t count;
    X509 *certificates[8];
    size_t certificate_count;
    EVP_PKEY *key, *public;
    bool error;
};

static void seen_clear(struct seen *s)
{
    for (size_t i = 0; i < s->certificate_count; i++)
        X509_free(s->certificates[i]);
    EVP_PKEY_free(s->key);
    EVP_PKEY_free(s->public);
    memset(s, 0, sizeof(*s));
}

static void note(struct seen *s, OSSL_STORE_INFO *info)
{
    char letter = '?';

    switch (OSSL_STORE_INFO_get_type(info)) {
    case OSSL_STORE_INFO_PKEY:
        letter = 'p';
        EVP_PKEY_free(s->key);
        s->key = OSSL_STORE_INFO_get1_PKEY(info);
        break;
    case OSSL_STORE_INFO_PUBKEY:
        letter = 'P';
        EVP_PKEY_free(s->public);
        s->public = OSSL_STORE_INFO_get1_PUBKEY(info);
        break;
    case OSSL_STORE_INFO_CERT:
        letter = 'C';
        if (s->certificate_count < COUNT(s->certificates))
            s->certificates[s->certificate_count++] = OSSL_STORE_INFO_get1_CERT(info);
        break;
    case OSSL_STORE_INFO_NAME:
        letter = 'n';
        break;
    }
    if (s->count + 1 < sizeof(s->order))
        s->order[s->count] = letter;
    s->count++;
}

/* Walks to the end. eof must be exact: each load before it gives something, unless nothing at all comes. */
static void walk(OSSL_STORE_CTX *store, struct seen *ret)
{
    size_t empty = 0;

    memset(ret, 0, sizeof(*ret));
    while (!OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL) {
            note(ret, info);
        } else {
            empty++;
            ret->error = ret->error || OSSL_STORE_error(store);
        }
        OSSL_STORE_INFO_free(info);
        NEED(empty < 3);
    }
    if (!ret->error)
        CU_ASSERT_EQUAL(empty, ret->count == 0 ? 1 : 0);
    CU_ASSERT_PTR_NULL(OSSL_STORE_load(store));
}

/* search is freed. */
static struct seen look(OSSL_LIB_CTX *libctx, const char *uri, const char *properties, int expect,
                        OSSL_STORE_SEARCH *search)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, libctx, properties, NULL, NULL, NULL, NULL, NULL);
    struct seen seen = { .count = 0 };

    NEED(store != NULL);
    NEED(expect == 0 || OSSL_STORE_expect(store, expect) == 1);
    NEED(search == NULL || OSSL_STORE_find(store, search) == 1);
    walk(store, &seen);
    OSSL_STORE_SEARCH_free(search);
    OSSL_STORE_close(store);
    return seen;
}

/* Exactly these objects, and nothing on the error queue. */
#define FINDS(expected, libctx, uri, expect, search)                        \
    do {                                                                    \
        struct seen found = look((libctx), (uri), NULL, (expect), (search)); \
                                                                            \
        CU_ASSERT_STRING_EQUAL(found.order, (expected));                    \
        CU_ASSERT_FALSE(found.error);                                       \
        CU_ASSERT_EQUAL(ERR_peek_error(), 0);                               \
        seen_clear(&found);                                                 \
    } while (0)

/* Making certificates */

static X509_NAME *new_name(const char *text, int encoding)
{
    X509_NAME *name = X509_NAME_new();

    NEED(X509_NAME_add_entry_by_txt(name, "CN", encoding, (const unsigned char *)text, -1, -1, 0));
    return name;
}

static X509 *certify(const char *subject, EVP_PKEY *key, const char *issuer, EVP_PKEY *by, long serial)
{
    /* Printable: searches come with UTF8String. */
    X509_NAME *to = new_name(subject, V_ASN1_PRINTABLESTRING), *from = new_name(issuer, V_ASN1_PRINTABLESTRING);
    X509 *x = X509_new();

    NEED(X509_set_version(x, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(x), serial) &&
         X509_set_subject_name(x, to) && X509_set_issuer_name(x, from) && X509_gmtime_adj(X509_getm_notBefore(x), 0) &&
         X509_gmtime_adj(X509_getm_notAfter(x), 86400) && X509_set_pubkey(x, key) &&
         X509_sign(x, by, EVP_sha256()) > 0);
    X509_NAME_free(to);
    X509_NAME_free(from);
    return x;
}

static X509 *certify_key(const char *uri, const char *subject, long serial)
{
    EVP_PKEY *key = load_uri(contexts[0], uri, OSSL_STORE_INFO_PUBKEY), *plain;
    X509 *x;

    NEED(key != NULL);
    plain = plain_public(key);
    x = certify(subject, plain, "sub", sub_key, serial);
    EVP_PKEY_free(plain);
    EVP_PKEY_free(key);
    return x;
}

static void keep(const char *key, uint32_t version, X509 *leaf, size_t issuers)
{
    X509 *all[] = { leaf, sub, root };
    struct bytes der[3] = { { NULL, 0 } };

    for (size_t i = 0; i <= issuers; i++) {
        unsigned char *p = NULL;
        int len = i2d_X509(all[i], &p);

        NEED(len > 0);
        der[i] = (struct bytes){ p, (size_t)len };
    }
    boxproc_certify(&box, key, version, der, issuers + 1);
    for (size_t i = 0; i <= issuers; i++)
        OPENSSL_free((void *)der[i].p);
}

static const char *crowd_name(int i)
{
    static char name[LB_NAME_MAX + 1];

    snprintf(name, sizeof(name), "crowd-%058d", i);
    return name;
}

static void set_up(void)
{
    char uri[LB_NAME_MAX + 32];

    boxproc_new(&box, "default");
    boxproc_create(&box, "web", "ec:P-256");
    boxproc_create(&box, "mail", "rsa-pss:2048:sha256");
    boxproc_create(&box, "bare", "ed25519");
    boxproc_create(&box, "gone", "ed25519");
    boxproc_create(&box, "old", "ed25519");
    for (size_t c = 0; c < 2; c++)
        contexts[c] = new_libctx(box.dir, /* littlebox_first= */ c == 0, "");
    root_key = EVP_RSA_gen(2048);
    sub_key = EVP_EC_gen("P-384");
    NEED(root_key != NULL && sub_key != NULL);
    root = certify("root", root_key, "root", root_key, 1);
    sub = certify("sub", sub_key, "root", root_key, 2);
    web = certify_key("littlebox:web", "web.example", 1000);
    mail = certify_key("littlebox:mail", "mail.example", 1001);
    keep("web", 0, web, 2);
    keep("mail", 1, mail, 1);
    /* A certificate that goes with its version. */
    old = certify_key("littlebox:old", "old.example", 1002);
    keep("old", 1, old, 0);
    X509_free(old);
    boxproc_destroy(&box, "old", 1);
    boxproc_create(&box, "old", "ed25519");
    old = certify_key("littlebox:old", "old.example", 1003);
    keep("old", 2, old, 0);
    boxproc_destroy(&box, "gone", 0);
    for (int i = 0; i < CROWD; i++)
        boxproc_create(&box, crowd_name(i), "ed25519");
    snprintf(uri, sizeof(uri), "littlebox:%s", crowd_name(CROWD - 1));
    crowd = certify_key(uri, "web.example", 1004);
    keep(crowd_name(CROWD - 1), 0, crowd, 0);
}

static void tear_down(void)
{
    X509_free(root);
    X509_free(sub);
    X509_free(web);
    X509_free(mail);
    X509_free(old);
    X509_free(crowd);
    EVP_PKEY_free(root_key);
    EVP_PKEY_free(sub_key);
    for (size_t c = 0; c < 2; c++)
        OSSL_LIB_CTX_free(contexts[c]);
    boxproc_free(&box);
}

/* Searches, freed by look() */

static OSSL_STORE_SEARCH *by_subject(const char *text)
{
    static X509_NAME *name; /* must live as long as the search */

    X509_NAME_free(name);
    name = text == NULL ? NULL : new_name(text, V_ASN1_UTF8STRING);
    return text == NULL ? NULL : OSSL_STORE_SEARCH_by_name(name);
}

static OSSL_STORE_SEARCH *by_issuer(const char *issuer, long serial)
{
    static X509_NAME *name;
    static ASN1_INTEGER *number;

    X509_NAME_free(name);
    ASN1_INTEGER_free(number);
    name = issuer == NULL ? NULL : new_name(issuer, V_ASN1_UTF8STRING);
    number = issuer == NULL ? NULL : ASN1_INTEGER_new();
    NEED(issuer == NULL || ASN1_INTEGER_set(number, serial));
    return issuer == NULL ? NULL : OSSL_STORE_SEARCH_by_issuer_serial(name, number);
}

static OSSL_STORE_SEARCH *by_digest(const EVP_MD *md, const void *data, size_t len)
{
    static uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned size;

    NEED(EVP_Digest(data, len, digest, &size, md, NULL));
    return OSSL_STORE_SEARCH_by_key_fingerprint(md, digest, size);
}

static OSSL_STORE_SEARCH *by_certificate(const EVP_MD *md, X509 *x)
{
    unsigned char *der = NULL;
    int len = i2d_X509(x, &der);
    OSSL_STORE_SEARCH *search = by_digest(md, der, (size_t)len);

    OPENSSL_free(der);
    return search;
}

static OSSL_STORE_SEARCH *by_key_in(const EVP_MD *md, X509 *x)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    OSSL_STORE_SEARCH *search = by_digest(md, der, (size_t)len);

    OPENSSL_free(der);
    return search;
}

#define BY_ALIAS(text) OSSL_STORE_SEARCH_by_alias(text)

/* Tests */

static void all_of_a_key(void)
{
    for (size_t c = 0; c < 2; c++) {
        struct seen s = look(contexts[c], "littlebox:web", NULL, 0, NULL);
        EVP_PKEY *plain;
        X509 *expected[] = { web, sub, root };

        CU_ASSERT_STRING_EQUAL_FATAL(s.order, "pPCCC");
        for (size_t i = 0; i < 3; i++)
            CU_ASSERT_EQUAL(X509_cmp(s.certificates[i], expected[i]), 0);
        CU_ASSERT_EQUAL(X509_check_private_key(s.certificates[0], s.key), 1);
        CU_ASSERT_EQUAL(EVP_PKEY_eq(s.key, s.public), 1);
        CU_ASSERT_EQUAL(X509_verify(s.certificates[0], X509_get0_pubkey(s.certificates[1])), 1);
        CU_ASSERT_EQUAL(X509_verify(s.certificates[1], X509_get0_pubkey(s.certificates[2])), 1);
        plain = plain_public(s.public);
        CU_ASSERT_TRUE(signs(contexts[c], s.key, plain));
        EVP_PKEY_free(plain);
        seen_clear(&s);
        FINDS("pPCC", contexts[c], "littlebox:mail", 0, NULL);
        FINDS("pP", contexts[c], "littlebox:bare", 0, NULL);
        FINDS("pPC", contexts[c], "littlebox://default/old;version=2", 0, NULL);
        ERR_clear_error();
    }
}

static void what_is_expected(void)
{
    static const struct {
        int expect;
        const char *web, *bare;
    } cases[] = {
        { OSSL_STORE_INFO_PKEY, "p", "p" }, { OSSL_STORE_INFO_PUBKEY, "P", "P" }, { OSSL_STORE_INFO_CERT, "CCC", "" },
        { OSSL_STORE_INFO_CRL, "", "" },    { OSSL_STORE_INFO_PARAMS, "", "" },
    };

    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < COUNT(cases); i++) {
            FINDS(cases[i].web, contexts[c], "littlebox:web", cases[i].expect, NULL);
            FINDS(cases[i].bare, contexts[c], "littlebox:bare", cases[i].expect, NULL);
        }
    }
}

/* What is not there is an error only if it was named. */
static void what_is_not_there(void)
{
    static const char *const uris[] = { "littlebox:nosuch", "littlebox:gone", "littlebox:old;version=1" };
    static const int expected[] = { 0, OSSL_STORE_INFO_PKEY, OSSL_STORE_INFO_CERT };

    for (size_t i = 0; i < COUNT(uris); i++) {
        for (size_t k = 0; k < COUNT(expected); k++) {
            struct seen s = look(contexts[0], uris[i], NULL, expected[k], NULL);

            CU_ASSERT_EQUAL(s.count, 0);
            CU_ASSERT_TRUE(s.error);
            CU_ASSERT_TRUE(littlebox_says(i == 0 ? "there is no key 'nosuch' in box 'default'" : "is destroyed"));
            seen_clear(&s);
        }
    }
}

static void searches_in_a_key(void)
{
    for (size_t c = 0; c < 2; c++) {
        OSSL_LIB_CTX *x = contexts[c];

        FINDS("C", x, "littlebox:web", 0, by_subject("web.example"));
        /* As X.509 compares names. */
        FINDS("C", x, "littlebox:web", 0, by_subject("Web.Example"));
        FINDS("C", x, "littlebox:web", OSSL_STORE_INFO_CERT, by_subject("sub"));
        FINDS("", x, "littlebox:web", 0, by_subject("mail.example"));
        FINDS("", x, "littlebox:web", OSSL_STORE_INFO_PKEY, by_subject("web.example"));
        FINDS("C", x, "littlebox:web", 0, by_issuer("sub", 1000));
        FINDS("C", x, "littlebox:web", 0, by_issuer("root", 1));
        FINDS("", x, "littlebox:web", 0, by_issuer("sub", 1001));
        FINDS("", x, "littlebox:web", 0, by_issuer("root", 1000));
        FINDS("C", x, "littlebox:web", 0, by_certificate(EVP_sha256(), web));
        FINDS("C", x, "littlebox:web", 0, by_certificate(EVP_sha1(), root));
        FINDS("pPC", x, "littlebox:web", 0, by_key_in(EVP_sha384(), web));
        FINDS("p", x, "littlebox:web", OSSL_STORE_INFO_PKEY, by_key_in(EVP_sha512(), web));
        FINDS("P", x, "littlebox:web", OSSL_STORE_INFO_PUBKEY, by_key_in(EVP_sha256(), web));
        FINDS("C", x, "littlebox:web", OSSL_STORE_INFO_CERT, by_key_in(EVP_sha256(), web));
        FINDS("", x, "littlebox:web", 0, by_key_in(EVP_sha256(), mail));
        FINDS("pPCCC", x, "littlebox:web", 0, BY_ALIAS("web"));
        FINDS("", x, "littlebox:web", 0, BY_ALIAS("we"));
        FINDS("", x, "littlebox:web", OSSL_STORE_INFO_CRL, BY_ALIAS("web"));
    }
}

static void searches_in_a_box(void)
{
    for (size_t c = 0; c < 2; c++) {
        OSSL_LIB_CTX *x = contexts[c];
        struct seen s;

        /* Of two keys, on two pages. */
        s = look(x, "littlebox:", NULL, OSSL_STORE_INFO_CERT, by_subject("web.example"));
        CU_ASSERT_STRING_EQUAL(s.order, "CC");
        CU_ASSERT(s.certificate_count == 2 && X509_cmp(s.certificates[0], crowd) == 0 &&
                  X509_cmp(s.certificates[1], web) == 0);
        seen_clear(&s);
        s = look(x, "littlebox:", NULL, 0, by_issuer("sub", 1003));
        CU_ASSERT_STRING_EQUAL(s.order, "C");
        CU_ASSERT(s.certificate_count == 1 && X509_cmp(s.certificates[0], old) == 0);
        seen_clear(&s);
        FINDS("CC", x, "littlebox://default/", 0, by_subject("sub"));
        FINDS("", x, "littlebox:", 0, by_subject("nobody"));
        /* Of a version that was destroyed. */
        FINDS("", x, "littlebox:", 0, by_issuer("sub", 1002));
        FINDS("C", x, "littlebox:", 0, by_certificate(EVP_sha256(), mail));
        FINDS("pPC", x, "littlebox:", 0, by_key_in(EVP_sha256(), mail));
        FINDS("p", x, "littlebox:", OSSL_STORE_INFO_PKEY, by_key_in(EVP_sha1(), old));
        FINDS("C", x, "littlebox:", 0, by_key_in(EVP_sha512(), root));
        FINDS("pPCC", x, "littlebox:", 0, BY_ALIAS("mail"));
        FINDS("CC", x, "littlebox:", OSSL_STORE_INFO_CERT, BY_ALIAS("mail"));
        FINDS("pP", x, "littlebox:", 0, BY_ALIAS("bare"));
        FINDS("", x, "littlebox:", 0, BY_ALIAS("gone"));
        FINDS("", x, "littlebox:", 0, BY_ALIAS("nosuch"));
        FINDS("", x, "littlebox:", 0, BY_ALIAS("no such"));
        FINDS("", x, "littlebox:", OSSL_STORE_INFO_CRL, by_subject("web.example"));
        FINDS("", x, "littlebox:", OSSL_STORE_INFO_PKEY, by_subject("web.example"));
    }
}

/* Names alone, as ever, whatever is expected. */
static void names_of_a_box(void)
{
    for (size_t c = 0; c < 2; c++) {
        struct seen s = look(contexts[c], "littlebox:", NULL, c == 0 ? 0 : OSSL_STORE_INFO_CERT, NULL);

        CU_ASSERT_EQUAL(s.count, 5 + CROWD);
        CU_ASSERT_EQUAL(strspn(s.order, "n"), strlen(s.order));
        CU_ASSERT_FALSE(s.error);
        seen_clear(&s);
    }
}

static void criteria_are_announced(void)
{
    static const int types[] = { OSSL_STORE_SEARCH_BY_NAME, OSSL_STORE_SEARCH_BY_ISSUER_SERIAL,
                                 OSSL_STORE_SEARCH_BY_KEY_FINGERPRINT, OSSL_STORE_SEARCH_BY_ALIAS };
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex("littlebox:web", contexts[0], NULL, NULL, NULL, NULL, NULL, NULL);

    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    for (size_t i = 0; i < COUNT(types); i++)
        CU_ASSERT_EQUAL(OSSL_STORE_supports_search(store, types[i]), 1);
    OSSL_STORE_close(store);
}

/*
 * The same certificate, without the query that it was loaded with: newer versions of libcrypto keep that and decode the
 * public key with it, which is the default provider's business.
 */
static X509 *without_query(OSSL_LIB_CTX *libctx, const X509 *cert)
{
    X509 *copy = X509_new_ex(libctx, NULL);
    unsigned char *der = NULL;
    int len = i2d_X509(cert, &der);
    const unsigned char *at = der;

    CU_ASSERT_FATAL(len > 0);
    CU_ASSERT_PTR_NOT_NULL_FATAL(d2i_X509(&copy, &at, len));
    OPENSSL_free(der);
    return copy;
}

static void property_queries(void)
{
    static const char *const queries[] = { "provider=littlebox", "?provider=littlebox", "?provider=default" };

    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < COUNT(queries); i++) {
            struct seen s = look(contexts[c], "littlebox:web", queries[i], 0, NULL);
            X509 *cert;

            CU_ASSERT_STRING_EQUAL_FATAL(s.order, "pPCCC");
            CU_ASSERT_EQUAL(X509_cmp(s.certificates[0], web), 0);
            cert = without_query(contexts[c], s.certificates[0]);
            CU_ASSERT_EQUAL(X509_check_private_key(cert, s.key), 1);
            X509_free(cert);
            seen_clear(&s);
        }
        CU_ASSERT_PTR_NULL(OSSL_STORE_open_ex("littlebox:web", contexts[c], "provider=default", NULL, NULL, NULL, NULL,
                                              NULL));
        ERR_clear_error();
    }
}

static void parameters_of_open(void)
{
    char properties[] = "?provider=littlebox", input[] = "PEM";
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_STORE_PARAM_PROPERTIES, properties, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_STORE_PARAM_INPUT_TYPE, input, 0),
        OSSL_PARAM_construct_end(),
    };
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex("littlebox:web", contexts[0], NULL, NULL, NULL, params, NULL, NULL);
    struct seen s;

    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    walk(store, &s);
    CU_ASSERT_STRING_EQUAL(s.order, "pPCCC");
    seen_clear(&s);
    OSSL_STORE_close(store);
}

/* Criteria that OSSL_STORE_find() would not make: asked of the provider as libcrypto does. */
static void criteria_out_of_form(void)
{
    static uint8_t bytes[32] = { 1, 2, 3 };
    static const struct {
        const char *name;
        size_t len;
        const char *digest, *says;
    } cases[] = {
        { OSSL_STORE_PARAM_FINGERPRINT, 5, NULL, "a fingerprint of 5 bytes needs the name of its digest" },
        { OSSL_STORE_PARAM_FINGERPRINT, 32, "nosuch", "unknown digest 'nosuch' of a fingerprint" },
        { OSSL_STORE_PARAM_FINGERPRINT, 31, "SHA256", "a fingerprint of 31 bytes is none of SHA256" },
        { OSSL_STORE_PARAM_SUBJECT, 3, NULL, "the subject to search for is not the DER of a name" },
        { OSSL_STORE_PARAM_ISSUER, 0, NULL, "the issuer to search for is not the DER of a name" },
        { OSSL_STORE_PARAM_FINGERPRINT, 32, NULL, NULL }, /* its digest is guessed by its size */
    };
    OSSL_PROVIDER *provider = OSSL_PROVIDER_load(contexts[0], "littlebox");
    OSSL_FUNC_store_open_fn *open_uri = NULL;
    OSSL_FUNC_store_set_ctx_params_fn *set = NULL;
    OSSL_FUNC_store_close_fn *end = NULL;
    const OSSL_ALGORITHM *store;
    int no_cache;

    NEED(provider != NULL && (store = OSSL_PROVIDER_query_operation(provider, OSSL_OP_STORE, &no_cache)) != NULL);
    for (const OSSL_DISPATCH *d = store->implementation; d->function_id != 0; d++) {
        if (d->function_id == OSSL_FUNC_STORE_OPEN)
            open_uri = OSSL_FUNC_store_open(d);
        if (d->function_id == OSSL_FUNC_STORE_SET_CTX_PARAMS)
            set = OSSL_FUNC_store_set_ctx_params(d);
        if (d->function_id == OSSL_FUNC_STORE_CLOSE)
            end = OSSL_FUNC_store_close(d);
    }
    NEED(open_uri != NULL && set != NULL && end != NULL);
    for (size_t i = 0; i < COUNT(cases); i++) {
        void *loader = open_uri(OSSL_PROVIDER_get0_provider_ctx(provider), "littlebox:");
        OSSL_PARAM params[3] = { OSSL_PARAM_END, OSSL_PARAM_END, OSSL_PARAM_END };

        params[0] = OSSL_PARAM_construct_octet_string(cases[i].name, bytes, cases[i].len);
        if (cases[i].digest != NULL)
            params[1] = OSSL_PARAM_construct_utf8_string(OSSL_STORE_PARAM_DIGEST, (char *)cases[i].digest, 0);
        CU_ASSERT_PTR_NOT_NULL_FATAL(loader);
        CU_ASSERT_EQUAL(set(loader, params), cases[i].says == NULL);
        if (cases[i].says != NULL)
            CU_ASSERT_TRUE(littlebox_says(cases[i].says));
        CU_ASSERT_EQUAL(end(loader), 1);
    }
    OSSL_PROVIDER_unload(provider);
}

/* The box goes away between two objects: what is known comes, then an error, once, then the end. */
static void a_box_that_goes(void)
{
    OSSL_LIB_CTX *libctx = new_libctx(box.dir, true, "littlebox-timeout = 3000");
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex("littlebox:web", libctx, NULL, NULL, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info;
    EVP_PKEY *key = NULL;

    CU_ASSERT_PTR_NOT_NULL_FATAL(store);
    info = OSSL_STORE_load(store);
    CU_ASSERT(info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY);
    OSSL_STORE_INFO_free(info);
    boxproc_stop(&box);
    info = OSSL_STORE_load(store);
    CU_ASSERT(info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY);
    OSSL_STORE_INFO_free(info);
    CU_ASSERT_EQUAL(OSSL_STORE_eof(store), 0);
    ERR_clear_error();
    CU_ASSERT_PTR_NULL(OSSL_STORE_load(store));
    CU_ASSERT_EQUAL(OSSL_STORE_error(store), 1);
    CU_ASSERT_TRUE(littlebox_says("box 'default'"));
    CU_ASSERT_EQUAL(OSSL_STORE_eof(store), 1);
    OSSL_STORE_close(store);
    boxproc_start(&box);
    /* Who asks a box that was away waits for a moment only, which a busy machine may need longer than. */
    for (int i = 0; i < 10000 && key == NULL; i++)
        key = load_uri(libctx, "littlebox:web", 0);
    EVP_PKEY_free(key);
    ERR_clear_error();
    FINDS("pPCCC", libctx, "littlebox:web", 0, NULL);
    OSSL_LIB_CTX_free(libctx);
}

/* Renewed and taken away, and found so at once; while the box is locked too. */
static void certificates_change(void)
{
    X509 *renewed = certify_key("littlebox:web", "web.example", 2000);

    keep("web", 0, renewed, 1);
    FINDS("C", contexts[0], "littlebox:", 0, by_issuer("sub", 2000));
    FINDS("", contexts[0], "littlebox:", 0, by_issuer("sub", 1000));
    FINDS("pPCC", contexts[0], "littlebox:web", 0, NULL);
    boxproc_certify(&box, "web", 1, NULL, 0);
    FINDS("", contexts[0], "littlebox:", OSSL_STORE_INFO_CERT, by_issuer("sub", 2000));
    FINDS("pP", contexts[0], "littlebox:web", 0, NULL);
    keep("web", 0, web, 2);
    boxproc_lock(&box);
    FINDS("pPCCC", contexts[1], "littlebox:web", 0, NULL);
    FINDS("CC", contexts[1], "littlebox:", 0, by_subject("web.example"));
    X509_free(renewed);
}

/* What somebody with the disk can do: the chain of another key, as the store itself would write it. */
static int swap_chain(const struct key_record *k, bool damaged, void *arg)
{
    struct version_record versions[4], *v = &versions[0];
    struct key_record copy = *k;
    struct problem p;
    unsigned char *der = NULL;
    uint8_t chain[4096];
    struct wire_writer w;
    int len, r;

    NEED(!damaged);
    if (strcmp(k->name, "web") != 0)
        return 0;
    NEED(k->version_count <= COUNT(versions));
    memcpy(versions, k->versions, k->version_count * sizeof(*versions));
    copy.versions = versions;
    len = i2d_X509(mail, &der);
    wire_write(&w, chain, sizeof(chain));
    wire_put_u16(&w, 1);
    wire_put_bytes(&w, der, (size_t)len);
    v->chain = chain;
    NEED(wire_written(&w, &v->chain_len) == 0);
    r = store_put_key(arg, &copy, &p);
    OPENSSL_free(der);
    return r == 0 ? 1 : r;
}

static void a_chain_of_another_key(void)
{
    char path[128], line[512];
    struct store *store = NULL;
    struct problem p;
    bool told = false;
    FILE *log;

    boxproc_stop(&box);
    snprintf(path, sizeof(path), "%s/default/store.db", box.dir);
    NEED(store_open(path, &store, &p) == 0);
    CU_ASSERT_EQUAL(store_each_key(store, swap_chain, store, &p), 1);
    store_close(store);
    boxproc_start(&box);
    FINDS("pP", contexts[0], "littlebox:web", 0, NULL);
    FINDS("C", contexts[0], "littlebox:", 0, by_issuer("sub", 1001));
    snprintf(path, sizeof(path), "%s/log", box.dir);
    log = fopen(path, "r");
    NEED(log != NULL);
    while (fgets(line, sizeof(line), log) != NULL)
        told = told || strstr(line, "the certificate chain of key 'web' version 1 is damaged: set it again") != NULL;
    fclose(log);
    CU_ASSERT_TRUE(told);
    keep("web", 0, web, 2);
    FINDS("pPCCC", contexts[0], "littlebox:web", 0, NULL);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "all of a key", all_of_a_key },
        { "what is expected", what_is_expected },
        { "what is not there", what_is_not_there },
        { "searches in a key", searches_in_a_key },
        { "searches in a box", searches_in_a_box },
        { "names of a box", names_of_a_box },
        { "criteria are announced", criteria_are_announced },
        { "property queries", property_queries },
        { "parameters of open", parameters_of_open },
        { "criteria out of form", criteria_out_of_form },
        { "a box that goes", a_box_that_goes },
        { "a chain of another key", a_chain_of_another_key },
        { "certificates change", certificates_change },
        CU_TEST_INFO_NULL,
    };
    int status;

    set_up();
    status = run_suite("store", tests);
    (void)by_subject(NULL);
    (void)by_issuer(NULL, 0);
    tear_down();
    return status;
}
