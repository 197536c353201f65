/* The proof that a box can use a key, and that it is the key one thinks it is. */
#ifndef LB_COMMAND_KEY_PROOF_H
#define LB_COMMAND_KEY_PROOF_H

#include <openssl/evp.h>

#include "command/client.h"

/*
 * Lets the box sign random data with that version, and verifies the signature with expected; its public half is enough. A
 * key that only agrees on secrets must agree with a fresh key on the same secret as expected does. LB_E_CRYPTO: the proof
 * failed. Else the box's refusal.
 */
LB_MUST_USE int proof_make(struct client *c, const char *name, uint32_t version, EVP_PKEY *expected,
                           struct problem *p);

#endif
