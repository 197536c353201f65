/* Key objects: where a private key is, and its public half. */
#ifndef LB_KEY_H
#define LB_KEY_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "model/uri.h"
#include "model/vocabulary.h"
#include "alg.h"

struct box;
struct provctx;

/* The restrictions that an RSA-PSS key carries in its AlgorithmIdentifier (RFC 4055 3.1); digests are enum digest. */
struct pss_limits {
    bool restricted;
    unsigned digest, mgf1_digest;
    int salt_min;
};

/*
 * What EVP_PKEY's keydata is. Counted references; not changed any more once it is shared, so it is read without locks.
 * EVP_PKEY_set_params(3) is the exception, which libcrypto forbids while others use the key, and reaches half alone; and half is
 * made late.
 * A key that is not private has no place in any box: it came out of an import, or the caller asked for the public half
 * alone.
 */
struct key {
    _Atomic int refs;
    struct provctx *prov;
    const struct alg *alg;
    _Atomic(EVP_PKEY *) half; /* key_public(); NULL: nobody has asked for it yet, or the key is empty */
    bool has_public;    /* false: domain parameters only */
    bool is_private;    /* the rest is for private keys only */
    struct key_uri uri; /* as it was asked for */
    struct box *box;    /* lives as long as prov */
    struct key_ref ref; /* what requests say; the hash pins the public key */
    uint8_t *spki;      /* DER SubjectPublicKeyInfo as the box keeps it; of an imported key, NULL: it is in half alone */
    size_t spki_len;
    const char *group;  /* of spki, as libcrypto names the curve; NULL: there is none */
    int security_bits, category; /* of spki; category -1: libcrypto does not say one */
    struct pss_limits pss; /* RSA-PSS */
    int signature_size, bits;
};

/* An empty key of that row, for import. NULL: out of memory, on the queue. */
struct key *key_new(struct provctx *prov, const struct alg *alg);

/*
 * The key that a URI names and whose SubjectPublicKeyInfo is known (copied). Asks the box nothing. With is_private
 * false, its public half alone. LB_E_KEY_TYPE, LB_E_VALUE, LB_E_NOMEM and what provider_box() says; p has the text.
 */
LB_MUST_USE int key_from_spki(struct provctx *prov, const struct key_uri *uri, const uint8_t *spki, size_t spki_len,
                              bool is_private, struct key **ret, struct problem *p);

/* The same with the public half from the box. */
LB_MUST_USE int key_from_box(struct provctx *prov, const struct key_uri *uri, bool is_private, struct key **ret,
                             struct problem *p);

/*
 * The public half, or the parameters: of `default`, in prov->libctx. The key's own. Most servers never ask for it, and it takes 2 KiB
 * on a curve: so it is made when it is asked for, by any thread. NULL: the key is empty, or there is no memory.
 */
EVP_PKEY *key_public(const struct key *k);
/* True until import. */
bool key_is_empty(const struct key *k);
/* Answers from what was noted when the key was made. False: more is asked than that; ask key_public(). */
bool key_knows_params(const struct key *k, OSSL_PARAM params[], int *ret);
/* Takes over what is known of another key's public half, for a key that is empty. False: out of memory. */
bool key_copy_public(struct key *k, const struct key *from);

struct key *key_ref(struct key *k);
/*
 * A copy that shares nothing with k but its box: of the selected parts (OSSL_KEYMGMT_SELECT_*), the place of the
 * private half included. NULL: libcrypto has the error on its queue.
 */
struct key *key_dup(const struct key *k, int selection);
/* NULL is fine. */
void key_unref(struct key *k);

#endif
