/* The private key that was loaded last: the certificate that is compared with a key next is most often its own. */
#ifndef LB_LATEST_H
#define LB_LATEST_H

#include "key.h"

/* Remembers k, which stays alive until another key takes its place, or latest_forget(). */
void latest_note(struct key *k);
void latest_forget(struct provctx *prov);

/*
 * The public half of that key, for import, if these parameters say just the same: then the two keys share it, which saves a copy
 * for each certificate of a server with thousands. The caller's reference; NULL: they say something else, or not so plainly.
 */
EVP_PKEY *latest_public(struct provctx *prov, const struct alg *alg, int selection, const OSSL_PARAM params[]);

#endif
