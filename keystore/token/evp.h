/* What the files of the token's provider share. */
#ifndef LB_TOKEN_EVP_H
#define LB_TOKEN_EVP_H

#include <openssl/core_dispatch.h>

#include "token/key.h"

/* EVP_PKEY's keydata: a key on the token, or a public half that another provider brought, for key agreement. */
struct p11_keydata {
    struct p11_key *key; /* NULL: a public half alone */
    EVP_PKEY *pub;       /* of the default provider; owned */
    const struct key_algorithm *algorithm;
};

/* Puts a problem on libcrypto's queue, in the form that token/key.h names; returns 0. */
int p11_evp_failed(const struct problem *p);
/* Cryptoki's names of a digest of libcrypto: hash and MGF1. False: it has none. */
bool p11_evp_digest(const char *name, CK_MECHANISM_TYPE *ret_hash, CK_RSA_PKCS_MGF_TYPE *ret_mgf);
/*
 * The block that raw RSA makes a PSS signature of: hash, which is digest's, padded with a new salt; as many bytes as pub has.
 * False: it does not fit, with libcrypto's error on the queue.
 */
LB_MUST_USE bool p11_pss_pad(EVP_PKEY *pub, const char *digest, const char *mgf1, size_t salt_len, struct bytes hash,
                             uint8_t *out);

/*
 * The same for RFC 8017 7.2.2, of blocks that raw RSA made of a ciphertext; as many bytes as pub has, block and out.
 *
 * The length of the text, or -1: in constant time, text and error queue included.
 */
int p11_unpad_length(struct bytes block, uint8_t *out);
/*
 * Takes the padding off as libcrypto does when it decrypts. If libcrypto rejects implicitly (3.2 and later), there is a
 * text in any case. False: the padding is bad. The time that this takes depends on the block only by its leading zeros.
 */
LB_MUST_USE bool p11_unpad(EVP_PKEY *pub, struct bytes block, uint8_t *out, size_t *len);

extern const OSSL_DISPATCH p11_rsa_signature[], p11_ecdsa_signature[], p11_eddsa_signature[], p11_rsa_cipher[],
    p11_ecdh_exchange[];

#endif
