/* Messages about the token of a box: TOKEN, TOKEN_LIST, LOGIN. */
#ifndef LB_PROTOCOL_TOKEN_H
#define LB_PROTOCOL_TOKEN_H

#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/description.h"

/* TOKEN_LIST asks for the private keys on the token from that place on. */
struct msg_token_list {
    uint32_t from;
};

/* LOGIN: what a token is opened with. */
struct msg_login {
    struct bytes pin; /* at most LB_PIN_MAX; wipe the packet */
};

/* Encoders and decoders: protocol/header.h. */
LB_MUST_USE int msg_token_encode(uint16_t msg_type, uint32_t id, const struct token_status *m, void *buf, size_t size,
                                 size_t *ret_len);
LB_MUST_USE int msg_token_decode(struct bytes body, struct token_status *ret);
LB_MUST_USE int msg_token_list_encode(uint16_t msg_type, uint32_t id, const struct msg_token_list *m, void *buf,
                                      size_t size, size_t *ret_len);
LB_MUST_USE int msg_token_list_decode(struct bytes body, struct msg_token_list *ret);
/* TOKEN_LIST: bool more, u16 count, entries. */
void msg_token_entry_put(struct wire_writer *w, const struct token_key *e);
void msg_token_entry_get(struct wire_reader *r, struct token_key *ret);
LB_MUST_USE int msg_login_encode(uint16_t msg_type, uint32_t id, const struct msg_login *m, void *buf, size_t size,
                                 size_t *ret_len);
LB_MUST_USE int msg_login_decode(struct bytes body, struct msg_login *ret);

#endif
