/* Texts that real software signed: requests, certificates, CRLs and OCSP responses of libcrypto. */
#include <CUnit/CUnit.h>
#include <openssl/err.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

#include "model/scheme.h"
#include "recorder.h"
#include "texts.h"

static const EVP_MD *digest_for(const struct signer *s)
{
    return EVP_PKEY_is_a(s->plain, "ED25519") || EVP_PKEY_is_a(s->plain, "ED448") ? NULL : EVP_sha256();
}

/* With extensions or without, and with a password (RFC 2985 5.4.1) and a name of many kinds of string. */
static void request(const struct signer *s, bool plain, const char *name)
{
    X509_REQ *req = X509_REQ_new_ex(recorder_libctx(), NULL);
    X509_NAME *subject = X509_NAME_new();
    STACK_OF(X509_EXTENSION) *extensions = NULL;
    X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "DNS:a.example,DNS:b.example,IP:::1");

    CU_ASSERT_FATAL(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_UTF8, (const uint8_t *)"a.example", -1, -1, 0) > 0 &&
                    X509_NAME_add_entry_by_txt(subject, "O", V_ASN1_BMPSTRING, (const uint8_t *)"\0B\0o\0x", 6, -1, 0) > 0 &&
                    X509_NAME_add_entry_by_txt(subject, "OU", V_ASN1_T61STRING, (const uint8_t *)"Old", -1, -1, 1) > 0);
    CU_ASSERT_FATAL(X509_REQ_set_version(req, 0) > 0 && X509_REQ_set_pubkey(req, s->plain) > 0 &&
                    (plain || X509_REQ_set_subject_name(req, subject) > 0));
    if (!plain) {
        CU_ASSERT_FATAL(X509v3_add_ext(&extensions, alt, -1) != NULL && X509_REQ_add_extensions(req, extensions) > 0 &&
                        X509_REQ_add1_attr_by_NID(req, NID_pkcs9_challengePassword, MBSTRING_ASC, (const uint8_t *)"secret", -1) > 0);
    }
    CU_ASSERT_TRUE(X509_REQ_sign(req, s->recording, digest_for(s)) > 0);
    CU_ASSERT_EQUAL(texts_keep(s, PURPOSE_CSR, name), 1);
    X509_EXTENSION_free(alt);
    sk_X509_EXTENSION_pop_free(extensions, X509_EXTENSION_free);
    X509_NAME_free(subject);
    X509_REQ_free(req);
}

static void certificate(const struct signer *by, const struct signer *issuer, const char *name, unsigned purpose)
{
    X509 *x = texts_certificate(signer(LEAF_ED448)->plain, "issued.example", issuer, NID_subject_alt_name, "DNS:issued.example");

    CU_ASSERT_TRUE(X509_sign(x, by->recording, digest_for(by)) > 0);
    CU_ASSERT_EQUAL(texts_keep(by, purpose, name), 1);
    X509_free(x);
}

/* Of version 1, of version 2 (nobody makes any), and with dates behind 2049. */
static void old_certificates(const struct signer *ca)
{
    for (long version = 0; version < 3; version++) {
        X509 *x = X509_new_ex(recorder_libctx(), NULL);
        char name[32];

        snprintf(name, sizeof(name), "x509 v%ld", version + 1);
        CU_ASSERT_FATAL(X509_set_version(x, version) > 0 && ASN1_INTEGER_set(X509_get_serialNumber(x), 77) > 0 &&
                        X509_set_issuer_name(x, X509_get_subject_name(ca->certificate)) > 0 &&
                        ASN1_TIME_set(X509_getm_notBefore(x), 0) != NULL &&
                        ASN1_TIME_set(X509_getm_notAfter(x), 4102444800) != NULL &&
                        X509_set_pubkey(x, signer(LEAF_RSA)->plain) > 0);
        CU_ASSERT_TRUE(X509_sign(x, ca->recording, digest_for(ca)) > 0);
        CU_ASSERT_EQUAL(texts_keep(ca, PURPOSE_X509, name), 1);
        X509_free(x);
    }
}

/* By the key itself, under another name than its certificate has. */
static void self_signed(const struct signer *s)
{
    X509 *x = texts_certificate(s->plain, "another name", NULL, NID_undef, NULL);

    CU_ASSERT_TRUE(X509_sign(x, s->recording, digest_for(s)) > 0);
    CU_ASSERT_EQUAL(texts_keep(s, PURPOSE_X509, "x509 self-signed"), 1);
    X509_free(x);
}

static void revoke(X509_CRL *crl, long serial, bool reason)
{
    X509_REVOKED *r = X509_REVOKED_new();
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    ASN1_TIME *date = ASN1_TIME_set(NULL, 1700000000);
    ASN1_ENUMERATED *why = ASN1_ENUMERATED_new();

    CU_ASSERT_FATAL(ASN1_INTEGER_set(number, serial) > 0 && X509_REVOKED_set_serialNumber(r, number) > 0 &&
                    X509_REVOKED_set_revocationDate(r, date) > 0 && ASN1_ENUMERATED_set(why, CRL_REASON_KEY_COMPROMISE) > 0);
    if (reason)
        CU_ASSERT_FATAL(X509_REVOKED_add1_ext_i2d(r, NID_crl_reason, why, 0, 0) > 0);
    CU_ASSERT_FATAL(X509_CRL_add0_revoked(crl, r) > 0);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(date);
    ASN1_ENUMERATED_free(why);
}

static void list(const struct signer *by, const struct signer *issuer, long version, int revoked, const char *name, unsigned purpose)
{
    X509_CRL *crl = X509_CRL_new_ex(recorder_libctx(), NULL);
    ASN1_TIME *last = ASN1_TIME_set(NULL, 1700000000), *next = ASN1_TIME_set(NULL, version == 0 ? 4102444800 : 1800000000);
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    X509V3_CTX ctx;
    X509_EXTENSION *id;

    X509V3_set_ctx(&ctx, issuer->certificate, NULL, NULL, crl, 0);
    id = X509V3_EXT_conf_nid(NULL, &ctx, NID_authority_key_identifier, "keyid");
    CU_ASSERT_FATAL(id != NULL && X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer->certificate)) > 0 &&
                    X509_CRL_set1_lastUpdate(crl, last) > 0 && ASN1_INTEGER_set(number, 5) > 0);
    if (version > 0)
        CU_ASSERT_FATAL(X509_CRL_set_version(crl, version) > 0 && X509_CRL_set1_nextUpdate(crl, next) > 0 &&
                        X509_CRL_add_ext(crl, id, -1) > 0 && X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) > 0);
    for (int i = 0; i < revoked; i++)
        revoke(crl, 1000 + i, version > 0 && i % 2 == 0);
    CU_ASSERT_FATAL(X509_CRL_sort(crl) > 0 && X509_CRL_sign(crl, by->recording, digest_for(by)) > 0);
    CU_ASSERT_EQUAL(texts_keep(by, purpose, name), 1);
    X509_EXTENSION_free(id);
    ASN1_INTEGER_free(number);
    ASN1_TIME_free(last);
    ASN1_TIME_free(next);
    X509_CRL_free(crl);
}

static void ocsp(const struct signer *by, const struct signer *responder, unsigned long flags, const char *name, unsigned purpose)
{
    OCSP_BASICRESP *response = OCSP_BASICRESP_new();
    ASN1_TIME *now = ASN1_GENERALIZEDTIME_set(NULL, 1700000000), *next = ASN1_GENERALIZEDTIME_set(NULL, 1700086400);
    OCSP_CERTID *id = OCSP_cert_to_id(EVP_sha1(), signer(LEAF_RSA)->certificate, signer(CA)->certificate);

    CU_ASSERT_FATAL(id != NULL && OCSP_basic_add1_status(response, id, V_OCSP_CERTSTATUS_GOOD, 0, NULL, now, next) != NULL &&
                    OCSP_basic_add1_status(response, id, V_OCSP_CERTSTATUS_REVOKED, OCSP_REVOKED_STATUS_KEYCOMPROMISE, now, now, NULL) != NULL &&
                    OCSP_basic_add1_status(response, id, V_OCSP_CERTSTATUS_UNKNOWN, 0, NULL, now, NULL) != NULL &&
                    OCSP_basic_add1_nonce(response, (unsigned char *)"nonce-of-16-byte", 16) > 0);
    if (by == responder) {
        CU_ASSERT_TRUE(OCSP_basic_sign(response, by->certificate, by->recording, digest_for(by), NULL, flags) > 0);
    } else {
        /* Says that it is somebody else: libcrypto makes the text when it signs, so that one signs too, and its text is taken. */
        size_t count;
        const struct recorded *r;

        CU_ASSERT_TRUE(OCSP_basic_sign(response, responder->certificate, responder->recording, digest_for(responder), NULL, flags) > 0);
        r = recorder_texts(&count);
        CU_ASSERT_FATAL(count == 1);
        texts_add(by, purpose, DIGEST_SHA256, r->text, r->len, name);
    }
    CU_ASSERT_EQUAL(texts_keep(by, purpose, name), by == responder ? 1 : 0);
    OCSP_CERTID_free(id);
    ASN1_TIME_free(now);
    ASN1_TIME_free(next);
    OCSP_BASICRESP_free(response);
}

void texts_of_certificates(void)
{
    const struct signer *ca = signer(CA), *other = signer(OTHER_CA);

    texts_forget();
    request(signer(LEAF_EC), false, "csr ec");
    request(signer(LEAF_RSA), false, "csr rsa");
    request(signer(LEAF_ED25519), true, "csr ed25519 without a name");
    certificate(ca, ca, "x509 by a CA", PURPOSE_X509);
    certificate(ca, other, "x509 of another issuer", 0);
    certificate(signer(LEAF_RSA), ca, "x509 of its own issuer", 0);
    old_certificates(ca);
    self_signed(signer(LEAF_EC));
    list(ca, ca, 1, 5, "crl", PURPOSE_CRL);
    list(ca, ca, 1, 0, "crl of nothing", PURPOSE_CRL);
    list(ca, ca, 0, 3, "crl v1", PURPOSE_CRL);
    list(other, ca, 1, 1, "crl of another issuer", 0);
    ocsp(ca, ca, 0, "ocsp by name", PURPOSE_OCSP);
    ocsp(signer(LEAF_RSA), signer(LEAF_RSA), OCSP_RESPID_KEY, "ocsp by key", PURPOSE_OCSP);
    ocsp(signer(LEAF_RSA), ca, 0, "ocsp of another by name", 0);
    ocsp(signer(LEAF_RSA), ca, OCSP_RESPID_KEY, "ocsp of another by key", 0);
}
