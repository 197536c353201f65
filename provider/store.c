/* The store of littlebox: URIs: one key, or the names of all keys in a box. */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <stdio.h>

#include "alg.h"
#include "ask.h"
#include "dispatch.h"
#include "error.h"
#include "key.h"

struct loader {
    struct provctx *prov;
    struct key_uri uri;
    int expect; /* OSSL_STORE_INFO_*, 0: anything */
    bool done;
    /* Of a box: the page of names that is being given out. */
    uint8_t *page; /* LB_PACKET_MAX bytes */
    struct wire_reader entries;
    uint16_t left;
    bool more;
    char after[LB_NAME_MAX + 1];
};

/* Nothing is asked here: what the caller expects is said after it. */
static void *open_uri(void *provctx, const char *uri)
{
    struct provctx *prov = provctx;
    struct loader *l = OPENSSL_zalloc(sizeof(*l));
    struct problem p;

    if (l == NULL) {
        error_raise(prov, LB_E_NOMEM, "for a store");
        return NULL;
    }
    l->prov = prov;
    if (uri_parse(uri, &l->uri, &p) != 0) {
        error_problem(prov, &p);
        OPENSSL_free(l);
        return NULL;
    }
    l->more = l->uri.name[0] == '\0';
    return l;
}

static int close_store(void *ctx)
{
    struct loader *l = ctx;

    OPENSSL_free(l->page);
    OPENSSL_free(l);
    return 1;
}

static int eof(void *ctx)
{
    const struct loader *l = ctx;

    return l->done;
}

static int set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    struct loader *l = ctx;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

    return p == NULL || OSSL_PARAM_get_int(p, &l->expect);
}

static const OSSL_PARAM *settable_ctx_params(void *provctx)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
        OSSL_PARAM_END,
    };

    (void)provctx;
    return types;
}

static int load_key(struct loader *l, OSSL_CALLBACK *callback, void *arg)
{
    int type = OSSL_OBJECT_PKEY, ok;
    struct problem p;
    struct key *k = NULL;

    l->done = true;
    if (l->expect != 0 && l->expect != OSSL_STORE_INFO_PKEY && l->expect != OSSL_STORE_INFO_PUBKEY)
        return 1; /* a certificate, say: there is none here */
    if (key_from_box(l->prov, &l->uri, l->expect != OSSL_STORE_INFO_PUBKEY, &k, &p) != 0)
        return error_problem(l->prov, &p);
    {
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
            OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)k->alg->name, 0),
            /* By reference: keymgmt's load takes the key out of it. */
            OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &k, sizeof(k)),
            OSSL_PARAM_construct_end(),
        };

        ok = callback(params, arg);
    }
    key_unref(k);
    return ok;
}

/* Makes sure that an entry is left, if the box has one. */
static int turn_page(struct loader *l)
{
    struct problem p;
    struct box *box;
    int r;

    if (l->left > 0 || !l->more)
        return 1;
    if (l->page == NULL)
        l->page = OPENSSL_malloc(LB_PACKET_MAX);
    if (l->page == NULL)
        return error_raise(l->prov, LB_E_NOMEM, "for a list of keys");
    r = box_find(l->prov, l->uri.box, &box, &p);
    if (r == 0)
        r = ask_list(box, l->after, l->page, &l->more, &l->left, &l->entries, &p);
    if (r == 0 && l->left == 0)
        l->more = false; /* an empty page is the last, whatever it says */
    return r == 0 ? 1 : error_problem(l->prov, &p);
}

static int load_name(struct loader *l, OSSL_CALLBACK *callback, void *arg)
{
    int type = OSSL_OBJECT_NAME;
    struct key_uri uri = l->uri;
    struct list_entry e;
    char text[LB_URI_MAX + 1];

    if (!turn_page(l) || l->left == 0) {
        bool empty = l->left == 0 && !l->more;

        l->done = true;
        return empty;
    }
    msg_list_entry_get(&l->entries, &e);
    l->left--;
    if (l->entries.error != 0) {
        l->done = true;
        return error_raise(l->prov, LB_E_VALUE, "the box sent a malformed list of keys");
    }
    snprintf(l->after, sizeof(l->after), "%s", e.name);
    snprintf(uri.name, sizeof(uri.name), "%s", e.name);
    uri_format(&uri, text);
    /* Looked up now, so that eof() is true behind the last name and not one call later. */
    l->done = !turn_page(l) || l->left == 0;
    {
        OSSL_PARAM params[] = {
            OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
            OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA, text, 0),
            OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DESC, e.type, 0),
            OSSL_PARAM_construct_end(),
        };

        return callback(params, arg);
    }
}

static int load(void *ctx, OSSL_CALLBACK *callback, void *arg, OSSL_PASSPHRASE_CALLBACK *passphrase,
                void *passphrase_arg)
{
    struct loader *l = ctx;

    (void)passphrase;
    (void)passphrase_arg;
    if (l->done)
        return 0;
    return l->uri.name[0] != '\0' ? load_key(l, callback, arg) : load_name(l, callback, arg);
}

const OSSL_DISPATCH store_functions[] = {
    LB_FN(STORE_OPEN, store_open, open_uri),
    LB_FN(STORE_SETTABLE_CTX_PARAMS, store_settable_ctx_params, settable_ctx_params),
    LB_FN(STORE_SET_CTX_PARAMS, store_set_ctx_params, set_ctx_params),
    LB_FN(STORE_LOAD, store_load, load),
    LB_FN(STORE_EOF, store_eof, eof),
    LB_FN(STORE_CLOSE, store_close, close_store),
    LB_FN_END,
};
