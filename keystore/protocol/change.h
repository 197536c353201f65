/* Messages that change keys: CREATE, IMPORT, ATTACH, DESTROY, RENAME, PURPOSE, ALLOW, DENY, CERT_SET. */
#ifndef LB_PROTOCOL_CHANGE_H
#define LB_PROTOCOL_CHANGE_H

#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/change.h"

/* The answer to DESTROY_SCHEDULE: when. */
struct msg_time {
    uint64_t at; /* seconds since 1970 */
};

/* Encoders and decoders: protocol/header.h. */
LB_MUST_USE int msg_create_encode(uint16_t msg_type, uint32_t id, const struct create_request *m, void *buf,
                                  size_t size, size_t *ret_len);
LB_MUST_USE int msg_create_decode(struct bytes body, struct create_request *ret);
LB_MUST_USE int msg_import_encode(uint16_t msg_type, uint32_t id, const struct import_request *m, void *buf,
                                  size_t size, size_t *ret_len);
LB_MUST_USE int msg_import_decode(struct bytes body, struct import_request *ret);
LB_MUST_USE int msg_destroy_encode(uint16_t msg_type, uint32_t id, const struct destroy_request *m, void *buf,
                                   size_t size, size_t *ret_len);
LB_MUST_USE int msg_destroy_decode(struct bytes body, struct destroy_request *ret);
LB_MUST_USE int msg_time_encode(uint16_t msg_type, uint32_t id, const struct msg_time *m, void *buf, size_t size,
                                size_t *ret_len);
LB_MUST_USE int msg_time_decode(struct bytes body, struct msg_time *ret);
LB_MUST_USE int msg_rename_encode(uint16_t msg_type, uint32_t id, const struct rename_request *m, void *buf,
                                  size_t size, size_t *ret_len);
LB_MUST_USE int msg_rename_decode(struct bytes body, struct rename_request *ret);
LB_MUST_USE int msg_handle_note_encode(uint16_t msg_type, uint32_t id, const struct handle_note *m, void *buf,
                                       size_t size, size_t *ret_len);
LB_MUST_USE int msg_handle_note_decode(struct bytes body, struct handle_note *ret);
LB_MUST_USE int msg_grant_encode(uint16_t msg_type, uint32_t id, const struct grant_request *m, void *buf,
                                 size_t size, size_t *ret_len);
LB_MUST_USE int msg_grant_decode(struct bytes body, struct grant_request *ret);
LB_MUST_USE int msg_attach_encode(uint16_t msg_type, uint32_t id, const struct attach_request *m, void *buf,
                                  size_t size, size_t *ret_len);
LB_MUST_USE int msg_attach_decode(struct bytes body, struct attach_request *ret);
LB_MUST_USE int msg_purpose_encode(uint16_t msg_type, uint32_t id, const struct purpose_request *m, void *buf, size_t size,
                                   size_t *ret_len);
LB_MUST_USE int msg_purpose_decode(struct bytes body, struct purpose_request *ret);
LB_MUST_USE int msg_cert_set_encode(uint16_t msg_type, uint32_t id, const struct chain_request *m, void *buf,
                                    size_t size, size_t *ret_len);
LB_MUST_USE int msg_cert_set_decode(struct bytes body, struct chain_request *ret);
/* CERT_GET's answer: a chain. */
LB_MUST_USE int msg_chain_encode(uint16_t msg_type, uint32_t id, const struct bytes *m, void *buf, size_t size,
                                 size_t *ret_len);
LB_MUST_USE int msg_chain_decode(struct bytes body, struct bytes *ret);

#endif
