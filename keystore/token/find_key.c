/* The private key on a token that a name and a public half mean. */
#include "token/find_key.h"

#include <stdio.h>
#include <stdlib.h>

#include "model/spki.h"
#include "token/copy.h"
#include "token/parts_priv.h"
#include "token/public.h"

/* Candidates that are looked at. A token with more of one name is in disorder. */
#define CANDIDATES_MAX 16

/* Has the private key this public half? Unknown: the token tells none (any more), and the name alone must decide. */
enum has { HAS_OTHER, HAS_UNKNOWN, HAS_THIS };

static CK_RV has_public(struct p11_session *s, CK_OBJECT_HANDLE h, const uint8_t *spki, size_t len, enum has *ret)
{
    uint8_t *has = NULL;
    size_t has_len = 0;
    struct problem ignored = { 0 };
    CK_RV rv = p11_public(s, h, &has, &has_len, &ignored);

    *ret = HAS_OTHER;
    if (rv == P11_TOLD && ignored.code == LB_E_NO_OBJECT)
        *ret = HAS_UNKNOWN;
    else if (rv == CKR_OK && spki_same(has, has_len, spki, len))
        *ret = HAS_THIS;
    free(has);
    return rv == P11_TOLD ? CKR_OK : rv;
}

static CK_RV tell(struct p11_session *s, const struct p11_name *name, const CK_OBJECT_HANDLE *found, CK_ULONG count,
                  struct problem *p)
{
    char wanted[160], list[220] = "";
    size_t at = 0;

    p11_name_text(name, wanted, sizeof(wanted));
    if (count == 0) {
        problem_set(p, LB_E_NO_OBJECT, "there is no private key %s on the token", wanted);
        if (s->token->conf->login == LOGIN_NEVER)
            problem_hint(p, "tokens hide private keys from those who do not log in: this box has 'login = never'");
        else
            problem_hint(p, "the keys of the token: littlebox list --token");
        return P11_TOLD;
    }
    for (CK_ULONG i = 0; i < count && at < sizeof(list) - 1; i++) {
        struct p11_name has;
        char text[120];

        if (p11_name_of(s, found[i], &has) != CKR_OK)
            continue;
        p11_name_text(&has, text, sizeof(text));
        at += (size_t)snprintf(list + at, sizeof(list) - at, "%s%s", at == 0 ? "" : ", ", text);
    }
    problem_set(p, LB_E_AMBIGUOUS, "%lu private keys on the token fit %.100s: %s", count, wanted, list);
    problem_hint(p, "name one by both: --id HEX --label TEXT");
    return P11_TOLD;
}

static CK_ULONG without_copies(struct p11_session *s, CK_OBJECT_HANDLE *found, CK_ULONG count)
{
    CK_ULONG kept = 0;

    for (CK_ULONG i = 0; i < count; i++) {
        if (!p11_copy_is(s, found[i]))
            found[kept++] = found[i];
    }
    return kept;
}

CK_RV p11_find_key(struct p11_session *s, const struct p11_name *name, const uint8_t *spki, size_t spki_len,
                   CK_OBJECT_HANDLE *ret, struct problem *p)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template[3] = { { CKA_CLASS, &class, sizeof(class) } };
    CK_OBJECT_HANDLE found[CANDIDATES_MAX];
    CK_ULONG n = 1, count = 0, kept = 0;
    CK_RV rv;

    if (name->id_len > 0)
        template[n++] = (CK_ATTRIBUTE){ CKA_ID, (void *)name->id, name->id_len };
    if (name->label_len > 0)
        template[n++] = (CK_ATTRIBUTE){ CKA_LABEL, (void *)name->label, name->label_len };
    rv = p11_find(s, template, n, found, CANDIDATES_MAX, &count);
    if (rv != CKR_OK)
        return rv;
    count = without_copies(s, found, count);
    for (CK_ULONG i = 0; i < count; i++) {
        enum has has = HAS_THIS;

        if (spki != NULL)
            rv = has_public(s, found[i], spki, spki_len, &has);
        if (rv != CKR_OK)
            return rv;
        if (has == HAS_THIS || (has == HAS_UNKNOWN && count == 1))
            found[kept++] = found[i];
    }
    if (spki != NULL && kept == 0 && count > 0) {
        char text[200];

        p11_name_text(name, text, sizeof(text));
        problem_set(p, LB_E_NO_OBJECT, "the private key %s on the token is another one: its public half has changed", text);
        problem_hint(p, "the keys of the token: littlebox list --token");
        return P11_TOLD;
    }
    /* Two objects with the same public half are the same key twice. */
    if (kept == 1 || (spki != NULL && kept > 1)) {
        *ret = found[0];
        return CKR_OK;
    }
    return tell(s, name, found, kept, p);
}
