/* What is bound to the material of a version: the associated data of its sealing, which one function writes. */
#include "store/bound.h"

#include <stdlib.h>

#include "store/old_form.h"
#include "store/policy_blob.h"

/* Begins the associated data, which is so never that of a seal or of another form. */
#define BOUND_LABEL "littlebox v2 version"
/* The longest associated data without public half and policy. */
#define BOUND_FIXED (sizeof(BOUND_LABEL) + STORE_ID_SIZE + KEY_ID_SIZE + LB_NAME_MAX + LB_TYPE_MAX + 80)

static void put_version(struct wire_writer *w, const uint8_t store_id[STORE_ID_SIZE], const struct version_record *v)
{
    wire_put_str(w, BOUND_LABEL);
    wire_put_raw(w, store_id, STORE_ID_SIZE);
    wire_put_raw(w, v->key_id, KEY_ID_SIZE);
    wire_put_str(w, v->name);
    wire_put_u32(w, v->version);
    wire_put_u8(w, v->state);
    wire_put_str(w, v->type);
    wire_put_u64(w, v->created);
    wire_put_u64(w, v->changed);
    wire_put_bytes(w, v->spki, v->spki_len);
}

int bound_data(const uint8_t store_id[STORE_ID_SIZE], const struct key_record *k, const struct version_record *v,
               uint8_t **ret, size_t *ret_len)
{
    size_t size = BOUND_FIXED + v->spki_len + POLICY_MAX;
    struct wire_writer w;
    uint8_t *data;
    int r;

    if (k->policy_damaged)
        return LB_E_DAMAGED;
    if (k->old_form)
        return old_form_bound(store_id, k, v, ret, ret_len);
    if (v->spki_len > LB_SPKI_MAX || k->grant_count > LB_GRANTS_MAX)
        return LB_E_TOO_LONG;
    data = malloc(size);
    if (data == NULL)
        return LB_E_NOMEM;
    wire_write(&w, data, size);
    put_version(&w, store_id, v);
    /* The policy has no length in front: it goes to the end of the data. */
    policy_put(k, &w);
    r = wire_written(&w, ret_len);
    if (r != 0) {
        free(data);
        return r;
    }
    *ret = data;
    return 0;
}
