/* What a private key looks like in a text for people. */
#ifndef LB_KEYTEXT_H
#define LB_KEYTEXT_H

#include <openssl/bio.h>

#include "key.h"

/*
 * Says where the key is: URI, box, name, version, state and type, one a line; its public half is not in it. Version,
 * state and type are asked of the box; if it does not answer, the text says so. LB_E_NOMEM.
 */
LB_MUST_USE int keytext_print(const struct key *k, BIO *out);

#endif
