/* How a key of a box signs a text, and how that signature is verified with its public half. */
#ifndef LB_COMMAND_KEY_SIGNATURE_H
#define LB_COMMAND_KEY_SIGNATURE_H

#include <openssl/evp.h>

#include "base/errors.h"
#include "model/operation.h"
#include "model/scheme.h"

/*
 * Sets scheme, digest and the rest of how in m, for the digest that the caller wants (DIGEST_NONE: that of a test signature); an
 * algorithm that hashes by itself has none, and an RSA-PSS key the one that it is restricted to. LB_E_SCHEME: keys of this
 * type sign nothing, or this one is restricted to what a box does not do.
 */
LB_MUST_USE int key_signature_how(EVP_PKEY *key, enum digest digest, struct sign_request *m, struct problem *p);

/* Ready for EVP_DigestVerify() with what m says. ret_options belongs to it. NULL: libcrypto refuses; its queue says why. */
EVP_MD_CTX *key_signature_verifier(EVP_PKEY *key, const struct sign_request *m, EVP_PKEY_CTX **ret_options);

#endif
