/* Things of others that are read from files: plain keys, parameters, certificates, rubbish. */
#include "others.h"

#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "types.h"

#define BLOBS_MAX 256
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static OSSL_LIB_CTX *ctx;
static struct blob blobs[BLOBS_MAX];
static size_t blob_count;
static EVP_PKEY *keys[ALL_TYPES + 1]; /* the last one is "other" */
static char *key_pems[ALL_TYPES + 1];
static char *parts[128];
static char file[] = "/tmp/littlebox-test-file-XXXXXX";

int others_passphrase(char *buf, int size, int rwflag, void *arg)
{
    (void)rwflag;
    (void)arg;
    NEED(size > 6);
    memcpy(buf, "secret", 6);
    return 6;
}

const char *others_file(const struct blob *b)
{
    FILE *f = fopen(file, "wb");

    NEED(f != NULL && fwrite(b->data, 1, b->len, f) == b->len && fclose(f) == 0);
    return file;
}

static void add(const char *name, const void *data, size_t len)
{
    struct blob *b = &blobs[blob_count++];

    NEED(blob_count < BLOBS_MAX);
    b->name = name;
    b->data = OPENSSL_memdup(len == 0 ? "" : data, len == 0 ? 1 : len);
    b->len = len;
    NEED(b->data != NULL);
}

/* The content of mem, which is freed, as a text. */
static char *take_text(BIO *mem)
{
    char *data = NULL, *text;
    long len = BIO_get_mem_data(mem, &data);

    NEED(len > 0);
    text = OPENSSL_strndup(data, (size_t)len);
    NEED(text != NULL);
    BIO_free(mem);
    return text;
}

/* A form of a key, if there is one; as a text for PEM. */
static void add_form(const char *name, EVP_PKEY *key, int selection, const char *format, const char *structure)
{
    OSSL_ENCODER_CTX *enc = OSSL_ENCODER_CTX_new_for_pkey(key, selection, format, structure, NULL);
    uint8_t *data = NULL;
    size_t len = 0;

    NEED(enc != NULL);
    if (strcmp(structure, "EncryptedPrivateKeyInfo") == 0)
        NEED(OSSL_ENCODER_CTX_set_cipher(enc, "AES-128-CBC", NULL) == 1 &&
             OSSL_ENCODER_CTX_set_passphrase(enc, (const uint8_t *)"secret", 6) == 1);
    if (OSSL_ENCODER_to_data(enc, &data, &len) == 1)
        add(name, data, len);
    OPENSSL_free(data);
    OSSL_ENCODER_CTX_free(enc);
}

static void add_every_form(const char *name, EVP_PKEY *key)
{
    static const struct {
        int selection;
        const char *structure;
    } forms[] = {
        { EVP_PKEY_KEYPAIR, "PrivateKeyInfo" },       { EVP_PKEY_KEYPAIR, "EncryptedPrivateKeyInfo" },
        { EVP_PKEY_KEYPAIR, "type-specific" },        { EVP_PKEY_PUBLIC_KEY, "SubjectPublicKeyInfo" },
        { EVP_PKEY_PUBLIC_KEY, "type-specific" },     { EVP_PKEY_KEY_PARAMETERS, "type-specific" },
    };

    for (size_t i = 0; i < COUNT(forms); i++) {
        add_form(name, key, forms[i].selection, "PEM", forms[i].structure);
        add_form(name, key, forms[i].selection, "DER", forms[i].structure);
    }
}

static EVP_PKEY *generate(const char *algorithm, OSSL_PARAM param, EVP_PKEY *from)
{
    OSSL_PARAM params[] = { param, OSSL_PARAM_END };
    EVP_PKEY_CTX *c = from != NULL ? EVP_PKEY_CTX_new_from_pkey(ctx, from, NULL)
                                   : EVP_PKEY_CTX_new_from_name(ctx, algorithm, NULL);
    EVP_PKEY *key = NULL;

    NEED(c != NULL && EVP_PKEY_keygen_init(c) == 1);
    NEED(EVP_PKEY_CTX_set_params(c, params) == 1 && EVP_PKEY_generate(c, &key) == 1);
    EVP_PKEY_CTX_free(c);
    return key;
}

/* Like `littlebox create` has it: "rsa-pss:2048:sha256", "ec:P-256", "ed25519". */
static EVP_PKEY *generate_type(const struct type *t)
{
    const char *option = strchr(t->type, ':');
    int bits = option == NULL ? 0 : atoi(option + 1);

    if (strcmp(t->name, "EC") == 0)
        return generate("EC", OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)option + 1, 0),
                        NULL);
    return generate(t->name,
                    bits == 0 ? OSSL_PARAM_construct_end() : OSSL_PARAM_construct_int(OSSL_PKEY_PARAM_RSA_BITS, &bits),
                    NULL);
}

static char *pem_of(EVP_PKEY *key, const EVP_CIPHER *cipher)
{
    BIO *mem = BIO_new(BIO_s_mem());

    NEED(mem != NULL && PEM_write_bio_PKCS8PrivateKey(mem, key, cipher, cipher == NULL ? NULL : "secret",
                                                      cipher == NULL ? 0 : 6, NULL, NULL) == 1);
    return take_text(mem);
}

static X509 *make_cert(EVP_PKEY *key)
{
    X509 *cert = X509_new_ex(ctx, NULL);
    X509_NAME *name = X509_NAME_new();

    NEED(cert != NULL && name != NULL);
    NEED(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const uint8_t *)"others", -1, -1, 0));
    NEED(X509_set_version(cert, 2) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 7));
    NEED(X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, key));
    NEED(X509_gmtime_adj(X509_getm_notBefore(cert), 0) && X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
    NEED(X509_sign(cert, key, EVP_sha256()) > 0);
    X509_NAME_free(name);
    return cert;
}

static void add_certificates(EVP_PKEY *key)
{
    X509 *cert = make_cert(key);
    X509_CRL *crl = X509_CRL_new_ex(ctx, NULL);
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    PKCS12 *p12 = PKCS12_create_ex("secret", "name", key, cert, NULL, 0, 0, 10, 10, 0, ctx, NULL);
    BIO *mem = BIO_new(BIO_s_mem());
    uint8_t *der = NULL;
    int len;

    NEED(crl != NULL && now != NULL && p12 != NULL && mem != NULL);
    NEED(PEM_write_bio_X509(mem, cert) == 1);
    parts['C'] = take_text(mem);
    add("certificate", parts['C'], strlen(parts['C']));
    len = i2d_X509(cert, &der);
    add("DER certificate", der, (size_t)len);
    OPENSSL_free(der);
    NEED(X509_CRL_set_issuer_name(crl, X509_get_subject_name(cert)) && X509_CRL_set1_lastUpdate(crl, now) &&
         X509_CRL_set1_nextUpdate(crl, now) && X509_CRL_sign(crl, key, EVP_sha256()) > 0);
    mem = BIO_new(BIO_s_mem());
    NEED(mem != NULL && PEM_write_bio_X509_CRL(mem, crl) == 1);
    parts['R'] = take_text(mem);
    add("CRL", parts['R'], strlen(parts['R']));
    der = NULL;
    len = i2d_PKCS12(p12, &der);
    add("PKCS#12", der, (size_t)len);
    OPENSSL_free(der);
    PKCS12_free(p12);
    ASN1_TIME_free(now);
    X509_CRL_free(crl);
    X509_free(cert);
}

static void add_dh(void)
{
    char group[] = "ffdhe2048";
    EVP_PKEY *dh = generate("DH", OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0), NULL);
    BIO *mem = BIO_new(BIO_s_mem());

    NEED(mem != NULL && PEM_write_bio_Parameters(mem, dh) == 1);
    parts['D'] = take_text(mem);
    add_every_form("DH", dh);
    EVP_PKEY_free(dh);
}

static void add_dsa(void)
{
    EVP_PKEY_CTX *c = EVP_PKEY_CTX_new_from_name(ctx, "DSA", NULL);
    EVP_PKEY *params = NULL, *key;
    size_t bits = 1024, qbits = 160;
    OSSL_PARAM sizes[] = { OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_FFC_PBITS, &bits),
                           OSSL_PARAM_construct_size_t(OSSL_PKEY_PARAM_FFC_QBITS, &qbits), OSSL_PARAM_END };

    NEED(c != NULL && EVP_PKEY_paramgen_init(c) == 1 && EVP_PKEY_CTX_set_params(c, sizes) == 1);
    NEED(EVP_PKEY_generate(c, &params) == 1);
    key = generate(NULL, OSSL_PARAM_construct_end(), params);
    add_every_form("DSA", key);
    EVP_PKEY_free(key);
    EVP_PKEY_free(params);
    EVP_PKEY_CTX_free(c);
}

static void add_rubbish(void)
{
    static const uint8_t huge[] = { 0x30, 0x84, 0x7f, 0xff, 0xff, 0xff, 0x02, 0x01, 0x00 };
    static const uint8_t endless[] = { 0x30, 0x80, 0x02, 0x01, 0x00, 0x00, 0x00 };
    static const char text[] = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    uint8_t noise[600];
    size_t first = blob_count;

    add("nothing", "", 0);
    add("a length of 2 GB", huge, sizeof(huge));
    add("indefinite length", endless, sizeof(endless));
    add("a PEM file of nothing", text, sizeof(text) - 1);
    add("half a PEM file", key_pems[0], strlen(key_pems[0]) / 2);
    add("a sentence", "littlebox:web\n", 14);
    for (size_t i = 0; i < sizeof(noise); i++)
        noise[i] = (uint8_t)(i * 167 + (i >> 3));
    add("noise", noise, sizeof(noise));
    /* Cut-off forms of what is there. */
    for (size_t i = 0; i < first && i < 12; i++)
        add("a cut-off file", blobs[i].data, blobs[i].len / 2);
}

void others_begin(OSSL_LIB_CTX *libctx)
{
    static const char *const exchange[] = { "X25519", "X448" };
    char group[] = "P-256";
    BIO *mem;
    int fd = mkstemp(file);

    NEED(fd >= 0 && close(fd) == 0);
    ctx = libctx;
    keys[ALL_TYPES] = generate("EC", OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0), NULL);
    for (size_t i = 0; i < ALL_TYPES; i++)
        keys[i] = generate_type(&types[i]);
    for (size_t i = 0; i <= ALL_TYPES; i++) {
        key_pems[i] = pem_of(keys[i], NULL);
        if (i < ALL_TYPES)
            add_every_form(types[i].type, keys[i]);
    }
    for (size_t i = 0; i < COUNT(exchange); i++) {
        EVP_PKEY *key = generate(exchange[i], OSSL_PARAM_construct_end(), NULL);

        add_every_form(exchange[i], key);
        EVP_PKEY_free(key);
    }
    parts['E'] = pem_of(keys[ALL_TYPES], EVP_aes_128_cbc());
    mem = BIO_new(BIO_s_mem());
    NEED(mem != NULL && PEM_write_bio_Parameters(mem, keys[ALL_TYPES]) == 1);
    parts['P'] = take_text(mem);
    add_certificates(keys[ALL_TYPES]);
    add_dh();
    add_dsa();
    add_rubbish();
}

void others_end(void)
{
    for (size_t i = 0; i < blob_count; i++)
        OPENSSL_free(blobs[i].data);
    for (size_t i = 0; i <= ALL_TYPES; i++) {
        EVP_PKEY_free(keys[i]);
        OPENSSL_free(key_pems[i]);
    }
    for (size_t i = 0; i < COUNT(parts); i++)
        OPENSSL_free(parts[i]);
    unlink(file);
}

const struct blob *others_blob(size_t i)
{
    return i < blob_count ? &blobs[i] : NULL;
}

static size_t index_of(const char *key)
{
    for (size_t i = 0; i < ALL_TYPES; i++) {
        if (strcmp(types[i].key, key) == 0)
            return i;
    }
    NEED(strcmp(key, "other") == 0);
    return ALL_TYPES;
}

const char *others_key_pem(const char *key)
{
    return key_pems[index_of(key)];
}

const EVP_PKEY *others_key(const char *key)
{
    return keys[index_of(key)];
}

const char *others_pem(char part)
{
    return parts[part & 0x7f];
}
