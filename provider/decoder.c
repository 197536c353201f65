/* Reads handle files: DER PrivateKeyInfo in, key objects out. */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>

#include "client/box.h"
#include "model/handle.h"
#include "alg.h"
#include "dispatch.h"
#include "error.h"
#include "key.h"
#include "peek.h"
#include "provctx.h"

/* The longest handle: URI, public key and what is around them. Anything longer is another kind of key. */
#define HANDLE_DER_MAX (LB_SPKI_MAX + LB_URI_MAX + 256)
#define DER_SEQUENCE 0x30
/* Of a handle, to know it by. */
#define LOOK 64

struct decoder {
    struct provctx *prov;
    const struct alg *alg; /* the key type that this one finds; the other rows find the others */
};

static void freectx(void *ctx)
{
    OPENSSL_free(ctx);
}

static int does_selection(void *provctx, int selection)
{
    (void)provctx;
    return selection == 0 || (selection & OSSL_KEYMGMT_SELECT_PRIVATE_KEY) != 0;
}

static size_t read_some(const struct provctx *prov, OSSL_CORE_BIO *in, uint8_t *buf, size_t len)
{
    size_t got = 0, n = 0;

    while (got < len && prov->bio_read_ex(in, buf + got, len - got, &n) == 1 && n > 0)
        got += n;
    return got;
}

/*
 * Reads one DER SEQUENCE and no byte more: what follows in the file belongs to others. A SEQUENCE that breaks off is given as
 * far as it goes. 0: there is something else.
 */
static size_t read_sequence(const struct provctx *prov, OSSL_CORE_BIO *in, uint8_t buf[HANDLE_DER_MAX])
{
    size_t len, more, got = read_some(prov, in, buf, 2);

    if (got < 2 || buf[0] != DER_SEQUENCE)
        return 0;
    len = buf[1];
    if (len >= 0x80) {
        more = len - 0x80;
        if (more < 1 || more > 2 || read_some(prov, in, buf + got, more) != more)
            return 0;
        len = more == 1 ? buf[2] : (size_t)buf[2] << 8 | buf[3];
        got += more;
    }
    return len > HANDLE_DER_MAX - got ? 0 : got + read_some(prov, in, buf + got, len);
}

static int key_from_handle(struct provctx *prov, const struct handle *h, struct key **ret, struct problem *p)
{
    struct key_uri uri;
    int r = uri_parse(h->uri, &uri, p);

    if (r == 0 && uri.name[0] == '\0')
        r = problem_set(p, LB_E_URI, "the URI '%s' of the handle names no key", h->uri);
    if (r != 0)
        return r;
    if (h->spki == NULL)
        return key_from_box(prov, &uri, /* is_private= */ true, ret, p);
    r = key_from_spki(prov, &uri, h->spki, h->spki_len, /* is_private= */ true, ret, p);
    if (r != 0)
        return r;
    if ((*ret)->alg->handle_type != h->type) {
        key_unref(*ret);
        *ret = NULL;
        return problem_set(p, LB_E_VALUE, "the handle says one key type and its public key is of another");
    }
    box_prepare((*ret)->box);
    return 0;
}

static int pass_on(struct key **k, OSSL_CALLBACK *callback, void *arg)
{
    int type = OSSL_OBJECT_PKEY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)(*k)->alg->name, 0),
        /* Ours by reference: keymgmt's load takes the key out of it. */
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, k, sizeof(*k)),
        OSSL_PARAM_construct_end(),
    };

    return callback(params, arg);
}

/*
 * Is the handle another row's to read? All rows get it, one after the other, and only one reads it: the row of its type, or
 * the first row where its type has none (alg_decoder_few).
 */
static bool is_for_another(const struct decoder *d, unsigned type)
{
    const struct alg *alg = alg_by_handle_type(type);

    if (alg == NULL)
        return false;
    if (d->prov->few && alg >= &algs[ALG_NEWER])
        alg = &algs[0];
    return alg != d->alg;
}

/* Must the input be left alone? True: it cannot be sought back, and what it begins with is for others. */
static bool is_left_alone(const struct decoder *d, OSSL_CORE_BIO *in)
{
    uint8_t start[LOOK];
    size_t len = peek(d->prov, in, start, sizeof(start));
    unsigned type = handle_peek(start, len);

    OPENSSL_cleanse(start, sizeof(start));
    return len > 0 && (type == 0 || is_for_another(d, type));
}

/*
 * Passes over in silence what is no handle of this row's type: that is success without an object. OpenSSL shows every decoder
 * all input.
 */
static int decode(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *callback, void *arg,
                  OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_arg)
{
    struct decoder *d = ctx;
    LB_UNFILLED uint8_t der[HANDLE_DER_MAX];
    size_t len;
    struct handle h = { 0 };
    struct key *k = NULL;
    struct problem p;
    int ok = 1, r;

    (void)selection;
    (void)passphrase; /* a handle is no secret */
    (void)passphrase_arg;
    if (is_left_alone(d, in))
        return 1;
    len = read_sequence(d->prov, in, der);
    if (is_for_another(d, handle_peek(der, len)))
        return 1;
    r = handle_from_der(der, len, &h);
    if (r == LB_E_UNSUPPORTED)
        return 1;
    if (r != 0) {
        return error_raise(d->prov, r,
                           "this is a littlebox handle, but it is cut off or damaged, or a newer littlebox wrote it: "
                           "write it again with 'littlebox handle KEY'");
    }
    if (!is_for_another(d, h.type))
        ok = key_from_handle(d->prov, &h, &k, &p) == 0 ? pass_on(&k, callback, arg) : error_problem(d->prov, &p);
    key_unref(k);
    handle_clear(&h);
    return ok;
}

#define DECODER_ROW(row, ...)                                                  \
    static void *newctx_##row(void *provctx)                                   \
    {                                                                          \
        struct decoder *d = OPENSSL_zalloc(sizeof(*d));                        \
                                                                               \
        if (d != NULL)                                                         \
            *d = (struct decoder){ provctx, &algs[ALG_##row] };                \
        return d;                                                              \
    }                                                                          \
    const OSSL_DISPATCH decoder_##row[] = {                                    \
        LB_FN(DECODER_NEWCTX, decoder_newctx, newctx_##row),                   \
        LB_FN(DECODER_FREECTX, decoder_freectx, freectx),                      \
        LB_FN(DECODER_DOES_SELECTION, decoder_does_selection, does_selection), \
        LB_FN(DECODER_DECODE, decoder_decode, decode),                         \
        LB_FN_END,                                                             \
    };
ALG_ROWS(DECODER_ROW)
