/* A private key on a token, and what it does there. Above it stands a provider that makes it an EVP_PKEY. */
#ifndef LB_TOKEN_KEY_H
#define LB_TOKEN_KEY_H

#include <openssl/evp.h>

#include "token/object.h"

enum p11_kind {
    P11_KEY_RSA,
    P11_KEY_EC,
    P11_KEY_ED25519,
    P11_KEY_ED448,
    P11_KEY_X25519,
    P11_KEY_X448,
    P11_KINDS
};

/* Counted references. Any number of threads may use it. The token outlives it. */
struct p11_key;

/*
 * The key of that name with that public half: nothing is asked of the token until it is used. LB_E_VALUE: the public
 * half is none that a token's key may have.
 */
LB_MUST_USE int p11_key_new(struct p11_token *t, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                            struct p11_key **ret);
struct p11_key *p11_key_ref(struct p11_key *k);
void p11_key_unref(struct p11_key *k); /* NULL is fine */

enum p11_kind p11_key_kind(const struct p11_key *k);
const struct p11_name *p11_key_name(const struct p11_key *k);
/* Of the default provider. Owned by k. */
EVP_PKEY *p11_key_public(const struct p11_key *k);

/*
 * C_SignInit and C_Sign. What comes out has exactly len bytes, or it is a failure. LB_E_SCHEME: the token does not list
 * the mechanism, and was not asked; or the key is not for it.
 */
LB_MUST_USE int p11_key_sign(struct p11_key *k, CK_MECHANISM *m, struct bytes in, uint8_t *out, size_t len,
                             struct problem *p);
/*
 * C_DecryptInit and C_Decrypt. LB_E_CRYPTO: the token took it and found nothing in it; whatever it found wrong, and
 * whichever way it says so, the same calls are made. Other failures are of the token. LB_E_SCHEME: the token does not
 * list the mechanism, and was not asked; or the key is not for it.
 */
LB_MUST_USE int p11_key_decrypt(struct p11_key *k, CK_MECHANISM *m, struct bytes in, uint8_t *out, size_t size,
                                size_t *ret_len, struct problem *p);
/* C_DeriveKey with a point of the key's curve; the secret has exactly len bytes. */
LB_MUST_USE int p11_key_derive(struct p11_key *k, struct bytes point, uint8_t *out, size_t len, struct problem *p);

/*
 * An EVP_PKEY for k (which gets a reference of its own): of a provider inside this process and a library context of its
 * own, where a module that uses libcrypto itself never meets it. It signs, decrypts and derives; a failure leaves an
 * error of ERR_LIB_USER on the queue, reason -LB_E_*, data "text\nhint". NULL: libcrypto failed.
 */
EVP_PKEY *p11_evp(struct p11_key *k);
/* The key behind such an EVP_PKEY, as long as that lives; NULL: it is another one. */
const struct p11_key *p11_evp_key(EVP_PKEY *key);

#endif
