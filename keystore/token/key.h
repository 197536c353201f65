/* A private key on a token, and what it does there. Above it stands a provider that makes it an EVP_PKEY. */
#ifndef LB_TOKEN_KEY_H
#define LB_TOKEN_KEY_H

#include <openssl/evp.h>

#include "model/key_types.h"
#include "token/object.h"

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

const struct key_algorithm *p11_key_algorithm(const struct p11_key *k);
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

/* Generating and importing: token/make.c. Destroying: token/destroy.c */

/*
 * What came to nothing after p11_make() or p11_import(), which do this themselves where they fail: both objects go, whatever
 * they are. What cannot be taken away is named in the log and in p's hint; its text and code stay.
 */
void p11_discard(struct p11_token *t, const struct p11_name *name, struct problem *p);
/*
 * The same inside a work of p11_do(). Every private and public object of that name: it has a new random id, so all of them are
 * of the one that was begun. By the name alone, since the public half is what may be wrong.
 */
CK_RV p11_discard_now(struct p11_session *s, const struct p11_name *name);

/* A new pair of that type (model/key_types.h) with a new id and this label. LB_E_KEY_TYPE: the token cannot, or not that type. */
LB_MUST_USE int p11_make(struct p11_token *t, const char *type, const char *label, struct p11_name *ret_name,
                         uint8_t **ret_spki, size_t *ret_len, struct problem *p);
/* Brings a key in. LB_E_UNSUPPORTED: the token takes none. */
LB_MUST_USE int p11_import(struct p11_token *t, EVP_PKEY *key, const char *label, struct p11_name *ret_name,
                           struct problem *p);
/*
 * Destroys the private object and the public one of the same id, and looks for it in a new connection. It not being there any
 * more is not a failure. LB_E_TOKEN: it is still there.
 */
LB_MUST_USE int p11_destroy(struct p11_token *t, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                            struct problem *p);

#endif
