/* Texts that real software signed: who signed them, and where they are kept. */
#include "texts.h"

#include <CUnit/CUnit.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/scheme.h"
#include "recorder.h"

#define TEXTS_MAX 400

static struct signer signers[WHO_COUNT];
static struct text all[TEXTS_MAX];
static size_t all_count;

static const struct {
    const char *type, *parameter, *name;
    bool is_authority;
} people[WHO_COUNT] = {
    [CA] = { "EC", "P-256", "Test CA", true },
    [OTHER_CA] = { "EC", "P-384", "Other CA", true },
    [LEAF_RSA] = { "RSA", NULL, "rsa.example", false },
    [LEAF_EC] = { "EC", "P-256", "ec.example", false },
    [LEAF_ED25519] = { "ED25519", NULL, "ed25519.example", false },
    [LEAF_ED448] = { "ED448", NULL, "ed448.example", false },
    [CLIENT_RSA] = { "RSA", NULL, "client-rsa", false },
    [CLIENT_EC] = { "EC", "P-384", "client-ec", false },
    [CLIENT_ED25519] = { "ED25519", NULL, "client-ed25519", false },
};

static EVP_PKEY *new_key(enum who who)
{
    if (people[who].parameter != NULL)
        return EVP_PKEY_Q_keygen(NULL, NULL, people[who].type, people[who].parameter);
    if (strcmp(people[who].type, "RSA") == 0)
        return EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
    return EVP_PKEY_Q_keygen(NULL, NULL, people[who].type);
}

static void add_extension(X509 *x, X509V3_CTX *ctx, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, ctx, nid, value);

    CU_ASSERT_FATAL(extension != NULL && X509_add_ext(x, extension, -1) > 0);
    X509_EXTENSION_free(extension);
}

X509 *texts_certificate(EVP_PKEY *subject, const char *name, const struct signer *issuer, int more, const char *value)
{
    X509 *x = X509_new_ex(recorder_libctx(), NULL);
    X509_NAME *subject_name = X509_NAME_new();
    X509V3_CTX ctx;

    CU_ASSERT_FATAL(x != NULL && X509_set_version(x, X509_VERSION_3) > 0 &&
                    ASN1_INTEGER_set(X509_get_serialNumber(x), rand()) > 0 &&
                    X509_NAME_add_entry_by_txt(subject_name, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0) > 0 &&
                    X509_set_subject_name(x, subject_name) > 0 &&
                    X509_set_issuer_name(x, issuer == NULL ? subject_name : X509_get_subject_name(issuer->certificate)) > 0 &&
                    X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL &&
                    X509_gmtime_adj(X509_getm_notAfter(x), 86400) != NULL && X509_set_pubkey(x, subject) > 0);
    X509_NAME_free(subject_name);
    X509V3_set_ctx(&ctx, issuer == NULL ? x : issuer->certificate, x, NULL, NULL, 0);
    add_extension(x, &ctx, NID_subject_key_identifier, "hash");
    add_extension(x, &ctx, NID_authority_key_identifier, "keyid");
    if (more != NID_undef)
        add_extension(x, &ctx, more, value);
    return x;
}

static const EVP_MD *digest_of(const EVP_PKEY *key)
{
    return EVP_PKEY_is_a(key, "RSA") || EVP_PKEY_is_a(key, "EC") ? EVP_sha256() : NULL;
}

static struct bytes spki_of_key(EVP_PKEY *key)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    CU_ASSERT_FATAL(len > 0);
    return (struct bytes){ der, (size_t)len };
}

static void make_signer(enum who who)
{
    struct signer *s = &signers[who];
    uint8_t *der = NULL;
    int len;

    s->plain = new_key(who);
    CU_ASSERT_FATAL(s->plain != NULL);
    s->recording = recorder_key(s->plain);
    if (people[who].is_authority)
        s->certificate = texts_certificate(s->plain, people[who].name, NULL, NID_basic_constraints, "critical,CA:TRUE");
    else if (who == LEAF_RSA || who == LEAF_EC)
        s->certificate = texts_certificate(s->plain, people[who].name, &signers[CA], NID_ext_key_usage, "critical,timeStamping");
    else
        s->certificate = texts_certificate(s->plain, people[who].name, &signers[CA], NID_undef, NULL);
    /* A time stamp's key is for nothing else, and so is this one for no handshake: handshakes do not look at it. */
    CU_ASSERT_FATAL(X509_sign(s->certificate, people[who].is_authority ? s->plain : signers[CA].plain,
                              digest_of(people[who].is_authority ? s->plain : signers[CA].plain)) > 0);
    len = i2d_X509(s->certificate, &der);
    CU_ASSERT_FATAL(len > 0);
    s->key = (struct form_key){ spki_of_key(s->plain), { der, (size_t)len } };
}

const struct signer *signer(enum who who)
{
    if (signers[who].plain == NULL) {
        if (!people[who].is_authority)
            (void)signer(CA);
        make_signer(who);
    }
    return &signers[who];
}

void texts_add(const struct signer *s, unsigned purpose, unsigned digest, const void *bytes, size_t len, const char *name)
{
    struct text *t = &all[all_count];

    CU_ASSERT_FATAL(all_count < TEXTS_MAX);
    all_count++;
    *t = (struct text){ .purpose = purpose, .digest = digest, .signer = s };
    snprintf(t->name, sizeof(t->name), "%s", name);
    t->bytes = (struct bytes){ OPENSSL_memdup(bytes, len), len };
    CU_ASSERT_FATAL(t->bytes.p != NULL);
}

size_t texts_keep(const struct signer *s, unsigned purpose, const char *name)
{
    size_t count, kept = 0;
    const struct recorded *r = recorder_texts(&count);

    for (size_t i = 0; i < count; i++) {
        int digest = digest_by_name(r[i].digest);

        if (EVP_PKEY_eq(r[i].key, s->plain) != 1)
            continue;
        texts_add(s, purpose, digest < 0 ? DIGEST_NONE : (unsigned)digest, r[i].text, r[i].len, name);
        kept++;
    }
    return kept;
}

void texts_forget(void)
{
    size_t count;

    (void)recorder_texts(&count);
}

/* Each a file, as a seed for the fuzz target: see test/fuzz/fuzz_forms.c for its form. */
static void write_corpus(const char *dir)
{
    for (size_t i = 0; i < all_count; i++) {
        const struct text *t = &all[i];
        const struct form_key *k = &t->signer->key;
        const uint8_t head[] = { (uint8_t)t->digest, (uint8_t)(k->spki.len >> 8), (uint8_t)k->spki.len,
                                 (uint8_t)(k->certificate.len >> 8), (uint8_t)k->certificate.len };
        char path[4096];
        FILE *f;

        snprintf(path, sizeof(path), "%.1000s/%03zu-%.63s", dir, i, t->name);
        for (char *at = path + strlen(dir) + 1; *at != '\0'; at++) {
            if (*at == ' ' || *at == '/')
                *at = '-';
        }
        f = fopen(path, "wb");
        CU_ASSERT_FATAL(f != NULL && fwrite(head, 1, sizeof(head), f) == sizeof(head));
        fwrite(k->spki.p, 1, k->spki.len, f);
        fwrite(k->certificate.p, 1, k->certificate.len, f);
        fwrite(t->bytes.p, 1, t->bytes.len, f);
        CU_ASSERT_FATAL(fclose(f) == 0);
    }
}

const struct text *texts(size_t *ret_count)
{
    if (all_count == 0) {
        texts_of_tls();
        texts_of_datagrams();
        texts_of_certificates();
        texts_of_messages();
        texts_of_ssh();
        ERR_clear_error();
        if (getenv("FORMS_CORPUS") != NULL)
            write_corpus(getenv("FORMS_CORPUS"));
    }
    *ret_count = all_count;
    return all;
}

unsigned purpose_of(struct bytes text, const struct form_key *key)
{
    struct form f;

    form_of(text, DIGEST_SHA256, key, &f);
    CU_ASSERT(f.what[0] != '\0' && strlen(f.what) < sizeof(f.what));
    return f.purpose;
}

const struct text *by_name(const char *name)
{
    size_t count;
    const struct text *t = texts(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(t[i].name, name) == 0)
            return &t[i];
    }
    CU_FAIL_FATAL("there is no such text");
    return NULL;
}

const struct text *by_purpose(const char *name, unsigned purpose)
{
    size_t count;
    const struct text *t = texts(&count);

    for (size_t i = 0; i < count; i++) {
        if (strcmp(t[i].name, name) == 0 && t[i].purpose == purpose)
            return &t[i];
    }
    CU_FAIL_FATAL("there is no such text");
    return NULL;
}

uint8_t *copy_of(const struct text *t)
{
    uint8_t *copy = malloc(t->bytes.len + 64);

    CU_ASSERT_FATAL(copy != NULL);
    memcpy(copy, t->bytes.p, t->bytes.len);
    memset(copy + t->bytes.len, 0, 64);
    return copy;
}

bool is_some_form(const uint8_t *text, size_t len, const struct form_key *key)
{
    uint8_t *exact = malloc(len + 1);
    bool is;

    CU_ASSERT_FATAL(exact != NULL);
    memcpy(exact + 1, text, len);
    is = purpose_of((struct bytes){ exact + 1, len }, key) != 0;
    free(exact);
    return is;
}

void expect(const struct text *t, size_t at, const void *octets, size_t len, unsigned purpose, unsigned line)
{
    uint8_t *copy = copy_of(t);
    unsigned is;

    CU_ASSERT_FATAL(at + len <= t->bytes.len);
    memcpy(copy + at, octets, len);
    is = purpose_of((struct bytes){ copy, t->bytes.len }, &t->signer->key);
    if (is != purpose)
        printf("\n  line %u, %s: %s", line, t->name, purpose_name(is));
    CU_ASSERT_EQUAL(is, purpose);
    free(copy);
}
void texts_end(void)
{
    for (size_t i = 0; i < all_count; i++)
        OPENSSL_free((void *)all[i].bytes.p);
    all_count = 0;
    for (size_t i = 0; i < WHO_COUNT; i++) {
        EVP_PKEY_free(signers[i].plain);
        EVP_PKEY_free(signers[i].recording);
        X509_free(signers[i].certificate);
        OPENSSL_free((void *)signers[i].key.spki.p);
        OPENSSL_free((void *)signers[i].key.certificate.p);
        signers[i] = (struct signer){ 0 };
    }
    recorder_end();
}
