/* The provider's table of contents: init, query, teardown and its settings. */
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/boxes.h"
#include "alg.h"
#include "dispatch.h"
#include "error.h"
#include "fips.h"
#include "latest.h"
#include "outlive.h"
#include "provctx.h"

/*
 * All other providers enter libcrypto's method store before us. While libcrypto asks for our rows, a fetch makes the others
 * enter; meanwhile this thread offers no rows, and says that this answer is not for keeping.
 *
 * The reason: without properties, libcrypto hands out the implementation that entered first, and providers enter in the order
 * in which they were loaded. Loaded before `default`, our key managers would be asked to generate the ephemeral EC keys of
 * TLS, and for whatever else a program does with keys that are not ours.
 */
static _Thread_local bool others_go_first;

/*
 * Fetches the key managers of all rows; one would be enough to make `default` enter. What libcrypto remembers of a fetch from
 * one provider, it also hands out to callers that name none, unless it remembers something older. It fetches our key manager
 * at each signature.
 */
static void fetch_keymgmts(OSSL_LIB_CTX *caller)
{
    bool newer = OPENSSL_version_major() > 3 || OPENSSL_version_minor() >= 5;

    for (size_t i = 0; i < (newer ? ALG_COUNT : ALG_NEWER); i++)
        EVP_KEYMGMT_free(EVP_KEYMGMT_fetch(caller, algs[i].name, NULL));
}

static void let_others_go_first(const struct provctx *prov, int operation)
{
    OSSL_LIB_CTX *caller = (OSSL_LIB_CTX *)prov->core_get_libctx(prov->core); /* NULL is the default one */

    others_go_first = true;
    ERR_set_mark();
    if (operation == OSSL_OP_KEYMGMT)
        fetch_keymgmts(caller);
    else if (operation == OSSL_OP_SIGNATURE)
        EVP_SIGNATURE_free(EVP_SIGNATURE_fetch(caller, "RSA", NULL));
    else if (operation == OSSL_OP_ASYM_CIPHER)
        EVP_ASYM_CIPHER_free(EVP_ASYM_CIPHER_fetch(caller, "RSA", NULL));
    else
        EVP_KEYEXCH_free(EVP_KEYEXCH_fetch(caller, "ECDH", NULL));
    ERR_pop_to_mark();
    others_go_first = false;
}

static const OSSL_ALGORITHM *query_operation(void *provctx, int operation, int *no_cache)
{
    struct provctx *prov = provctx;
    static const struct {
        const OSSL_ALGORITHM *rows, *few;
        bool contended; /* `default` has rows of the same names and properties that we must not stand in front of */
    } operations[] = {
        [OSSL_OP_KEYMGMT] = { alg_keymgmt, alg_keymgmt_few, true },
        [OSSL_OP_SIGNATURE] = { alg_signature, alg_signature_few, true },
        [OSSL_OP_ASYM_CIPHER] = { alg_cipher, NULL, true },
        [OSSL_OP_KEYEXCH] = { alg_exchange, NULL, true },
        [OSSL_OP_DECODER] = { alg_decoder, alg_decoder_few, false },
        [OSSL_OP_ENCODER] = { alg_encoder, NULL, false },
        [OSSL_OP_STORE] = { alg_store, NULL, false },
    };
    static struct fips_table fips[sizeof(operations) / sizeof(operations[0])];
    const OSSL_ALGORITHM *rows;

    *no_cache = 0;
    if (operation < 0 || (size_t)operation >= sizeof(operations) / sizeof(operations[0]))
        return NULL;
    if (operations[operation].contended && prov->core_get_libctx != NULL) {
        if (others_go_first) {
            *no_cache = 1;
            return NULL;
        }
        let_others_go_first(prov, operation);
    }
    rows = prov->few && operations[operation].few != NULL ? operations[operation].few : operations[operation].rows;
    if (rows == NULL || !settings_in_force(&prov->settings)->assume_fips)
        return rows;
    return fips_rows(rows, &fips[operation]);
}

static const OSSL_PARAM *gettable_params(void *provctx)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_NAME, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_VERSION, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_BUILDINFO, OSSL_PARAM_UTF8_PTR, NULL, 0),
        OSSL_PARAM_DEFN(OSSL_PROV_PARAM_STATUS, OSSL_PARAM_INTEGER, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return types;
}

static int get_params(void *provctx, OSSL_PARAM params[])
{
    static const char *const texts[][2] = {
        { OSSL_PROV_PARAM_NAME, "littlebox: private keys in little boxes" },
        { OSSL_PROV_PARAM_VERSION, LB_VERSION },
        { OSSL_PROV_PARAM_BUILDINFO, LB_VERSION },
    };
    OSSL_PARAM *p;

    (void)provctx;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        p = OSSL_PARAM_locate(params, texts[i][0]);
        if (p != NULL && !OSSL_PARAM_set_utf8_ptr(p, texts[i][1]))
            return 0;
    }
    p = OSSL_PARAM_locate(params, OSSL_PROV_PARAM_STATUS);
    return p == NULL || OSSL_PARAM_set_int(p, 1);
}

static const OSSL_ITEM *get_reason_strings(void *provctx)
{
    (void)provctx;
    return error_reasons;
}

static void teardown(void *provctx)
{
    struct provctx *prov = provctx;

    if (prov == NULL)
        return;
    outlive_forget(prov);
    latest_forget(prov);
    boxes_free(&prov->boxes);
    for (size_t i = 0; i <= DIGEST_LAST; i++)
        EVP_MD_free(atomic_load(&prov->digests[i]));
    if (prov->default_provider != NULL)
        OSSL_PROVIDER_unload(prov->default_provider);
    OSSL_LIB_CTX_free(prov->libctx);
    OPENSSL_free(prov);
}

static const OSSL_DISPATCH provider_functions[] = {
    LB_FN(PROVIDER_TEARDOWN, provider_teardown, teardown),
    LB_FN(PROVIDER_GETTABLE_PARAMS, provider_gettable_params, gettable_params),
    LB_FN(PROVIDER_GET_PARAMS, provider_get_params, get_params),
    LB_FN(PROVIDER_QUERY_OPERATION, provider_query_operation, query_operation),
    LB_FN(PROVIDER_GET_REASON_STRINGS, provider_get_reason_strings, get_reason_strings),
    LB_FN_END,
};

/*
 * Is the libcrypto that loads this module the one that the module is linked to? The core's allocator tells. Only then is
 * core_get_libctx() believed: a program with libcrypto linked in statically has contexts of its own make.
 */
static bool is_callers_libcrypto(const OSSL_DISPATCH *in)
{
    for (; in->function_id != 0; in++) {
        if (in->function_id == OSSL_FUNC_CRYPTO_MALLOC)
            return in->function == (void (*)(void))CRYPTO_malloc;
    }
    return false;
}

static void take_upcalls(struct provctx *prov, const OSSL_DISPATCH *in)
{
    for (; in->function_id != 0; in++) {
        switch (in->function_id) {
        case OSSL_FUNC_CORE_GET_PARAMS:
            prov->core_get_params = OSSL_FUNC_core_get_params(in);
            break;
        case OSSL_FUNC_CORE_GET_LIBCTX:
            prov->core_get_libctx = OSSL_FUNC_core_get_libctx(in);
            break;
        case OSSL_FUNC_CORE_NEW_ERROR:
            prov->core_new_error = OSSL_FUNC_core_new_error(in);
            break;
        case OSSL_FUNC_CORE_SET_ERROR_DEBUG:
            prov->core_set_error_debug = OSSL_FUNC_core_set_error_debug(in);
            break;
        case OSSL_FUNC_CORE_VSET_ERROR:
            prov->core_vset_error = OSSL_FUNC_core_vset_error(in);
            break;
        case OSSL_FUNC_PROVIDER_UP_REF:
            prov->core_provider_up_ref = OSSL_FUNC_provider_up_ref(in);
            break;
        case OSSL_FUNC_BIO_READ_EX:
            prov->bio_read_ex = OSSL_FUNC_BIO_read_ex(in);
            break;
        case OSSL_FUNC_BIO_GETS:
            prov->bio_gets = OSSL_FUNC_BIO_gets(in);
            break;
        case OSSL_FUNC_BIO_CTRL:
            prov->bio_ctrl = OSSL_FUNC_BIO_ctrl(in);
            break;
        case OSSL_FUNC_BIO_WRITE_EX:
            prov->bio_write_ex = OSSL_FUNC_BIO_write_ex(in);
            break;
        default:
            break;
        }
    }
}

__attribute__((visibility("default"))) OSSL_provider_init_fn OSSL_provider_init;

int OSSL_provider_init(const OSSL_CORE_HANDLE *handle, const OSSL_DISPATCH *in, const OSSL_DISPATCH **out,
                       void **provctx)
{
    struct provctx *prov = OPENSSL_zalloc(sizeof(*prov));
    int ok = 0;

    if (prov == NULL)
        return 0;
    prov->core = handle;
    take_upcalls(prov, in);
    if (!is_callers_libcrypto(in))
        prov->core_get_libctx = NULL;
    if (prov->core_get_params == NULL || prov->core_new_error == NULL || prov->core_set_error_debug == NULL ||
        prov->core_vset_error == NULL || prov->core_provider_up_ref == NULL || prov->bio_read_ex == NULL ||
        prov->bio_gets == NULL || prov->bio_ctrl == NULL || prov->bio_write_ex == NULL)
        goto out;
    prov->libctx = OSSL_LIB_CTX_new();
    if (prov->libctx == NULL)
        goto out;
    prov->default_provider = OSSL_PROVIDER_load(prov->libctx, "default");
    if (prov->default_provider == NULL)
        goto out;
    prov->few = OPENSSL_version_major() == 3 && OPENSSL_version_minor() < 2;
    settings_read(&prov->settings, handle, prov->core_get_params);
    if (!outlive_cleanup(prov))
        goto out;
    *out = provider_functions;
    *provctx = prov;
    prov = NULL; /* now owned by libcrypto, until teardown */
    ok = 1;
out:
    teardown(prov);
    return ok;
}
