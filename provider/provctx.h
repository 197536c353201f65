/* The provider's context: everything that lives as long as one loaded provider. */
#ifndef LB_PROVCTX_H
#define LB_PROVCTX_H

#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/errors.h"
#include "client/boxes.h"
#include "model/scheme.h"
#include "settings.h"

struct key;

/*
 * One per OSSL_LIB_CTX that loads the provider; nothing is shared between two of them but settings. Members are written by init
 * only, but for the atomic ones.
 */
struct provctx {
    const OSSL_CORE_HANDLE *core;
    OSSL_FUNC_core_get_params_fn *core_get_params;
    OSSL_FUNC_core_get_libctx_fn *core_get_libctx; /* NULL: the caller's contexts are of another copy of libcrypto */
    OSSL_FUNC_core_new_error_fn *core_new_error;
    OSSL_FUNC_core_set_error_debug_fn *core_set_error_debug;
    OSSL_FUNC_core_vset_error_fn *core_vset_error;
    OSSL_FUNC_provider_up_ref_fn *core_provider_up_ref;
    OSSL_FUNC_BIO_read_ex_fn *bio_read_ex;
    OSSL_FUNC_BIO_gets_fn *bio_gets;
    OSSL_FUNC_BIO_ctrl_fn *bio_ctrl;
    OSSL_FUNC_BIO_write_ex_fn *bio_write_ex;
    OSSL_LIB_CTX *libctx; /* our own: public halves, digests and verification, by `default` */
    OSSL_PROVIDER *default_provider;
    bool few; /* libcrypto is older than 3.2: alg_keymgmt_few and so on */
    struct settings settings; /* its own; what holds is settings_in_force() */
    struct boxes boxes;
    _Atomic(EVP_MD *) digests[DIGEST_LAST + 1]; /* digest.h */
    _Atomic(struct key *) latest; /* latest.h */
};

#endif
