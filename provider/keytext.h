/* What a private key looks like in a text for people. */
#ifndef LB_KEYTEXT_H
#define LB_KEYTEXT_H

#include <openssl/bio.h>

#include "key.h"

/*
 * Says where the key is: URI, box, name, version, state and type, one a line. Version, state and type are asked of the box;
 * if it does not answer, the text says so. Then the public half, as `default` prints it in the text of a private key:
 * programs look for "modulus:" and "publicExponent:" there (acme-tiny, dehydrated, acme.sh). LB_E_NOMEM.
 */
LB_MUST_USE int keytext_print(const struct key *k, BIO *out);

#endif
