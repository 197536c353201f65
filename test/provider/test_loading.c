/*
 * Handle files through every call that loads a private key, alone and in bundles, beside a plain key file through the
 * same call; and everything else that such calls read, which must come out as if littlebox was not there.
 */
#include <openssl/core_names.h>
#include <openssl/decoder.h>
#if OPENSSL_VERSION_PREREQ(4, 0) && !defined(OPENSSL_NO_ECH)
#include <openssl/ech.h>
#endif
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/ssl.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "others.h"
#include "readers.h"
#include "types.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static OSSL_LIB_CTX *plain_ctx; /* without littlebox */

/* Does the queue hold an error of ours? Empties it. */
static bool littlebox_complains(void)
{
    unsigned long code;
    const char *data;
    int flags;
    bool found = false;

    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const char *lib = ERR_lib_error_string(code);

        if (lib != NULL && strcmp(lib, "littlebox") == 0) {
            fprintf(stderr, "\nlittlebox says: %s\n", data);
            found = true;
        }
    }
    return found;
}

/* Loading one key */

static EVP_PKEY *by_pem_bio(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    BIO *mem = BIO_new_mem_buf(b->data, (int)b->len);
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(mem, NULL, others_passphrase, NULL, libctx, NULL);

    (void)type;
    BIO_free(mem);
    return key;
}

static EVP_PKEY *by_pem_file(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    BIO *in = BIO_new_file(others_file(b), "rb");
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(in, NULL, others_passphrase, NULL, libctx, NULL);

    (void)type;
    BIO_free(in);
    return key;
}

static EVP_PKEY *by_pem_buffered(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    BIO *in = readers_buffer(b);
    EVP_PKEY *key = PEM_read_bio_PrivateKey_ex(in, NULL, others_passphrase, NULL, libctx, NULL);

    (void)type;
    BIO_free_all(in);
    return key;
}

static EVP_PKEY *by_ssl_file(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    SSL_CTX *ssl = SSL_CTX_new_ex(libctx, NULL, TLS_server_method());
    EVP_PKEY *key = NULL;

    SSL_CTX_set_default_passwd_cb(ssl, others_passphrase);
    if (SSL_CTX_use_PrivateKey_file(ssl, others_file(b), type) == 1) {
        key = SSL_CTX_get0_privatekey(ssl);
        CU_ASSERT(key != NULL && EVP_PKEY_up_ref(key));
    }
    SSL_CTX_free(ssl);
    return key;
}

static EVP_PKEY *by_ssl_pem(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    (void)type;
    return by_ssl_file(libctx, b, SSL_FILETYPE_PEM);
}

static EVP_PKEY *by_ssl_asn1(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    (void)type;
    return by_ssl_file(libctx, b, SSL_FILETYPE_ASN1);
}

static EVP_PKEY *by_store(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    (void)type;
    return load_uri(libctx, others_file(b), OSSL_STORE_INFO_PKEY);
}

static EVP_PKEY *by_store_unasked(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    (void)type;
    return load_uri(libctx, others_file(b), 0);
}

static EVP_PKEY *by_d2i_auto(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    const uint8_t *p = b->data;

    (void)type;
    return d2i_AutoPrivateKey_ex(NULL, &p, (long)b->len, libctx, NULL);
}

static EVP_PKEY *by_d2i(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    const uint8_t *p = b->data;

    return d2i_PrivateKey_ex(type, NULL, &p, (long)b->len, libctx, NULL);
}

static EVP_PKEY *by_d2i_bio(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    BIO *mem = BIO_new_mem_buf(b->data, (int)b->len);
    EVP_PKEY *key = d2i_PrivateKey_ex_bio(mem, NULL, libctx, NULL);

    (void)type;
    BIO_free(mem);
    return key;
}

static EVP_PKEY *by_d2i_file(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    FILE *f = fopen(others_file(b), "rb");
    EVP_PKEY *key;

    (void)type;
    NEED(f != NULL);
    key = d2i_PrivateKey_ex_fp(f, NULL, libctx, NULL);
    fclose(f);
    return key;
}

static EVP_PKEY *by_pkcs8(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    const uint8_t *p = b->data;
    PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)b->len);
    EVP_PKEY *key = p8 == NULL ? NULL : EVP_PKCS82PKEY_ex(p8, libctx, NULL);

    (void)type;
    PKCS8_PRIV_KEY_INFO_free(p8);
    return key;
}

static EVP_PKEY *by_decoder(OSSL_LIB_CTX *libctx, const struct blob *b, int type)
{
    const uint8_t *p = b->data;
    size_t len = b->len;
    EVP_PKEY *key = NULL;
    OSSL_DECODER_CTX *dec = OSSL_DECODER_CTX_new_for_pkey(&key, NULL, NULL, NULL, EVP_PKEY_KEYPAIR, libctx, NULL);

    (void)type;
    NEED(dec != NULL);
    if (OSSL_DECODER_from_data(dec, &p, &len) != 1)
        CU_ASSERT_PTR_NULL(key);
    OSSL_DECODER_CTX_free(dec);
    return key;
}

struct loader {
    const char *name;
    EVP_PKEY *(*load)(OSSL_LIB_CTX *libctx, const struct blob *b, int type);
};

static const struct loader pem_loaders[] = {
    { "PEM_read_bio_PrivateKey", by_pem_bio },
    { "PEM_read_bio_PrivateKey of a file", by_pem_file },
    { "PEM_read_bio_PrivateKey of a buffer", by_pem_buffered },
    { "SSL_CTX_use_PrivateKey_file PEM", by_ssl_pem },
    { "OSSL_STORE_open, a private key expected", by_store },
    { "OSSL_STORE_open", by_store_unasked },
    { "OSSL_DECODER", by_decoder },
};

static const struct loader der_loaders[] = {
    { "d2i_AutoPrivateKey", by_d2i_auto },
    { "d2i_PrivateKey", by_d2i },
    { "d2i_PrivateKey_bio", by_d2i_bio },
    { "d2i_PrivateKey_fp", by_d2i_file },
    { "EVP_PKCS82PKEY", by_pkcs8 },
    { "SSL_CTX_use_PrivateKey_file ASN1", by_ssl_asn1 },
    { "OSSL_STORE_open, a private key expected", by_store },
    { "OSSL_STORE_open", by_store_unasked },
    { "OSSL_DECODER", by_decoder },
};

/*
 * A file with the handle and the same file with a plain key in its place: where that one loads, the handle does, with
 * no word on the queue that the plain key does not leave there too; where that one does not, neither does the handle.
 */
static void loads_alike(OSSL_LIB_CTX *libctx, const struct loader *l, const char *bundle, const struct blob *handle,
                        const struct blob *stand_in, const struct type *t, EVP_PKEY *plain)
{
    EVP_PKEY *theirs, *ours;
    bool theirs_silent, ours_silent;
    int base_id = EVP_PKEY_get_base_id(plain);

    ERR_clear_error();
    theirs = l->load(plain_ctx, stand_in, base_id);
    theirs_silent = ERR_peek_error() == 0;
    ERR_clear_error();
    if (theirs != NULL && EVP_PKEY_get0_provider(theirs) == NULL) {
        /* A buffer with two other things before the key: libcrypto gave up, and read on without any provider. */
        CU_ASSERT_PTR_EQUAL(l->load, by_pem_buffered);
        EVP_PKEY_free(theirs);
        return;
    }
    ours = l->load(libctx, handle, base_id);
    ours_silent = ERR_peek_error() == 0;
    if ((ours != NULL) != (theirs != NULL) || ours_silent != theirs_silent) {
        fprintf(stderr, "\n%s of '%s': %s%s, a plain key: %s%s\n", l->name, bundle, ours == NULL ? "no key" : "a key",
                ours_silent ? "" : " and errors", theirs == NULL ? "no key" : "a key",
                theirs_silent ? "" : " and errors");
        ERR_print_errors_fp(stderr);
        CU_FAIL("not as with a plain key");
    }
    CU_ASSERT(!littlebox_complains());
    if (theirs != NULL && EVP_PKEY_eq(theirs, others_key(t->key)) == 1) {
        CU_ASSERT_EQUAL(EVP_PKEY_eq(ours, plain), 1);
        CU_ASSERT(signs(libctx, ours, plain));
    } else if (theirs != NULL) { /* the encrypted key that comes before it */
        CU_ASSERT_EQUAL(EVP_PKEY_eq(ours, theirs), 1);
        CU_ASSERT_EQUAL(strncmp(bundle, "EK", 2), 0);
    }
    EVP_PKEY_free(ours);
    EVP_PKEY_free(theirs);
}

/*
 * Files as they are met: K is the key, L another one; C a certificate, R a CRL, D DH parameters, P EC parameters as
 * `openssl ecparam -genkey` puts them before a key, E an encrypted key, # text, as PKCS#12 tools write it; ~ at the
 * start: CRLF at the ends of lines, _ : spaces there.
 */
static const char *const bundles[] = { "K",  "CK",  "KC",  "CCK", "KCC", "RK",  "DK",  "KD",  "DCKC", "PK",  "KP",
                                       "KL", "CKL", "#K",  "#C#K", "K#", "KE",  "EK",  "~K",  "~CK",  "~#KD", "_K",
                                       "_CK" };

/* handle: K is a handle, else a plain key. */
static void make_bundle(const char *bundle, const char *key, const char *other_key, struct blob *ret)
{
    BIO *mem = BIO_new(BIO_s_mem());
    const char *line_end = bundle[0] == '~' ? "\r\n" : bundle[0] == '_' ? "  \t\n" : "\n";
    char *data = NULL;
    long len;

    NEED(mem != NULL);
    for (const char *c = bundle; *c != '\0'; c++) {
        const char *part = *c == 'K'   ? key
                           : *c == 'L' ? other_key
                           : *c == '#' ? "\nBag Attributes\n    friendlyName: web\n# a comment\nKey Attributes:\n"
                                       : others_pem(*c);

        for (const char *p = part; part != NULL && *p != '\0'; p += strcspn(p, "\n") + 1)
            NEED(BIO_printf(mem, "%.*s%s", (int)strcspn(p, "\n"), p, line_end) > 0);
    }
    len = BIO_get_mem_data(mem, &data);
    ret->data = OPENSSL_memdup(data, (size_t)len);
    ret->len = (size_t)len;
    NEED(ret->data != NULL);
    BIO_free(mem);
}

static void load_bundles_with(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *plain, const char *pem,
                              const char *other_pem)
{
    for (size_t i = 0; i < COUNT(bundles); i++) {
        struct blob handle, stand_in;
        bool every_bundle = strstr(" rsa p256 ed25519 ", t->key) != NULL;

        if (!every_bundle && strlen(bundles[i]) > 2)
            continue;

        make_bundle(bundles[i], pem, other_pem, &handle);
        make_bundle(bundles[i], others_key_pem(t->key), others_key_pem("other"), &stand_in);
        for (size_t l = 0; l < COUNT(pem_loaders); l++)
            loads_alike(libctx, &pem_loaders[l], bundles[i], &handle, &stand_in, t, plain);
        OPENSSL_free(handle.data);
        OPENSSL_free(stand_in.data);
    }
}

static const char *other_than(const struct type *t)
{
    return strcmp(t->key, "p256") == 0 ? "p384" : "p256";
}

static void load_bundles(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    EVP_PKEY *other = load_key(libctx, other_than(t));
    char *pem = handle_pem(key), *other_pem = handle_pem(other);

    load_bundles_with(libctx, t, plain, pem, other_pem);
    OPENSSL_free(other_pem);
    OPENSSL_free(pem);
    EVP_PKEY_free(other);
}

/* The same with references to keys on tokens, as pkcs11-provider writes them. */
static void load_references(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    char *pem = reference_to(&box, t->key), *other_pem = reference_to(&box, other_than(t));

    (void)key;
    load_bundles_with(libctx, t, plain, pem, other_pem);
    OPENSSL_free(other_pem);
    OPENSSL_free(pem);
}

static void pem_to_der(const char *pem, struct blob *ret)
{
    BIO *mem = BIO_new_mem_buf(pem, -1);
    char *name = NULL, *header = NULL;
    long len = 0;

    NEED(mem != NULL && PEM_read_bio(mem, &name, &header, &ret->data, &len) == 1);
    ret->len = (size_t)len;
    OPENSSL_free(name);
    OPENSSL_free(header);
    BIO_free(mem);
}

static void load_der(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    struct blob handle, stand_in;
    char *pem = handle_pem(key);

    pem_to_der(pem, &handle);
    pem_to_der(others_key_pem(t->key), &stand_in);
    for (size_t l = 0; l < COUNT(der_loaders); l++)
        loads_alike(libctx, &der_loaders[l], "DER", &handle, &stand_in, t, plain);
    /* Bytes behind it are left for whoever reads on. */
    handle.data = OPENSSL_realloc(handle.data, handle.len + 300);
    stand_in.data = OPENSSL_realloc(stand_in.data, stand_in.len + 300);
    NEED(handle.data != NULL && stand_in.data != NULL);
    memset(handle.data + handle.len, 0x30, 300);
    memset(stand_in.data + stand_in.len, 0x30, 300);
    handle.len += 300;
    stand_in.len += 300;
    for (size_t l = 0; l < COUNT(der_loaders); l++)
        loads_alike(libctx, &der_loaders[l], "DER and more", &handle, &stand_in, t, plain);
    OPENSSL_free(handle.data);
    OPENSSL_free(stand_in.data);
    OPENSSL_free(pem);
}

/* What is not ours */

/* Each, or every so many of them, in count contexts as in one without littlebox. */
static void read_others(OSSL_LIB_CTX *without, OSSL_LIB_CTX *const with[], size_t count, size_t step)
{
    char plain_seen[8192], seen[8192];
    const struct blob *b;

    for (size_t i = 0; (b = others_blob(i)) != NULL; i += step) {
        readers_all(without, b, plain_seen, sizeof(plain_seen));
        ERR_clear_error();
        for (size_t c = 0; c < count; c++) {
            readers_all(with[c], b, seen, sizeof(seen));
            CU_ASSERT(!littlebox_complains());
            if (strcmp(seen, plain_seen) != 0) {
                fprintf(stderr, "\n%s: read as\n%s\nwithout littlebox as\n%s\n", b->name, seen, plain_seen);
                CU_FAIL("another result than without littlebox");
            }
        }
    }
}

static void test_others(void)
{
    read_others(plain_ctx, contexts, 2, /* step= */ 1);
}

#if OPENSSL_VERSION_PREREQ(4, 0) && !defined(OPENSSL_NO_ECH)
/* A key for Encrypted ClientHello and its configuration, which libssl reads through a buffer. */
static void test_ech(void)
{
    OSSL_ECHSTORE *made = OSSL_ECHSTORE_new(plain_ctx, NULL);
    OSSL_HPKE_SUITE suite = OSSL_HPKE_SUITE_DEFAULT;
    BIO *mem = BIO_new(BIO_s_mem());
    struct blob b = { .name = "ECH" };
    char *data;

    NEED(made != NULL && mem != NULL);
    NEED(OSSL_ECHSTORE_new_config(made, OSSL_ECH_CURRENT_VERSION, 0, "example.com", suite) == 1);
    NEED(OSSL_ECHSTORE_write_pem(made, OSSL_ECHSTORE_LAST, mem) == 1);
    b.len = (size_t)BIO_get_mem_data(mem, &data);
    b.data = (uint8_t *)data;
    for (size_t c = 0; c < 2; c++) {
        OSSL_ECHSTORE *store = OSSL_ECHSTORE_new(contexts[c], NULL);
        BIO *in = BIO_new_file(others_file(&b), "rb");
        int keys = 0;

        NEED(store != NULL && in != NULL);
        CU_ASSERT_EQUAL(OSSL_ECHSTORE_read_pem(store, in, OSSL_ECH_FOR_RETRY), 1);
        CU_ASSERT_EQUAL(OSSL_ECHSTORE_num_keys(store, &keys), 1);
        CU_ASSERT_EQUAL(keys, 1);
        BIO_free(in);
        OSSL_ECHSTORE_free(store);
    }
    BIO_free(mem);
    OSSL_ECHSTORE_free(made);
}
#endif

/* `base` beside `default`, as pkcs11-provider's configuration has it: two providers then read the same files. */
static void load_beside_base(OSSL_LIB_CTX *libctx, const char *what, const char *pem, EVP_PKEY *plain)
{
    struct blob b = { what, (uint8_t *)pem, strlen(pem) };

    for (size_t l = 0; l < COUNT(pem_loaders); l++) {
        EVP_PKEY *ours = pem_loaders[l].load(libctx, &b, 0);
        /* No key of a server. */
        bool none = pem_loaders[l].load == by_ssl_pem && EVP_PKEY_is_a(plain, "SLH-DSA-SHA2-128f");

        if (none)
            ERR_clear_error();
        else if (ours == NULL || EVP_PKEY_eq(ours, plain) != 1 || !signs(libctx, ours, plain)) {
            fprintf(stderr, "\n%s of a %s beside base\n", pem_loaders[l].name, what);
            ERR_print_errors_fp(stderr);
            CU_FAIL("it does not load beside base");
        }
        CU_ASSERT(!littlebox_complains());
        EVP_PKEY_free(ours);
    }
}

/* Nothing but what is asked for is done in these contexts: libcrypto learns the names of all that is there from whatever it does. */
static void test_base(void)
{
    static const char *const orders[] = { "DBL", "BDL", "LDB" };
    OSSL_LIB_CTX *without = new_libctx_of(box.dir, "DB"), *with[COUNT(orders)];

    for (size_t o = 0; o < COUNT(orders); o++) {
        with[o] = new_libctx_of(box.dir, orders[o]);
        for (size_t i = 0; i < ALL_TYPES; i++) {
            EVP_PKEY *key = load_key(contexts[0], types[i].key), *plain = plain_public(key);
            char *handle = handle_pem(key), *reference = reference_to(&box, types[i].key);

            load_beside_base(with[o], "handle", handle, plain);
            load_beside_base(with[o], "reference", reference, plain);
            OPENSSL_free(reference);
            OPENSSL_free(handle);
            EVP_PKEY_free(plain);
            EVP_PKEY_free(key);
        }
    }
    read_others(without, with, 1, /* step= */ 5);
    for (size_t o = 0; o < COUNT(orders); o++)
        OSSL_LIB_CTX_free(with[o]);
    OSSL_LIB_CTX_free(without);
}

/* A handle is nothing but a private key: who looks for something else in it hears nothing of us. */
static void no_other_thing(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain)
{
    char *pem = handle_pem(key), seen[2048] = "";
    struct blob b = { "handle", (uint8_t *)pem, strlen(pem) }, der = { "handle", NULL, 0 };
    static const int expected[] = { OSSL_STORE_INFO_PARAMS, OSSL_STORE_INFO_CERT, OSSL_STORE_INFO_CRL };
    static const int selections[] = { EVP_PKEY_PUBLIC_KEY, EVP_PKEY_KEY_PARAMETERS };
    const uint8_t *p;
    BIO *mem = BIO_new_mem_buf(pem, -1);

    (void)t;
    (void)plain;
    ERR_clear_error();
    pem_to_der(pem, &der);
    CU_ASSERT_PTR_NULL(PEM_read_bio_Parameters_ex(mem, NULL, libctx, NULL));
    (void)!BIO_reset(mem);
    CU_ASSERT_PTR_NULL(PEM_read_bio_PUBKEY_ex(mem, NULL, NULL, NULL, libctx, NULL));
    (void)!BIO_reset(mem);
    CU_ASSERT_PTR_NULL(PEM_read_bio_X509(mem, NULL, NULL, NULL));
    BIO_free(mem);
    p = der.data;
    CU_ASSERT_PTR_NULL(d2i_PUBKEY_ex(NULL, &p, (long)der.len, libctx, NULL));
    p = der.data;
    CU_ASSERT_PTR_NULL(d2i_X509(NULL, &p, (long)der.len));
    for (size_t i = 0; i < COUNT(expected); i++)
        readers_store(libctx, &b, expected[i], seen, sizeof(seen));
    for (size_t i = 0; i < COUNT(selections); i++) {
        readers_decoder(libctx, &b, selections[i], seen, sizeof(seen));
        readers_decoder(libctx, &der, selections[i], seen, sizeof(seen));
    }
    CU_ASSERT_PTR_NULL(strstr(seen, "littlebox"));
    CU_ASSERT(!littlebox_complains());
    OPENSSL_free(der.data);
    OPENSSL_free(pem);
}

/* A handle that we cannot read */

static uint8_t *find(struct blob *b, const void *bytes, size_t len)
{
    uint8_t *p = memmem(b->data, b->len, bytes, len);

    NEED(p != NULL);
    return p;
}

static void test_newer(void)
{
    for (size_t c = 0; c < 2; c++) {
        EVP_PKEY *key = load_key(contexts[c], "p256");
        char *pem = handle_pem(key);
        struct blob b;

        pem_to_der(pem, &b);
        /* INTEGER 1 before the UTF8String is the version of the form. */
        find(&b, "\x02\x01\x01\x0c", 4)[2] = 2;
        for (size_t l = 0; l < COUNT(der_loaders); l++) {
            ERR_clear_error();
            CU_ASSERT_PTR_NULL(der_loaders[l].load(contexts[c], &b, EVP_PKEY_EC));
            /* OSSL_STORE keeps what decoders say to itself. */
            if (der_loaders[l].load != by_store && der_loaders[l].load != by_store_unasked)
                CU_ASSERT(
                    littlebox_says("or a newer littlebox wrote it: write it again with 'littlebox handle KEY'"));
        }
        find(&b, "\x02\x01\x02\x0c", 4)[2] = 1;
        /* The last arc of the OID, before the OCTET STRING, is the key type: no decoder has this name. */
        find(&b, "\x99\x4b\x03\x04", 4)[2] = 99;
        for (size_t l = 0; l < COUNT(der_loaders); l++) {
            ERR_clear_error();
            CU_ASSERT_PTR_NULL(der_loaders[l].load(contexts[c], &b, EVP_PKEY_EC));
        }
        OPENSSL_free(b.data);
        OPENSSL_free(pem);
        EVP_PKEY_free(key);
    }
}

static void test_bundles(void)
{
    each(load_bundles);
}

static void test_references(void)
{
    each(load_references);
}

static void test_der(void)
{
    each(load_der);
    each(no_other_thing);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "bundles", test_bundles },
        { "references", test_references },
        { "DER", test_der },
        { "newer handles", test_newer },
        { "what is not ours", test_others },
#if OPENSSL_VERSION_PREREQ(4, 0) && !defined(OPENSSL_NO_ECH)
        { "keys for ECH", test_ech },
#endif
        { "base beside default", test_base },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    plain_ctx = OSSL_LIB_CTX_new();
    NEED(plain_ctx != NULL);
    others_begin(plain_ctx);
    status = run_suite("loading", tests);
    others_end();
    OSSL_LIB_CTX_free(plain_ctx);
    types_end();
    return status;
}
