/* Writes handle files where a program writes a private key. */
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <stdbool.h>

#include "../keystore/handle.h"
#include "alg.h"
#include "dispatch.h"
#include "error.h"
#include "key.h"

struct encoder {
    struct provctx *prov;
    bool encrypts; /* the caller asked for a passphrase around it */
};

static void *newctx(void *provctx)
{
    struct encoder *e = OPENSSL_zalloc(sizeof(*e));

    if (e != NULL)
        e->prov = provctx;
    return e;
}

static void freectx(void *ctx)
{
    OPENSSL_free(ctx);
}

/* Public halves are written by `default`, which gets them by export. */
static int does_selection(void *provctx, int selection)
{
    (void)provctx;
    return (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

static int set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    struct encoder *e = ctx;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_ENCODER_PARAM_CIPHER);

    if (p != NULL)
        e->encrypts = p->data != NULL && p->data_size > 0;
    return 1;
}

static const OSSL_PARAM *settable_ctx_params(void *provctx)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_utf8_string(OSSL_ENCODER_PARAM_CIPHER, NULL, 0),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return types;
}

static int write_all(const struct provctx *prov, OSSL_CORE_BIO *out, const void *data, size_t len)
{
    size_t n = 0;

    for (const uint8_t *p = data; len > 0; p += n, len -= n) {
        if (!prov->bio_write_ex(out, p, len, &n) || n == 0)
            return error_raise(prov, LB_E_SYSTEM, "the handle could not be written");
    }
    return 1;
}

static int write_pem(const struct provctx *prov, const struct handle *h, OSSL_CORE_BIO *out)
{
    BIO *mem = BIO_new(BIO_s_mem());
    char *text = NULL;
    int ok = 0, r = mem == NULL ? LB_E_NOMEM : handle_to_pem(h, mem);
    long len;

    if (r != 0) {
        error_raise(prov, r, "the handle could not be made");
        goto out;
    }
    len = BIO_get_mem_data(mem, &text);
    ok = write_all(prov, out, text, (size_t)len);
out:
    BIO_free(mem);
    return ok;
}

static int write_der(const struct provctx *prov, const struct handle *h, OSSL_CORE_BIO *out)
{
    uint8_t *der = NULL;
    size_t len = 0;
    int ok, r = handle_to_der(h, &der, &len);

    ok = r == 0 ? write_all(prov, out, der, len) : error_raise(prov, r, "the handle could not be made");
    OPENSSL_free(der);
    return ok;
}

static int encode(const struct encoder *e, OSSL_CORE_BIO *out, const struct key *k, const OSSL_PARAM *abstract,
                  int (*write)(const struct provctx *prov, const struct handle *h, OSSL_CORE_BIO *out))
{
    struct handle h = { 0 };

    if (k == NULL || abstract != NULL)
        return error_raise(e->prov, LB_E_UNSUPPORTED, "a handle is written of a key object only");
    if (!k->is_private)
        return error_raise(e->prov, LB_E_NO_KEY, "this is a public key, there is no handle to write");
    if (e->encrypts)
        return error_raise(e->prov, ERROR_PRIVATE_HALF,
                           "a handle of key '%s' holds no secret and is not encrypted: write it without a cipher",
                           k->ref.name);
    h.type = k->alg->handle_type;
    uri_format(&k->uri, h.uri);
    h.spki = k->spki; /* borrowed: no handle_clear() */
    h.spki_len = k->spki_len;
    return write(e->prov, &h, out);
}

static int encode_pem(void *ctx, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[], int selection,
                      OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_arg)
{
    (void)selection;
    (void)passphrase;
    (void)passphrase_arg;
    return encode(ctx, out, key, abstract, write_pem);
}

static int encode_der(void *ctx, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[], int selection,
                      OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_arg)
{
    (void)selection;
    (void)passphrase;
    (void)passphrase_arg;
    return encode(ctx, out, key, abstract, write_der);
}

#define ENCODER_FUNCTIONS                                                       \
    LB_FN(ENCODER_NEWCTX, encoder_newctx, newctx),                              \
    LB_FN(ENCODER_FREECTX, encoder_freectx, freectx),                           \
    LB_FN(ENCODER_DOES_SELECTION, encoder_does_selection, does_selection),      \
    LB_FN(ENCODER_SET_CTX_PARAMS, encoder_set_ctx_params, set_ctx_params),      \
    LB_FN(ENCODER_SETTABLE_CTX_PARAMS, encoder_settable_ctx_params, settable_ctx_params)

const OSSL_DISPATCH encoder_pem[] = {
    ENCODER_FUNCTIONS,
    LB_FN(ENCODER_ENCODE, encoder_encode, encode_pem),
    LB_FN_END,
};

const OSSL_DISPATCH encoder_der[] = {
    ENCODER_FUNCTIONS,
    LB_FN(ENCODER_ENCODE, encoder_encode, encode_der),
    LB_FN_END,
};
