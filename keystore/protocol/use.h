/* Messages about private-key operations: SIGN, DECRYPT, DERIVE. */
#ifndef LB_PROTOCOL_USE_H
#define LB_PROTOCOL_USE_H

#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/operation.h"

/* Encoders and decoders: protocol/header.h. */
LB_MUST_USE int msg_sign_encode(uint16_t msg_type, uint32_t id, const struct sign_request *m, void *buf, size_t size,
                                size_t *ret_len);
LB_MUST_USE int msg_sign_decode(struct bytes body, struct sign_request *ret);
LB_MUST_USE int msg_decrypt_encode(uint16_t msg_type, uint32_t id, const struct decrypt_request *m, void *buf,
                                   size_t size, size_t *ret_len);
LB_MUST_USE int msg_decrypt_decode(struct bytes body, struct decrypt_request *ret);
LB_MUST_USE int msg_derive_encode(uint16_t msg_type, uint32_t id, const struct derive_request *m, void *buf,
                                  size_t size, size_t *ret_len);
LB_MUST_USE int msg_derive_decode(struct bytes body, struct derive_request *ret);
/* The answer to SIGN, DECRYPT and DERIVE. */
LB_MUST_USE int msg_bytes_encode(uint16_t msg_type, uint32_t id, const struct bytes *m, void *buf, size_t size,
                                 size_t *ret_len);
LB_MUST_USE int msg_bytes_decode(struct bytes body, struct bytes *ret);
/*
 * The same answer without a copy: where in buf (size bytes) its bytes go, and how many fit; then the packet around len
 * of them. size is at least LB_HEADER_SIZE + 2.
 */
uint8_t *msg_bytes_place(void *buf, size_t size, size_t *ret_room);
LB_MUST_USE int msg_bytes_finish(uint16_t msg_type, uint32_t id, size_t len, void *buf, size_t size, size_t *ret_len);

#endif
