/*
 * The store of littlebox: and pkcs11: URIs: a key with its certificates, the names of all keys in a box, or what is
 * found in it.
 */
#include <openssl/core_names.h>
#include <openssl/core_object.h>
#include <openssl/params.h>
#include <openssl/store.h>
#include <stdio.h>
#include <string.h>

#include "client/box.h"
#include "client/keys.h"
#include "model/chain.h"
#include "protocol/keys.h"
#include "alg.h"
#include "boxes.h"
#include "dispatch.h"
#include "error.h"
#include "key.h"
#include "p11.h"
#include "search.h"

/* One thing to give out. What it points to is the loader's, until the next one is looked for. */
struct object {
    int type;                  /* OSSL_STORE_INFO_*; 0: nothing more */
    char uri[LB_URI_MAX + 1];  /* NAME */
    char desc[LB_TYPE_MAX + 1];
    struct bytes der;          /* CERT */
};

/* Where the loader is with a key: the private key comes first, then the public one, then the certificates. */
enum stage { STAGE_DONE, STAGE_KEY, STAGE_PUBLIC, STAGE_CHAIN, STAGE_CERTIFICATES };

struct loader {
    struct provctx *prov;
    struct key_uri uri;
    struct p11uri *p11; /* NULL: it is a littlebox: URI; else uri is what this one means, once the boxes were asked */
    bool certified;     /* the key of uri may have certificates */
    int only;           /* what the URI asks for: OSSL_STORE_INFO_*, 0: anything */
    int expect;         /* what the caller asks for, likewise */
    struct search search;
    bool started, done;
    bool named; /* no key, but certificates that the PKCS#11 URI names by themselves */
    /*
     * The next object, known before it is asked for, so that eof() is true right behind the last one. problem.code other than
     * 0: it could not be had, which is told when its turn comes.
     */
    struct object ahead;
    struct problem problem;
    /* The key whose objects are being given out. */
    enum stage stage;
    struct key_uri key_uri;
    bool key_certified; /* it may have certificates */
    struct key *key;    /* NULL: not asked for, or not what is searched */
    uint8_t *chain;     /* LB_PACKET_MAX bytes */
    struct wire_reader certificates;
    unsigned certificates_left;
    /* Of a box: the page of names that is being walked. */
    bool walks;
    uint8_t *page; /* LB_PACKET_MAX bytes */
    struct wire_reader entries;
    uint16_t left;
    bool more;
    char after[LB_NAME_MAX + 1];
};

/* Opening */

static struct loader *loader_new(struct provctx *prov)
{
    struct loader *l = OPENSSL_zalloc(sizeof(*l));

    if (l == NULL) {
        error_raise(prov, LB_E_NOMEM, "for a store");
        return NULL;
    }
    l->prov = prov;
    l->certified = true;
    return l;
}

/* Nothing is asked here: what the caller expects is said after it. */
static void *open_uri(void *provctx, const char *uri)
{
    struct loader *l = loader_new(provctx);
    struct problem p;

    if (l == NULL || uri_parse(uri, &l->uri, &p) == 0)
        return l;
    error_problem(provctx, &p);
    OPENSSL_free(l);
    return NULL;
}

static void *open_p11(void *provctx, const char *uri)
{
    static const struct {
        const char *name;
        int type;
    } types[] = {
        { "private", OSSL_STORE_INFO_PKEY }, { "public", OSSL_STORE_INFO_PUBKEY }, { "cert", OSSL_STORE_INFO_CERT }
    };
    struct loader *l = loader_new(provctx);
    struct problem p;
    int r = 0;

    if (l == NULL)
        return NULL;
    l->p11 = OPENSSL_zalloc(sizeof(*l->p11));
    r = l->p11 == NULL ? problem_set(&p, LB_E_NOMEM, "out of memory") : p11uri_parse(uri, l->p11, &p);
    for (size_t i = 0; r == 0 && i < sizeof(types) / sizeof(types[0]); i++) {
        if (p11_is_type(l->p11, types[i].name))
            l->only = types[i].type;
    }
    if (r == 0)
        return l;
    error_problem(provctx, &p);
    OPENSSL_free(l->p11);
    OPENSSL_free(l);
    return NULL;
}

static int close_store(void *ctx)
{
    struct loader *l = ctx;

    key_unref(l->key);
    search_clear(&l->search);
    OPENSSL_free(l->chain);
    OPENSSL_free(l->page);
    OPENSSL_free(l->p11);
    OPENSSL_free(l);
    return 1;
}

static int eof(void *ctx)
{
    const struct loader *l = ctx;

    return l->done;
}

/* Takes properties and the input type too; both change nothing. Properties are for libcrypto, and there is no file here. */
static int set_ctx_params(void *ctx, const OSSL_PARAM params[])
{
    struct loader *l = ctx;
    const OSSL_PARAM *p = OSSL_PARAM_locate_const(params, OSSL_STORE_PARAM_EXPECT);

    return (p == NULL || OSSL_PARAM_get_int(p, &l->expect)) && search_set(l->prov, &l->search, params);
}

static const OSSL_PARAM *settable_ctx_params(void *provctx)
{
    static const OSSL_PARAM types[] = {
        OSSL_PARAM_int(OSSL_STORE_PARAM_EXPECT, NULL),
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_PROPERTIES, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_STORE_PARAM_INPUT_TYPE, NULL, 0),
        SEARCH_SETTABLE,
        OSSL_PARAM_END,
    };

    (void)provctx;
    return types;
}

/* The objects of one key */

static bool wants(const struct loader *l, int type)
{
    return (l->expect == 0 || l->expect == type) && (l->only == 0 || l->only == type) && (type == OSSL_STORE_INFO_CERT || search_takes_keys(&l->search));
}

/* A buffer for an answer that may fill a packet, made once. */
static int make_room(uint8_t **buf, struct problem *p)
{
    if (*buf == NULL)
        *buf = OPENSSL_malloc(LB_PACKET_MAX);
    return *buf == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;
}

static void begin_key(struct loader *l, const struct key_uri *uri, bool certified)
{
    key_unref(l->key);
    l->key = NULL;
    l->key_uri = *uri;
    l->key_certified = certified;
    l->stage = STAGE_KEY;
}

static int ask_key(struct loader *l, struct problem *p)
{
    int r;

    if (!wants(l, OSSL_STORE_INFO_PKEY) && !wants(l, OSSL_STORE_INFO_PUBKEY))
        return 0;
    r = key_from_box(l->prov, &l->key_uri, wants(l, OSSL_STORE_INFO_PKEY), &l->key, p);
    if (r != 0)
        return r;
    if (!search_fits_key(l->prov, &l->search, l->key_uri.name, (struct bytes){ l->key->spki, l->key->spki_len })) {
        key_unref(l->key);
        l->key = NULL;
    }
    return 0;
}

static int ask_chain(struct loader *l, struct problem *p)
{
    struct key_ref ref = { .version = l->key_uri.version };
    uint8_t request[BOX_REQUEST_MAX];
    struct bytes chain;
    struct box_ask q;
    struct box *box;
    int r = make_room(&l->chain, p);

    l->certificates_left = 0;
    if (r == 0)
        r = provider_box(l->prov, l->key_uri.box, &box, p);
    if (r != 0)
        return r;
    snprintf(ref.name, sizeof(ref.name), "%s", l->key_uri.name);
    /* The certificates of the version that was given out, which may not be the active one any more. */
    r = ask_chain_of(box_ask(&q, box, request, sizeof(request), l->chain, LB_PACKET_MAX),
                     l->key != NULL && l->key->is_private ? &l->key->ref : &ref, &chain, p);
    if (r == 0 && chain_read(chain, &l->certificates_left, &l->certificates) != 0)
        r = problem_set(p, LB_E_VALUE, "the box sent a malformed chain of certificates");
    return r;
}

static bool next_certificate(struct loader *l, struct object *ret)
{
    while (l->certificates_left > 0) {
        struct bytes der = wire_get_bytes(&l->certificates, LB_CHAIN_MAX);

        l->certificates_left--;
        if (search_fits_certificate(l->prov, &l->search, l->key_uri.name, der)) {
            ret->type = OSSL_STORE_INFO_CERT;
            ret->der = der;
            return true;
        }
    }
    return false;
}

/* The next object of the key, type 0 behind the last. */
static int next_of_key(struct loader *l, struct object *ret, struct problem *p)
{
    int r;

    ret->type = 0;
    if (l->stage == STAGE_KEY) {
        l->stage = STAGE_PUBLIC;
        r = ask_key(l, p);
        if (r != 0)
            return r;
        if (l->key != NULL && wants(l, OSSL_STORE_INFO_PKEY)) {
            ret->type = OSSL_STORE_INFO_PKEY;
            return 0;
        }
    }
    if (l->stage == STAGE_PUBLIC) {
        l->stage = STAGE_CHAIN;
        if (l->key != NULL && wants(l, OSSL_STORE_INFO_PUBKEY)) {
            ret->type = OSSL_STORE_INFO_PUBKEY;
            return 0;
        }
    }
    if (l->stage == STAGE_CHAIN) {
        l->stage = l->key_certified && wants(l, OSSL_STORE_INFO_CERT) ? STAGE_CERTIFICATES : STAGE_DONE;
        r = l->stage == STAGE_CERTIFICATES ? ask_chain(l, p) : 0;
        if (r != 0)
            return r;
    }
    if (l->stage == STAGE_CERTIFICATES && !next_certificate(l, ret))
        l->stage = STAGE_DONE;
    return 0;
}

/* The keys of a box */

/* Makes sure that an entry is left, if the box has one. */
static int turn_page(struct loader *l, struct problem *p)
{
    uint8_t request[BOX_REQUEST_MAX];
    struct box_ask q;
    struct box *box;
    int r;

    if (l->left > 0 || !l->more)
        return 0;
    r = make_room(&l->page, p);
    if (r == 0)
        r = provider_box(l->prov, l->uri.box, &box, p);
    if (r == 0)
        r = ask_list(box_ask(&q, box, request, sizeof(request), l->page, LB_PACKET_MAX), l->after, &l->more, &l->left,
                     &l->entries, p);
    if (r == 0 && l->left == 0)
        l->more = false; /* an empty page is the last, whatever it says */
    return r;
}

/* ret->name is "" behind the last. */
static int next_entry(struct loader *l, struct key_entry *ret, struct problem *p)
{
    int r = turn_page(l, p);

    memset(ret, 0, sizeof(*ret));
    if (r != 0 || l->left == 0)
        return r;
    msg_list_entry_get(&l->entries, ret);
    l->left--;
    if (l->entries.error != 0)
        return problem_set(p, LB_E_VALUE, "the box sent a malformed list of keys");
    memcpy(l->after, ret->name, sizeof(l->after));
    return 0;
}

static int next_name(struct loader *l, struct object *ret, struct problem *p)
{
    struct key_uri uri = l->uri;
    struct key_entry e;
    int r = next_entry(l, &e, p);

    ret->type = 0;
    if (r != 0 || e.name[0] == '\0')
        return r;
    ret->type = OSSL_STORE_INFO_NAME;
    memcpy(uri.name, e.name, sizeof(uri.name));
    uri_format(&uri, ret->uri);
    memcpy(ret->desc, e.type, sizeof(ret->desc));
    return 0;
}

/* Does a search pass over the key? It has nothing to be found any more, or is of a type that only the box knows. */
static bool is_passed_over(int code)
{
    return code == LB_E_NO_KEY || code == LB_E_NO_VERSION || code == LB_E_DESTROYED || code == LB_E_NOT_ACTIVE ||
           code == LB_E_DAMAGED || code == LB_E_PUBLIC_KEY || code == LB_E_KEY_TYPE;
}

/* The key at the front of the walk, or the one with the alias that is searched for. False: there is none. */
static int next_key(struct loader *l, bool *ret_found, struct problem *p)
{
    struct key_uri uri = l->uri;
    struct key_entry e;
    int r;

    *ret_found = false;
    if (l->search.alias != NULL) {
        if (!l->more || !keyname_ok(l->search.alias, strlen(l->search.alias)))
            return 0;
        l->more = false;
        snprintf(uri.name, sizeof(uri.name), "%s", l->search.alias);
        begin_key(l, &uri, /* certified= */ true);
        *ret_found = true;
        return 0;
    }
    for (;;) {
        r = next_entry(l, &e, p);
        if (r != 0 || e.name[0] == '\0')
            return r;
        /* A key without a certificate is passed over where only certificates are looked for. */
        if (e.version != 0 && (e.certified || (l->expect != OSSL_STORE_INFO_CERT && search_takes_keys(&l->search))))
            break;
    }
    memcpy(uri.name, e.name, sizeof(uri.name));
    begin_key(l, &uri, e.certified);
    *ret_found = true;
    return 0;
}

static int next_found(struct loader *l, struct object *ret, struct problem *p)
{
    bool found = true;

    ret->type = 0;
    while (found) {
        int r = next_of_key(l, ret, p);

        if (r != 0 && !is_passed_over(r))
            return r;
        if (r == 0 && ret->type != 0)
            return 0;
        r = next_key(l, &found, p);
        if (r != 0)
            return r;
    }
    return 0;
}

/* Giving out */

/* Certificates that the URI names where it names no key; p has what was said of the key. */
static int find_certificates(struct loader *l, struct problem *p)
{
    struct problem why;
    struct bytes chain;
    int r = make_room(&l->chain, p);

    if (r == 0)
        r = p11_find_certificates(l->prov, l->p11, l->chain, &chain, &why);
    if (r != 0 && l->chain != NULL)
        *p = why;
    /* p keeps what was said of the key. */
    if (r != 0 || chain.len == 0)
        return p->code;
    if (chain_read(chain, &l->certificates_left, &l->certificates) != 0)
        return problem_set(p, LB_E_VALUE, "the box sent a malformed list of certificates");
    l->stage = STAGE_CERTIFICATES;
    l->named = true;
    return 0;
}

/*
 * Finds which box and key a PKCS#11 URI means. It may mean a whole token where the caller searches, or wants to see what there
 * is. A caller that expects a key, or asks for one by its type, wants one key, and is told which there are.
 */
static int find_p11(struct loader *l, struct problem *p)
{
    bool whole = search_is_set(&l->search) || (l->expect == 0 && l->only == 0) || l->expect == OSSL_STORE_INFO_NAME;
    struct p11_found found;
    int r = p11_find(l->prov, l->p11, whole, &found, p);

    if (r == 0) {
        l->uri = found.key;
        l->certified = found.certified;
    }
    return r == LB_E_NO_OBJECT && wants(l, OSSL_STORE_INFO_CERT) ? find_certificates(l, p) : r;
}

static void start(struct loader *l)
{
    l->started = true;
    if (l->p11 != NULL) {
        l->problem.code = find_p11(l, &l->problem);
        if (l->problem.code != 0 || l->named)
            return;
    }
    l->walks = l->uri.name[0] == '\0';
    l->more = l->walks;
    if (!l->walks)
        begin_key(l, &l->uri, l->certified);
    /* The box is not walked for things that no box has. */
    else if (search_is_set(&l->search) && !wants(l, OSSL_STORE_INFO_CERT) && !wants(l, OSSL_STORE_INFO_PKEY) &&
             !wants(l, OSSL_STORE_INFO_PUBKEY))
        l->more = false;
}

static void look_ahead(struct loader *l)
{
    int r;

    if (l->problem.code != 0)
        return;
    if (!l->walks)
        r = next_of_key(l, &l->ahead, &l->problem);
    else if (search_is_set(&l->search))
        r = next_found(l, &l->ahead, &l->problem);
    else
        r = next_name(l, &l->ahead, &l->problem);
    l->problem.code = r;
    l->done = r == 0 && l->ahead.type == 0;
}

static int give_key(struct key *k, OSSL_CALLBACK *callback, void *arg)
{
    int type = OSSL_OBJECT_PKEY;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_TYPE, (char *)k->alg->name, 0),
        /* By reference: keymgmt's load takes the key out of it. */
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_REFERENCE, &k, sizeof(k)),
        OSSL_PARAM_construct_end(),
    };
    int ok = callback(params, arg);

    key_unref(k);
    return ok;
}

static int give_public(struct loader *l, OSSL_CALLBACK *callback, void *arg)
{
    struct problem p;
    struct key *k = NULL;

    if (!l->key->is_private)
        return give_key(key_ref(l->key), callback, arg);
    if (key_from_spki(l->prov, &l->key_uri, l->key->spki, l->key->spki_len, /* is_private= */ false, &k, &p) != 0)
        return error_problem(l->prov, &p);
    return give_key(k, callback, arg);
}

static int give_certificate(struct bytes der, OSSL_CALLBACK *callback, void *arg)
{
    int type = OSSL_OBJECT_CERT;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_octet_string(OSSL_OBJECT_PARAM_DATA, (void *)der.p, der.len),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA_STRUCTURE, (char *)"Certificate", 0),
        OSSL_PARAM_construct_end(),
    };

    return callback(params, arg);
}

static int give_name(struct object *o, OSSL_CALLBACK *callback, void *arg)
{
    int type = OSSL_OBJECT_NAME;
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_int(OSSL_OBJECT_PARAM_TYPE, &type),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DATA, o->uri, 0),
        OSSL_PARAM_construct_utf8_string(OSSL_OBJECT_PARAM_DESC, o->desc, 0),
        OSSL_PARAM_construct_end(),
    };

    return callback(params, arg);
}

static int give(struct loader *l, struct object *o, OSSL_CALLBACK *callback, void *arg)
{
    switch (o->type) {
    case OSSL_STORE_INFO_NAME:
        return give_name(o, callback, arg);
    case OSSL_STORE_INFO_PKEY:
        return give_key(key_ref(l->key), callback, arg);
    case OSSL_STORE_INFO_PUBKEY:
        return give_public(l, callback, arg);
    default:
        return give_certificate(o->der, callback, arg);
    }
}

/* 1 without a call of callback: there was nothing. */
static int load(void *ctx, OSSL_CALLBACK *callback, void *arg, OSSL_PASSPHRASE_CALLBACK *passphrase,
                void *passphrase_arg)
{
    struct loader *l = ctx;
    int ok;

    (void)passphrase;
    (void)passphrase_arg;
    if (!l->started) {
        start(l);
        look_ahead(l);
        if (l->done)
            return 1;
    }
    if (l->done)
        return 0;
    if (l->problem.code != 0) {
        l->done = true;
        return error_problem(l->prov, &l->problem);
    }
    ok = give(l, &l->ahead, callback, arg);
    look_ahead(l);
    return ok;
}

/*
 * Without OSSL_FUNC_store_export_object(), libcrypto has to take our key manager for our keys, also for public ones, where it
 * would rather take another.
 */
#define STORE_TABLE(name, open)                                                          \
    const OSSL_DISPATCH name[] = {                                                       \
        LB_FN(STORE_OPEN, store_open, open),                                             \
        LB_FN(STORE_SETTABLE_CTX_PARAMS, store_settable_ctx_params, settable_ctx_params), \
        LB_FN(STORE_SET_CTX_PARAMS, store_set_ctx_params, set_ctx_params),               \
        LB_FN(STORE_LOAD, store_load, load),                                             \
        LB_FN(STORE_EOF, store_eof, eof),                                                \
        LB_FN(STORE_CLOSE, store_close, close_store),                                    \
        LB_FN_END,                                                                       \
    }
STORE_TABLE(store_functions, open_uri);
STORE_TABLE(store_p11_functions, open_p11);
