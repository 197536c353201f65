/* A signature operation of a caller: what signature.c (signing), sigverify.c and sigtables.c (dispatch tables) share. */
#ifndef LB_SIGNATURE_H
#define LB_SIGNATURE_H

#include <openssl/core_dispatch.h>
#include <openssl/evp.h>
#include <stdbool.h>

#include "key.h"
#include "sigalg.h"
#include "sigopts.h"

/* A text that comes in pieces, for schemes that sign it whole. */
struct text {
    uint8_t *p;
    size_t len, size;
};

/*
 * While it signs, opts say how, and hash or text is there once the caller gave text in pieces. While it verifies, the
 * public half's own context does everything: check for a digest that the caller computed and for messages, hash for
 * EVP_DigestVerify.
 */
struct signature {
    struct provctx *prov;
    const struct sigalg *fixed; /* NULL: scheme and digest are the caller's choice */
    struct key *key;
    bool verifies;
    bool message;               /* what sign() and verify() get is a text */
    struct sigopts opts;
    EVP_MD_CTX *hash;
    struct text text;
    EVP_PKEY_CTX *check;        /* part of hash, or its own */
    bool check_owned;
};

/* NULL with an error on the queue. */
struct signature *signature_new(struct provctx *prov, const struct sigalg *fixed);
/* Sets the key of a new operation (NULL: that of the one before) and forgets what the last one left. 1 or 0. */
int signature_begin(struct signature *s, struct key *key, bool verifies, bool message);

/* Signing */
OSSL_FUNC_signature_newctx_fn signature_newctx;
OSSL_FUNC_signature_freectx_fn signature_freectx;
OSSL_FUNC_signature_dupctx_fn signature_dupctx;
OSSL_FUNC_signature_sign_init_fn signature_sign_init, signature_sign_message_init;
OSSL_FUNC_signature_sign_fn signature_sign;
OSSL_FUNC_signature_digest_sign_init_fn signature_digest_sign_init;
OSSL_FUNC_signature_digest_sign_update_fn signature_sign_update;
OSSL_FUNC_signature_digest_sign_final_fn signature_sign_final;
OSSL_FUNC_signature_digest_sign_fn signature_digest_sign;

/* Verifying */
OSSL_FUNC_signature_verify_init_fn signature_verify_init;
OSSL_FUNC_signature_verify_fn signature_verify;
OSSL_FUNC_signature_verify_recover_init_fn signature_verify_recover_init;
OSSL_FUNC_signature_verify_recover_fn signature_verify_recover;
OSSL_FUNC_signature_digest_verify_init_fn signature_digest_verify_init;
OSSL_FUNC_signature_digest_verify_update_fn signature_digest_verify_update;
OSSL_FUNC_signature_digest_verify_final_fn signature_digest_verify_final;
OSSL_FUNC_signature_digest_verify_fn signature_digest_verify;
#ifdef OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT
OSSL_FUNC_signature_verify_message_init_fn signature_verify_message_init;
OSSL_FUNC_signature_verify_message_update_fn signature_verify_message_update;
OSSL_FUNC_signature_verify_message_final_fn signature_verify_message_final;
#endif

/* Options; those of the digest go to the digest that hashes here. */
OSSL_FUNC_signature_get_ctx_params_fn signature_get_ctx_params;
OSSL_FUNC_signature_set_ctx_params_fn signature_set_ctx_params;
OSSL_FUNC_signature_gettable_ctx_params_fn signature_gettable_ctx_params;
OSSL_FUNC_signature_settable_ctx_params_fn signature_settable_ctx_params;
OSSL_FUNC_signature_get_ctx_md_params_fn signature_get_ctx_md_params;
OSSL_FUNC_signature_set_ctx_md_params_fn signature_set_ctx_md_params;
OSSL_FUNC_signature_gettable_ctx_md_params_fn signature_gettable_ctx_md_params;
OSSL_FUNC_signature_settable_ctx_md_params_fn signature_settable_ctx_md_params;

#endif
