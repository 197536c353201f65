/* Rows of the table of operations that sign; whatever was signed is verified by `default` alone. */
#include <openssl/cms.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "optable.h"

#define LONG_TEXT ((size_t)100 << 20)

static bool set_up_signing(struct run *r, EVP_MD_CTX *md)
{
    EVP_PKEY_CTX *ctx = NULL;

    return EVP_DigestSignInit_ex(md, &ctx, r->digest, r->libctx, NULL, r->key, NULL) > 0 && options_apply(r, ctx);
}

static bool verifies(struct run *r, const uint8_t *text, size_t len, const uint8_t *sig, size_t sig_len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;
    bool ok = EVP_DigestVerifyInit_ex(md, &ctx, r->digest, NULL, NULL, r->plain, NULL) > 0 && options_apply(r, ctx) &&
              EVP_DigestVerify(md, sig, sig_len, text, len) == 1;

    EVP_MD_CTX_free(md);
    return ok;
}

/* In one piece, the size asked first. */
static bool sign_whole(struct run *r, const uint8_t *text, size_t len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    uint8_t *sig = NULL;
    size_t sig_len = 0;
    bool ok = set_up_signing(r, md) && EVP_DigestSign(md, NULL, &sig_len, text, len) > 0;

    ok = ok && (sig = malloc(sig_len)) != NULL && EVP_DigestSign(md, sig, &sig_len, text, len) > 0 &&
         verifies(r, text, len, sig, sig_len);
    if (ok) {
        sig[sig_len / 2] ^= 1;
        ok = !verifies(r, text, len, sig, sig_len);
    }
    free(sig);
    EVP_MD_CTX_free(md);
    return ok;
}

/* In pieces, by a context and by its copy, which go on with different texts. */
static bool sign_pieces(struct run *r, const uint8_t *text, size_t len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new(), *copy = EVP_MD_CTX_new();
    uint8_t *sig = malloc(LB_SIGNATURE_MAX);
    size_t half = len / 2, sig_len = LB_SIGNATURE_MAX;
    bool ok = set_up_signing(r, md) && EVP_DigestSignUpdate(md, text, half) > 0 && EVP_MD_CTX_copy_ex(copy, md) > 0 &&
              EVP_DigestSignUpdate(md, text + half, len - half) > 0 && EVP_DigestSignFinal(md, sig, &sig_len) > 0 &&
              verifies(r, text, len, sig, sig_len);

    sig_len = LB_SIGNATURE_MAX;
    ok = ok && EVP_DigestSignFinal(copy, sig, &sig_len) > 0 && verifies(r, text, half, sig, sig_len);
    free(sig);
    EVP_MD_CTX_free(copy);
    EVP_MD_CTX_free(md);
    return ok;
}

bool sign_texts(struct run *r)
{
    static uint8_t text[50000];
    bool ok = sign_whole(r, text, 130) && sign_pieces(r, text, 130);

    /* Shorter than anything, and too long for a packet. */
    if (ok && r->first)
        ok = sign_whole(r, text, 0) && sign_whole(r, text, sizeof(text)) && sign_pieces(r, text, sizeof(text));
    return ok;
}

bool sign_one_text(struct run *r)
{
    return sign_whole(r, (const uint8_t *)"abc", 3);
}

bool sign_long_text(struct run *r)
{
    uint8_t *text = calloc(1, LONG_TEXT);
    bool ok;

    NEED(text != NULL);
    text[LONG_TEXT - 1] = 1;
    ok = sign_whole(r, text, LONG_TEXT);
    free(text);
    return ok;
}

bool sign_same_twice(struct run *r)
{
    uint8_t *sig[2] = { NULL, NULL };
    size_t len[2] = { 0, 0 };
    bool ok = true;

    for (int i = 0; ok && i < 2; i++) {
        EVP_MD_CTX *md = EVP_MD_CTX_new();

        len[i] = LB_SIGNATURE_MAX;
        sig[i] = malloc(len[i]);
        ok = set_up_signing(r, md) && EVP_DigestSign(md, sig[i], &len[i], (const uint8_t *)"abc", 3) > 0;
        EVP_MD_CTX_free(md);
    }
    ok = ok && len[0] == len[1] && memcmp(sig[0], sig[1], len[0]) == 0 &&
         verifies(r, (const uint8_t *)"abc", 3, sig[0], len[0]);
    free(sig[0]);
    free(sig[1]);
    return ok;
}

/* Digests that the caller computed. */

static bool set_digest(struct run *r, EVP_PKEY_CTX *ctx)
{
    return options_apply(r, ctx) && (r->digest == NULL || EVP_PKEY_CTX_ctrl_str(ctx, "digest", r->digest) > 0);
}

bool sign_digests(struct run *r)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(r->libctx, r->key, NULL), *copy = NULL;
    EVP_PKEY_CTX *check = EVP_PKEY_CTX_new_from_pkey(NULL, r->plain, NULL);
    EVP_MD *md = r->digest == NULL ? NULL : EVP_MD_fetch(NULL, r->digest, NULL);
    uint8_t digest[64] = { 1, 2, 3 }, sig[LB_SIGNATURE_MAX];
    size_t digest_len = md == NULL ? sizeof(digest) : (size_t)EVP_MD_get_size(md), len = sizeof(sig);
    bool ok = EVP_PKEY_sign_init(ctx) > 0 && set_digest(r, ctx) && EVP_PKEY_verify_init(check) > 0 &&
              set_digest(r, check);

    ok = ok && EVP_PKEY_sign(ctx, sig, &len, digest, digest_len) > 0 &&
         EVP_PKEY_verify(check, sig, len, digest, digest_len) == 1;
    /* A copy has the options too. */
    copy = ok ? EVP_PKEY_CTX_dup(ctx) : NULL;
    len = sizeof(sig);
    digest[0] = 9;
    ok = copy != NULL && EVP_PKEY_sign(copy, sig, &len, digest, digest_len) > 0 &&
         EVP_PKEY_verify(check, sig, len, digest, digest_len) == 1;
    len = sizeof(sig);
    ok = ok && EVP_PKEY_sign(ctx, sig, &len, digest, digest_len - 1) <= 0;
    EVP_MD_free(md);
    EVP_PKEY_CTX_free(check);
    EVP_PKEY_CTX_free(copy);
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* EVP_PKEY_sign_message_init() and its kin. */

#ifdef OSSL_SIGNATURE_PARAM_MESSAGE_ENCODING
static bool message_verifies(EVP_PKEY_CTX *check, EVP_SIGNATURE *algorithm, const struct run *r, const uint8_t *text,
                             size_t len, const uint8_t *sig, size_t sig_len)
{
    return EVP_PKEY_verify_message_init(check, algorithm, NULL) > 0 && options_apply(r, check) &&
           EVP_PKEY_verify(check, sig, sig_len, text, len) == 1;
}

/* The handle's own verification, in pieces where the algorithm has that. */
static bool handle_verifies(EVP_PKEY_CTX *ctx, EVP_SIGNATURE *algorithm, const struct run *r, const uint8_t *text,
                            size_t len, const uint8_t *sig, size_t sig_len, bool pieces)
{
    if (EVP_PKEY_verify_message_init(ctx, algorithm, NULL) <= 0 || !options_apply(r, ctx))
        return false;
    if (!pieces)
        return EVP_PKEY_verify(ctx, sig, sig_len, text, len) == 1;
    return EVP_PKEY_CTX_set_signature(ctx, sig, sig_len) > 0 && EVP_PKEY_verify_message_update(ctx, text, 1) > 0 &&
           EVP_PKEY_verify_message_update(ctx, text + 1, len - 1) > 0 && EVP_PKEY_verify_message_final(ctx) == 1;
}

bool sign_by_name(struct run *r)
{
    static uint8_t text[20000];
    const char *name = option_value(r, "-algorithm");
    EVP_SIGNATURE *ours, *theirs;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(r->libctx, r->key, NULL);
    EVP_PKEY_CTX *check = EVP_PKEY_CTX_new_from_pkey(NULL, r->plain, NULL);
    uint8_t *sig = malloc(LB_SIGNATURE_MAX);
    size_t len = LB_SIGNATURE_MAX;
    bool ok, pieces = EVP_PKEY_is_a(r->key, "RSA") || EVP_PKEY_is_a(r->key, "EC");

    if (strcmp(name, "=") == 0)
        name = EVP_PKEY_get0_type_name(r->plain);
    ours = EVP_SIGNATURE_fetch(r->libctx, name, "provider=littlebox");
    theirs = EVP_SIGNATURE_fetch(NULL, name, NULL);
    ok = ours != NULL && theirs != NULL && EVP_PKEY_sign_message_init(ctx, ours, NULL) > 0 && options_apply(r, ctx) &&
         EVP_PKEY_sign(ctx, sig, &len, text, sizeof(text)) > 0 &&
         message_verifies(check, theirs, r, text, sizeof(text), sig, len) &&
         handle_verifies(ctx, ours, r, text, sizeof(text), sig, len, pieces);
    len = LB_SIGNATURE_MAX;
    ok = ok && EVP_PKEY_sign_message_init(ctx, ours, NULL) > 0 && options_apply(r, ctx) &&
         EVP_PKEY_sign_message_update(ctx, text, 100) > 0 &&
         EVP_PKEY_sign_message_update(ctx, text + 100, sizeof(text) - 100) > 0 &&
         EVP_PKEY_sign_message_final(ctx, sig, &len) > 0 &&
         message_verifies(check, theirs, r, text, sizeof(text), sig, len);
    sig[len / 2] ^= 1;
    ok = ok && !message_verifies(check, theirs, r, text, sizeof(text), sig, len) &&
         !handle_verifies(ctx, ours, r, text, sizeof(text), sig, len, pieces);
    EVP_SIGNATURE_free(theirs);
    EVP_SIGNATURE_free(ours);
    EVP_PKEY_CTX_free(check);
    EVP_PKEY_CTX_free(ctx);
    free(sig);
    return ok;
}
#else
bool sign_by_name(struct run *r)
{
    (void)r;
    return false;
}
#endif

/* X.509 */

static X509_NAME *a_name(void)
{
    X509_NAME *name = X509_NAME_new();

    NEED(name != NULL && X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)"test", -1, -1, 0) == 1);
    return name;
}

/* The certificate of the run's key, which it signs itself with the run's options. NULL: it could not be signed. */
static X509 *self_signed(struct run *r)
{
    X509 *cert = X509_new_ex(r->libctx, NULL);
    X509_NAME *name = a_name();
    EVP_MD_CTX *md = EVP_MD_CTX_new();

    NEED(cert != NULL && X509_set_version(cert, X509_VERSION_3) && ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) &&
         X509_gmtime_adj(X509_getm_notBefore(cert), -60) && X509_gmtime_adj(X509_getm_notAfter(cert), 3600) &&
         X509_set_subject_name(cert, name) && X509_set_issuer_name(cert, name) && X509_set_pubkey(cert, r->key));
    if (!set_up_signing(r, md) || X509_sign_ctx(cert, md) <= 0) {
        X509_free(cert);
        cert = NULL;
    }
    EVP_MD_CTX_free(md);
    X509_NAME_free(name);
    return cert;
}

static bool signs_request(struct run *r)
{
    X509_REQ *req = X509_REQ_new_ex(r->libctx, NULL);
    X509_NAME *name = a_name();
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok = X509_REQ_set_version(req, X509_REQ_VERSION_1) && X509_REQ_set_subject_name(req, name) &&
              X509_REQ_set_pubkey(req, r->key) && set_up_signing(r, md) && X509_REQ_sign_ctx(req, md) > 0 &&
              X509_REQ_verify(req, r->plain) == 1;

    EVP_MD_CTX_free(md);
    X509_NAME_free(name);
    X509_REQ_free(req);
    return ok;
}

static bool signs_crl(struct run *r)
{
    X509_CRL *crl = X509_CRL_new_ex(r->libctx, NULL);
    X509_NAME *name = a_name();
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    ASN1_TIME *now = X509_gmtime_adj(NULL, 0);
    bool ok = X509_CRL_set_version(crl, X509_CRL_VERSION_2) && X509_CRL_set_issuer_name(crl, name) &&
              X509_CRL_set1_lastUpdate(crl, now) && X509_CRL_set1_nextUpdate(crl, now) && set_up_signing(r, md) &&
              X509_CRL_sign_ctx(crl, md) > 0 && X509_CRL_verify(crl, r->plain) == 1;

    ASN1_TIME_free(now);
    EVP_MD_CTX_free(md);
    X509_NAME_free(name);
    X509_CRL_free(crl);
    return ok;
}

bool sign_certificates(struct run *r)
{
    X509 *cert = self_signed(r);
    bool ok = cert != NULL && X509_verify(cert, r->plain) == 1 && X509_check_private_key(cert, r->key) == 1;

    X509_free(cert);
    return ok && signs_request(r) && signs_crl(r);
}

/* CMS */

bool sign_messages(struct run *r)
{
    X509 *cert = self_signed(r);
    BIO *text = BIO_new_mem_buf("a message", -1);
    CMS_ContentInfo *cms = cert == NULL ? NULL : CMS_sign_ex(NULL, NULL, NULL, text, CMS_PARTIAL, r->libctx, NULL);
    EVP_MD *md = EVP_MD_fetch(NULL, r->digest, NULL);
    CMS_SignerInfo *signer = cms == NULL ? NULL : CMS_add1_signer(cms, cert, r->key, md, CMS_KEY_PARAM);
    BIO *der = BIO_new(BIO_s_mem());
    CMS_ContentInfo *got = NULL;
    /* What reads it does not know us. */
    bool ok = signer != NULL && options_apply(r, CMS_SignerInfo_get0_pkey_ctx(signer)) &&
              CMS_final(cms, text, NULL, 0) == 1 && i2d_CMS_bio(der, cms) == 1 &&
              (got = d2i_CMS_bio(der, NULL)) != NULL && CMS_verify(got, NULL, NULL, NULL, NULL, CMS_NO_SIGNER_CERT_VERIFY) == 1;

    CMS_ContentInfo_free(got);
    BIO_free(der);
    EVP_MD_free(md);
    CMS_ContentInfo_free(cms);
    BIO_free(text);
    X509_free(cert);
    return ok;
}
