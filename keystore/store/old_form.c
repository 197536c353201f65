/* The form in which keys were bound before schema 4: for reading old stores alone, nothing is written in it. */
#include "store/old_form.h"

#include <stdlib.h>
#include <string.h>

#define OLD_LABEL "littlebox v1 version"
/* The longest data without spki, grants and former names. */
#define OLD_FIXED (sizeof(OLD_LABEL) + STORE_ID_SIZE + KEY_ID_SIZE + LB_NAME_MAX + LB_TYPE_MAX + 80)
#define GRANT_SIZE 7

int old_form_bound(const uint8_t store_id[STORE_ID_SIZE], const struct key_record *k, const struct version_record *v,
                   uint8_t **ret, size_t *ret_len)
{
    struct wire_writer w;
    const char *former = k->former == NULL ? "" : k->former;
    size_t size = OLD_FIXED + v->spki_len + k->grant_count * GRANT_SIZE + strlen(former);
    uint8_t *data;
    int r;

    if (v->spki_len > LB_SPKI_MAX || k->grant_count > LB_GRANTS_MAX || strlen(former) > LB_FORMER_MAX)
        return LB_E_TOO_LONG;
    data = malloc(size);
    if (data == NULL)
        return LB_E_NOMEM;
    wire_write(&w, data, size);
    wire_put_str(&w, OLD_LABEL);
    wire_put_raw(&w, store_id, STORE_ID_SIZE);
    wire_put_raw(&w, v->key_id, KEY_ID_SIZE);
    wire_put_str(&w, v->name);
    wire_put_u32(&w, v->version);
    wire_put_u8(&w, v->state);
    wire_put_str(&w, v->type);
    wire_put_u64(&w, v->created);
    wire_put_u64(&w, v->changed);
    wire_put_bytes(&w, v->spki, v->spki_len);
    wire_put_u16(&w, (uint16_t)k->grant_count);
    for (size_t i = 0; i < k->grant_count; i++)
        grant_put(&w, &k->grants[i]);
    /* Without schedule and former names the data ends here, as it did before schema 3. */
    if (v->destroy_at != 0 || v->state_before != 0 || former[0] != '\0') {
        wire_put_u64(&w, v->destroy_at);
        wire_put_u8(&w, v->state_before);
        wire_put_str(&w, former);
    }
    r = wire_written(&w, ret_len);
    if (r != 0) {
        free(data);
        return r;
    }
    *ret = data;
    return 0;
}
