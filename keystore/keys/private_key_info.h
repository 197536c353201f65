/* DER PrivateKeyInfo (RFC 5208 5): how a private key is sealed, and sent to a box. */
#ifndef LB_KEYS_PRIVATE_KEY_INFO_H
#define LB_KEYS_PRIVATE_KEY_INFO_H

#include <openssl/evp.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

/*
 * Writes a private key into room bytes of secret memory. An EC key has its point with it, as most of libcrypto's have. Keys on
 * named curves and those of RFC 8410 are written from their numbers: libcrypto's own way looks through all encoders of all
 * providers. LB_E_TOO_LONG: *ret_len bytes would be needed. LB_E_CRYPTO: libcrypto does not give out the private half.
 * Thread-safe.
 */
LB_MUST_USE int private_key_info(const EVP_PKEY *key, uint8_t *into, size_t room, size_t *ret_len);

#endif
