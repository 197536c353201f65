/* What there is on the token of a box, and how the token is. */
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/key_types.h"
#include "model/spki.h"
#include "protocol/header.h"
#include "protocol/token.h"
#include "token/copy.h"
#include "vault/vault_priv.h"

static int no_token(const struct vault *v, struct problem *p)
{
    problem_set(p, LB_E_UNSUPPORTED, "the keys of box '%s' are on no token", v->conf->box);
    problem_hint(p, "BOX.conf: backend = pkcs11; see littlebox.conf(5)");
    return LB_E_UNSUPPORTED;
}

int vault_token(struct vault *v, struct token_status *ret, struct problem *p)
{
    struct p11_token_info *info;

    if (v->p11 == NULL)
        return no_token(v, p);
    info = calloc(1, sizeof(*info));
    if (info == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    p11_token_info(v->p11, info);
    memset(ret, 0, sizeof(*ret));
    ret->connected = info->connected;
    snprintf(ret->module, sizeof(ret->module), "%.*s", LB_PATH_TEXT_MAX, info->module);
    memcpy(ret->library, info->library, sizeof(ret->library));
    memcpy(ret->label, info->label, sizeof(ret->label));
    memcpy(ret->manufacturer, info->manufacturer, sizeof(ret->manufacturer));
    memcpy(ret->model, info->model, sizeof(ret->model));
    memcpy(ret->serial, info->serial, sizeof(ret->serial));
    ret->slot = info->slot;
    ret->sessions = info->sessions;
    ret->sessions_max = info->sessions_max;
    ret->reconnects = info->reconnects;
    ret->problem = info->problem;
    free(info);
    return 0;
}

int vault_login(struct vault *v, struct bytes pin, struct problem *p)
{
    if (v->p11 == NULL)
        return no_token(v, p);
    return p11_token_login(v->p11, pin, p);
}

/* Room that one entry may take. */
#define ENTRY_ROOM (2 + LB_NAME_MAX + 2 + LB_TYPE_MAX + 2 * (2 + P11_VALUE_MAX))
#define OBJECTS_MAX 65536

struct listing {
    struct vault *v;
    uint32_t from;
    struct wire_writer *w;
    struct wire_writer start; /* where w stood: work may be done twice */
    uint16_t count;
    bool more;
};

static bool is_value(const struct p11_value *v, const uint8_t *p, size_t len)
{
    return v->set ? v->len == len && memcmp(v->bytes, p, len) == 0 : len == 0;
}

/*
 * Does version i of k work with the object of this name and public half? Each alone may be another object's. With the
 * ring's lock held.
 */
static bool is_object_of(const struct boxkey *k, size_t i, const struct p11_name *name, struct bytes spki)
{
    const struct version_record *rec = &k->rec.versions[i];
    const struct livekey *live = k->versions[i].live;
    const struct token_object *o = live == NULL ? NULL : livekey_object(live);

    return o != NULL && rec->state != STATE_DESTROYED && is_value(&o->id, name->id, name->id_len) &&
           is_value(&o->label, name->label, name->label_len) && spki_same(rec->spki, rec->spki_len, spki.p, spki.len);
}

/* The key that is this object, or "". */
static void name_of(struct vault *v, const struct p11_name *name, struct bytes spki, char *ret)
{
    pthread_rwlock_rdlock(&v->ring.lock);
    for (size_t i = 0; i < v->ring.count; i++) {
        const struct boxkey *k = v->ring.keys[i];

        for (size_t j = 0; j < k->rec.version_count; j++) {
            if (is_object_of(k, j, name, spki))
                snprintf(ret, LB_NAME_MAX + 1, "%s", k->rec.name);
        }
    }
    pthread_rwlock_unlock(&v->ring.lock);
}

static void put_type(struct bytes spki, struct token_key *e)
{
    EVP_PKEY *pub = spki_key(NULL, spki.p, spki.len);
    struct problem ignored;

    if (pub == NULL || keytype_of(pub, e->type, &ignored) != 0)
        e->type[0] = '\0';
    EVP_PKEY_free(pub);
    ERR_clear_error();
}

static CK_RV put_object(struct p11_session *s, struct listing *l, CK_OBJECT_HANDLE h)
{
    struct token_key e = { .key = "" };
    struct p11_name name;
    struct problem ignored;
    uint8_t *spki = NULL;
    size_t len = 0;
    CK_RV rv = p11_name_of(s, h, &name);

    /* One that cannot be read does not hide the others. */
    if (rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID)
        return CKR_OK;
    if (rv != CKR_OK)
        return rv;
    e.id = (struct bytes){ name.id, name.id_len };
    e.label = (struct bytes){ name.label, name.label_len };
    if (p11_public(s, h, &spki, &len, &ignored) == CKR_OK) {
        put_type((struct bytes){ spki, len }, &e);
        name_of(l->v, &name, (struct bytes){ spki, len }, e.key);
    }
    free(spki);
    msg_token_entry_put(l->w, &e);
    l->count++;
    return CKR_OK;
}

static CK_RV list(struct p11_session *s, void *arg, struct problem *p)
{
    struct listing *l = arg;
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template = { CKA_CLASS, &class, sizeof(class) };
    CK_OBJECT_HANDLE *found = calloc(OBJECTS_MAX, sizeof(*found));
    CK_ULONG count = 0, kept = 0;
    CK_RV rv = found == NULL ? CKR_HOST_MEMORY : p11_find(s, &template, 1, found, OBJECTS_MAX, &count);

    (void)p;
    *l->w = l->start;
    l->count = 0;
    l->more = false;
    /* Places are counted without them: whoever goes on from a place counts what was told. */
    for (CK_ULONG i = 0; i < count; i++) {
        if (!p11_copy_is(s, found[i]))
            found[kept++] = found[i];
    }
    for (CK_ULONG i = l->from; rv == CKR_OK && i < kept; i++) {
        l->more = l->w->left < ENTRY_ROOM || l->count == UINT16_MAX;
        if (l->more)
            break;
        rv = put_object(s, l, found[i]);
    }
    free(found);
    return rv;
}

int vault_token_list(struct vault *v, uint32_t from, uint32_t id, void *buf, size_t size, size_t *ret_len,
                     struct problem *p)
{
    struct wire_writer w, head;
    struct listing l = { .v = v, .from = from, .w = &w };
    int r;

    if (v->p11 == NULL)
        return no_token(v, p);
    wire_write(&w, buf, size);
    msg_header_put(&w, MSG_TOKEN_LIST | MSG_ANSWER, id);
    wire_put_u8(&w, 0);
    wire_put_u16(&w, 0);
    l.start = w;
    r = p11_do(v->p11, "listing the keys", list, &l, p);
    if (r != 0)
        return r;
    r = wire_written(&w, ret_len);
    if (r != 0)
        return problem_set(p, r, "the list does not fit");
    wire_write(&head, (uint8_t *)buf + LB_HEADER_SIZE, 3);
    wire_put_u8(&head, l.more);
    wire_put_u16(&head, l.count);
    return 0;
}
