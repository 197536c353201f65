/* A bounded reader and writer of bytes: the only code that moves a pointer over what came from outside. */
#ifndef LB_BASE_WIRE_H
#define LB_BASE_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"

/* Bytes that belong to somebody else: a view into a packet, valid as long as that packet. */
struct bytes {
    const uint8_t *p;
    size_t len;
};

/*
 * Reader and writer remember their first failure; after it getters return zero or an empty view and putters do
 * nothing. So a decoder reads like the format, one field a line, and asks once, at the end. Integers are big endian.
 */
struct wire_reader {
    const uint8_t *p;
    size_t left;
    int error;
};

struct wire_writer {
    uint8_t *start;
    uint8_t *p;
    size_t left;
    int error;
};

void wire_read(struct wire_reader *r, const void *data, size_t len);
uint8_t wire_get_u8(struct wire_reader *r);
uint16_t wire_get_u16(struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
/* A u8 that must be 0 or 1: anything else is LB_E_VALUE. */
bool wire_get_bool(struct wire_reader *r);
/* len bytes as they stand. */
struct bytes wire_get_raw(struct wire_reader *r, size_t len);
/* A u16 length, at most max (else LB_E_TOO_LONG), then that many bytes. */
struct bytes wire_get_bytes(struct wire_reader *r, size_t max);
/*
 * The same into a C string of size bytes with its NUL. Control characters (also NUL and DEL) are LB_E_VALUE, so that
 * a text from the wire can be printed on a terminal.
 */
void wire_get_str(struct wire_reader *r, char *ret, size_t size);
/* The caller found a field's value out of range: the decoder fails with code unless it failed before. */
void wire_refuse(struct wire_reader *r, int code);
/* The first failure; LB_E_TRAILING if bytes are left; 0 when all was well. */
LB_MUST_USE int wire_end(const struct wire_reader *r);

void wire_write(struct wire_writer *w, void *buf, size_t size);
void wire_put_u8(struct wire_writer *w, uint8_t v);
void wire_put_u16(struct wire_writer *w, uint16_t v);
void wire_put_u32(struct wire_writer *w, uint32_t v);
void wire_put_u64(struct wire_writer *w, uint64_t v);
void wire_put_raw(struct wire_writer *w, const void *data, size_t len);
/* u16 length and bytes; more than 65535 is LB_E_TOO_LONG. */
void wire_put_bytes(struct wire_writer *w, const void *data, size_t len);
void wire_put_str(struct wire_writer *w, const char *s);
/* 0 and the number of bytes written, or LB_E_TOO_LONG when they did not fit. */
LB_MUST_USE int wire_written(const struct wire_writer *w, size_t *ret_len);

#endif
