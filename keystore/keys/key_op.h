/* What a private key does, through EVP: sign, decrypt, derive. One path for every backend. */
#ifndef LB_KEYS_KEY_OP_H
#define LB_KEYS_KEY_OP_H

#include <openssl/evp.h>

#include "base/errors.h"
#include "model/operation.h"
#include "model/pkcs11_uri.h"

/*
 * A private key that is ready to work: the EVP_PKEY and a pool of contexts that were set up for the schemes it was
 * asked for. Counted references; the last one wipes it. Any number of threads may use it at once.
 */
struct livekey;

/* Fetches every digest once. Before any other function here, once a process. LB_E_CRYPTO. */
LB_MUST_USE int keyop_setup(void);

/* Takes over key. NULL: out of memory (key is freed then). */
struct livekey *livekey_new(EVP_PKEY *key);
struct livekey *livekey_ref(struct livekey *k);
void livekey_unref(struct livekey *k); /* NULL is fine */

/* What the token calls a key: CKA_LABEL and CKA_ID. */
struct token_object {
    struct p11_value label, id;
};
/* Notes P11_OBJECT and P11_ID of u with a key that nobody else knows yet. LB_E_NOMEM. */
LB_MUST_USE int livekey_set_object(struct livekey *k, const struct p11uri *u);
/* NULL: the key is on no token. Lives as long as k. */
const struct token_object *livekey_object(const struct livekey *k);

/*
 * Signs as m says; the text of INPUT_FILE is in m->data, as long as it may be. sig has room for size bytes,
 * LB_SIGNATURE_MAX is always enough. LB_E_SCHEME with the reason in p when the key does not do that (wrong type, digest
 * of another length, restricted RSA-PSS key, a scheme that this libcrypto does not have); LB_E_CRYPTO.
 */
LB_MUST_USE int keyop_sign(struct livekey *k, const struct sign_request *m, uint8_t *sig, size_t size, size_t *ret_len,
                           struct problem *p);

/*
 * Decrypts and unpads; plain is secret memory of size bytes, LB_CIPHERTEXT_MAX is always enough. LB_E_SCHEME with the
 * reason in p when the key does not do that; LB_E_CRYPTO, with the same words whatever is wrong with the ciphertext.
 * For PADDING_TLS nothing that the client padded is wrong: there are LB_TLS_PREMASTER bytes, random ones if need be,
 * made in constant time. For PADDING_PKCS1 the same holds where libcrypto rejects implicitly (3.2 and later).
 */
LB_MUST_USE int keyop_decrypt(struct livekey *k, const struct decrypt_request *m, uint8_t *plain, size_t size,
                              size_t *ret_len, struct problem *p);

/*
 * The shared secret of the key and a peer's, as it is, without a KDF (NIST SP 800-56A 5.7.1.2, RFC 7748 5); shared is
 * secret memory of size bytes, LB_SHARED_MAX is always enough. LB_E_SCHEME: the key does not do that, or the peer's is
 * on another curve, on none, at infinity, or gives no secret (all zero).
 */
LB_MUST_USE int keyop_derive(struct livekey *k, const struct derive_request *m, uint8_t *shared, size_t size,
                             size_t *ret_len, struct problem *p);

/*
 * The problem that a backend's own provider left on libcrypto's queue (token/key.h), which is empty afterwards. False:
 * there is none, and the queue is as it was. For whoever calls libcrypto with such a key without the functions above.
 */
bool keyop_backend_problem(struct problem *p);

#endif
