/* Messages about the store and what opens it: INIT, UNLOCK, SEAL_*, OPENING. */
#ifndef LB_PROTOCOL_SEALS_H
#define LB_PROTOCOL_SEALS_H

#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/change.h"
#include "model/description.h"

struct msg_seal_remove {
    uint32_t id;
};

/* OPENING asks what the box is open by, and what the secret would open. */
struct msg_opening_ask {
    struct bytes secret; /* a credential; empty: what the file has that the box reads at its start. Wipe the packet */
};

/* Encoders and decoders: protocol/header.h. */
LB_MUST_USE int msg_secret_encode(uint16_t msg_type, uint32_t id, const struct seal_request *m, void *buf,
                                  size_t size, size_t *ret_len);
LB_MUST_USE int msg_secret_decode(struct bytes body, struct seal_request *ret);
LB_MUST_USE int msg_seal_remove_encode(uint16_t msg_type, uint32_t id, const struct msg_seal_remove *m, void *buf,
                                       size_t size, size_t *ret_len);
LB_MUST_USE int msg_seal_remove_decode(struct bytes body, struct msg_seal_remove *ret);
/* SEAL_LIST: u16 count, entries. HANDLE_LIST: u16 count, paths. */
void msg_seal_entry_put(struct wire_writer *w, const struct seal_info *e);
void msg_seal_entry_get(struct wire_reader *r, struct seal_info *ret);
LB_MUST_USE int msg_opening_ask_encode(uint16_t msg_type, uint32_t id, const struct msg_opening_ask *m, void *buf,
                                       size_t size, size_t *ret_len);
LB_MUST_USE int msg_opening_ask_decode(struct bytes body, struct msg_opening_ask *ret);
LB_MUST_USE int msg_opening_encode(uint16_t msg_type, uint32_t id, const struct box_opening *m, void *buf,
                                   size_t size, size_t *ret_len);
LB_MUST_USE int msg_opening_decode(struct bytes body, struct box_opening *ret);

#endif
