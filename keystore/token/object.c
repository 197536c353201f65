/* Objects on a token: found by id and label, and their attributes. */
#include "token/object.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    /* A failure of this call changes nothing about what was found. */
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

/* Gets an attribute that need not be there, of at most size bytes. */
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
