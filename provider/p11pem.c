/*
 * Reads pkcs11-provider's reference files: PEM in, the handle of the key out, which the decoders of handles read as any
 * other. So the boxes are asked once, and not once for each key type.
 */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#include "client/box.h"
#include "client/keys.h"
#include "model/handle.h"
#include "model/pkcs11_reference.h"
#include "alg.h"
#include "boxes.h"
#include "dispatch.h"
#include "error.h"
#include "p11.h"
#include "peek.h"
#include "provctx.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"
/* Lines are read as PEM_read_bio() reads them, so that both leave the input at the same place. */
#define LINE 255
/* How far a label is looked for in input that cannot be sought back: as far as BIO_f_buffer reads at once. */
#define LOOK 4096
/* The longest reference in base64, and its lines' ends. */
#define TEXT_MAX ((LB_P11URI_MAX + 64) * 2)

static void *newctx(void *provctx)
{
    return provctx;
}

static void freectx(void *ctx)
{
    (void)ctx;
}

static bool begins_with(const char *s, const char *prefix)
{
    return strncmp(s, prefix, strlen(prefix)) == 0;
}

/* Is the line "-----BEGIN ...-----", with nothing but blanks behind? *ret_ours: it begins a reference. */
static bool is_begin(const char *line, bool *ret_ours)
{
    static const char ours[] = BEGIN P11REF_PEM_LABEL DASHES;
    size_t len = strlen(line);

    while (len > 0 && (unsigned char)line[len - 1] <= ' ')
        len--;
    *ret_ours = len == strlen(ours) && memcmp(line, ours, len) == 0;
    return begins_with(line, BEGIN) && len >= strlen(DASHES) &&
           memcmp(line + len - strlen(DASHES), DASHES, strlen(DASHES)) == 0;
}

/*
 * Must the input be left alone? True: it cannot be sought back, and its first PEM block is another's, or cannot be seen.
 */
static bool is_left_alone(const struct provctx *prov, OSSL_CORE_BIO *in)
{
    LB_UNFILLED char text[LOOK + 1];
    size_t len = peek(prov, in, (uint8_t *)text, LOOK);
    bool is_ours = false;

    if (len == 0)
        return false;
    text[len] = '\0';
    for (char *line = text, *end; (end = strchr(line, '\n')) != NULL; line = end + 1) {
        *end = '\0';
        if (is_begin(line, &is_ours))
            break;
    }
    OPENSSL_cleanse(text, sizeof(text));
    return !is_ours;
}

/*
 * Reads to the end of the first PEM block, whatever it is, as every decoder of PEM does. The text of a reference goes into
 * text, and its length is returned. 0: it is no reference. Nothing of another block is kept: that may be a private key.
 */
static size_t read_block(const struct provctx *prov, OSSL_CORE_BIO *in, char text[TEXT_MAX])
{
    char line[LINE];
    size_t len, at = 0;
    bool began = false, is_ours = false, ended = false;

    while (!ended && prov->bio_gets(in, line, sizeof(line)) > 0) {
        if (!began) {
            began = is_begin(line, &is_ours);
            if (!began)
                continue;
        } else {
            ended = begins_with(line, END);
        }
        len = strlen(line);
        if (is_ours && at + len < TEXT_MAX) {
            memcpy(text + at, line, len);
            at += len;
        }
    }
    OPENSSL_cleanse(line, sizeof(line));
    return is_ours ? at : 0;
}

/* The block's text to the URI in it. */
static int read_uri(const char *text, size_t len, char uri[LB_P11URI_MAX + 1], struct problem *p)
{
    BIO *mem = BIO_new_mem_buf(text, (int)len);
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long der_len = 0;
    int r = mem == NULL ? LB_E_NOMEM : LB_E_VALUE;

    ERR_set_mark();
    if (mem != NULL && PEM_read_bio(mem, &name, &header, &der, &der_len) == 1)
        r = p11ref_from_der(der, (size_t)der_len, uri);
    ERR_pop_to_mark();
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, der == NULL ? 0 : (size_t)der_len);
    BIO_free(mem);
    if (r == LB_E_UNSUPPORTED) {
        problem_set(p, r, "this reference to a key on a token is of a newer form than '%s'", P11REF_DESCRIPTION);
        problem_hint(p, "put the PKCS#11 URI itself, or a handle ('littlebox handle'), in its place");
    } else if (r != 0) {
        problem_set(p, r, "this reference to a key on a token is cut off or damaged");
        problem_hint(p, "it is a PEM block '%s' with a PKCS#11 URI in it", P11REF_PEM_LABEL);
    }
    return r;
}

static int pass_on(uint8_t *der, size_t len, const char *structure, OSSL_CALLBACK *callback, void *arg)
{
    int type = OSSL_OBJECT_PKEY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)structure, 0),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, der, len),
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_end(),
    };

    return callback(params, arg);
}

static int write_handle(const struct key_uri *key, struct bytes spki, uint8_t **ret, size_t *ret_len, struct problem *p)
{
    struct handle h = { .type = handle_type_of(spki.p, spki.len), .spki = (uint8_t *)spki.p, .spki_len = spki.len };
    int r;

    uri_format(key, h.uri);
    if (h.type == 0) {
        problem_set(p, LB_E_KEY_TYPE, "key '%s' is of a type that this provider does not know", key->name);
        problem_hint(p, "is the provider older than the box? update it");
        return LB_E_KEY_TYPE;
    }
    r = handle_to_der(&h, ret, ret_len);
    return r == 0 ? 0 : problem_set(p, r, "a handle of key '%s' cannot be made: %s", key->name, lb_strerror(r));
}

/* The private half as a handle, a public half as it is. */
static int give(struct provctx *prov, const struct p11uri *want, OSSL_CALLBACK *callback, void *arg)
{
    struct p11_found found;
    struct key_ref ref = { .has_hash = false };
    uint8_t request[BOX_REQUEST_MAX], answer[BOX_ANSWER_MAX], *handle = NULL;
    struct box_ask q;
    struct key_info key;
    struct problem p;
    struct box *box;
    size_t len = 0;
    int ok, r = p11_find(prov, want, /* whole_tokens= */ false, &found, &p);

    if (r == 0)
        r = provider_box(prov, found.key.box, &box, &p);
    if (r == 0) {
        snprintf(ref.name, sizeof(ref.name), "%s", found.key.name);
        ref.version = found.key.version;
        r = ask_get(box_ask(&q, box, request, sizeof(request), answer, sizeof(answer)), &ref, &key, &p);
    }
    if (r == 0 && p11_is_type(want, "public"))
        return pass_on((uint8_t *)key.spki.p, key.spki.len, "SubjectPublicKeyInfo", callback, arg);
    if (r == 0)
        r = write_handle(&found.key, key.spki, &handle, &len, &p);
    if (r != 0)
        return error_problem(prov, &p);
    ok = pass_on(handle, len, "PrivateKeyInfo", callback, arg);
    OPENSSL_free(handle);
    return ok;
}

/* Is there what the caller looks for? selection 0: anything will do. */
static bool selected(const struct p11uri *want, int selection)
{
    int part = p11_is_type(want, "public") ? OSSL_KEYMGMT_SELECT_PUBLIC_KEY : OSSL_KEYMGMT_SELECT_PRIVATE_KEY;

    return selection == 0 || (selection & part) != 0;
}

static int decode_text(struct provctx *prov, const char *text, size_t len, int selection, OSSL_CALLBACK *callback,
                       void *arg)
{
    char *uri = OPENSSL_malloc(LB_P11URI_MAX + 1);
    struct p11uri want;
    struct problem p;
    int ok, r = uri == NULL ? problem_set(&p, LB_E_NOMEM, "out of memory") : read_uri(text, len, uri, &p);

    if (r == 0)
        r = p11uri_parse(uri, &want, &p);
    if (r == 0 && p11_is_type(&want, "cert")) {
        problem_set(&p, LB_E_URI, "this reference to a key on a token says type=cert");
        problem_hint(&p, "a certificate is to be had with its pkcs11: URI");
        r = LB_E_URI;
    }
    if (r != 0)
        ok = error_problem(prov, &p);
    else
        ok = !selected(&want, selection) || give(prov, &want, callback, arg);
    OPENSSL_clear_free(uri, uri == NULL ? 0 : LB_P11URI_MAX + 1); /* there are files with a PIN in them */
    return ok;
}

/* Passes over in silence what is no reference: that is success without an object. */
static int decode(void *ctx, OSSL_CORE_BIO *in, int selection, OSSL_CALLBACK *callback, void *arg,
                  OSSL_PASSPHRASE_CALLBACK *passphrase, void *passphrase_arg)
{
    struct provctx *prov = ctx;
    char *text;
    size_t len;
    int ok = 1;

    (void)passphrase;
    (void)passphrase_arg;
    if (is_left_alone(prov, in))
        return 1;
    text = OPENSSL_malloc(TEXT_MAX);
    if (text == NULL)
        return error_raise(prov, LB_E_NOMEM, "for a reference");
    len = read_block(prov, in, text);
    if (len > 0)
        ok = decode_text(prov, text, len, selection, callback, arg);
    OPENSSL_clear_free(text, len);
    return ok;
}

const OSSL_DISPATCH decoder_p11pem[] = {
    LB_FN(DECODER_NEWCTX, decoder_newctx, newctx),
    LB_FN(DECODER_FREECTX, decoder_freectx, freectx),
    LB_FN(DECODER_DECODE, decoder_decode, decode),
    LB_FN_END,
};
