/* What every test of the provider does with OpenSSL: library contexts, keys in, signatures checked. */
#include "crypto.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <string.h>
#include <unistd.h>

#include "model/handle.h"

static const char *module_path(void)
{
    static char path[4096];
    const char *build = getenv("LITTLEBOX_BUILD");

    snprintf(path, sizeof(path), "%s/.libs/littlebox.so", build == NULL ? "." : build);
    return path;
}

static OSSL_LIB_CTX *configure(const char *providers, const char *dir, bool activate, const char *settings)
{
    OSSL_LIB_CTX *libctx = OSSL_LIB_CTX_new();
    char file[] = "/tmp/littlebox-test-cnf-XXXXXX";
    int fd = mkstemp(file);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "w");

    NEED(libctx != NULL && f != NULL);
    fprintf(f, "openssl_conf = init\n[init]\nproviders = providers\n[providers]\n%s", providers);
    fprintf(f, "[default_section]\nactivate = 1\n[littlebox_section]\nmodule = %s\n", module_path());
    if (activate)
        fprintf(f, "activate = 1\n");
    if (dir != NULL)
        fprintf(f, "littlebox-directory = %s\n", dir);
    fprintf(f, "%s\n", settings);
    NEED(fclose(f) == 0);
    NEED(OSSL_LIB_CTX_load_config(libctx, file) == 1);
    unlink(file);
    NEED(OSSL_PROVIDER_available(libctx, "littlebox") == activate);
    return libctx;
}

OSSL_LIB_CTX *new_libctx_of(const char *dir, const char *providers)
{
    char lines[256] = "";

    for (const char *p = providers; *p != '\0'; p++) {
        const char *name = *p == 'D' ? "default" : *p == 'B' ? "base" : "littlebox";
        size_t len = strlen(lines);

        snprintf(lines + len, sizeof(lines) - len, "%s = %s_section\n", name, name);
    }
    return configure(lines, dir, /* activate= */ strchr(providers, 'L') != NULL, "[base_section]\nactivate = 1\n");
}

#define DEFAULT_LINE "default = default_section\n"
#define LITTLEBOX_LINE "littlebox = littlebox_section\n"

OSSL_LIB_CTX *new_libctx(const char *dir, bool littlebox_first, const char *settings)
{
    return configure(littlebox_first ? LITTLEBOX_LINE DEFAULT_LINE : DEFAULT_LINE LITTLEBOX_LINE, dir,
                     /* activate= */ true, settings);
}

OSSL_LIB_CTX *new_libctx_alone(const char *dir)
{
    return configure(LITTLEBOX_LINE, dir, /* activate= */ true, "");
}

void bare_libctx_new(struct bare_libctx *b)
{
    char dir[4096];

    snprintf(dir, sizeof(dir), "%s", module_path());
    *strrchr(dir, '/') = '\0';
    b->libctx = OSSL_LIB_CTX_new();
    NEED(b->libctx != NULL && OSSL_PROVIDER_set_default_search_path(b->libctx, dir) == 1);
    b->providers[0] = OSSL_PROVIDER_load(b->libctx, "default");
    b->providers[1] = OSSL_PROVIDER_load(b->libctx, "littlebox");
    NEED(b->providers[0] != NULL && b->providers[1] != NULL);
}

void bare_libctx_free(struct bare_libctx *b)
{
    OSSL_PROVIDER_unload(b->providers[1]);
    OSSL_PROVIDER_unload(b->providers[0]);
    OSSL_LIB_CTX_free(b->libctx);
}

OSSL_LIB_CTX *new_libctx_without(const char *dir, bool default_configured)
{
    return configure(default_configured ? DEFAULT_LINE LITTLEBOX_LINE : LITTLEBOX_LINE, dir, /* activate= */ false,
                     "");
}

EVP_PKEY *load_uri(OSSL_LIB_CTX *libctx, const char *uri, int expect)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, libctx, NULL, UI_null(), NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info;
    EVP_PKEY *key = NULL;

    if (store == NULL)
        return NULL;
    NEED(expect == 0 || OSSL_STORE_expect(store, expect) == 1);
    while (key == NULL && !OSSL_STORE_eof(store)) {
        info = OSSL_STORE_load(store);
        if (info == NULL)
            continue;
        if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        else if (OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PUBKEY)
            key = OSSL_STORE_INFO_get1_PUBKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return key;
}

EVP_PKEY *load_key(OSSL_LIB_CTX *libctx, const char *key)
{
    char uri[LB_NAME_MAX + 32];
    EVP_PKEY *k;

    snprintf(uri, sizeof(uri), "littlebox:%s", key);
    k = load_uri(libctx, uri, 0);
    NEED(k != NULL);
    return k;
}

EVP_PKEY *plain_key(OSSL_LIB_CTX *libctx, const char *type)
{
    char name[32], *arg, *restriction = NULL;
    EVP_PKEY_CTX *ctx;
    EVP_PKEY *key = NULL;

    snprintf(name, sizeof(name), "%s", type);
    arg = strchr(name, ':');
    if (arg != NULL)
        *arg++ = '\0';
    if (arg != NULL && (restriction = strchr(arg, ':')) != NULL)
        *restriction++ = '\0';
    ctx = EVP_PKEY_CTX_new_from_name(libctx, name, NULL);
    NEED(ctx != NULL && EVP_PKEY_keygen_init(ctx) == 1);
    if (arg != NULL)
        NEED(EVP_PKEY_CTX_ctrl_str(ctx, strcmp(name, "ec") == 0 ? "group" : "bits", arg) > 0);
    if (restriction != NULL) {
        NEED(EVP_PKEY_CTX_ctrl_str(ctx, "digest", restriction) > 0);
        NEED(EVP_PKEY_CTX_ctrl_str(ctx, "mgf1-digest", restriction) > 0);
        NEED(EVP_PKEY_CTX_set_rsa_pss_keygen_saltlen(ctx, EVP_MD_get_size(EVP_get_digestbyname(restriction))) > 0);
    }
    NEED(EVP_PKEY_generate(ctx, &key) == 1);
    EVP_PKEY_CTX_free(ctx);
    return key;
}

char *handle_pem(EVP_PKEY *key)
{
    BIO *mem = BIO_new(BIO_s_mem());
    char *data = NULL, *pem;
    long len;

    NEED(mem != NULL && PEM_write_bio_PrivateKey(mem, key, NULL, NULL, 0, NULL, NULL) == 1);
    len = BIO_get_mem_data(mem, &data);
    pem = OPENSSL_strndup(data, (size_t)len);
    NEED(pem != NULL);
    BIO_free(mem);
    return pem;
}

void handle_uri(const char *pem, char ret[LB_URI_MAX + 1])
{
    BIO *mem = BIO_new_mem_buf(pem, -1);
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    struct handle h;
    long len = 0;

    NEED(mem != NULL && PEM_read_bio(mem, &name, &header, &der, &len) == 1);
    NEED(handle_from_der(der, (size_t)len, &h) == 0);
    memcpy(ret, h.uri, sizeof(h.uri));
    handle_clear(&h);
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_free(der);
    BIO_free(mem);
}

char *reference_pem(const char *description, const char *uri)
{
    int inner = ASN1_object_size(0, (int)strlen(description), V_ASN1_VISIBLESTRING) +
                ASN1_object_size(0, (int)strlen(uri), V_ASN1_UTF8STRING);
    int size = ASN1_object_size(1, inner, V_ASN1_SEQUENCE);
    uint8_t *der = OPENSSL_malloc((size_t)size), *p = der;
    BIO *mem = BIO_new(BIO_s_mem());
    char *data = NULL, *pem;
    long len;

    NEED(der != NULL && mem != NULL);
    ASN1_put_object(&p, 1, inner, V_ASN1_SEQUENCE, V_ASN1_UNIVERSAL);
    ASN1_put_object(&p, 0, (int)strlen(description), V_ASN1_VISIBLESTRING, V_ASN1_UNIVERSAL);
    memcpy(p, description, strlen(description));
    p += strlen(description);
    ASN1_put_object(&p, 0, (int)strlen(uri), V_ASN1_UTF8STRING, V_ASN1_UNIVERSAL);
    memcpy(p, uri, strlen(uri));
    NEED(PEM_write_bio(mem, "PKCS#11 PROVIDER URI", "", der, size) > 0);
    len = BIO_get_mem_data(mem, &data);
    pem = OPENSSL_strndup(data, (size_t)len);
    NEED(pem != NULL);
    BIO_free(mem);
    OPENSSL_free(der);
    return pem;
}

char *reference_to(const struct boxproc *box, const char *key)
{
    char uri[256];

    snprintf(uri, sizeof(uri), "pkcs11:token=%s;object=%s;type=private", box->name, key);
    return reference_pem("PKCS#11 Provider URI v1.0", uri);
}

static int no_passphrase(char *buf, int size, int rwflag, void *arg)
{
    (void)buf;
    (void)size;
    (void)rwflag;
    (void)arg;
    return -1;
}

EVP_PKEY *load_pem(OSSL_LIB_CTX *libctx, const char *pem)
{
    BIO *mem = BIO_new_mem_buf(pem, -1);
    EVP_PKEY *key;

    NEED(mem != NULL);
    key = PEM_read_bio_PrivateKey_ex(mem, NULL, no_passphrase, NULL, libctx, NULL);
    BIO_free(mem);
    return key;
}

/* Made once, never freed before exit: keys of it are in use everywhere. */
static OSSL_LIB_CTX *plain_libctx(void)
{
    static OSSL_LIB_CTX *libctx;

    if (libctx == NULL)
        libctx = OSSL_LIB_CTX_new();
    NEED(libctx != NULL);
    return libctx;
}

EVP_PKEY *plain_public(EVP_PKEY *key)
{
    uint8_t *der = NULL;
    const uint8_t *p;
    int len = i2d_PUBKEY(key, &der);
    EVP_PKEY *plain;

    NEED(len > 0);
    p = der;
    plain = d2i_PUBKEY_ex(NULL, &p, len, plain_libctx(), NULL);
    NEED(plain != NULL);
    OPENSSL_free(der);
    return plain;
}

size_t sign_text(OSSL_LIB_CTX *libctx, EVP_PKEY *key, const char *digest, const void *text, size_t len, uint8_t *sig,
                 size_t size)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t got = size;

    NEED(md != NULL);
    if (EVP_DigestSignInit_ex(md, NULL, digest, libctx, NULL, key, NULL) <= 0 ||
        EVP_DigestSign(md, sig, &got, text, len) <= 0)
        got = 0;
    EVP_MD_CTX_free(md);
    return got;
}

bool verify_text(EVP_PKEY *plain, const char *digest, const void *text, size_t len, const uint8_t *sig, size_t sig_len)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    bool ok;

    NEED(md != NULL);
    ok = EVP_DigestVerifyInit_ex(md, NULL, digest, plain_libctx(), NULL, plain, NULL) > 0 &&
         EVP_DigestVerify(md, sig, sig_len, text, len) == 1;
    EVP_MD_CTX_free(md);
    return ok;
}

bool signs(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *plain)
{
    static const char text[] = "a text that nobody signed before";
    uint8_t sig[LB_SIGNATURE_MAX];
    size_t len = sign_text(libctx, key, NULL, text, sizeof(text), sig, sizeof(sig));

    return len > 0 && verify_text(plain, NULL, text, sizeof(text), sig, len);
}

static bool queue_says(const char *text, bool from_littlebox)
{
    const char *data, *reason, *lib;
    unsigned long code;
    bool found = false;
    int flags;
    BIO *seen = BIO_new(BIO_s_mem());
    char *shown = NULL;

    NEED(seen != NULL);
    while ((code = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        reason = ERR_reason_error_string(code);
        lib = ERR_lib_error_string(code);
        BIO_printf(seen, "  %s: %s: %s\n", lib == NULL ? "?" : lib, reason == NULL ? "?" : reason, data);
        if (from_littlebox && (lib == NULL || strcmp(lib, "littlebox") != 0))
            continue;
        if ((reason != NULL && strstr(reason, text) != NULL) || strstr(data, text) != NULL)
            found = true;
    }
    if (!found) {
        BIO_write(seen, "", 1);
        BIO_get_mem_data(seen, &shown);
        fprintf(stderr, "no error says '%s', but:\n%s", text, shown);
    }
    BIO_free(seen);
    return found;
}

bool error_says(const char *text)
{
    return queue_says(text, /* from_littlebox= */ false);
}

bool littlebox_says(const char *text)
{
    return queue_says(text, /* from_littlebox= */ true);
}
