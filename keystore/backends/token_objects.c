/* The private keys on a token, told one by one. */
#include <stdlib.h>

#include "backends/site_priv.h"
#include "token/copy.h"
#include "token/public.h"
#include "token/token.h"

#define OBJECTS_MAX 65536

struct listing {
    uint32_t from;
    const struct site_object_taker *taker;
    bool more;
};

static CK_RV give_object(struct p11_session *s, struct listing *l, CK_OBJECT_HANDLE h)
{
    struct site_object o = { .spki = { NULL, 0 } };
    struct p11_name name;
    struct problem ignored;
    uint8_t *spki = NULL;
    size_t len = 0;
    CK_RV rv = p11_name_of(s, h, &name);

    /* An object that cannot be read does not hide the others. */
    if (rv == CKR_OBJECT_HANDLE_INVALID || rv == CKR_ATTRIBUTE_VALUE_INVALID)
        return CKR_OK;
    if (rv != CKR_OK)
        return rv;
    o.id = (struct bytes){ name.id, name.id_len };
    o.label = (struct bytes){ name.label, name.label_len };
    if (p11_public(s, h, &spki, &len, &ignored) == CKR_OK)
        o.spki = (struct bytes){ spki, len };
    l->more = !l->taker->take(&o, l->taker->arg);
    free(spki);
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
    l->taker->start(l->taker->arg);
    l->more = false;
    /* Copies are not counted as places: whoever goes on from a place has counted the keys that were told. */
    for (CK_ULONG i = 0; i < count; i++) {
        if (!p11_copy_is(s, found[i]))
            found[kept++] = found[i];
    }
    for (CK_ULONG i = l->from; rv == CKR_OK && !l->more && i < kept; i++)
        rv = give_object(s, l, found[i]);
    free(found);
    return rv;
}

int token_site_objects(void *site, uint32_t from, const struct site_object_taker *taker, bool *ret_more,
                       struct problem *p)
{
    struct listing l = { .from = from, .taker = taker };
    int r;

    *ret_more = false;
    r = p11_do(site, "listing the keys", list, &l, p);
    *ret_more = l.more;
    return r;
}
