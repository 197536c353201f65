/* What a caller says of the key that it wants, from OSSL_PARAMs to the type's name that the box knows. */
#ifndef LB_GENOPTS_H
#define LB_GENOPTS_H

#include <openssl/evp.h>
#include <stdbool.h>

#include "model/limits.h"
#include "model/uri.h"
#include "alg.h"
#include "key.h"
#include "provider.h"

/* The option that names the key: a key URI without a version. */
#define GENOPT_URI LB_URI_SCHEME "_uri"

struct genopts {
    struct provctx *prov;
    const struct alg *alg;
    bool is_named;
    struct key_uri uri; /* if is_named */
    EVP_PKEY *group;    /* domain parameters, of `default` in prov->libctx; NULL: none chosen yet */
    size_t bits;        /* RSA */
    unsigned digest;    /* restrictions of RSA-PSS: enum digest, 0 for none; salt -1 for none */
    unsigned mgf1_digest;
    int salt;
};

void genopts_init(struct genopts *g, struct provctx *prov, const struct alg *alg);
void genopts_clear(struct genopts *g);

/* The rest returns 1, or 0 with the reason on the queue. */

/* Each parameter must be one that the type has, with a value that a box can do. NULL is fine. */
int genopts_set(struct genopts *g, const OSSL_PARAM params[]);
const OSSL_PARAM *genopts_settable(const struct alg *alg);
/* The domain parameters of another key, or of such parameters alone, where the type has any. */
int genopts_take_parameters(struct genopts *g, const struct key *from);
/* The type as a box calls it (model/key_types.h). Which types there are is the box's to decide: it is the box that refuses
 * "rsa:1024". */
int genopts_type(const struct genopts *g, char ret[LB_TYPE_MAX + 1]);

/* Have public keys of that type this parameter? That tells which options the type has; NULL: yes. */
bool genopts_has(const struct alg *alg, const char *with);

#endif
