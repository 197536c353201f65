/* Keys on a token that are destroyed, and what is taken away of those that came to nothing. */
#include "token/destroy.h"

#include <string.h>

#include "base/log.h"
#include "token/copy.h"
#include "token/find_key.h"
#include "token/message_api.h"

/* Objects of one name: a pair, and what each earlier try has left of it. */
#define DISCARD_MAX 16
/* Private objects of one name that are counted. */
#define NAMED_MAX 64

/* What came to nothing */

CK_RV p11_discard_now(struct p11_session *s, const struct p11_name *name)
{
    static const CK_OBJECT_CLASS classes[] = { CKO_PRIVATE_KEY, CKO_PUBLIC_KEY };
    CK_RV rv = CKR_OK;

    for (size_t i = 0; rv == CKR_OK && i < sizeof(classes) / sizeof(classes[0]); i++) {
        CK_ATTRIBUTE template[] = { { CKA_CLASS, (void *)&classes[i], sizeof(classes[i]) },
                                    { CKA_ID, (void *)name->id, name->id_len },
                                    { CKA_LABEL, (void *)name->label, name->label_len } };
        CK_OBJECT_HANDLE found[DISCARD_MAX];
        CK_ULONG count = 0;

        rv = p11_find(s, template, 3, found, DISCARD_MAX, &count);
        for (CK_ULONG k = 0; rv == CKR_OK && k < count; k++)
            rv = P11_CALL(&s->call, C_DestroyObject, s->h, found[k]);
    }
    return rv;
}

static CK_RV discard(struct p11_session *s, void *arg, struct problem *p)
{
    (void)p;
    return p11_discard_now(s, arg);
}

void p11_discard(struct p11_token *t, const struct p11_name *name, struct problem *p)
{
    struct problem why = { 0 };
    char text[120];

    if (p11_do(t, "taking away what was begun", discard, (void *)name, &why) == 0)
        return;
    p11_name_text(name, text, sizeof(text));
    log_error("token: what was begun as %s may still be there: %s", text, why.text);
    problem_hint(p, "what was begun may still be on the token: %s", text);
}

/* Destroying */

struct destroy {
    const struct p11_name *name;
    const uint8_t *spki;
    size_t spki_len;
    CK_ULONG before, after; /* private objects of that name */
};

static CK_RV count_named(struct p11_session *s, const struct p11_name *name, CK_ULONG *ret)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template[3] = { { CKA_CLASS, &class, sizeof(class) } };
    CK_OBJECT_HANDLE found[NAMED_MAX];
    CK_ULONG n = 1;

    if (name->id_len > 0)
        template[n++] = (CK_ATTRIBUTE){ CKA_ID, (void *)name->id, name->id_len };
    if (name->label_len > 0)
        template[n++] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)name->label, name->label_len };
    return p11_find(s, template, n, found, NAMED_MAX, ret);
}

static CK_RV destroy(struct p11_session *s, void *arg, struct problem *p)
{
    struct destroy *d = arg;
    CK_OBJECT_CLASS class = CKO_PUBLIC_KEY;
    CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) },
                                { CKA_ID, (void *)d->name->id, d->name->id_len },
                                { CKA_LABEL, (void *)d->name->label, d->name->label_len } };
    CK_OBJECT_HANDLE key, pub[2];
    CK_ULONG count = 0;
    CK_RV rv = p11_find_key(s, d->name, d->spki, d->spki_len, &key, p);

    if (rv == CKR_OK) {
        /* The copy goes first: it has the same name, and must not be counted. */
        p11_copy_drop_of(s, key);
        p11_message_forget(s->token);
        rv = count_named(s, d->name, &d->before);
    }
    if (rv == CKR_OK)
        rv = P11_CALL(&s->call, C_DestroyObject, s->h, key);
    if (rv != CKR_OK)
        return rv;
    if (d->name->id_len > 0 && p11_find(s, template, 3, pub, 2, &count) == CKR_OK && count == 1)
        (void)P11_CALL(&s->call, C_DestroyObject, s->h, pub[0]); /* public: it may stay */
    return CKR_OK;
}

static CK_RV count_again(struct p11_session *s, void *arg, struct problem *p)
{
    struct destroy *d = arg;

    (void)p;
    return count_named(s, d->name, &d->after);
}

/* Other keys may have the same name. So the key is gone if there are fewer of that name than before. */
static int is_gone(struct p11_token *t, struct destroy *d, struct problem *p)
{
    char text[200];
    int r = p11_token_reconnect(t, p);

    if (r == 0)
        r = p11_do(t, "looking for the key", count_again, d, p);
    if (r != 0 || d->after < d->before)
        return r;
    p11_name_text(d->name, text, sizeof(text));
    problem_set(p, LB_E_TOKEN, "the token said that it destroyed key %s, and has it still", text);
    problem_hint(p, "may the box write to where the token's objects are? ReadWritePaths= of its unit, module-writes in "
                    "littlebox.conf(5)");
    return LB_E_TOKEN;
}

/* Asks the token anew. A module's word that a key is gone does not count, nor does its memory that there is none. */
int p11_destroy(struct p11_token *t, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                struct problem *p)
{
    struct destroy d = { .name = name, .spki = spki, .spki_len = spki_len };
    int r = p11_do(t, "destroying the key", destroy, &d, p);

    if (r == LB_E_NO_OBJECT) {
        r = p11_token_reconnect(t, p);
        if (r == 0)
            r = p11_do(t, "destroying the key", destroy, &d, p);
        if (r == LB_E_NO_OBJECT)
            return 0;
    }
    return r != 0 ? r : is_gone(t, &d, p);
}

