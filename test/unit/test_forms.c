/*
 * forms/: what a text is. Texts that real software signed are what they are; one octet less or more, of another key, with another
 * length inside, they are nothing.
 */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forms/der.h"
#include "forms/forms.h"
#include "model/scheme.h"
#include "texts.h"
#include "unit.h"

static void all_that_is_signed(void)
{
    size_t count, wrong = 0;
    unsigned seen = 0;
    const struct text *t = texts(&count);
    struct form f;

    for (size_t i = 0; i < count; i++) {
        form_of(t[i].bytes, t[i].digest, &t[i].signer->key, &f);
        seen |= f.purpose;
        if (f.purpose == t[i].purpose)
            continue;
        wrong++;
        printf("\n  %s: '%s' is for %s, not %s", t[i].name, f.what, purpose_name(f.purpose), purpose_name(t[i].purpose));
    }
    CU_ASSERT_EQUAL(wrong, 0);
    CU_ASSERT_EQUAL(seen, PURPOSE_ALL);
    CU_ASSERT(ERR_peek_error() == 0);
    printf("(%zu texts) ", count);
}

static void cut_off_and_longer(void)
{
    size_t count;
    const struct text *t = texts(&count);

    for (size_t i = 0; i < count; i++) {
        uint8_t *copy = copy_of(&t[i]);
        size_t len = t[i].bytes.len;

        for (size_t cut = 0; cut < (len < 2000 ? len : 300); cut++) {
            /* SHA-384 that is cut off is as long as SHA-256. */
            if (len - 1 - cut != 64 + 34 + 32 || copy[0] != ' ')
                CU_ASSERT_FALSE(is_some_form(copy, len - 1 - cut, &t[i].signer->key));
        }
        for (size_t more = 1; more < 16; more++) {
            CU_ASSERT_FALSE(is_some_form(copy, len + more, &t[i].signer->key));
            memset(copy + len, ' ', 64);
        }
        CU_ASSERT_FALSE(is_some_form(copy + 1, len - 1, &t[i].signer->key));
        free(copy);
    }
}

/* Nothing else than its own purpose comes out, whatever octet is changed; of what is no signature's business, any may change. */
static void each_octet(void)
{
    size_t count, step = unit_is_slow() ? 7 : 1;
    const struct text *t = texts(&count);

    for (size_t i = 0; i < count; i++) {
        uint8_t *copy = copy_of(&t[i]);

        if (t[i].bytes.len > 3000 || t[i].purpose == 0 || t[i].digest == DIGEST_MD5_SHA1) {
            free(copy);
            continue;
        }
        for (size_t at = 0; at < t[i].bytes.len; at += step) {
            for (unsigned bit = 0; bit < 8; bit += 3) {
                unsigned purpose;

                copy[at] ^= (uint8_t)(1 << bit);
                purpose = purpose_of((struct bytes){ copy, t[i].bytes.len }, &t[i].signer->key);
                CU_ASSERT(purpose == t[i].purpose || purpose == 0 || (purpose == PURPOSE_CMS && t[i].purpose == PURPOSE_TIMESTAMP));
                copy[at] ^= (uint8_t)(1 << bit);
            }
        }
        free(copy);
    }
}

static void tls13(void)
{
    const struct text *server = by_purpose("tls13 ec", PURPOSE_TLS_SERVER), *client = by_purpose("tls13 ec", PURPOSE_TLS_CLIENT);
    uint8_t text[64 + 33 + 1 + 64 + 1];
    static const size_t lengths[] = { 0, 1, 16, 20, 28, 31, 33, 47, 49, 63, 64, 65 };

    CU_ASSERT(server->bytes.len == 64 + 33 + 1 + 48 && client->bytes.len == server->bytes.len);
    for (size_t i = 0; i < 64; i++) {
        EXPECT(server, i, "\0", 0);
        EXPECT(server, i, "!", 0);
    }
    EXPECT(server, 64 + 9, "client", PURPOSE_TLS_CLIENT);
    EXPECT(client, 64 + 9, "server", PURPOSE_TLS_SERVER);
    EXPECT(server, 64 + 9, "Server", 0);
    EXPECT(server, 64, "tls", 0);
    EXPECT(server, 64 + 4, "1.4", 0);
    EXPECT(server, 64 + 33, " ", 0);
    memset(text, ' ', sizeof(text));
    memcpy(text + 64, "TLS 1.3, server CertificateVerify", 34);
    for (size_t i = 0; i < COUNT(lengths); i++)
        CU_ASSERT_FALSE(is_some_form(text, 64 + 34 + lengths[i], &server->signer->key));
    CU_ASSERT_EQUAL(purpose_of((struct bytes){ text, 64 + 34 + 32 }, &server->signer->key), PURPOSE_TLS_SERVER);
    /* RFC 9261 5.2.2, RFC 9345 4: the same way of writing, and not for us. */
    memcpy(text + 64, "Exported Authenticator", 23);
    CU_ASSERT_FALSE(is_some_form(text, 64 + 23 + 32, &server->signer->key));
    memcpy(text + 64, "TLS, server delegated credentials", 34);
    CU_ASSERT_FALSE(is_some_form(text, 64 + 34 + 32, &server->signer->key));
}

static void tls12_curves(void)
{
    const struct text *p256 = by_name("tls12 P-256"), *x25519 = by_name("tls12 X25519"), *p521 = by_name("tls12 P-521");
    const struct form_key *key = &p256->signer->key;
    uint8_t text[64 + 4 + 256] = { 0 };
    unsigned accepted = 0;

    EXPECT(p256, 64, "\1", 0); /* explicit_prime */
    EXPECT(p256, 64, "\2", 0);
    EXPECT(p256, 65, "\1", 0);
    EXPECT(p256, 67, "\x40", 0);
    EXPECT(p256, 67, "\x42", 0);
    EXPECT(p256, 66, "\x18", 0); /* of P-384 */
    EXPECT(p256, 66, "\x16", PURPOSE_TLS_SERVER); /* secp256k1: as long */
    EXPECT(p256, 68, "\2", 0);   /* in short */
    EXPECT(p256, 68, "\6", 0);   /* hybrid */
    EXPECT(x25519, 66, "\x1e", 0);
    EXPECT(x25519, 66, "\x17", 0);
    EXPECT(p521, 66, "\x18", 0);
    /* Any number of a curve with any length: one length for each of those that there are. */
    for (unsigned curve = 0; curve < 512; curve++) {
        for (unsigned len = 0; len < 256; len++) {
            memset(text, 0xaa, 64);
            text[64] = 3;
            text[65] = (uint8_t)(curve >> 8);
            text[66] = (uint8_t)curve;
            text[67] = (uint8_t)len;
            text[68] = 4;
            accepted += purpose_of((struct bytes){ text, 68 + len }, key) == PURPOSE_TLS_SERVER;
        }
    }
    CU_ASSERT_EQUAL(accepted, 30);
}

/* p of len octets, g = 2, Ys one less than p or shorter. */
static size_t dh_text(uint8_t *text, size_t p_len, size_t g_len, size_t ys_len)
{
    uint8_t *at = text + 64;

    memset(text, 0xaa, 64);
    *at++ = (uint8_t)(p_len >> 8), *at++ = (uint8_t)p_len;
    memset(at, 0xff, p_len);
    at += p_len;
    *at++ = (uint8_t)(g_len >> 8), *at++ = (uint8_t)g_len;
    memset(at, 0, g_len);
    at += g_len;
    if (g_len > 0)
        at[-1] = 2;
    *at++ = (uint8_t)(ys_len >> 8), *at++ = (uint8_t)ys_len;
    memset(at, 0x55, ys_len);
    return (size_t)(at - text) + ys_len;
}

static void tls12_dh(void)
{
    static const struct {
        size_t p, g, ys;
        bool good;
    } rows[] = {
        { 128, 1, 128, true },   { 256, 1, 256, true },   { 256, 256, 256, true }, { 256, 1, 200, true },   { 2048, 1, 2048, true },
        { 127, 1, 127, false },  { 64, 1, 64, false },    { 2049, 1, 2048, false }, { 256, 257, 256, false }, { 256, 0, 256, false },
        { 256, 1, 257, false },  { 256, 1, 0, false },    { 0, 0, 0, false },
    };
    static uint8_t text[64 + 3 * 2100];
    const struct text *real = by_name("tls12 dh ffdhe2048");
    const struct form_key *key = &real->signer->key;
    size_t len, ys = 64 + 2 + 256 + 2 + 1 + 2;

    for (size_t i = 0; i < COUNT(rows); i++) {
        len = dh_text(text, rows[i].p, rows[i].g, rows[i].ys);
        CU_ASSERT_EQUAL(purpose_of((struct bytes){ text, len }, key), rows[i].good ? PURPOSE_TLS_SERVER : 0);
        CU_ASSERT_FALSE(is_some_form(text, len - 1, key));
        CU_ASSERT_FALSE(is_some_form(text, len + 1, key));
    }
    CU_ASSERT_FATAL(real->bytes.len == ys + 256);
    EXPECT(real, 64, "\1\1", 0);
    EXPECT(real, 64, "\0\xff", 0);
    EXPECT(real, 64 + 2, "\0", 0);              /* p begins with zeros */
    EXPECT(real, 64 + 2 + 255, "\xfe", 0);      /* p is even */
    EXPECT(real, 64 + 2 + 256 + 2, "\0", 0);    /* g = 0 */
    EXPECT(real, 64 + 2 + 256 + 2, "\1", 0);    /* g = 1 */
    EXPECT(real, 64 + 2 + 256 + 1, "\2", 0);
    EXPECT(real, 64 + 2 + 256 + 3, "\0\xff", 0);
    len = dh_text(text, 256, 1, 200);
    text[64 + 2] = 0;
    CU_ASSERT_FALSE(is_some_form(text, len, key));
    /* Ys: 0, 1, 2, p - 2, p - 1, p */
    len = dh_text(text, 256, 1, 256);
    memset(text + ys, 0, 256);
    CU_ASSERT_FALSE(is_some_form(text, len, key));
    text[len - 1] = 1;
    CU_ASSERT_FALSE(is_some_form(text, len, key));
    text[len - 1] = 2;
    CU_ASSERT_TRUE(is_some_form(text, len, key));
    memset(text + ys, 0xff, 256);
    CU_ASSERT_FALSE(is_some_form(text, len, key));
    text[len - 1] = 0xfe;
    CU_ASSERT_FALSE(is_some_form(text, len, key));
    text[len - 1] = 0xfd;
    CU_ASSERT_TRUE(is_some_form(text, len, key));
}

/* RFC 2986 4.1: of version 1, which is 0. */
static void requests(void)
{
    const struct text *t = by_name("csr ec");

    CU_ASSERT_FATAL(memcmp(t->bytes.p, "\x30\x81\xf0\2\1\0", 6) == 0);
    EXPECT(t, 5, "\1", 0);
    EXPECT(t, 5, "\xff", 0);
}

/* Of another key, or of none. */
static void keys(void)
{
    static const char *const names[] = { "csr ec", "csr ed25519 without a name", "x509 by a CA", "crl", "ocsp by name", "ocsp by key",
                                         "ssh user ec", "ssh user rsa", "ssh user ed25519 hostbound", "ssh user certified" };
    struct form_key none = { { NULL, 0 }, { NULL, 0 } }, unknown;

    for (size_t i = 0; i < COUNT(names); i++) {
        const struct text *t = by_name(names[i]);
        bool by_certificate;

        CU_ASSERT_EQUAL(purpose_of(t->bytes, &t->signer->key), t->purpose);
        CU_ASSERT_EQUAL(purpose_of(t->bytes, &signer(OTHER_CA)->key), 0);
        /* Names count where a certificate is known. */
        by_certificate = (t->purpose & (PURPOSE_X509 | PURPOSE_CRL)) != 0 || strcmp(names[i], "ocsp by name") == 0;
        CU_ASSERT_EQUAL(purpose_of(t->bytes, &none), by_certificate ? t->purpose : 0);
        unknown = (struct form_key){ signer(OTHER_CA)->key.spki, { NULL, 0 } };
        CU_ASSERT_EQUAL(purpose_of(t->bytes, &unknown), by_certificate ? t->purpose : 0);
        unknown = (struct form_key){ t->signer->key.spki, { NULL, 0 } };
        CU_ASSERT_EQUAL(purpose_of(t->bytes, &unknown), t->purpose);
        /* A certificate that cannot be read is nobody's. */
        unknown.certificate = (struct bytes){ (const uint8_t *)"\x30\0", 2 };
        CU_ASSERT_EQUAL(purpose_of(t->bytes, &unknown), by_certificate ? 0 : t->purpose);
    }
}

/* The key identifier of another key under the name of this one; and the name in other letters. */
static void issuers(void)
{
    const struct text *t = by_name("x509 by a CA"), *crl = by_name("crl");
    const struct form_key *ca = &t->signer->key;
    const ASN1_OCTET_STRING *id = X509_get0_subject_key_id(t->signer->certificate);
    uint8_t *certificate = copy_of(&(struct text){ .bytes = ca->certificate });
    size_t id_len;
    struct form_key changed = { ca->spki, { certificate, ca->certificate.len } };

    CU_ASSERT_FATAL(id != NULL);
    /* Self-issued, for another key. */
    CU_ASSERT_EQUAL(purpose_of(by_name("x509 self-signed")->bytes, &signer(LEAF_RSA)->key), 0);
    /* Only version 3 has extensions, and DER leaves version 1 out. */
    CU_ASSERT_FATAL(memcmp(t->bytes.p + 4, "\xa0\3\2\1\2", 5) == 0);
    EXPECT(t, 8, "\1", 0);
    EXPECT(t, 8, "\0", 0);
    EXPECT(t, 8, "\3", 0);
    EXPECT(crl, 6, "\0", 0);
    EXPECT(crl, 6, "\2", 0);
    id_len = (size_t)ASN1_STRING_length(id);
    for (size_t i = 4; i + id_len <= ca->certificate.len; i++) {
        if (memcmp(certificate + i, ASN1_STRING_get0_data(id), id_len) == 0 && certificate[i - 4] == 4)
            certificate[i] ^= 1;
    }
    CU_ASSERT_EQUAL(purpose_of(t->bytes, &changed), 0);
    CU_ASSERT_EQUAL(purpose_of(crl->bytes, &changed), 0);
    memcpy(certificate, ca->certificate.p, ca->certificate.len);
    /* RFC 5280 7.1: upper and lower case are the same. Both of the certificate's own names are changed, its issuer's first. */
    for (size_t i = 0; i + 7 <= ca->certificate.len; i++) {
        if (memcmp(certificate + i, "Test CA", 7) == 0)
            memcpy(certificate + i, "TEST CA", 7);
    }
    CU_ASSERT_EQUAL(purpose_of(t->bytes, &changed), PURPOSE_X509);
    for (size_t i = 0; i + 7 <= ca->certificate.len; i++) {
        if (memcmp(certificate + i, "TEST CA", 7) == 0)
            memcpy(certificate + i, "Best CA", 7);
    }
    CU_ASSERT_EQUAL(purpose_of(t->bytes, &changed), 0);
    CU_ASSERT_EQUAL(purpose_of(crl->bytes, &changed), 0);
    free(certificate);
}

/* Where these octets are in the text. */
static size_t find(const struct text *t, const void *octets, size_t len)
{
    for (size_t i = 0; i + len <= t->bytes.len; i++) {
        if (memcmp(t->bytes.p + i, octets, len) == 0)
            return i;
    }
    CU_FAIL_FATAL("it is not there");
    return 0;
}

/* A user's request in a session whose identifier has so many octets. */
static unsigned in_session(const struct text *t, size_t len)
{
    uint8_t text[1024] = { 0, 0, 0, (uint8_t)len };
    size_t rest = t->bytes.len - 4 - 32;

    CU_ASSERT_FATAL(4 + len + rest <= sizeof(text));
    memcpy(text + 4 + len, t->bytes.p + 4 + 32, rest);
    return purpose_of((struct bytes){ text, 4 + len + rest }, &t->signer->key);
}

static void ssh(void)
{
    const struct text *u = by_name("ssh user ec"), *h = by_name("ssh user ed25519 hostbound"), *rsa = by_name("ssh user rsa");
    static const char sig[] = "SSHSIG\0\0\0\4file\0\0\0\0\0\0\0\6sha256\0\0\0\x20";
    struct text file = { .name = "file", .signer = u->signer };
    uint8_t text[sizeof(sig) - 1 + 32];

    memcpy(text, sig, sizeof(sig) - 1);
    memset(text + sizeof(sig) - 1, 7, 32);
    file.bytes = (struct bytes){ text, sizeof(text) };
    CU_ASSERT_EQUAL(purpose_of(file.bytes, &u->signer->key), PURPOSE_SSH);
    EXPECT(&file, 0, "s", 0);
    EXPECT(&file, 9, "\3", 0);
    EXPECT(&file, 17, "\1", 0);
    EXPECT(&file, find(&file, "sha256", 6), "sha512", 0);
    EXPECT(&file, find(&file, "sha256", 6), "sha255", 0);
    EXPECT(&file, sizeof(sig) - 2, "\x1f", 0);
    /* No namespace. */
    memcpy(text + 6, "\0\0\0\0\0\0\0\0\0\0\0\6sha256\0\0\0\x20", 22);
    CU_ASSERT_FALSE(is_some_form(text, 28 + 32, &u->signer->key));

    for (size_t len = 0; len < 100; len++)
        CU_ASSERT_EQUAL(in_session(u, len), len == 20 || len == 32 || len == 48 || len == 64 ? PURPOSE_SSH : 0);
    expect(rsa, rsa->bytes.len - 1, &(uint8_t){ (uint8_t)(rsa->bytes.p[rsa->bytes.len - 1] ^ 2) }, 1, 0, __LINE__);
    EXPECT(u, 3, "\x1f", 0);
    EXPECT(u, 3, "\x21", 0);
    EXPECT(u, 4 + 32, "\x33", 0);
    EXPECT(u, find(u, "ssh-connection", 14), "ssh-consection", 0);
    EXPECT(u, find(u, "publickey", 9), "hostbased", 0);
    EXPECT(u, find(u, "publickey", 9) + 9, "\0", 0);
    EXPECT(u, find(u, "nistp256\0\0\0\x41", 12), "nistp384", 0);
    expect(u, u->bytes.len - 1, &(uint8_t){ (uint8_t)(u->bytes.p[u->bytes.len - 1] ^ 1) }, 1, 0, __LINE__);
    EXPECT(h, find(h, "-v00@openssh.com", 16), "-v01", 0);
}

static void twice(const struct text *t, const char *name)
{
    struct form f;

    form_of(t->bytes, DIGEST_SHA256, &t->signer->key, &f);
    CU_ASSERT_EQUAL(f.purpose, 0);
    if (strcmp(f.what, "a text that can be read as two things") != 0)
        printf("\n  %s: %s", name, f.what);
    CU_ASSERT_STRING_EQUAL(f.what, "a text that can be read as two things");
}

/* An SSH user whose name holds a group of Diffie and Hellman, and Ys all that is behind it. */
static void ssh_and_dh(void)
{
    const struct text *u = by_name("ssh user ec");
    size_t name_at = 4 + 32 + 1 + 4, tail = u->bytes.len - (name_at + 5), p_len = 256, len;
    size_t name_len = 64 - name_at + 2 + p_len + 2 + 1 + 2;
    static uint8_t text[2048];
    uint8_t *at;

    memcpy(text, u->bytes.p, name_at - 4);
    text[name_at - 2] = (uint8_t)(name_len >> 8);
    text[name_at - 1] = (uint8_t)name_len;
    memset(text + name_at, 'a', 64 - name_at);
    at = text + 64;
    *at++ = (uint8_t)(p_len >> 8), *at++ = (uint8_t)p_len;
    memset(at, 0xff, p_len);
    at += p_len;
    *at++ = 0, *at++ = 1, *at++ = 2;
    *at++ = (uint8_t)(tail >> 8), *at++ = (uint8_t)tail;
    memcpy(at, u->bytes.p + name_at + 5, tail);
    len = (size_t)(at - text) + tail;
    twice(&(struct text){ .bytes = { text, len }, .signer = u->signer }, "ssh");
}

/*
 * A certificate request whose name does; the same with lengths that only a lenient reader takes; and a group that only a lenient
 * client takes.
 */
static void der_and_dh(bool strict, bool good)
{
    const struct text *real = by_name("csr ed25519 without a name");
    struct bytes spki = real->signer->key.spki;
    static uint8_t text[2048];
    uint8_t *at = text, *name, *value;
    size_t ys, end;

    /* CertificationRequestInfo, version, Name with one long CN. */
    memcpy(at, "\x30\x84\0\0\0\0\2\1\0\x30\x82\0\0\x31\x82\0\0\x30\x82\0\0\6\3\x55\4\3\x14\x82\0\0", 30);
    if (strict) {
        memcpy(at, "\x30\x82\0\0\2\1\0\x30\x82\0\0\x31\x82\0\0\x30\x82\0\0\6\3\x55\4\3\x14\x82\0\0", 28);
        at -= 2;
    }
    name = at + 9;
    value = at + 26;
    memset(at + 30, 'a', 64);
    at = text + 64;
    *at++ = 1, *at++ = 0;
    memset(at, 0xff, 256);
    at += 256;
    if (!good)
        at[-1] = 0xfe;
    *at++ = 0, *at++ = 1, *at++ = 2;
    ys = (size_t)(at - text) + 2;
    end = ys;
    memcpy(text + end, spki.p, spki.len);
    memcpy(text + end + spki.len, "\xa0\0", 2);
    end += spki.len + 2;
    text[ys - 2] = (uint8_t)((end - ys) >> 8), text[ys - 1] = (uint8_t)(end - ys);
    for (uint8_t *p = name; p <= value; p += p == name ? 4 : p == name + 4 ? 4 : p == name + 8 ? 9 : 100) {
        size_t inside = ys - (size_t)(p + 4 - text);

        p[2] = (uint8_t)(inside >> 8), p[3] = (uint8_t)inside;
    }
    if (strict)
        text[2] = (uint8_t)((end - 4) >> 8), text[3] = (uint8_t)(end - 4);
    else
        text[4] = (uint8_t)((end - 6) >> 8), text[5] = (uint8_t)(end - 6);
    CU_ASSERT_EQUAL(der_is_strict((struct bytes){ text, end }), strict);
    CU_ASSERT_TRUE(der_is_imaginable((struct bytes){ text, end }));
    twice(&(struct text){ .bytes = { text, end }, .signer = real->signer }, strict ? "request" : "lenient request");
    text[0] ^= 0x40;
    CU_ASSERT_EQUAL(purpose_of((struct bytes){ text, end }, &real->signer->key), good ? PURPOSE_TLS_SERVER : 0);
}

static void two_things(void)
{
    const struct text *p256 = by_name("tls12 P-256");
    uint8_t *copy = copy_of(p256);
    size_t len = p256->bytes.len;

    ssh_and_dh();
    der_and_dh(true, true);
    der_and_dh(true, false);
    der_and_dh(false, true);
    /* What begins as another form does. */
    memcpy(copy, "SSHSIG", 6);
    twice(&(struct text){ .bytes = { copy, len }, .signer = p256->signer }, "SSHSIG");
    memcpy(copy, "\1\0\0\x40\3\3", 6);
    twice(&(struct text){ .bytes = { copy, len }, .signer = p256->signer }, "ClientHello");
    memcpy(copy, "\x30\x80\2\1\0", 5);
    copy[len - 1] = copy[len - 2] = 0;
    twice(&(struct text){ .bytes = { copy, len }, .signer = p256->signer }, "indefinite");
    free(copy);
}

/* Nothing, blanks, what the PH schemes and JSON Web Tokens have, TLS 1.0. */
static void others(void)
{
    static const char jwt[] = "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJhZG1pbiIsImV4cCI6MjAwMDAwMDAwMCwic2NvcGUiOiJhbGwgb2YgaXQifQ";
    const struct form_key *key = &signer(LEAF_EC)->key;
    const struct text *t = by_name("tls12 P-256");
    struct form f;
    uint8_t octets[512];

    CU_ASSERT_EQUAL(purpose_of((struct bytes){ NULL, 0 }, key), 0);
    CU_ASSERT_EQUAL(purpose_of((struct bytes){ (const uint8_t *)jwt, sizeof(jwt) - 1 }, key), 0);
    CU_ASSERT_EQUAL(purpose_of(key->spki, key), 0);
    CU_ASSERT_EQUAL(purpose_of(key->certificate, key), 0);
    for (unsigned byte = 0; byte < 256; byte++) {
        memset(octets, (int)byte, sizeof(octets));
        for (size_t len = 0; len <= sizeof(octets); len++)
            CU_ASSERT_FALSE(purpose_of((struct bytes){ octets, len }, key) != 0);
    }
    form_of(t->bytes, DIGEST_MD5_SHA1, &t->signer->key, &f);
    CU_ASSERT_EQUAL(f.purpose, 0);
    form_of(t->bytes, DIGEST_NONE, &t->signer->key, &f);
    CU_ASSERT_EQUAL(f.purpose, PURPOSE_TLS_SERVER);
    TEXT_IS(f.what, "a TLS 1.2 server's signature");
    t = by_name("csr ec");
    form_of(t->bytes, DIGEST_SHA256, &signer(LEAF_RSA)->key, &f);
    TEXT_IS(f.what, "a certificate request for another key");
}

/* What libcrypto has on its queue stays there, and nothing is added. */
static void errors(void)
{
    const struct text *t = by_name("crl");
    uint8_t *copy = copy_of(t);

    ERR_clear_error();
    ERR_raise(ERR_LIB_USER, 77);
    for (size_t at = 0; at < t->bytes.len; at++) {
        copy[at] ^= 2;
        (void)purpose_of((struct bytes){ copy, t->bytes.len }, &t->signer->key);
        copy[at] ^= 2;
    }
    CU_ASSERT_EQUAL(ERR_GET_REASON(ERR_get_error()), 77);
    CU_ASSERT_EQUAL(ERR_get_error(), 0);
    free(copy);
}

/* Last: frees what the others share. */
static void end(void)
{
    texts_end();
}

static const struct unit_test tests[] = {
    { "all that is signed", all_that_is_signed },
    { "cut off and longer", cut_off_and_longer },
    { "each octet", each_octet },
    { "TLS 1.3", tls13 },
    { "TLS 1.2, curves", tls12_curves },
    { "TLS 1.2, Diffie-Hellman", tls12_dh },
    { "requests", requests },
    { "keys", keys },
    { "issuers", issuers },
    { "SSH", ssh },
    { "two things", two_things },
    { "others", others },
    { "errors", errors },
    { "end", end },
    { NULL, NULL },
};
const struct unit_suite suite_forms = { "forms", tests };
