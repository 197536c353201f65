/* The store key and its seals: what all kinds have in common, and which kind a seal is of. */
#include "seals/seal.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

const struct seal_ops *seal_ops(unsigned kind)
{
#define ROW(number, NAME, name, ...) { number, &seal_##name },
    static const struct {
        unsigned kind;
        const struct seal_ops *ops;
    } rows[] = { SEAL_KINDS(ROW, ) };
#undef ROW

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (rows[i].kind == kind)
            return rows[i].ops;
    }
    return NULL;
}

int seal_wrap(const uint8_t store_id[STORE_ID_SIZE], unsigned kind, const char *label, struct bytes secret,
              const uint8_t *store_key, struct seal_record *ret)
{
    const struct seal_kind *row = seal_kind_find(kind);
    int r;

    memset(ret, 0, sizeof(*ret));
    if (row == NULL || strlen(label) > LB_LABEL_MAX)
        return LB_E_VALUE;
    if (secret.len < row->least_new)
        return LB_E_WEAK_SECRET;
    ret->kind = row->number;
    ret->created = (uint64_t)time(NULL);
    memcpy(ret->label, label, strlen(label) + 1);
    r = seal_ops(kind)->wrap(store_id, secret, store_key, ret);
    if (r != 0) {
        free(ret->params);
        free(ret->wrapped);
        memset(ret, 0, sizeof(*ret));
    }
    return r;
}

int seal_unwrap(const uint8_t store_id[STORE_ID_SIZE], const struct seal_record *seal, struct bytes secret,
                uint8_t *store_key)
{
    const struct seal_kind *row = seal_kind_find(seal->kind);

    if (row == NULL)
        return LB_E_DAMAGED;
    if (secret.len < row->least_tried)
        return LB_E_SECRET;
    return seal_ops(seal->kind)->unwrap(&(struct seal_try){ store_id, seal, secret }, store_key);
}

void seal_place(const struct seal_record *seal, char ret[LB_PATH_TEXT_MAX + 1])
{
    const struct seal_ops *ops = seal_ops(seal->kind);

    if (ops == NULL || ops->place == NULL || ops->place(seal, ret) != 0)
        ret[0] = '\0';
}
