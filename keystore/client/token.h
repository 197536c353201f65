/* The box's token: TOKEN, TOKEN_LIST, LOGIN. */
#ifndef LB_CLIENT_TOKEN_H
#define LB_CLIENT_TOKEN_H

#include "client/ask.h"
#include "model/description.h"

LB_MUST_USE int ask_token(struct ask *q, struct token_status *ret, struct problem *p);
/*
 * One page of the private keys on the token, from that place on: *ret_count entries to be read from ret_entries with
 * msg_token_entry_get().
 */
LB_MUST_USE int ask_token_list(struct ask *q, uint32_t from, bool *ret_more, uint16_t *ret_count,
                               struct wire_reader *ret_entries, struct problem *p);
/* The PIN of the token: 1 to LB_PIN_MAX bytes, else LB_E_PIN. */
LB_MUST_USE int ask_login(struct ask *q, struct bytes pin, struct problem *p);

#endif
