/* The mechanisms that a token lists. */
#include "token/mechanisms.h"

#include <stdlib.h>
#include <string.h>

#include "token/failure.h"

int p11_mechanisms_read(struct p11_mechanisms *m, struct p11_caller *call, const struct p11_slot *slot,
                        struct problem *p)
{
    CK_MECHANISM_TYPE *list = calloc(P11_MECHANISMS_MAX, sizeof(*list));
    CK_ULONG count = P11_MECHANISMS_MAX;
    CK_RV rv = CKR_HOST_MEMORY;

    m->count = 0;
    if (list != NULL)
        rv = P11_CALL(call, C_GetMechanismList, slot->id, list, &count);
    if (rv != CKR_OK || count > P11_MECHANISMS_MAX) {
        free(list);
        return p11_failed(slot->label, "C_GetMechanismList", rv == CKR_OK ? CKR_BUFFER_TOO_SMALL : rv, p);
    }
    for (CK_ULONG i = 0; i < count; i++) {
        CK_MECHANISM_INFO info;

        memset(&info, 0, sizeof(info));
        if (P11_CALL(call, C_GetMechanismInfo, slot->id, list[i], &info) != CKR_OK)
            continue;
        m->all[m->count].type = list[i];
        m->all[m->count++].flags = info.flags;
    }
    free(list);
    return 0;
}

bool p11_mechanisms_have(const struct p11_mechanisms *m, CK_MECHANISM_TYPE type, CK_FLAGS flags)
{
    for (CK_ULONG i = 0; i < m->count; i++) {
        if (m->all[i].type == type)
            return (m->all[i].flags & flags) == flags;
    }
    return false;
}

bool p11_mechanisms_any(const struct p11_mechanisms *m, CK_FLAGS flags)
{
    for (CK_ULONG i = 0; i < m->count; i++) {
        if ((m->all[i].flags & flags) == flags)
            return true;
    }
    return false;
}
