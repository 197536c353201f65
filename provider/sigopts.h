/* The options of a signature: from OSSL_PARAM and back, checked against the key. */
#ifndef LB_SIGOPTS_H
#define LB_SIGOPTS_H

#include <openssl/core.h>
#include <stdbool.h>

#include "model/limits.h"
#include "model/operation.h"
#include "key.h"
#include "sigalg.h"

struct sigopts {
    unsigned scheme;      /* enum scheme, following the padding */
    unsigned digest;      /* enum digest; DIGEST_NONE: not said yet */
    unsigned mgf1_digest; /* DIGEST_NONE: the same as digest */
    int salt;             /* bytes, or RSA_PSS_SALTLEN_* */
    bool digest_fixed;    /* the digest is part of the operation (EVP_DigestSign) and was set when it began */
    bool all_fixed;       /* the scheme too: a named algorithm (sigalg.h) */
    bool instance_fixed;  /* a message operation: the variant of RFC 8032 is in the algorithm's name */
    uint8_t flags;        /* enum sign_flag */
    uint8_t context_len;
    uint8_t context[LB_CONTEXT_MAX];
};

/* What a key begins with, under a named algorithm or none (NULL); nothing is asked of anybody. */
void sigopts_init(const struct key *k, const struct sigalg *fixed, struct sigopts *ret);

/* The digest by name, "" or NULL: none said. 1, or 0 with an error on the queue, as all that follow. */
int sigopts_set_digest(const struct key *k, struct sigopts *o, const char *name);
/* An option that the key's type does not have is refused, an option of an unknown name too: it might matter. */
int sigopts_set(const struct key *k, struct sigopts *o, const OSSL_PARAM params[]);
/* Everything but the algorithm identifier. */
int sigopts_get(const struct key *k, const struct sigopts *o, OSSL_PARAM params[]);
const OSSL_PARAM *sigopts_settable(const struct key *k, const struct sigopts *o);
const OSSL_PARAM *sigopts_gettable(const struct key *k);

/*
 * Fills scheme, digests and salt of a request, where all forms of a salt length become a number. Refuses what the key's
 * own restrictions forbid, and a PSS salt for which the key is too small.
 */
int sigopts_to_request(const struct key *k, const struct sigopts *o, struct sign_request *ret);

/*
 * The same options for a context of `default` on the public half: at most SIGOPTS_PARAMS, pointing into o and into
 * storage.
 */
#define SIGOPTS_PARAMS 5
struct sigopts_storage {
    const char *padding;
    int salt;
};
int sigopts_to_params(const struct key *k, const struct sigopts *o, struct sigopts_storage *storage,
                      OSSL_PARAM ret[SIGOPTS_PARAMS]);

#endif
