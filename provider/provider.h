/* The provider's context: everything that lives as long as one loaded provider. */
#ifndef LB_PROVIDER_H
#define LB_PROVIDER_H

#include <limits.h>
#include <openssl/core_dispatch.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "../keystore/errors.h"
#include "../keystore/keyname.h"
#include "../keystore/owner.h"
#include "../keystore/scheme.h"

struct box;

/* Settings of the provider's section in openssl.cnf. */
struct settings {
    char directory[PATH_MAX - LB_NAME_MAX - 8]; /* where BOX.sock is; "": the usual places */
    char box[LB_NAME_MAX + 1];                  /* the box of "littlebox:KEY" */
    unsigned timeout_ms;                        /* bound of one private-key operation, waiting for a box included */
    struct owner_list users;                    /* whose boxes are accepted, beside root's and the caller's own */
    struct problem bad;                         /* code not 0: a setting is wrong; said when a box is first needed */
};

/*
 * One per OSSL_LIB_CTX that loads the provider; nothing is shared between two of them. Members are written by init
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
    struct settings settings;
    _Atomic(struct box *) boxes;                /* box.c; only ever grows */
    _Atomic(EVP_MD *) digests[DIGEST_LAST + 1]; /* provider_digest() */
};

/* A digest from the private library context, fetched once; owned by the provider. NULL with an error on the queue. */
const EVP_MD *provider_digest(struct provctx *prov, unsigned digest);

#endif
