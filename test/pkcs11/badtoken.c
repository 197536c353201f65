/* Keys of the hostile module, as files in its directory. */
#include "badtoken.h"

#include <dirent.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "badcontrol.h"

struct key {
    char file[256];
    uint8_t id[32];
    size_t id_len;
    char label[128];
    EVP_PKEY *pkey; /* kept when the file is gone: another thread may sign with it */
    bool gone;
    bool unwritten; /* in no file: there until C_Finalize */
    ino_t inode; /* another file of the same name is another key */
};

static struct {
    OSSL_LIB_CTX *libctx;
    struct key keys[BAD_KEYS_MAX];
    unsigned count;
} token;

static bool parse_name(struct key *k, const char *file)
{
    const char *dot = strchr(file, '.'), *end = strrchr(file, '.');
    size_t n = 0;
    unsigned byte;

    if (dot == NULL || end == dot || strcmp(end, ".pem") != 0 || strlen(file) >= sizeof(k->file))
        return false;
    for (const char *p = file; p + 1 < dot && n < sizeof(k->id); p += 2, n++) {
        if (sscanf(p, "%2x", &byte) != 1)
            return false;
        k->id[n] = (uint8_t)byte;
    }
    k->id_len = n;
    snprintf(k->file, sizeof(k->file), "%s", file);
    snprintf(k->label, sizeof(k->label), "%.*s", (int)(end - dot - 1), dot + 1);
    return true;
}

static EVP_PKEY *read_key(const char *path)
{
    FILE *f = fopen(path, "re");
    EVP_PKEY *pkey = f == NULL ? NULL : PEM_read_PrivateKey_ex(f, NULL, NULL, NULL, token.libctx, NULL);

    if (f != NULL)
        fclose(f);
    return pkey;
}

int bad_keys_load(void)
{
    char dir[BAD_PATH_MAX], path[BAD_PATH_MAX + 300];
    struct dirent **entries = NULL;
    struct stat st;
    int n;

    if (token.libctx == NULL) {
        token.libctx = OSSL_LIB_CTX_new();
        if (token.libctx == NULL || OSSL_PROVIDER_load(token.libctx, "default") == NULL)
            return -1;
    }
    bad_path(dir, "keys");
    for (unsigned i = 0; i < token.count; i++) {
        snprintf(path, sizeof(path), "%s/%s", dir, token.keys[i].file);
        if (!token.keys[i].unwritten && (stat(path, &st) != 0 || st.st_ino != token.keys[i].inode))
            token.keys[i].gone = true;
    }
    n = scandir(dir, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        struct key k = { 0 };
        bool known = !parse_name(&k, entries[i]->d_name);

        for (unsigned j = 0; j < token.count && !known; j++)
            known = !token.keys[j].gone && strcmp(token.keys[j].file, k.file) == 0;
        snprintf(path, sizeof(path), "%s/%s", dir, entries[i]->d_name);
        if (!known && token.count < BAD_KEYS_MAX && stat(path, &st) == 0 && (k.pkey = read_key(path)) != NULL) {
            k.inode = st.st_ino;
            token.keys[token.count++] = k;
        }
        free(entries[i]);
    }
    free(entries);
    return 0;
}

unsigned bad_key_count(void) { return token.count; }
bool bad_key_there(unsigned n) { return n < token.count && !token.keys[n].gone; }
CK_KEY_TYPE bad_key_type(unsigned n) { return EVP_PKEY_is_a(token.keys[n].pkey, "RSA") ? CKK_RSA : CKK_EC; }

static bool put(uint8_t *value, size_t *len, const void *bytes, size_t n)
{
    if (n > BAD_VALUE_MAX)
        return false;
    memcpy(value, bytes, n);
    *len = n;
    return true;
}
static bool put_ulong(uint8_t *value, size_t *len, CK_ULONG n) { return put(value, len, &n, sizeof(n)); }

static bool put_bn(const EVP_PKEY *pkey, const char *name, uint8_t *value, size_t *len)
{
    BIGNUM *bn = NULL;
    bool ok = EVP_PKEY_get_bn_param(pkey, name, &bn) == 1 && BN_num_bytes(bn) <= BAD_VALUE_MAX;

    if (ok)
        *len = (size_t)BN_bn2bin(bn, value);
    BN_free(bn);
    return ok;
}

/* CKA_EC_POINT: the point in a DER OCTET STRING, here always shorter than 128 bytes. */
static bool put_point(const EVP_PKEY *pkey, uint8_t *value, size_t *len)
{
    size_t n = 0;

    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, value + 2, 127, &n) != 1)
        return false;
    value[0] = 0x04;
    value[1] = (uint8_t)n;
    *len = n + 2;
    return true;
}

bool bad_key_attribute(unsigned n, bool private_half, CK_ATTRIBUTE_TYPE type, uint8_t value[BAD_VALUE_MAX], size_t *len)
{
    static const uint8_t p256[] = { 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 };
    static const struct {
        CK_ATTRIBUTE_TYPE type;
        int of_private, of_public; /* -1: it has none */
    } bools[] = {
        { CKA_TOKEN, 1, 1 },      { CKA_PRIVATE, 1, 0 },           { CKA_MODIFIABLE, 1, 1 },   { CKA_SIGN, 1, -1 },
        { CKA_DERIVE, 0, 0 },     { CKA_SENSITIVE, 1, -1 },        { CKA_EXTRACTABLE, 0, -1 }, { CKA_UNWRAP, 0, -1 },
        { CKA_VERIFY, -1, 1 },    { CKA_NEVER_EXTRACTABLE, 1, -1 }, { CKA_LOCAL, 1, 1 },        { CKA_WRAP, -1, 0 },
        { CKA_SIGN_RECOVER, 0, -1 }, { CKA_VERIFY_RECOVER, -1, 0 }, { CKA_ALWAYS_SENSITIVE, 1, -1 },
    };
    const struct key *k = &token.keys[n];
    bool rsa = bad_key_type(n) == CKK_RSA;
    uint8_t b;

    for (size_t i = 0; i < sizeof(bools) / sizeof(bools[0]); i++) {
        int is = private_half ? bools[i].of_private : bools[i].of_public;

        if (bools[i].type != type)
            continue;
        b = (uint8_t)is;
        return is >= 0 && put(value, len, &b, 1);
    }
    switch (type) {
    case CKA_CLASS: return put_ulong(value, len, private_half ? CKO_PRIVATE_KEY : CKO_PUBLIC_KEY);
    case CKA_KEY_TYPE: return put_ulong(value, len, bad_key_type(n));
    case CKA_LABEL: return put(value, len, k->label, strlen(k->label));
    case CKA_ID: return put(value, len, k->id, k->id_len);
    case CKA_ALWAYS_AUTHENTICATE:
        b = (uint8_t)bad_state("always-authenticate", 0);
        return private_half && put(value, len, &b, 1);
    case CKA_DECRYPT:
    case CKA_ENCRYPT:
        b = rsa;
        return (type == CKA_DECRYPT) == private_half && put(value, len, &b, 1);
    case CKA_MODULUS: return rsa && put_bn(k->pkey, OSSL_PKEY_PARAM_RSA_N, value, len);
    case CKA_PUBLIC_EXPONENT: return rsa && put_bn(k->pkey, OSSL_PKEY_PARAM_RSA_E, value, len);
    case CKA_MODULUS_BITS: return rsa && !private_half && put_ulong(value, len, (CK_ULONG)EVP_PKEY_get_bits(k->pkey));
    case CKA_EC_PARAMS: return !rsa && put(value, len, p256, sizeof(p256));
    case CKA_EC_POINT: return !rsa && !private_half && put_point(k->pkey, value, len);
    default: return false;
    }
}

size_t bad_key_signature_size(unsigned n)
{
    return bad_key_type(n) == CKK_RSA ? (size_t)EVP_PKEY_get_size(token.keys[n].pkey) : 64;
}

static const char *digest_name(CK_MECHANISM_TYPE m)
{
    switch (m) {
    case CKM_SHA_1: return "SHA1";
    case CKM_SHA256: return "SHA256";
    case CKM_SHA384: return "SHA384";
    case CKM_SHA512: return "SHA512";
    default: return NULL;
    }
}

static const char *mgf_name(CK_RSA_PKCS_MGF_TYPE g)
{
    switch (g) {
    case CKG_MGF1_SHA1: return "SHA1";
    case CKG_MGF1_SHA256: return "SHA256";
    case CKG_MGF1_SHA384: return "SHA384";
    case CKG_MGF1_SHA512: return "SHA512";
    default: return NULL;
    }
}

static bool set_pss(EVP_PKEY_CTX *ctx, const CK_MECHANISM *m)
{
    const CK_RSA_PKCS_PSS_PARAMS *pss = m->pParameter;
    const char *hash, *mgf;

    if (pss == NULL || m->ulParameterLen != sizeof(*pss))
        return false;
    hash = digest_name(pss->hashAlg);
    mgf = mgf_name(pss->mgf);
    return hash != NULL && mgf != NULL && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
           EVP_PKEY_CTX_set_signature_md(ctx, EVP_get_digestbyname(hash)) == 1 &&
           EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf, NULL) == 1 &&
           EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, (int)pss->sLen) == 1;
}

/* r and s, 32 bytes each. */
static bool flat_signature(const uint8_t *der, size_t der_len, uint8_t *sig)
{
    ECDSA_SIG *s = d2i_ECDSA_SIG(NULL, &der, (long)der_len);
    bool ok = s != NULL && BN_bn2binpad(ECDSA_SIG_get0_r(s), sig, 32) == 32 &&
              BN_bn2binpad(ECDSA_SIG_get0_s(s), sig + 32, 32) == 32;

    ECDSA_SIG_free(s);
    return ok;
}

CK_RV bad_key_sign(unsigned n, const CK_MECHANISM *m, const uint8_t *data, size_t data_len, uint8_t *sig, size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(token.libctx, token.keys[n].pkey, NULL);
    uint8_t out[BAD_VALUE_MAX];
    size_t out_len = sizeof(out);
    bool rsa = bad_key_type(n) == CKK_RSA;
    CK_RV rv = CKR_MECHANISM_INVALID;

    if (ctx == NULL || EVP_PKEY_sign_init(ctx) != 1)
        goto out;
    if (rsa ? m->mechanism == CKM_RSA_PKCS ? EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1
                                           : m->mechanism != CKM_RSA_PKCS_PSS || !set_pss(ctx, m)
            : m->mechanism != CKM_ECDSA)
        goto out;
    rv = CKR_DATA_LEN_RANGE;
    if (EVP_PKEY_sign(ctx, out, &out_len, data, data_len) != 1)
        goto out;
    if (rsa) {
        memcpy(sig, out, out_len);
        *len = out_len;
        rv = CKR_OK;
    } else {
        *len = 64;
        rv = flat_signature(out, out_len, sig) ? CKR_OK : CKR_FUNCTION_FAILED;
    }
out:
    EVP_PKEY_CTX_free(ctx);
    return rv;
}

static bool set_oaep(EVP_PKEY_CTX *ctx, const CK_MECHANISM *m)
{
    const CK_RSA_PKCS_OAEP_PARAMS *oaep = m->pParameter;
    const char *hash, *mgf;
    void *label = NULL;

    if (oaep == NULL || m->ulParameterLen != sizeof(*oaep))
        return false;
    hash = digest_name(oaep->hashAlg);
    mgf = mgf_name(oaep->mgf);
    if (hash == NULL || mgf == NULL || EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_OAEP_PADDING) != 1 ||
        EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, hash, NULL) != 1 || EVP_PKEY_CTX_set_rsa_mgf1_md_name(ctx, mgf, NULL) != 1)
        return false;
    if (oaep->ulSourceDataLen == 0)
        return true;
    label = OPENSSL_memdup(oaep->pSourceData, oaep->ulSourceDataLen);
    return label != NULL && EVP_PKEY_CTX_set0_rsa_oaep_label(ctx, label, (int)oaep->ulSourceDataLen) == 1;
}

CK_RV bad_key_decrypt(unsigned n, const CK_MECHANISM *m, const uint8_t *in, size_t in_len, uint8_t *out, size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(token.libctx, token.keys[n].pkey, NULL);
    CK_RV rv = CKR_MECHANISM_INVALID;

    if (ctx == NULL || bad_key_type(n) != CKK_RSA || EVP_PKEY_decrypt_init(ctx) != 1)
        goto out;
    if (m->mechanism == CKM_RSA_PKCS    ? EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1
        : m->mechanism == CKM_RSA_X_509 ? EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_NO_PADDING) != 1
                                        : m->mechanism != CKM_RSA_PKCS_OAEP || !set_oaep(ctx, m))
        goto out;
    /* A token says when a padding is bad. Before OpenSSL 3.2 there is nothing to switch off. */
    (void)EVP_PKEY_CTX_ctrl_str(ctx, "rsa_pkcs1_implicit_rejection", "0");
    rv = EVP_PKEY_decrypt(ctx, out, len, in, in_len) == 1 ? CKR_OK : CKR_ENCRYPTED_DATA_INVALID;
out:
    EVP_PKEY_CTX_free(ctx);
    return rv;
}

CK_RV bad_key_generate(CK_KEY_TYPE type, unsigned bits, const uint8_t *id, size_t id_len, const char *label, unsigned *ret)
{
    char dir[BAD_PATH_MAX], path[BAD_PATH_MAX + 300], name[256] = "";
    struct key k = { 0 };
    CK_RV rv = CKR_FUNCTION_FAILED;
    struct stat st;
    size_t at = 0;
    FILE *f;

    if (token.count == BAD_KEYS_MAX || id_len > sizeof(k.id) || id_len == 0 || strchr(label, '/') != NULL)
        return CKR_DEVICE_MEMORY;
    for (size_t i = 0; i < id_len; i++)
        at += (size_t)snprintf(name + at, sizeof(name) - at, "%02x", id[i]);
    snprintf(name + at, sizeof(name) - at, ".%.120s.pem", label);
    if (!parse_name(&k, name))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    bad_path(dir, "keys");
    mkdir(dir, 0777);
    snprintf(path, sizeof(path), "%s/%s", dir, k.file);
    k.pkey = type == CKK_RSA ? EVP_PKEY_Q_keygen(token.libctx, NULL, "RSA", (size_t)bits)
                             : EVP_PKEY_Q_keygen(token.libctx, NULL, "EC", "P-256");
    f = k.pkey == NULL ? NULL : fopen(path, "wxe");
    if (f != NULL && PEM_write_PKCS8PrivateKey(f, k.pkey, NULL, NULL, 0, NULL, NULL) == 1)
        rv = CKR_OK;
    if (f != NULL && fstat(fileno(f), &st) == 0)
        k.inode = st.st_ino;
    if (f != NULL && fclose(f) != 0)
        rv = CKR_DEVICE_ERROR;
    if (rv != CKR_OK) {
        EVP_PKEY_free(k.pkey);
        return rv;
    }
    if (bad_state("unwritten", 0) != 0) {
        unlink(path);
        k.unwritten = true;
    }
    *ret = token.count;
    token.keys[token.count++] = k;
    return CKR_OK;
}

void bad_keys_forget(void)
{
    for (unsigned i = 0; i < token.count; i++)
        token.keys[i].gone = token.keys[i].gone || token.keys[i].unwritten;
}

CK_RV bad_key_destroy(unsigned n)
{
    char dir[BAD_PATH_MAX], path[BAD_PATH_MAX + 300];

    snprintf(path, sizeof(path), "%s/%s", bad_path(dir, "keys"), token.keys[n].file);
    if (bad_state("unwritten", 0) == 0 && unlink(path) != 0)
        return CKR_DEVICE_ERROR;
    token.keys[n].gone = true;
    return CKR_OK;
}
