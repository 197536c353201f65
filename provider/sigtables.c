/* The dispatch tables of signatures: each has what `default` has for the same algorithm, so that both refuse alike. */
#include "model/scheme.h"
#include "dispatch.h"
#include "sigalg.h"
#include "signature.h"

/* clang-format off */
#define FN_CONTEXT(newctx)                                                                                             \
    LB_FN(SIGNATURE_NEWCTX, signature_newctx, newctx),                                                                 \
    LB_FN(SIGNATURE_FREECTX, signature_freectx, signature_freectx),                                                    \
    LB_FN(SIGNATURE_DUPCTX, signature_dupctx, signature_dupctx),                                                       \
    LB_FN(SIGNATURE_GET_CTX_PARAMS, signature_get_ctx_params, signature_get_ctx_params),                               \
    LB_FN(SIGNATURE_GETTABLE_CTX_PARAMS, signature_gettable_ctx_params, signature_gettable_ctx_params),                \
    LB_FN(SIGNATURE_SET_CTX_PARAMS, signature_set_ctx_params, signature_set_ctx_params),                               \
    LB_FN(SIGNATURE_SETTABLE_CTX_PARAMS, signature_settable_ctx_params, signature_settable_ctx_params)

/* libcrypto wants an init for them: of the digest kind or of the message kind. */
#define FN_SIGN                                                                                                        \
    LB_FN(SIGNATURE_SIGN, signature_sign, signature_sign),                                                             \
    LB_FN(SIGNATURE_VERIFY, signature_verify, signature_verify)

/* Over a digest that the caller computed. */
#define FN_OF_DIGEST                                                                                                   \
    LB_FN(SIGNATURE_SIGN_INIT, signature_sign_init, signature_sign_init),                                              \
    LB_FN(SIGNATURE_VERIFY_INIT, signature_verify_init, signature_verify_init)

#define FN_RECOVER                                                                                                     \
    LB_FN(SIGNATURE_VERIFY_RECOVER_INIT, signature_verify_recover_init, signature_verify_recover_init),                \
    LB_FN(SIGNATURE_VERIFY_RECOVER, signature_verify_recover, signature_verify_recover)

/* EVP_DigestSign(3) and its kin. */
#define FN_DIGEST_SIGN                                                                                                 \
    LB_FN(SIGNATURE_DIGEST_SIGN_INIT, signature_digest_sign_init, signature_digest_sign_init),                         \
    LB_FN(SIGNATURE_DIGEST_SIGN_UPDATE, signature_digest_sign_update, signature_sign_update),                          \
    LB_FN(SIGNATURE_DIGEST_SIGN_FINAL, signature_digest_sign_final, signature_sign_final),                             \
    LB_FN(SIGNATURE_DIGEST_SIGN, signature_digest_sign, signature_digest_sign),                                        \
    LB_FN(SIGNATURE_DIGEST_VERIFY_INIT, signature_digest_verify_init, signature_digest_verify_init),                   \
    LB_FN(SIGNATURE_DIGEST_VERIFY, signature_digest_verify, signature_digest_verify)

#define FN_DIGEST_PARTS                                                                                                \
    LB_FN(SIGNATURE_DIGEST_VERIFY_UPDATE, signature_digest_verify_update, signature_digest_verify_update),             \
    LB_FN(SIGNATURE_DIGEST_VERIFY_FINAL, signature_digest_verify_final, signature_digest_verify_final),                \
    LB_FN(SIGNATURE_GET_CTX_MD_PARAMS, signature_get_ctx_md_params, signature_get_ctx_md_params),                      \
    LB_FN(SIGNATURE_GETTABLE_CTX_MD_PARAMS, signature_gettable_ctx_md_params, signature_gettable_ctx_md_params),       \
    LB_FN(SIGNATURE_SET_CTX_MD_PARAMS, signature_set_ctx_md_params, signature_set_ctx_md_params),                      \
    LB_FN(SIGNATURE_SETTABLE_CTX_MD_PARAMS, signature_settable_ctx_md_params, signature_settable_ctx_md_params)

/* EVP_PKEY_sign_message_init(3) and its kin. */
#ifdef OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT
#define FN_MESSAGE                                                                                                     \
    LB_FN(SIGNATURE_SIGN_MESSAGE_INIT, signature_sign_message_init, signature_sign_message_init),                      \
    LB_FN(SIGNATURE_SIGN_MESSAGE_UPDATE, signature_sign_message_update, signature_sign_update),                        \
    LB_FN(SIGNATURE_SIGN_MESSAGE_FINAL, signature_sign_message_final, signature_sign_final),                           \
    LB_FN(SIGNATURE_VERIFY_MESSAGE_INIT, signature_verify_message_init, signature_verify_message_init),                \
    LB_FN(SIGNATURE_VERIFY_MESSAGE_UPDATE, signature_verify_message_update, signature_verify_message_update),          \
    LB_FN(SIGNATURE_VERIFY_MESSAGE_FINAL, signature_verify_message_final, signature_verify_message_final),
#define FN_OF_PREHASH FN_OF_DIGEST,
#define FN_SIGN_MESSAGE FN_SIGN,
#else
#define FN_MESSAGE
#define FN_OF_PREHASH
#define FN_SIGN_MESSAGE
#endif

#ifdef OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT
#define KEY_TYPES(family)                                                                                              \
    static const char **types_##family(void)                                                                           \
    {                                                                                                                  \
        static const char *types[] = { #family, NULL };                                                                \
                                                                                                                       \
        return types;                                                                                                  \
    }
KEY_TYPES(RSA)
KEY_TYPES(EC)
KEY_TYPES(ED25519)
KEY_TYPES(ED448)
static const char **types_any_RSA(void)
{
    static const char *types[] = { "RSA", "RSA-PSS", NULL };

    return types;
}
#define FN_TYPES(family) LB_FN(SIGNATURE_QUERY_KEY_TYPES, signature_query_key_types, types_##family),
#else
#define FN_TYPES(family)
#endif

/* By key type: scheme and digest are options. */

const OSSL_DISPATCH signature_rsa[] = {
    FN_CONTEXT(signature_newctx), FN_SIGN, FN_OF_DIGEST, FN_RECOVER, FN_DIGEST_SIGN, FN_DIGEST_PARTS, FN_TYPES(any_RSA)
    LB_FN_END,
};

const OSSL_DISPATCH signature_ecdsa[] = {
    FN_CONTEXT(signature_newctx), FN_SIGN, FN_OF_DIGEST, FN_DIGEST_SIGN, FN_DIGEST_PARTS, FN_TYPES(EC) LB_FN_END,
};

/* Named as their key types. */
const OSSL_DISPATCH signature_texts[] = {
    FN_CONTEXT(signature_newctx), FN_DIGEST_SIGN, FN_SIGN_MESSAGE FN_MESSAGE LB_FN_END,
};

const OSSL_DISPATCH signature_ed25519[] = {
    FN_CONTEXT(signature_newctx), FN_OF_PREHASH FN_DIGEST_SIGN, FN_SIGN_MESSAGE FN_MESSAGE FN_TYPES(ED25519)
    LB_FN_END,
};

const OSSL_DISPATCH signature_ed448[] = {
    FN_CONTEXT(signature_newctx), FN_OF_PREHASH FN_DIGEST_SIGN, FN_SIGN_MESSAGE FN_MESSAGE FN_TYPES(ED448)
    LB_FN_END,
};

/* By name: nothing is left to choose. */

#ifdef OSSL_FUNC_SIGNATURE_SIGN_MESSAGE_INIT
#define FN_RECOVER_RSA FN_RECOVER,
#define FN_RECOVER_EC
#define FN_RECOVER_ED25519
#define FN_RECOVER_ED448
/* ED25519ctx has no digest to be made over. */
#define FN_INIT_SCHEME_RSA_PKCS1 FN_OF_DIGEST,
#define FN_INIT_SCHEME_ECDSA FN_OF_DIGEST,
#define FN_INIT_SCHEME_ED25519PH FN_OF_DIGEST,
#define FN_INIT_SCHEME_ED448PH FN_OF_DIGEST,
#define FN_INIT_SCHEME_ED25519CTX

#define SIGALG(row, alg_name, names, scheme, digest, family)                                                           \
    static void *newctx_##row(void *provctx, const char *propq)                                                        \
    {                                                                                                                  \
        static const struct sigalg alg = { alg_name, scheme, digest, #family };                                        \
                                                                                                                       \
        (void)propq;                                                                                                   \
        return signature_new(provctx, &alg);                                                                           \
    }                                                                                                                  \
    const OSSL_DISPATCH sigalg_##row[] = {                                                                             \
        FN_CONTEXT(newctx_##row), FN_SIGN, FN_INIT_##scheme FN_RECOVER_##family FN_MESSAGE FN_TYPES(family) LB_FN_END, \
    };
SIGALG_ROWS(SIGALG)
#endif
/* clang-format on */
