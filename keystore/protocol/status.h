/* STATUS and LOCK_CAUSE: what a box is doing. */
#ifndef LB_PROTOCOL_STATUS_H
#define LB_PROTOCOL_STATUS_H

#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/description.h"

/* Encoders and decoders: protocol/header.h. */
LB_MUST_USE int msg_status_encode(uint16_t msg_type, uint32_t id, const struct box_status *m, void *buf, size_t size,
                                  size_t *ret_len);
LB_MUST_USE int msg_status_decode(struct bytes body, struct box_status *ret);
/* The answer to LOCK_CAUSE. A message of its own: boxes and callers of before are read as they were. */
struct msg_lock_cause {
    uint8_t cause; /* enum lock_cause */
};
LB_MUST_USE int msg_lock_cause_encode(uint16_t msg_type, uint32_t id, const struct msg_lock_cause *m, void *buf, size_t size,
                                      size_t *ret_len);
LB_MUST_USE int msg_lock_cause_decode(struct bytes body, struct msg_lock_cause *ret);

#endif
