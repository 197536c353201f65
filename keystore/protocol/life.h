/* Messages about the life of keys: ROLL, ACTIVATE, BACK, STATE, LIVES, EXPIRING, USERS. */
#ifndef LB_PROTOCOL_LIFE_H
#define LB_PROTOCOL_LIFE_H

#include "base/errors.h"
#include "base/wire.h"
#include "model/change.h"
#include "model/description.h"

/* Encoders and decoders: protocol/header.h. */
LB_MUST_USE int msg_roll_encode(uint16_t msg_type, uint32_t id, const struct roll_request *m, void *buf, size_t size,
                                size_t *ret_len);
LB_MUST_USE int msg_roll_decode(struct bytes body, struct roll_request *ret);
LB_MUST_USE int msg_activate_encode(uint16_t msg_type, uint32_t id, const struct activate_request *m, void *buf, size_t size,
                                    size_t *ret_len);
LB_MUST_USE int msg_activate_decode(struct bytes body, struct activate_request *ret);
LB_MUST_USE int msg_back_encode(uint16_t msg_type, uint32_t id, const struct back_request *m, void *buf, size_t size,
                                size_t *ret_len);
LB_MUST_USE int msg_back_decode(struct bytes body, struct back_request *ret);
LB_MUST_USE int msg_state_encode(uint16_t msg_type, uint32_t id, const struct state_request *m, void *buf, size_t size,
                                 size_t *ret_len);
LB_MUST_USE int msg_state_decode(struct bytes body, struct state_request *ret);
LB_MUST_USE int msg_life_encode(uint16_t msg_type, uint32_t id, const struct life_answer *m, void *buf, size_t size,
                                size_t *ret_len);
LB_MUST_USE int msg_life_decode(struct bytes body, struct life_answer *ret);
LB_MUST_USE int msg_expiring_encode(uint16_t msg_type, uint32_t id, const struct expiring_request *m, void *buf, size_t size,
                                    size_t *ret_len);
LB_MUST_USE int msg_expiring_decode(struct bytes body, struct expiring_request *ret);

/*
 * What SHOW does not say of the versions of a key: the lives, and which one is current. A message of its own, because SHOW stays
 * readable for older callers. The decoder wants the answer of SHOW, and sets these members in it; a version that is not in both is
 * passed over.
 */
LB_MUST_USE int msg_lives_encode(uint16_t msg_type, uint32_t id, const struct key_details *m, void *buf, size_t size,
                                 size_t *ret_len);
LB_MUST_USE int msg_lives_decode(struct bytes body, struct key_details *m);

/* Entries of the answers to EXPIRING and USERS. */
void msg_expiring_entry_put(struct wire_writer *w, const struct expiring_entry *e);
void msg_expiring_entry_get(struct wire_reader *r, struct expiring_entry *ret);
void msg_user_entry_put(struct wire_writer *w, const struct user_entry *e);
void msg_user_entry_get(struct wire_reader *r, struct user_entry *ret);

#endif
