/* Preloaded into doctor: its processes that probe crash, where a provider with a fault would make them crash. */
#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/store.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

/*
 * TRIP_LOAD: a part of a path; whoever has such a file loaded crashes.
 * TRIP_SIGN: a number; a process crashes that makes so many signatures.
 * TRIP_FAIL: a number; from so many signatures on a process makes none any more.
 */

static void *real(const char *name)
{
    void *f = dlsym(RTLD_NEXT, name);

    if (f == NULL)
        abort();
    return f;
}

static void crash(void)
{
    raise(SIGSEGV);
    abort();
}

static void trip_on(const char *path)
{
    const char *part = getenv("TRIP_LOAD");

    if (part != NULL && strstr(path, part) != NULL)
        crash();
}

BIO *BIO_new_file(const char *path, const char *mode)
{
    static BIO *(*open_file)(const char *, const char *);

    if (open_file == NULL)
        *(void **)&open_file = real("BIO_new_file");
    trip_on(path);
    return open_file(path, mode);
}

OSSL_STORE_CTX *OSSL_STORE_open_ex(const char *uri, OSSL_LIB_CTX *libctx, const char *propq, const UI_METHOD *ui, void *ui_data,
                                   const OSSL_PARAM params[], OSSL_STORE_post_process_info_fn post, void *post_data)
{
    static OSSL_STORE_CTX *(*open_store)(const char *, OSSL_LIB_CTX *, const char *, const UI_METHOD *, void *, const OSSL_PARAM[],
                                         OSSL_STORE_post_process_info_fn, void *);

    if (open_store == NULL)
        *(void **)&open_store = real("OSSL_STORE_open_ex");
    trip_on(uri);
    return open_store(uri, libctx, propq, ui, ui_data, params, post, post_data);
}

int EVP_DigestSign(EVP_MD_CTX *ctx, unsigned char *sig, size_t *sig_len, const unsigned char *text, size_t len)
{
    static int (*sign)(EVP_MD_CTX *, unsigned char *, size_t *, const unsigned char *, size_t);
    static unsigned long count;
    const char *crashes = getenv("TRIP_SIGN"), *fails = getenv("TRIP_FAIL");

    if (sign == NULL)
        *(void **)&sign = real("EVP_DigestSign");
    count++;
    if (crashes != NULL && count == strtoul(crashes, NULL, 10))
        crash();
    if (fails != NULL && count >= strtoul(fails, NULL, 10))
        return 0;
    return sign(ctx, sig, sig_len, text, len);
}
