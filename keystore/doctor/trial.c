/* doctor: loads one handle and signs with it. */
#include "doctor/trial.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/storeerr.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "doctor/handle.h"
#include "model/handle.h"
#include "model/key_types.h"
#include "model/limits.h"
#include "model/spki.h"
#include "model/uri.h"

/* A reason, and the details, of which OpenSSL keeps 1023 bytes. */
#define ERROR_TEXT_MAX 1200

/* Takes the most telling error of OpenSSL's queue: the first with details, else the first. The provider's have their cures. */
int trial_problem(struct problem *p, int code, const char *what)
{
    const char *data;
    char first[ERROR_TEXT_MAX] = "", best[ERROR_TEXT_MAX] = "";
    char *mark;
    unsigned long e;
    bool none = false;
    int flags;

    while ((e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const char *reason = ERR_reason_error_string(e);
        bool scheme = ERR_GET_LIB(e) == ERR_LIB_OSSL_STORE && ERR_GET_REASON(e) == OSSL_STORE_R_UNREGISTERED_SCHEME;
        bool more = (flags & ERR_TXT_STRING) != 0 && data[0] != '\0';
        char *into = more ? best : first;

        /* OpenSSL says so of whatever no loader took: at last it tries a file of that name. */
        if (scheme) {
            none = true;
            continue;
        }
        if (into[0] == '\0')
            snprintf(into, sizeof(first), "%s%s%s", reason == NULL ? "error" : reason, more ? ": " : "",
                     more ? data : "");
    }
    mark = strstr(best, LB_HINT_MARK);
    if (mark != NULL)
        *mark = '\0';
    problem_set(p, code, "%s: %s", what, best[0] != '\0' ? best : first[0] != '\0' ? first
                : none ? "OpenSSL finds nothing that loads it" : DOCTOR_NO_REASON);
    if (mark != NULL)
        problem_hint(p, "%s", mark + strlen(LB_HINT_MARK));
    return code;
}

/* The one private key behind a URI or in a file, whoever loads it. */
static EVP_PKEY *load_key(OSSL_LIB_CTX *ctx, const char *handle)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(handle, ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    while (store != NULL && key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return key;
}

/*
 * Loads a file that begins with a handle, as a server's decoders do, and gives what stands in it: ret is to be cleared in any case.
 * NULL: the file holds something else, or has to be read in another way, or does not load.
 */
static EVP_PKEY *load_handle_file(struct key_decoders *d, const char *path, struct handle *ret)
{
    BIO *bio = BIO_new_file(path, "r");
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    EVP_PKEY *key = NULL;
    long len = 0;

    if (bio != NULL && PEM_read_bio(bio, &name, &header, &der, &len) && strcmp(name, PEM_STRING_PKCS8INF) == 0 &&
        handle_from_der(der, (size_t)len, ret) == 0)
        key = keydecoders_decode(d, key_algorithm_by_number(ret->type), der, (size_t)len);
    ERR_clear_error();
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)len);
    BIO_free(bio);
    return key;
}

/* As a key of the default provider. */
static EVP_PKEY *public_half(EVP_PKEY *key, OSSL_LIB_CTX *ctx)
{
    uint8_t *der = NULL;
    const uint8_t *at;
    int len = key == NULL ? -1 : i2d_PUBKEY(key, &der);
    EVP_PKEY *public = NULL;

    at = der;
    if (len > 0)
        public = d2i_PUBKEY_ex(NULL, &at, len, ctx, NULL);
    OPENSSL_free(der);
    return public;
}

static bool agree(OSSL_LIB_CTX *libctx, EVP_PKEY *mine, EVP_PKEY *peer, uint8_t *ret, size_t *len)
{
    EVP_PKEY_CTX *ctx = mine == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(libctx, mine, NULL);
    bool ok = ctx != NULL && peer != NULL && EVP_PKEY_derive_init(ctx) > 0 &&
              EVP_PKEY_derive_set_peer(ctx, peer) > 0 && EVP_PKEY_derive(ctx, ret, len) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Verifies with the public half alone and the default provider, as the other end of a connection does. */
static bool verifies(const struct trial *t, EVP_PKEY *key, const struct doctor_public *half, const char *md, const uint8_t *text,
                     size_t text_len, const uint8_t *sig, size_t len)
{
    EVP_MD_CTX *verify = EVP_MD_CTX_new();
    EVP_PKEY *public = half->len > 0 ? spki_key(t->other, half->der, half->len) : public_half(key, t->other);
    bool ok = false;

    if (verify != NULL && public != NULL && EVP_DigestVerifyInit_ex(verify, NULL, md, t->other, NULL, public, NULL) > 0)
        ok = EVP_DigestVerify(verify, sig, len, text, text_len) == 1;
    EVP_PKEY_free(public);
    EVP_MD_CTX_free(verify);
    return ok;
}

static int test_signature(const struct trial *t, EVP_PKEY *key, const struct doctor_public *public, struct problem *p)
{
    static const uint8_t text[] = "littlebox doctor: a test signature";
    EVP_MD_CTX *sign = EVP_MD_CTX_new();
    char digest[64] = "";
    const char *md = NULL;
    uint8_t sig[4096];
    size_t len = sizeof(sig);
    int r = 0;

    snprintf(p->text, sizeof(p->text), "signature");
    if (EVP_PKEY_get_default_digest_name(key, digest, sizeof(digest)) > 0 && strcasecmp(digest, "UNDEF") != 0)
        md = digest;
    if (sign == NULL || EVP_DigestSignInit_ex(sign, NULL, md, t->ctx, NULL, key, NULL) <= 0 ||
        EVP_DigestSign(sign, sig, &len, text, sizeof(text)) <= 0)
        r = trial_problem(p, LB_E_CRYPTO, "no signature");
    else if (!verifies(t, key, public, md, text, sizeof(text), sig, len))
        r = trial_problem(p, LB_E_CRYPTO, "the signature does not verify");
    EVP_MD_CTX_free(sign);
    return r;
}

/*
 * For a key that does not sign. The handle and a fresh key must agree on the same secret as that fresh key and the public
 * half.
 */
static int test_agreement(OSSL_LIB_CTX *ctx, EVP_PKEY *key, struct problem *p)
{
    EVP_PKEY *other = EVP_PKEY_Q_keygen(ctx, NULL, EVP_PKEY_get0_type_name(key));
    EVP_PKEY *other_public = public_half(other, ctx), *public = public_half(key, ctx);
    uint8_t a[LB_SHARED_MAX], b[LB_SHARED_MAX];
    size_t a_len = sizeof(a), b_len = sizeof(b);
    int r = 0;

    snprintf(p->text, sizeof(p->text), "key agreement");
    if (!agree(ctx, key, other_public, a, &a_len))
        r = trial_problem(p, LB_E_CRYPTO, "no key agreement");
    else if (!agree(ctx, other, public, b, &b_len) || a_len != b_len || memcmp(a, b, a_len) != 0)
        r = trial_problem(p, LB_E_CRYPTO, "the other side agrees on another secret");
    EVP_PKEY_free(public);
    EVP_PKEY_free(other_public);
    EVP_PKEY_free(other);
    return r;
}

/* Is the public half of key what stands in its handle? Then it need not be written out again, which takes OpenSSL long. */
static bool is_of_handle(OSSL_LIB_CTX *ctx, const EVP_PKEY *key, const struct handle *h)
{
    EVP_PKEY *public = h->spki == NULL || h->spki_len > LB_SPKI_MAX ? NULL : spki_key(ctx, h->spki, h->spki_len);
    /* In this order the provider is asked, which knows what it loaded last. */
    bool same = public != NULL && EVP_PKEY_eq(public, key) == 1;

    EVP_PKEY_free(public);
    return same;
}

static void note_public(OSSL_LIB_CTX *ctx, EVP_PKEY *key, const struct handle *h, struct doctor_public *ret)
{
    uint8_t *at = ret->der;
    int len;

    if (is_of_handle(ctx, key, h)) {
        memcpy(ret->der, h->spki, h->spki_len);
        ret->len = h->spki_len;
    } else {
        len = i2d_PUBKEY(key, NULL);
        if (len > 0 && (size_t)len <= sizeof(ret->der) && i2d_PUBKEY(key, &at) == len)
            ret->len = (size_t)len;
    }
    ERR_clear_error();
}

/* For a file that is not there and has the name of a key: whoever gave it may have meant the key. */
static void propose_key(OSSL_LIB_CTX *ctx, const char *name, struct problem *p)
{
    char uri[LB_NAME_MAX + 20];
    EVP_PKEY *key = NULL;

    if (!keyname_ok(name, strlen(name)) || access(name, F_OK) == 0)
        return;
    snprintf(uri, sizeof(uri), LB_URI_SCHEME ":%s", name);
    key = load_key(ctx, uri);
    if (key != NULL)
        problem_hint(p, "the box has a key of this name: littlebox doctor --handle %s", uri);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

int trial_load(const struct trial *t, const char *handle, EVP_PKEY **ret, struct doctor_public *ret_public, struct problem *p)
{
    const char *file = doctor_handle_file(handle);
    const OSSL_PROVIDER *provider;
    struct handle h = { .type = 0 };
    EVP_PKEY *key = NULL;
    int r = 0;

    *ret = NULL;
    ERR_clear_error();
    /* Checked here, because OpenSSL says of a file that it cannot read that it does not know the scheme of that URI. */
    if (file != NULL && doctor_file_readable(file, p) != 0) {
        propose_key(t->ctx, handle, p);
        return LB_E_NO_KEY;
    }
    if (file != NULL && t->decoders != NULL)
        key = load_handle_file(t->decoders, file, &h);
    if (key == NULL)
        key = load_key(t->ctx, handle);
    if (key == NULL && file != NULL && doctor_file_certificate(file)) {
        r = problem_set(p, LB_E_NO_KEY, "it is a certificate: there is no handle and no private key in it");
        problem_hint(p, "give the handle of its key: --handle littlebox:KEY, or a handle file");
        goto out;
    }
    if (key == NULL) {
        r = trial_problem(p, LB_E_NO_KEY, "it does not load");
        goto out;
    }
    note_public(t->ctx, key, &h, ret_public);
    provider = EVP_PKEY_get0_provider(key);
    if (provider == NULL || strcmp(OSSL_PROVIDER_get0_name(provider), TRIAL_PROVIDER) != 0) {
        r = problem_set(p, LB_E_UNSUPPORTED, "it is a plain private key, which the server holds itself");
        goto out;
    }
    *ret = key;
    key = NULL; /* now the caller's */
out:
    EVP_PKEY_free(key);
    handle_clear(&h);
    return r;
}

int trial_use(const struct trial *t, EVP_PKEY *key, const struct doctor_public *public, struct problem *p)
{
    const struct key_algorithm *a = key_algorithm_of(key);

    ERR_clear_error();
    if (a != NULL && (a->operations & KEY_SIGNS) == 0)
        return test_agreement(t->ctx, key, p);
    return test_signature(t, key, public, p);
}
