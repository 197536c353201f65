/* What a backend is: where the private halves are. Policy, names and states are above it, the same for all. */
#ifndef LB_BACKENDS_BACKEND_H
#define LB_BACKENDS_BACKEND_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "base/errors.h"
#include "model/pkcs11_uri.h"
#include "store/record.h"

/* What is there also while the store is locked (backends/site.h). */
struct site_ops;

/*
 * A backend turns a version's record into an EVP_PKEY that can sign, and makes and unmakes the record's material. v is one
 * of the versions of k, and all that is bound to it is in these two (store/bound.h). It has all metadata filled in (spki
 * too, but for create, import and attach, which fill type, spki and material). Calls come one at a time, but for what is
 * said. Every backend has every call: one that has nothing to do does nothing, one that cannot says so.
 */
struct backend_ops {
    const char *name;
    const struct site_ops *site;
    /* The private half itself is elsewhere than in the material: once it is destroyed nothing of it can be kept here. */
    bool elsewhere;
    /*
     * A key is opened when the store is, once, and stays open as long: only open() tells that a record is whole. Else it
     * is opened when it is used, by any thread, and check() tells.
     */
    bool stays_open;
    /*
     * What the objects are called that PKCS#11 URIs find. True: as the token calls them (object_of()), known of what is
     * open. False: as the keys are called, always, and they have no id.
     */
    bool own_objects;
    /* New key of v->type; sets v->spki, v->material (malloc) and *ret. On failure v has neither, and p the text. */
    int (*create)(void *b, const struct key_record *k, struct version_record *v, EVP_PKEY **ret, struct problem *p);
    /*
     * The same from an unencrypted DER PrivateKeyInfo; also sets v->type. LB_E_VALUE: not a PrivateKeyInfo, or its halves
     * do not belong together; LB_E_KEY_TYPE: of a type that a box does not hold.
     */
    int (*import)(void *b, struct bytes pkcs8, const struct key_record *k, struct version_record *v, EVP_PKEY **ret,
                  struct problem *p);
    /*
     * The key of a record; LB_E_DAMAGED when record or material is not as it was made. A destroyed version is checked
     * in the same way, and has no key: 0 with *ret NULL. LB_E_NOMEM: there may be locked memory for it later.
     */
    int (*open)(void *b, const struct key_record *k, const struct version_record *v, EVP_PKEY **ret);
    /* Whether record and material are as they were made, without making a key of them: much faster. Any thread. */
    int (*check)(void *b, const struct key_record *k, const struct version_record *v);
    /*
     * The material of old (a version of old_key) bound to the metadata of v (of k) instead: v->material is replaced (and
     * freed, unless it is old->material itself). For a changed state or policy. To destroyed: the new material has no key
     * in it, and old need not be whole. LB_E_DAMAGED (old), LB_E_DESTROYED (old is, v is not).
     */
    int (*rebind)(void *b, const struct key_record *old_key, const struct version_record *old,
                  const struct key_record *k, struct version_record *v);
    /*
     * Ends the key itself, where it is elsewhere, before its record becomes a tombstone. That it is gone already is not a
     * failure.
     */
    int (*destroy)(void *b, const struct key_record *k, const struct version_record *v, struct problem *p);
    /*
     * A key that is on the token already, as create() makes one: by its CKA_ID and CKA_LABEL, at most P11_VALUE_MAX bytes
     * each, either may be empty. LB_E_UNSUPPORTED: no token; LB_E_NO_OBJECT, LB_E_AMBIGUOUS.
     */
    int (*attach)(void *b, struct bytes id, struct bytes label, const struct key_record *k, struct version_record *v,
                  EVP_PKEY **ret, struct problem *p);
    /*
     * The token that the keys of this box are on, for PKCS#11 URIs: sets what is known of P11_OF_TOKEN in ret, which is
     * zeroed. A box without a token passes for one of its own name. b NULL: the store is locked. Called by any number of
     * threads at any time, while the vault's ring is locked: it asks the token nothing and waits for nothing. Of a token
     * that is away, what is configured.
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
 * Seals and opens the material of a version whose plain text is another backend's: bound to the record in the same way.
 * plain of open has LB_PRIVATE_MAX bytes of secret memory. LB_E_DAMAGED.
 */
LB_MUST_USE int backend_sealed_put(struct backend_sealed *b, const struct key_record *k, struct version_record *v,
                                   struct bytes plain);
LB_MUST_USE int backend_sealed_get(struct backend_sealed *b, const struct key_record *k, const struct version_record *v,
                                   uint8_t *plain, size_t *ret_len);
/*
 * The store key in the clear, for wrapping it under another seal or for opening many keys in a row: until as many calls
 * of backend_sealed_rest(), which shields it afresh. Owned by b. LB_E_CRYPTO.
 */
LB_MUST_USE int backend_sealed_take(struct backend_sealed *b, const uint8_t **ret);
void backend_sealed_rest(struct backend_sealed *b);
/* The bytes that secret_alloc() locks at most for one backend and so many threads that use it at once. */
size_t backend_sealed_memory(unsigned threads);

/* Keys on a token; the store has, sealed, what the token calls them. */
extern const struct backend_ops backend_pkcs11_ops;

#endif
