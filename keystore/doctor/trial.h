/* doctor: loads one handle and signs with it. All of this calls the provider, so only a process that may crash does it. */
#ifndef LB_DOCTOR_TRIAL_H
#define LB_DOCTOR_TRIAL_H

#include <openssl/evp.h>

#include "base/errors.h"
#include "command/key_decoders.h"
#include "doctor/probed.h"

#define TRIAL_PROVIDER "littlebox"

/* Sets p to what, and to the most telling error of OpenSSL's queue, which is empty then. Returns code. */
int trial_problem(struct problem *p, int code, const char *what);

/* Where handles are tried. */
struct trial {
    OSSL_LIB_CTX *ctx;              /* with openssl.cnf, and so with the provider */
    OSSL_LIB_CTX *other;            /* of the other end of a connection: the default provider alone */
    struct key_decoders *decoders;  /* of ctx, for many files; NULL: each is loaded in OpenSSL's own way */
};

/*
 * Loads a handle, a URI or a file. *ret is the caller's; NULL on failure. ret_public: the public half of what was loaded, also of
 * a plain key; its len stays 0 if that is not to be had. LB_E_NO_KEY: nothing loads. LB_E_UNSUPPORTED: it is a key and no handle.
 */
LB_MUST_USE int trial_load(const struct trial *t, const char *handle, EVP_PKEY **ret, struct doctor_public *ret_public,
                           struct problem *p);

/*
 * Makes a signature that verifies with public, or agrees on a secret. p's text becomes what was tried, "signature" or "key
 * agreement". LB_E_CRYPTO.
 */
LB_MUST_USE int trial_use(const struct trial *t, EVP_PKEY *key, const struct doctor_public *public, struct problem *p);

#endif
