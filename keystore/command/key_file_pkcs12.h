/* The private key in a PKCS#12 file (RFC 7292). */
#ifndef LB_COMMAND_KEY_FILE_PKCS12_H
#define LB_COMMAND_KEY_FILE_PKCS12_H

#include <openssl/evp.h>
#include <openssl/pkcs12.h>

#include "base/errors.h"

/*
 * Opens p12 with the passphrase (NULL: none, which is not the same as an empty one), counts its keys, and gives the key
 * if there is one exactly. LB_E_SECRET: not the passphrase. LB_E_VALUE: it cannot be read.
 */
LB_MUST_USE int pkcs12_key(PKCS12 *p12, const char *pass, int pass_len, unsigned *ret_keys, EVP_PKEY **ret);

#endif
