/*
 * Signs a file with any private key that OpenSSL can load: a key file, or the URI of a key that stays where it is.
 *
 *     cc -o sign sign.c -lcrypto
 *     ./sign littlebox:web letter.txt letter.sig
 *
 * There is nothing of a provider in here: openssl.cnf says which ones are loaded, and OSSL_STORE and EVP do the rest.
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX (64 * 1024 * 1024)

/* What went wrong and all that OpenSSL has to say about it. A provider explains itself in the data of its errors. */
static void complain(const char *what, const char *name)
{
    const char *data, *reason;
    unsigned long code;
    int flags;

    fprintf(stderr, "sign: %s '%s'\n", what, name);
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        reason = ERR_reason_error_string(code);
        if ((flags & ERR_TXT_STRING) == 0)
            data = "";
        fprintf(stderr, "    %s%s%s\n", reason == NULL ? "unknown error" : reason, data[0] == '\0' ? "" : ": ", data);
    }
}

/* The first private key at a URI, which may be a path. A passphrase, if there is one, is asked for on the terminal. */
static EVP_PKEY *load_key(const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open(uri, UI_OpenSSL(), NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    if (store == NULL || OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY) != 1)
        goto out;
    while (key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info == NULL)
            continue; /* an object that is not understood; a key may follow it */
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
out:
    OSSL_STORE_close(store);
    if (key == NULL)
        complain("there is no private key to be had from", uri);
    return key;
}

/* A whole file, to be freed with free(); NULL when it cannot be read, which has been said then. */
static unsigned char *read_file(const char *path, size_t *ret_len)
{
    unsigned char *text = malloc(TEXT_MAX + 1);
    FILE *f;

    errno = 0;
    f = fopen(path, "rb");
    if (text != NULL && f != NULL)
        *ret_len = fread(text, 1, TEXT_MAX + 1, f);
    if (text == NULL || f == NULL || ferror(f) || *ret_len > TEXT_MAX) {
        fprintf(stderr, "sign: cannot read '%s': %s\n", path, errno != 0 ? strerror(errno) : "it is too large");
        free(text);
        text = NULL;
    }
    if (f != NULL)
        fclose(f);
    return text;
}

/*
 * One call with the whole text works for every type of key; EdDSA and ML-DSA know no other way. No digest is named, so
 * the key chooses: RSA and EC take SHA-256, those that sign the text itself take none. Freed with OPENSSL_free().
 */
static unsigned char *sign(EVP_PKEY *key, const unsigned char *text, size_t len, size_t *ret_len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    unsigned char *sig = NULL;
    int ok = 0;

    if (ctx == NULL || EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) != 1)
        goto out;
    if (EVP_DigestSign(ctx, NULL, ret_len, text, len) != 1) /* how long may it be? */
        goto out;
    sig = OPENSSL_malloc(*ret_len);
    ok = sig != NULL && EVP_DigestSign(ctx, sig, ret_len, text, len) == 1; /* how long is it? */
out:
    EVP_MD_CTX_free(ctx);
    if (!ok) {
        OPENSSL_free(sig);
        sig = NULL;
    }
    return sig;
}

static int write_file(const char *path, const unsigned char *data, size_t len)
{
    FILE *f = fopen(path, "wb");
    int ok = f != NULL && fwrite(data, 1, len, f) == len;

    if (f != NULL && fclose(f) != 0) /* a full disk may show only now */
        ok = 0;
    if (!ok)
        fprintf(stderr, "sign: cannot write '%s': %s\n", path, strerror(errno));
    return ok;
}

int main(int argc, char *argv[])
{
    unsigned char *text = NULL, *sig = NULL;
    size_t text_len = 0, sig_len = 0;
    EVP_PKEY *key = NULL;
    int status = 1;

    if (argc != 4) {
        fprintf(stderr, "usage: sign KEY FILE SIGNATURE\nKEY is a file or a URI, such as littlebox:web\n");
        return 2;
    }
    if ((text = read_file(argv[2], &text_len)) == NULL || (key = load_key(argv[1])) == NULL)
        goto out;
    sig = sign(key, text, text_len, &sig_len);
    if (sig == NULL)
        complain("no signature was made with the key", argv[1]);
    else if (write_file(argv[3], sig, sig_len))
        status = 0;
out:
    OPENSSL_free(sig);
    EVP_PKEY_free(key);
    free(text);
    return status;
}
