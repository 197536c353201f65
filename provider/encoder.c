/* Writes keys: a handle where a program writes a private key, and public halves in the forms that `default` has. */
#include <openssl/core_names.h>
#include <openssl/encoder.h>
#include <openssl/params.h>
#include <stdbool.h>
#include <string.h>

#include "model/handle.h"
#include "alg.h"
#include "dispatch.h"
#include "error.h"
#include "key.h"
#include "keytext.h"
#include "provctx.h"

/* One of ENCODER_FORMS. */
struct form {
    const char *output;
    const char *structure;
    int parts;
};

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

/* The largest part that is asked for decides: a private key has its public half in it. */
static int has_selection(const struct form *f, int selection)
{
    static const int parts[] = { PART_PRIVATE, PART_PUBLIC, PART_PARAMS };

    for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
        if ((selection & parts[i]) != 0)
            return (f->parts & parts[i]) != 0;
    }
    return 1;
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
            return error_raise(prov, LB_E_SYSTEM, "the key could not be written");
    }
    return 1;
}

static int write_bio(const struct provctx *prov, BIO *mem, OSSL_CORE_BIO *out)
{
    char *text = NULL;
    long len = BIO_get_mem_data(mem, &text);

    return write_all(prov, out, text, (size_t)len);
}

static int write_pem(const struct provctx *prov, const struct handle *h, OSSL_CORE_BIO *out)
{
    BIO *mem = BIO_new(BIO_s_mem());
    int r = mem == NULL ? LB_E_NOMEM : handle_to_pem(h, mem);
    int ok = r == 0 ? write_bio(prov, mem, out) : error_raise(prov, r, "the handle could not be made");

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

static int write_handle(const struct encoder *e, const struct form *f, const struct key *k, OSSL_CORE_BIO *out)
{
    struct handle h = { 0 };

    if (e->encrypts)
        return error_raise(e->prov, ERROR_PRIVATE_HALF,
                           "a handle of key '%s' holds no secret and is not encrypted: write it without a cipher",
                           k->ref.name);
    h.type = k->alg->handle_type;
    uri_format(&k->uri, h.uri);
    h.spki = k->spki; /* borrowed: no handle_clear() */
    h.spki_len = k->spki_len;
    return strcmp(f->output, "pem") == 0 ? write_pem(e->prov, &h, out) : write_der(e->prov, &h, out);
}

static int write_text(const struct provctx *prov, const struct key *k, OSSL_CORE_BIO *out)
{
    BIO *mem = BIO_new(BIO_s_mem());
    int ok = mem != NULL && keytext_print(k, mem) == 0 ? write_bio(prov, mem, out)
                                                       : error_raise(prov, LB_E_NOMEM, "for the text of a key");

    BIO_free(mem);
    return ok;
}

/* Has `default` write the public half. Its errors say enough. */
static int write_public(const struct provctx *prov, const struct form *f, const struct key *k, int selection,
                        OSSL_CORE_BIO *out)
{
    OSSL_ENCODER_CTX *ctx = OSSL_ENCODER_CTX_new_for_pkey(key_public(k), selection, f->output, f->structure, NULL);
    unsigned char *data = NULL;
    size_t len = 0;
    int ok = ctx != NULL && OSSL_ENCODER_to_data(ctx, &data, &len) && write_all(prov, out, data, len);

    OPENSSL_free(data);
    OSSL_ENCODER_CTX_free(ctx);
    return ok;
}

static int encode(const struct encoder *e, const struct form *f, OSSL_CORE_BIO *out, const struct key *k,
                  const OSSL_PARAM *abstract, int selection)
{
    if (k == NULL || key_is_empty(k) || abstract != NULL)
        return error_raise(e->prov, LB_E_UNSUPPORTED, "only a key object can be written");
    if (!has_selection(f, selection))
        return error_raise(e->prov, LB_E_UNSUPPORTED, "the form '%s' has no such part of a key",
                           f->structure == NULL ? f->output : f->structure);
    if ((selection & PART_PRIVATE) == 0)
        return write_public(e->prov, f, k, selection & (PART_PUBLIC | PART_PARAMS), out);
    if (!k->is_private)
        return error_raise(e->prov, LB_E_NO_KEY, "this is a public key, there is no handle to write");
    if (f->structure != NULL)
        return write_handle(e, f, k, out);
    return write_text(e->prov, k, out);
}

/* Each form has its own functions: libcrypto does not say in the call which form it means. */
#define ENCODER_FORM(id, output, structure, parts)                                                                    \
    static const struct form form_##id = { output, structure, parts };                                                \
    static int does_selection_##id(void *provctx, int selection)                                                      \
    {                                                                                                                 \
        (void)provctx;                                                                                                \
        return has_selection(&form_##id, selection);                                                                  \
    }                                                                                                                 \
    static int encode_##id(void *ctx, OSSL_CORE_BIO *out, const void *key, const OSSL_PARAM abstract[],               \
                           int selection, OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_arg)                 \
    {                                                                                                                 \
        (void)passphrase;                                                                                             \
        (void)passphrase_arg;                                                                                         \
        return encode(ctx, &form_##id, out, key, abstract, selection);                                                \
    }                                                                                                                 \
    const OSSL_DISPATCH encoder_##id[] = {                                                                            \
        LB_FN(ENCODER_NEWCTX, encoder_newctx, newctx),                                                                \
        LB_FN(ENCODER_FREECTX, encoder_freectx, freectx),                                                             \
        LB_FN(ENCODER_DOES_SELECTION, encoder_does_selection, does_selection_##id),                                   \
        LB_FN(ENCODER_SET_CTX_PARAMS, encoder_set_ctx_params, set_ctx_params),                                        \
        LB_FN(ENCODER_SETTABLE_CTX_PARAMS, encoder_settable_ctx_params, settable_ctx_params),                         \
        LB_FN(ENCODER_ENCODE, encoder_encode, encode_##id),                                                           \
        LB_FN_END,                                                                                                    \
    };
ENCODER_FORMS(ENCODER_FORM)
