/* The proof that a box can use a key, and that it is the key one thinks it is. */
#include "command/key_proof.h"

#include <openssl/err.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "client/use.h"
#include "command/key_signature.h"
#include "model/key_types.h"
#include "model/spki.h"

/* Random bytes that are signed, as a text or as if they were a digest. */
#define TEXT_SIZE 64

static int verify(EVP_PKEY *key, const struct sign_request *m, struct bytes text, struct bytes signature)
{
    EVP_PKEY_CTX *options;
    EVP_MD_CTX *ctx = key_signature_verifier(key, m, &options);
    int r = LB_E_CRYPTO;

    if (ctx != NULL && EVP_DigestVerify(ctx, signature.p, signature.len, text.p, text.len) == 1)
        r = 0;
    EVP_MD_CTX_free(ctx);
    ERR_clear_error();
    return r;
}

static int proof_sign(struct client *c, const char *name, uint32_t version, EVP_PKEY *expected, struct problem *p)
{
    uint8_t random[TEXT_SIZE];
    struct bytes text = { random, sizeof(random) }, signature;
    struct sign_request m = { .input = INPUT_TEXT, .data = text };
    int r = key_signature_how(expected, DIGEST_NONE, &m, p);

    if (r != 0)
        return r;
    if (RAND_bytes(random, sizeof(random)) <= 0)
        return problem_set(p, LB_E_CRYPTO, "no random numbers");
    snprintf(m.key.name, sizeof(m.key.name), "%s", name);
    m.key.version = version;
    r = ask_sign(c->ask, &m, &signature, p);
    if (r == 0 && verify(expected, &m, text, signature) != 0)
        r = problem_set(p, LB_E_CRYPTO, "the box's signature with key '%s' does not verify", name);
    return r;
}

static bool agree(EVP_PKEY *mine, EVP_PKEY *peer, uint8_t ret[LB_SHARED_MAX], size_t *ret_len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(/* libctx= */ NULL, mine, /* properties= */ NULL);
    bool ok;

    *ret_len = LB_SHARED_MAX;
    ok = ctx != NULL && EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
         EVP_PKEY_derive(ctx, ret, ret_len) > 0;
    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* The secret is worth nothing, since the other key is forgotten with it. */
static int proof_derive(struct client *c, const char *name, uint32_t version, EVP_PKEY *expected, struct problem *p)
{
    EVP_PKEY *other = EVP_PKEY_Q_keygen(NULL, NULL, EVP_PKEY_get0_type_name(expected));
    struct derive_request m = { .key = { .version = version } };
    uint8_t secret[LB_SHARED_MAX];
    struct bytes theirs;
    unsigned char *der = NULL;
    size_t len;
    int r = LB_E_CRYPTO, der_len = other == NULL ? -1 : spki_of(other, &der);

    if (der_len <= 0 || !agree(other, expected, secret, &len)) {
        problem_set(p, r, "libcrypto does not agree on a secret with the key");
        goto out;
    }
    snprintf(m.key.name, sizeof(m.key.name), "%s", name);
    m.peer = (struct bytes){ der, (size_t)der_len };
    r = ask_derive(c->ask, &m, &theirs, p);
    if (r == 0 && (theirs.len != len || CRYPTO_memcmp(theirs.p, secret, len) != 0))
        r = problem_set(p, LB_E_CRYPTO, "the box agrees on another secret with key '%s'", name);
out:
    ERR_clear_error();
    OPENSSL_cleanse(secret, sizeof(secret));
    OPENSSL_free(der);
    EVP_PKEY_free(other);
    return r;
}

int proof_make(struct client *c, const char *name, uint32_t version, EVP_PKEY *expected, struct problem *p)
{
    const struct key_algorithm *a = key_algorithm_of(expected);

    if (a != NULL && (a->operations & KEY_SIGNS) == 0)
        return proof_derive(c, name, version, expected, p);
    return proof_sign(c, name, version, expected, p);
}
