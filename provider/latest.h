/* The private key that was loaded last: the certificate that is compared with a key next is most often its own. */
#ifndef LB_LATEST_H
#define LB_LATEST_H

#include "key.h"

/* Remembers k, which stays alive until another key takes its place, or latest_forget(). */
void latest_note(struct key *k);
void latest_forget(struct provctx *prov);

/*
 * For import: if these parameters say just what that key's public half is, k gets that, and libcrypto need not make one of them. It
 * would stay for as long as the certificate. False: they say something else, or not so plainly.
 */
bool latest_import(struct key *k, int selection, const OSSL_PARAM params[]);

#endif
