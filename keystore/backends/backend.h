/* What a backend is: where the private halves are. Policy, names and states are above it, the same for all. */
#ifndef LB_BACKENDS_BACKEND_H
#define LB_BACKENDS_BACKEND_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "base/errors.h"
#include "model/pkcs11_uri.h"
#include "store/record.h"

/* The calls about the site, which is there also while the store is locked (backends/site.h). */
struct site_ops;

/*
 * A backend turns a version's record into an EVP_PKEY that can sign, and makes and unmakes the record's material. v is one
 * of the versions of k. All that is bound to the material is in these two (store/bound.h). v has all metadata filled in
 * (spki too, but for create, import and attach, which fill type, spki and material). Calls come one at a time, unless a
 * call says otherwise. Every backend has every call: a call with nothing to do does nothing, and a call that the backend
 * cannot do says so.
 */
struct backend_ops {
    const char *name;
    const struct site_ops *site;
    /* The private half is not in the material but elsewhere. Once it is destroyed there, nothing of it can be kept here. */
    bool elsewhere;
    /*
     * True: a key is opened once, when the store is, and stays open as long; only open() tells that its record is whole.
     * False: a key is opened when it is used, by any thread; check() tells that its record is whole.
     */
    bool stays_open;
    /*
     * What the objects are called that PKCS#11 URIs find. True: as the token calls them (object_of()); known of open keys
     * only. False: as the keys are called; always known, and the objects have no id.
     */
    bool own_objects;
    /*
     * New key of v->type. Sets v->spki, v->material (malloc) and *ret. On failure v has neither spki nor material, and p
     * has the text.
     */
    int (*create)(void *b, const struct key_record *k, struct version_record *v, EVP_PKEY **ret, struct problem *p);
    /*
     * The same from an unencrypted DER PrivateKeyInfo; also sets v->type. LB_E_VALUE: not a PrivateKeyInfo, or its halves
     * do not belong together; LB_E_KEY_TYPE: of a type that a box does not hold.
     */
    int (*import)(void *b, struct bytes pkcs8, const struct key_record *k, struct version_record *v, EVP_PKEY **ret,
                  struct problem *p);
    /*
     * The key of a record. LB_E_DAMAGED: record or material is not as it was made. LB_E_NOMEM: later there may be locked
     * memory for it. A destroyed version is checked in the same way, and has no key: 0 with *ret NULL.
     */
    int (*open)(void *b, const struct key_record *k, const struct version_record *v, EVP_PKEY **ret);
    /* Checks that record and material are as they were made, and makes no key of them: much faster. Any thread. */
    int (*check)(void *b, const struct key_record *k, const struct version_record *v);
    /*
     * Binds the material of old (a version of old_key) to the metadata of v (of k), for a changed state or policy. Replaces
     * v->material (and frees it, unless it is old->material itself). If v is destroyed, the new material has no key in it,
     * and old need not be whole. LB_E_DAMAGED: old is. LB_E_DESTROYED: old is, v is not.
     */
    int (*rebind)(void *b, const struct key_record *old_key, const struct version_record *old,
                  const struct key_record *k, struct version_record *v);
    /* Ends a key that is elsewhere, before its record becomes a tombstone. A key that is gone already is no failure. */
    int (*destroy)(void *b, const struct key_record *k, const struct version_record *v, struct problem *p);
    /*
     * Makes a version, as create() does, of a key that is on the token already. id and label are its CKA_ID and CKA_LABEL,
     * at most P11_VALUE_MAX bytes each; either may be empty. LB_E_UNSUPPORTED: no token; LB_E_NO_OBJECT, LB_E_AMBIGUOUS.
     */
    int (*attach)(void *b, struct bytes id, struct bytes label, const struct key_record *k, struct version_record *v,
                  EVP_PKEY **ret, struct problem *p);
    /*
     * The token that the keys of this box are on, for PKCS#11 URIs: sets what is known of P11_OF_TOKEN in ret, which is
     * zeroed. A box without a token passes for a token of its own name. b NULL: the store is locked. Any number of threads
     * call it at any time, while the vault's ring is locked: so it asks the token nothing and waits for nothing. Of a token
     * that is away, it tells what is configured.
     */
    void (*token_of)(void *b, const char *box, struct p11uri *ret);
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
 * Seals and opens a version's material whose plain text is another backend's. The material is bound to the record in the
 * same way. plain of open has LB_PRIVATE_MAX bytes of secret memory. LB_E_DAMAGED.
 */
LB_MUST_USE int backend_sealed_put(struct backend_sealed *b, const struct key_record *k, struct version_record *v,
                                   struct bytes plain);
LB_MUST_USE int backend_sealed_get(struct backend_sealed *b, const struct key_record *k, const struct version_record *v,
                                   uint8_t *plain, size_t *ret_len);
/*
 * The store key in the clear, for wrapping it under another seal or for opening many keys in a row. It stays in the clear
 * until as many calls of backend_sealed_rest(), which shields it afresh. Owned by b. LB_E_CRYPTO.
 */
LB_MUST_USE int backend_sealed_take(struct backend_sealed *b, const uint8_t **ret);
void backend_sealed_rest(struct backend_sealed *b);
/* The most bytes that secret_alloc() locks for one backend that so many threads use at once. */
size_t backend_sealed_memory(unsigned threads);

/* The keys are on a token; what the token calls them is in the store, sealed. */
extern const struct backend_ops backend_pkcs11_ops;

#endif
