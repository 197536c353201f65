/* A private key on a token, and what it does there. Above it stands a provider that makes it an EVP_PKEY. */
#ifndef LB_TOKEN_KEY_H
#define LB_TOKEN_KEY_H

#include <openssl/evp.h>

#include "model/key_types.h"
#include "token/object.h"

/* Counted references. Any number of threads may use it. The token outlives it. */
struct p11_key;

/*
 * The key of that name with that public half. The token is not asked until the key is used. LB_E_VALUE: a token has no
 * keys with such a public half.
 */
LB_MUST_USE int p11_key_new(struct p11_token *t, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                            struct p11_key **ret);
struct p11_key *p11_key_ref(struct p11_key *k);
void p11_key_unref(struct p11_key *k); /* NULL is fine */

const struct key_algorithm *p11_key_algorithm(const struct p11_key *k);
const struct p11_name *p11_key_name(const struct p11_key *k);
/* The public half, a key of the default provider. Owned by k. */
EVP_PKEY *p11_key_public(const struct p11_key *k);

/*
 * C_SignInit and C_Sign. A signature that has not exactly len bytes is a failure. LB_E_SCHEME: the token does not list the
 * mechanism, and was not asked; or the key is not for it.
 */
LB_MUST_USE int p11_key_sign(struct p11_key *k, CK_MECHANISM *m, struct bytes in, uint8_t *out, size_t len,
                             struct problem *p);
/*
 * C_DecryptInit and C_Decrypt. LB_E_CRYPTO: the token took the ciphertext and found nothing in it. The same calls are made
 * whatever the token found wrong, and however it says so. LB_E_SCHEME: the token does not list the mechanism, and was not
 * asked; or the key is not for it. Other failures are the token's.
 */
LB_MUST_USE int p11_key_decrypt(struct p11_key *k, CK_MECHANISM *m, struct bytes in, uint8_t *out, size_t size,
                                size_t *ret_len, struct problem *p);
/* C_DeriveKey with a point of the key's curve; the secret has exactly len bytes. */
LB_MUST_USE int p11_key_derive(struct p11_key *k, struct bytes point, uint8_t *out, size_t len, struct problem *p);

/*
 * An EVP_PKEY for k, which signs, decrypts and derives; it takes a reference. It is of a provider inside this process, in a
 * library context of its own: a module that uses libcrypto itself never meets it. A failure leaves an error of ERR_LIB_USER
 * on the queue, reason -LB_E_*, data "text\nhint". NULL: libcrypto failed.
 */
EVP_PKEY *p11_evp(struct p11_key *k);
/* The key behind such an EVP_PKEY, for as long as that lives. NULL: it is another EVP_PKEY. */
const struct p11_key *p11_evp_key(EVP_PKEY *key);

#endif
