/* A bounded reader and writer of bytes: the only code that moves a pointer over what came from outside. */
#include "base/wire.h"

#include <string.h>

void wire_read(struct wire_reader *r, const void *data, size_t len)
{
    r->p = data;
    r->left = len;
    r->error = 0;
}

void wire_refuse(struct wire_reader *r, int code)
{
    if (r->error == 0)
        r->error = code;
}

/* Gives NULL after the first failure, so that no getter has to check for it. */
static const uint8_t *take(struct wire_reader *r, size_t len)
{
    const uint8_t *p = r->p;

    if (r->error != 0)
        return NULL;
    if (len > r->left) {
        r->error = LB_E_CUT_OFF;
        return NULL;
    }
    r->p += len;
    r->left -= len;
    return p;
}

static uint64_t get_uint(struct wire_reader *r, size_t len)
{
    const uint8_t *p = take(r, len);
    uint64_t v = 0;

    for (size_t i = 0; p != NULL && i < len; i++)
        v = v << 8 | p[i];
    return v;
}

uint8_t wire_get_u8(struct wire_reader *r)
{
    return (uint8_t)get_uint(r, 1);
}

uint16_t wire_get_u16(struct wire_reader *r)
{
    return (uint16_t)get_uint(r, 2);
}

uint32_t wire_get_u32(struct wire_reader *r)
{
    return (uint32_t)get_uint(r, 4);
}

uint64_t wire_get_u64(struct wire_reader *r)
{
    return get_uint(r, 8);
}

bool wire_get_bool(struct wire_reader *r)
{
    uint8_t v = wire_get_u8(r);

    if (v > 1)
        wire_refuse(r, LB_E_VALUE);
    return v == 1;
}

struct bytes wire_get_raw(struct wire_reader *r, size_t len)
{
    const uint8_t *p = take(r, len);

    return (struct bytes){ p, p == NULL ? 0 : len };
}

struct bytes wire_get_bytes(struct wire_reader *r, size_t max)
{
    size_t len = wire_get_u16(r);

    if (len > max)
        wire_refuse(r, LB_E_TOO_LONG);
    return wire_get_raw(r, len);
}

void wire_get_str(struct wire_reader *r, char *ret, size_t size)
{
    struct bytes b = wire_get_bytes(r, size - 1);

    ret[0] = '\0';
    for (size_t i = 0; i < b.len; i++) {
        if (b.p[i] < 0x20 || b.p[i] == 0x7f) {
            wire_refuse(r, LB_E_VALUE);
            return;
        }
    }
    if (b.len > 0)
        memcpy(ret, b.p, b.len);
    ret[b.len] = '\0';
}

int wire_end(const struct wire_reader *r)
{
    if (r->error != 0)
        return r->error;
    return r->left == 0 ? 0 : LB_E_TRAILING;
}

void wire_write(struct wire_writer *w, void *buf, size_t size)
{
    w->start = w->p = buf;
    w->left = size;
    w->error = 0;
}

void wire_put_raw(struct wire_writer *w, const void *data, size_t len)
{
    if (w->error == 0 && len > w->left)
        w->error = LB_E_TOO_LONG;
    if (w->error != 0 || len == 0)
        return;
    memcpy(w->p, data, len);
    w->p += len;
    w->left -= len;
}

static void put_uint(struct wire_writer *w, uint64_t v, size_t len)
{
    uint8_t b[8];

    for (size_t i = 0; i < len; i++)
        b[i] = (uint8_t)(v >> 8 * (len - 1 - i));
    wire_put_raw(w, b, len);
}

void wire_put_u8(struct wire_writer *w, uint8_t v)
{
    put_uint(w, v, 1);
}

void wire_put_u16(struct wire_writer *w, uint16_t v)
{
    put_uint(w, v, 2);
}

void wire_put_u32(struct wire_writer *w, uint32_t v)
{
    put_uint(w, v, 4);
}

void wire_put_u64(struct wire_writer *w, uint64_t v)
{
    put_uint(w, v, 8);
}

void wire_put_bytes(struct wire_writer *w, const void *data, size_t len)
{
    if (len > UINT16_MAX && w->error == 0)
        w->error = LB_E_TOO_LONG;
    wire_put_u16(w, (uint16_t)len);
    wire_put_raw(w, data, len);
}

void wire_put_str(struct wire_writer *w, const char *s)
{
    wire_put_bytes(w, s, strlen(s));
}

int wire_written(const struct wire_writer *w, size_t *ret_len)
{
    if (w->error != 0)
        return w->error;
    *ret_len = (size_t)(w->p - w->start);
    return 0;
}
