/* What every packet between a caller and a box begins with, the types of messages, and refusals. */
#ifndef LB_PROTOCOL_HEADER_H
#define LB_PROTOCOL_HEADER_H

#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/limits.h"

#define LB_PROTOCOL_VERSION 1

/* Message types. An answer has the type of its request with MSG_ANSWER set, or is MSG_ERROR. */
enum msg_type {
    MSG_CHANNEL = 0x0001,     /* one descriptor attached, empty body; never answered */
    MSG_RESET = 0x0002,       /* box to caller, id 0: the child was replaced; send again what was not answered */
    MSG_SIGN = 0x0010,
    MSG_DECRYPT = 0x0011,
    MSG_DERIVE = 0x0012,
    MSG_GET = 0x0020,
    MSG_LIST = 0x0021,
    MSG_SHOW = 0x0022,
    MSG_STATUS = 0x0023,
    MSG_CERT_GET = 0x0024,
    MSG_FIND = 0x0025,
    MSG_TOKEN = 0x0026,
    MSG_TOKEN_LIST = 0x0027,
    MSG_CERT_FIND = 0x0028,
    MSG_LOCK_CAUSE = 0x0029,
    MSG_EXPIRING = 0x002a,
    MSG_USERS = 0x002b,
    MSG_LIVES = 0x002c,
    MSG_PURPOSES = 0x002d,
    MSG_CREATE = 0x0030,
    MSG_IMPORT = 0x0031,
    MSG_DESTROY = 0x0032,
    MSG_ALLOW = 0x0033,
    MSG_DENY = 0x0034,
    MSG_CERT_SET = 0x0035,
    MSG_ATTACH = 0x0036,
    MSG_DESTROY_SCHEDULE = 0x0037,
    MSG_DESTROY_CANCEL = 0x0038,
    MSG_RENAME = 0x0039,
    MSG_HANDLE_NOTE = 0x003a,
    MSG_HANDLE_LIST = 0x003b,
    MSG_ROLL = 0x003c,
    MSG_ACTIVATE = 0x003d,
    MSG_BACK = 0x003e,
    MSG_STATE = 0x003f,
    MSG_INIT = 0x0040,
    MSG_SEAL_LIST = 0x0041,
    MSG_SEAL_ADD = 0x0042,
    MSG_SEAL_REMOVE = 0x0043,
    MSG_LOCK = 0x0044,
    MSG_UNLOCK = 0x0045,
    MSG_LOGIN = 0x0046,
    MSG_OPENING = 0x0048,
    MSG_PURPOSE = 0x0049,
    MSG_ANSWER = 0x8000,
    MSG_ERROR = 0xffff
};

/* In front of every packet: 'L', version, type u16, id u32. An answer repeats the id of its request. */
struct msg_header {
    uint8_t version;
    uint16_t type;
    uint32_t id;
};

/*
 * Splits a packet. LB_E_CUT_OFF: it has less than 8 bytes. LB_E_VALUE: it does not begin with 'L'. LB_E_PROTOCOL_VERSION: it is of
 * another version; ret is filled all the same, so that the refusal can carry the caller's id.
 */
LB_MUST_USE int msg_split(const void *packet, size_t len, struct msg_header *ret, struct bytes *ret_body);

/* An empty body: CHANNEL, RESET, STATUS, LOCK, SEAL_LIST, and the answers to those that only succeed. */
LB_MUST_USE int msg_empty_encode(uint16_t msg_type, uint32_t id, void *buf, size_t size, size_t *ret_len);
LB_MUST_USE int msg_empty_decode(struct bytes body);

/*
 * Bodies. An encoder writes header and body into buf, which has size bytes, and gives the length. LB_E_TOO_LONG: they do not fit.
 * A decoder takes the body behind the header, and its views point into that. LB_E_CUT_OFF, LB_E_TRAILING, LB_E_TOO_LONG,
 * LB_E_VALUE, LB_E_NAME.
 */
LB_MUST_USE int msg_error_encode(uint16_t msg_type, uint32_t id, const struct problem *m, void *buf, size_t size,
                                 size_t *ret_len);
LB_MUST_USE int msg_error_decode(struct bytes body, struct problem *ret);

/* Header alone, for answers built by hand. */
void msg_header_put(struct wire_writer *w, uint16_t msg_type, uint32_t id);
/* A packet in buf (size bytes), begun with its header. */
void msg_begin(struct wire_writer *w, void *buf, size_t size, uint16_t msg_type, uint32_t id);

#endif
