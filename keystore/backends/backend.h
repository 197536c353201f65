/* What a backend is: where the private halves are. Policy, names and states are above it, the same for all. */
#ifndef LB_BACKENDS_BACKEND_H
#define LB_BACKENDS_BACKEND_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "base/errors.h"
#include "model/pkcs11_uri.h"
#include "store/store.h"

/* Of token/object.h and token/token.h: who has no token needs not know them. */
struct p11_name;
struct p11_token;

/*
 * A backend turns a version's record into an EVP_PKEY that can sign, and makes and unmakes the record's material. The
 * record it is given has all metadata filled in (spki too, but for create and import, which fill type, spki and
 * material). Calls come one at a time, but for what is said.
 */
struct backend_ops {
    const char *name;
    /* New key of v->type; sets v->spki, v->material (malloc) and *ret. On failure v has neither, and p the text. */
    int (*create)(void *b, struct version_record *v, const struct grant *grants, size_t n, EVP_PKEY **ret,
                  struct problem *p);
    /*
     * The same from an unencrypted DER PrivateKeyInfo; also sets v->type. NULL: the backend takes no keys. LB_E_VALUE:
     * not a PrivateKeyInfo, or its halves do not belong together; LB_E_KEY_TYPE: of a type that a box does not hold.
     */
    int (*import)(void *b, struct bytes pkcs8, struct version_record *v, const struct grant *grants, size_t n,
                  EVP_PKEY **ret, struct problem *p);
    /*
     * The key of a record; LB_E_DAMAGED when record or material is not as it was made. A destroyed version is checked
     * in the same way, and has no key: 0 with *ret NULL. LB_E_NOMEM: there may be locked memory for it later.
     */
    int (*open)(void *b, const struct version_record *v, const struct grant *grants, size_t n, EVP_PKEY **ret);
    /*
     * Whether record and material are as they were made, without making a key of them: much faster. NULL: only open()
     * tells, and has to be called by one thread at a time; else it may be called by any number of threads.
     */
    int (*check)(void *b, const struct version_record *v, const struct grant *grants, size_t n);
    /*
     * The material of old (with old_grants) bound to the metadata of v instead: v->material is replaced (and freed,
     * unless it is old->material itself). For a changed state or policy. To destroyed: the new material has no key in
     * it, and old need not be whole. LB_E_DAMAGED (old), LB_E_DESTROYED (old is, v is not).
     */
    int (*rebind)(void *b, const struct version_record *old, const struct grant *old_grants, size_t old_n,
                  struct version_record *v, const struct grant *grants, size_t n);
    /*
     * Ends the key itself, where it is elsewhere than in the material, before its record becomes a tombstone. NULL:
     * there is nothing elsewhere. That it is gone already is not a failure.
     */
    int (*destroy)(void *b, const struct version_record *v, const struct grant *grants, size_t n, struct problem *p);
    /*
     * A key that is on the token already, as create() makes one. NULL: there is no token. LB_E_NO_OBJECT, LB_E_AMBIGUOUS.
     */
    int (*attach)(void *b, const struct p11_name *name, struct version_record *v, const struct grant *grants, size_t n,
                  EVP_PKEY **ret, struct problem *p);
    /*
     * What PKCS#11 URIs find. NULL, both, where the keys are on no token: then the box passes for a token of its own
     * name, with objects that are named as its keys are and have no id.
     */
    /*
     * The token that the keys are on: sets what is known of P11_OF_TOKEN in ret, which is zeroed. Called by any number of
     * threads at any time, while the vault's ring is locked: it asks the token nothing and waits for nothing. Of a token
     * that is away, what is configured.
     */
    void (*token_of)(void *b, struct p11uri *ret);
    /* CKA_LABEL and CKA_ID of a key that this backend gave: sets P11_OBJECT and P11_ID in ret, which is zeroed. */
    int (*object_of)(void *b, EVP_PKEY *key, struct p11uri *ret);
};

struct backend_sealed; /* the local sealed store */
extern const struct backend_ops backend_sealed_ops;

/* store_key is copied, and rests shielded (guard/shield.h) from then on. LB_E_NOMEM, LB_E_CRYPTO. */
LB_MUST_USE int backend_sealed_new(const uint8_t store_id[STORE_ID_SIZE], const uint8_t *store_key,
                                   struct backend_sealed **ret);
/* Wipes the store key; NULL is fine. */
void backend_sealed_free(struct backend_sealed *b);
/*
 * Seals and opens the material of a version whose plain text is another backend's: bound to the record in the same way.
 * plain of open has LB_PRIVATE_MAX bytes of secret memory. LB_E_DAMAGED.
 */
LB_MUST_USE int backend_sealed_put(struct backend_sealed *b, struct version_record *v, const struct grant *grants,
                                   size_t n, struct bytes plain);
LB_MUST_USE int backend_sealed_get(struct backend_sealed *b, const struct version_record *v,
                                   const struct grant *grants, size_t n, uint8_t *plain, size_t *ret_len);
/*
 * The store key in the clear, for wrapping it under another seal or for opening many keys in a row: until as many calls
 * of backend_sealed_rest(), which shields it afresh. Owned by b. LB_E_CRYPTO.
 */
LB_MUST_USE int backend_sealed_take(struct backend_sealed *b, const uint8_t **ret);
void backend_sealed_rest(struct backend_sealed *b);
/* The bytes that secret_alloc() locks at most for one backend and so many threads that use it at once. */
size_t backend_sealed_memory(unsigned threads);

/* Keys on a token; the store has, sealed, what the token calls them. Both outlive it. */
struct backend_pkcs11;
extern const struct backend_ops backend_pkcs11_ops;
LB_MUST_USE int backend_pkcs11_new(struct backend_sealed *sealer, struct p11_token *token, struct backend_pkcs11 **ret);
void backend_pkcs11_free(struct backend_pkcs11 *b);
#endif
