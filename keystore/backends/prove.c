/* Does a key on a token belong to its public half? To prove it, the key does once what its object may do. */
#include "backends/prove.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/key_op.h"
#include "keys/make_key.h"
#include "model/spki.h"
#include "token/find_key.h"

#define DIGEST_SIZE 32 /* of SHA-256 */
#define PLAIN_SIZE 32
#define RSA_MAX (OPENSSL_RSA_MAX_MODULUS_BITS / 8)

/* What an object may do. */
enum use { USE_SIGN, USE_DECRYPT, USE_DERIVE, USES };

static const struct {
    CK_ATTRIBUTE_TYPE type;
    const char *name;
} use_attributes[USES] = {
    [USE_SIGN] = { CKA_SIGN, "CKA_SIGN" },
    [USE_DECRYPT] = { CKA_DECRYPT, "CKA_DECRYPT" },
    [USE_DERIVE] = { CKA_DERIVE, "CKA_DERIVE" },
};

struct may {
    bool use[USES];
    CK_MECHANISM_TYPE *allowed; /* NULL: no word of it */
    size_t count;
};

struct proof;

/* One way to prove. True: the key is proved. Else p says why not: LB_E_PUBLIC_KEY, or what the token said. */
typedef bool proof_way(const struct proof *w, EVP_PKEY *key, EVP_PKEY *pub, struct problem *p);
static proof_way by_digest, by_text, by_decryption, by_agreement;

/* All ways, in the order in which they are tried. */
static const struct proof {
    enum key_family family;
    enum use use;
    CK_MECHANISM_TYPE mechanism;
    proof_way *way;
    int padding;
    const char *digest; /* of OAEP */
} proofs[] = {
    { KEY_FAMILY_RSA, USE_SIGN, CKM_RSA_PKCS, by_digest, RSA_PKCS1_PADDING, NULL },
    { KEY_FAMILY_RSA, USE_SIGN, CKM_RSA_PKCS_PSS, by_digest, RSA_PKCS1_PSS_PADDING, NULL },
    { KEY_FAMILY_RSA, USE_SIGN, CKM_RSA_X_509, by_digest, RSA_PKCS1_PSS_PADDING, NULL },
    { KEY_FAMILY_RSA, USE_DECRYPT, CKM_RSA_PKCS_OAEP, by_decryption, RSA_PKCS1_OAEP_PADDING, "SHA1" },
    { KEY_FAMILY_RSA, USE_DECRYPT, CKM_RSA_PKCS_OAEP, by_decryption, RSA_PKCS1_OAEP_PADDING, "SHA256" },
    { KEY_FAMILY_RSA, USE_DECRYPT, CKM_RSA_PKCS, by_decryption, RSA_PKCS1_PADDING, NULL },
    { KEY_FAMILY_RSA, USE_DECRYPT, CKM_RSA_X_509, by_decryption, RSA_PKCS1_PADDING, NULL },
    { KEY_FAMILY_EC, USE_SIGN, CKM_ECDSA, by_digest, 0, NULL },
    { KEY_FAMILY_EC, USE_DERIVE, CKM_ECDH1_DERIVE, by_agreement, 0, NULL },
    { KEY_FAMILY_ED25519, USE_SIGN, CKM_EDDSA, by_text, 0, NULL },
    { KEY_FAMILY_ED448, USE_SIGN, CKM_EDDSA, by_text, 0, NULL },
    { KEY_FAMILY_X25519, USE_DERIVE, CKM_ECDH1_DERIVE, by_agreement, 0, NULL },
    { KEY_FAMILY_X448, USE_DERIVE, CKM_ECDH1_DERIVE, by_agreement, 0, NULL },
};
#define PROOFS (sizeof(proofs) / sizeof(proofs[0]))

static const uint8_t text[] = "littlebox: do both halves of this key belong together?";

/* Sets p to what the token said, or else to what. Always false. */
static bool failed(struct problem *p, int code, const char *what)
{
    if (!keyop_backend_problem(p))
        problem_set(p, code, "%s", what);
    ERR_clear_error();
    return false;
}

static bool libcrypto_failed(struct problem *p)
{
    return failed(p, LB_E_CRYPTO, "libcrypto failed");
}

static bool do_not_belong(struct problem *p)
{
    return failed(p, LB_E_PUBLIC_KEY, "the token's key and its public half do not belong together");
}

/* Signatures */

/* ctx is the context of a signature or of its verification. */
static bool set_padding(EVP_PKEY_CTX *ctx, int padding)
{
    return padding == 0 || (EVP_PKEY_CTX_set_rsa_padding(ctx, padding) > 0 &&
                            (padding != RSA_PKCS1_PSS_PADDING || EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, DIGEST_SIZE) > 0));
}

static bool sign_digest(const struct proof *w, EVP_PKEY *key, uint8_t *sig, size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
    uint8_t digest[EVP_MAX_MD_SIZE];
    bool ok = ctx != NULL && EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL) > 0 &&
              EVP_PKEY_sign_init(ctx) > 0 && EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) > 0 &&
              set_padding(ctx, w->padding) && EVP_PKEY_sign(ctx, sig, len, digest, DIGEST_SIZE) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

static bool sign_text(EVP_PKEY *key, uint8_t *sig, size_t *len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool ok = ctx != NULL && EVP_DigestSignInit_ex(ctx, NULL, NULL, NULL, NULL, key, NULL) > 0 &&
              EVP_DigestSign(ctx, sig, len, text, sizeof(text)) > 0;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool verify(const struct proof *w, const char *md, EVP_PKEY *pub, const uint8_t *sig, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    EVP_PKEY_CTX *options = NULL;
    bool ok = ctx != NULL && EVP_DigestVerifyInit_ex(ctx, &options, md, NULL, NULL, pub, NULL) > 0 &&
              set_padding(options, w->padding) && EVP_DigestVerify(ctx, sig, len, text, sizeof(text)) == 1;

    EVP_MD_CTX_free(ctx);
    return ok;
}

static bool by_signature(const struct proof *w, bool whole, EVP_PKEY *key, EVP_PKEY *pub, struct problem *p)
{
    size_t len = (size_t)EVP_PKEY_get_size(key);
    uint8_t *sig = malloc(len);
    bool ok;

    if (sig == NULL)
        return libcrypto_failed(p);
    ok = whole ? sign_text(key, sig, &len) : sign_digest(w, key, sig, &len);
    ok = ok ? verify(w, whole ? NULL : "SHA256", pub, sig, len) || do_not_belong(p) : libcrypto_failed(p);
    free(sig);
    return ok;
}

static bool by_digest(const struct proof *w, EVP_PKEY *key, EVP_PKEY *pub, struct problem *p)
{
    return by_signature(w, /* whole= */ false, key, pub, p);
}

static bool by_text(const struct proof *w, EVP_PKEY *key, EVP_PKEY *pub, struct problem *p)
{
    return by_signature(w, /* whole= */ true, key, pub, p);
}

/* Ciphertexts */

static EVP_PKEY_CTX *cipher_of(const struct proof *w, EVP_PKEY *key, int (*init)(EVP_PKEY_CTX *))
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);

    if (ctx != NULL && init(ctx) > 0 && EVP_PKEY_CTX_set_rsa_padding(ctx, w->padding) > 0 &&
        (w->digest == NULL || EVP_PKEY_CTX_set_rsa_oaep_md_name(ctx, w->digest, NULL) > 0))
        return ctx;
    EVP_PKEY_CTX_free(ctx);
    return NULL;
}

static bool by_decryption(const struct proof *w, EVP_PKEY *key, EVP_PKEY *pub, struct problem *p)
{
    uint8_t plain[PLAIN_SIZE], back[RSA_MAX], ciphertext[RSA_MAX];
    size_t len = sizeof(ciphertext), back_len = sizeof(back);
    EVP_PKEY_CTX *to = cipher_of(w, pub, EVP_PKEY_encrypt_init), *from = cipher_of(w, key, EVP_PKEY_decrypt_init);
    bool ok = to != NULL && from != NULL && RAND_bytes(plain, sizeof(plain)) > 0 &&
              EVP_PKEY_encrypt(to, ciphertext, &len, plain, sizeof(plain)) > 0;

    if (!ok)
        libcrypto_failed(p);
    else if (EVP_PKEY_decrypt(from, back, &back_len, ciphertext, len) <= 0 || back_len != sizeof(plain) ||
             CRYPTO_memcmp(back, plain, sizeof(plain)) != 0)
        ok = do_not_belong(p);
    OPENSSL_cleanse(back, sizeof(back));
    EVP_PKEY_CTX_free(to);
    EVP_PKEY_CTX_free(from);
    return ok;
}

/* Key agreement */

static EVP_PKEY *new_peer(EVP_PKEY *pub)
{
    char group[80];

    if (!EVP_PKEY_is_a(pub, "EC"))
        return EVP_PKEY_Q_keygen(NULL, NULL, EVP_PKEY_get0_type_name(pub));
    return EVP_PKEY_get_group_name(pub, group, sizeof(group), NULL) > 0 ? EVP_PKEY_Q_keygen(NULL, NULL, "EC", group) : NULL;
}

/* Makes a key of the public half alone: the token's provider takes no private ones. */
static EVP_PKEY *public_half(EVP_PKEY *key)
{
    unsigned char *der = NULL;
    int len = key == NULL ? -1 : spki_of(key, &der);
    EVP_PKEY *pub = len > 0 ? spki_key(/* libctx= */ NULL, der, (size_t)len) : NULL;

    OPENSSL_free(der);
    return pub;
}

/* Makes a new key with libcrypto. It must agree on the same secret with the public half and with the token's key. */
static bool by_agreement(const struct proof *w, EVP_PKEY *key, EVP_PKEY *pub, struct problem *p)
{
    EVP_PKEY *other = new_peer(pub), *other_pub = public_half(other);
    unsigned char a[LB_SHARED_MAX], b[LB_SHARED_MAX];
    size_t a_len = 0, b_len = 0;
    bool ok = other_pub != NULL && keytype_agree(other, pub, b, &b_len) && keytype_agree(key, other_pub, a, &a_len);

    (void)w;
    if (!ok)
        libcrypto_failed(p);
    else if (a_len != b_len || CRYPTO_memcmp(a, b, a_len) != 0)
        ok = do_not_belong(p);
    OPENSSL_cleanse(a, sizeof(a));
    OPENSSL_cleanse(b, sizeof(b));
    EVP_PKEY_free(other_pub);
    EVP_PKEY_free(other);
    return ok;
}

/* What the object says */

struct look {
    const struct p11_name *name;
    const uint8_t *spki;
    size_t spki_len;
    struct may *may;
};

static CK_RV look(struct p11_session *s, void *arg, struct problem *p)
{
    struct look *l = arg;
    CK_OBJECT_HANDLE h;
    uint8_t *allowed = NULL;
    size_t len = 0;
    CK_RV rv = p11_find_key(s, l->name, l->spki, l->spki_len, &h, p);

    if (rv != CKR_OK)
        return rv;
    for (size_t i = 0; i < USES; i++) {
        CK_BBOOL flag = CK_FALSE;
        bool told = p11_attribute(s, h, use_attributes[i].type, &flag, sizeof(flag), &len) == CKR_OK && len == sizeof(flag);

        l->may->use[i] = !told || flag != CK_FALSE;
    }
    /* No list: the token is older than PKCS#11 2.20, or the key has no restriction. Tokens say so in many ways. */
    if (p11_attribute_new(s, h, CKA_ALLOWED_MECHANISMS, &allowed, &len) != CKR_OK)
        allowed = NULL;
    free(l->may->allowed);
    l->may->allowed = (CK_MECHANISM_TYPE *)(void *)allowed;
    l->may->count = allowed == NULL ? 0 : len / sizeof(CK_MECHANISM_TYPE);
    return CKR_OK;
}

static bool is_allowed(const struct may *may, const struct proof *w)
{
    bool allowed = may->count == 0;

    for (size_t i = 0; i < may->count && !allowed; i++)
        allowed = may->allowed[i] == w->mechanism;
    return allowed && may->use[w->use];
}

/* Appends while there is room. */
static void LB_PRINTF(3, 4) add(char *list, size_t size, const char *fmt, ...)
{
    size_t len = strlen(list);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(list + len, size - len, fmt, ap);
    va_end(ap);
}

static int refuse(const struct may *may, const struct p11_name *name, struct problem *p)
{
    char which[100], says[200] = "";

    p11_name_text(name, which, sizeof(which));
    for (size_t i = 0; i < USES; i++)
        add(says, sizeof(says), "%s%s %s", i == 0 ? "" : ", ", use_attributes[i].name, may->use[i] ? "true" : "false");
    for (size_t i = 0; i < may->count; i++)
        add(says, sizeof(says), "%s%s", i == 0 ? ", CKA_ALLOWED_MECHANISMS " : " ", p11_mechanism_name(may->allowed[i]));
    problem_set(p, LB_E_SCHEME, "key %s may do nothing on the token that a box does with it: %s", which, says);
    problem_hint(p, "a box signs with CKM_RSA_PKCS, CKM_RSA_PKCS_PSS, CKM_ECDSA and CKM_EDDSA, decrypts with CKM_RSA_PKCS "
                    "and CKM_RSA_PKCS_OAEP, and agrees with CKM_ECDH1_DERIVE");
    return LB_E_SCHEME;
}

/* The token refused before it did anything with the key: another way may be open. */
static bool goes_on(const struct proof *w, const struct problem *p)
{
    /* A token that does not do this kind of OAEP may complain of the ciphertext instead. */
    return p->code == LB_E_SCHEME || (w->use == USE_DECRYPT && (p->code == LB_E_PUBLIC_KEY || p->code == LB_E_TOKEN));
}

int p11_prove(struct p11_token *t, const struct p11_name *name, const uint8_t *spki, size_t spki_len, EVP_PKEY *key,
              struct problem *p)
{
    struct may may = { .allowed = NULL };
    struct look l = { name, spki, spki_len, &may };
    const struct key_algorithm *algorithm;
    EVP_PKEY *pub = NULL;
    struct problem one = { 0 };
    bool tried = false, proved = false;
    int r = p11_do(t, "looking at the key", look, &l, p);

    if (r != 0)
        goto out;
    ERR_clear_error();
    pub = spki_key(/* libctx= */ NULL, spki, spki_len);
    if (pub == NULL) {
        libcrypto_failed(p);
        r = p->code;
        goto out;
    }
    algorithm = key_algorithm_of(pub);
    for (size_t i = 0; i < PROOFS && !proved; i++) {
        if (algorithm == NULL || proofs[i].family != algorithm->family || !is_allowed(&may, &proofs[i]))
            continue;
        proved = proofs[i].way(&proofs[i], key, pub, &one);
        /* Told is the first failure, unless a later way finds that the halves do not belong together. */
        if (!proved && (!tried || one.code == LB_E_PUBLIC_KEY))
            *p = one;
        tried = true;
        if (!proved && !goes_on(&proofs[i], &one))
            break;
    }
    r = proved ? 0 : tried ? p->code : refuse(&may, name, p);
out:
    free(may.allowed);
    EVP_PKEY_free(pub);
    return r;
}
