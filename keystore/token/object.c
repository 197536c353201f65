/* Objects on a token: found by id and label, and their attributes. */
#include "token/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/spki.h"
#include "token/copy.h"
#include "token/token_priv.h"

/* Candidates that are looked at; more with one name is a token in disorder. */
#define CANDIDATES_MAX 16

CK_RV p11_find(struct p11_session *s, CK_ATTRIBUTE *template, CK_ULONG n, CK_OBJECT_HANDLE *ret, CK_ULONG max,
               CK_ULONG *ret_count)
{
    CK_RV rv = P11_CALL(&s->call, C_FindObjectsInit, s->h, template, n);
    CK_ULONG count = 0;

    *ret_count = 0;
    if (rv != CKR_OK)
        return rv;
    while (rv == CKR_OK && count < max) {
        CK_ULONG more = 0;

        rv = P11_CALL(&s->call, C_FindObjects, s->h, ret + count, max - count, &more);
        if (rv != CKR_OK || more == 0)
            break;
        if (more > max - count) {
            rv = CKR_GENERAL_ERROR;
            break;
        }
        count += more;
    }
    /* Its own failure changes nothing about what was found. */
    (void)P11_CALL(&s->call, C_FindObjectsFinal, s->h);
    if (rv == CKR_OK)
        *ret_count = count;
    return rv;
}

CK_RV p11_attribute(struct p11_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, void *ret, size_t size,
                    size_t *ret_len)
{
    CK_ATTRIBUTE a = { type, ret, size };
    CK_RV rv = P11_CALL(&s->call, C_GetAttributeValue, s->h, h, &a, 1);

    if (rv != CKR_OK)
        return rv;
    if (a.ulValueLen == CK_UNAVAILABLE_INFORMATION)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (a.ulValueLen > size)
        return CKR_BUFFER_TOO_SMALL;
    *ret_len = a.ulValueLen;
    return CKR_OK;
}

CK_RV p11_attribute_new(struct p11_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, uint8_t **ret,
                        size_t *ret_len)
{
    CK_ATTRIBUTE a = { type, NULL, 0 };
    uint8_t *buf;
    CK_RV rv = P11_CALL(&s->call, C_GetAttributeValue, s->h, h, &a, 1);

    *ret = NULL;
    *ret_len = 0;
    if (rv == CKR_ATTRIBUTE_TYPE_INVALID || rv == CKR_ATTRIBUTE_SENSITIVE)
        return CKR_OK;
    if (rv != CKR_OK)
        return rv;
    if (a.ulValueLen == CK_UNAVAILABLE_INFORMATION || a.ulValueLen == 0)
        return CKR_OK;
    if (a.ulValueLen > P11_ATTRIBUTE_MAX)
        return CKR_ATTRIBUTE_VALUE_INVALID;
    buf = malloc(a.ulValueLen);
    if (buf == NULL)
        return CKR_HOST_MEMORY;
    rv = p11_attribute(s, h, type, buf, a.ulValueLen, ret_len);
    if (rv != CKR_OK) {
        free(buf);
        return rv;
    }
    *ret = buf;
    return CKR_OK;
}

bool p11_flag(struct p11_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type)
{
    CK_BBOOL flag = CK_FALSE;
    size_t len;

    return p11_attribute(s, h, type, &flag, sizeof(flag), &len) == CKR_OK && len == sizeof(flag) && flag != CK_FALSE;
}

/* An attribute that need not be there, and is not longer than size. */
static CK_RV optional(struct p11_session *s, CK_OBJECT_HANDLE h, CK_ATTRIBUTE_TYPE type, uint8_t *ret, size_t size,
                      size_t *ret_len)
{
    uint8_t *value = NULL;
    size_t len = 0;
    CK_RV rv = p11_attribute_new(s, h, type, &value, &len);

    *ret_len = 0;
    if (rv == CKR_OK && len > size)
        rv = CKR_ATTRIBUTE_VALUE_INVALID;
    if (rv == CKR_OK && len > 0) {
        memcpy(ret, value, len);
        *ret_len = len;
    }
    free(value);
    return rv;
}

CK_RV p11_name_of(struct p11_session *s, CK_OBJECT_HANDLE h, struct p11_name *ret)
{
    CK_RV rv;

    memset(ret, 0, sizeof(*ret));
    rv = optional(s, h, CKA_ID, ret->id, sizeof(ret->id), &ret->id_len);
    return rv != CKR_OK ? rv : optional(s, h, CKA_LABEL, ret->label, sizeof(ret->label), &ret->label_len);
}

void p11_name_text(const struct p11_name *n, char *ret, size_t size)
{
    size_t at = 0;

    ret[0] = '\0';
    if (n->label_len > 0)
        at += (size_t)snprintf(ret, size, "'%.*s'", (int)(n->label_len > 64 ? 64 : n->label_len), (const char *)n->label);
    for (size_t i = 0; i < at && i < size; i++) {
        if ((unsigned char)ret[i] < 0x20 || (unsigned char)ret[i] == 0x7f)
            ret[i] = ret[i] == '\0' ? '\0' : '?';
    }
    if (n->id_len > 0 && at + 5 < size)
        at += (size_t)snprintf(ret + at, size - at, "%sid ", at > 0 ? " " : "");
    for (size_t i = 0; i < n->id_len && at + 3 < size; i++)
        at += (size_t)snprintf(ret + at, size - at, "%02x", n->id[i]);
    if (at == 0)
        snprintf(ret, size, "without name and id");
}

/*
 * Has it this public half? Where the token tells none (any more), the id alone must do: unknown is then what can be
 * said.
 */
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
    /* The same public half twice is the same key twice. */
    if (kept == 1 || (spki != NULL && kept > 1)) {
        *ret = found[0];
        return CKR_OK;
    }
    return tell(s, name, found, kept, p);
}
