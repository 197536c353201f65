/* The box's token: TOKEN, TOKEN_LIST, LOGIN. */
#include "client/token.h"

#include "model/limits.h"
#include "protocol/header.h"
#include "protocol/token.h"

int ask_token(struct ask *q, struct token_status *ret, struct problem *p)
{
    struct bytes body;
    int r = ask_empty(q, MSG_TOKEN, &body, p);

    return r != 0 ? r : ask_decoded(q, msg_token_decode(body, ret), p);
}

int ask_token_list(struct ask *q, uint32_t from, bool *ret_more, uint16_t *ret_count, struct wire_reader *ret_entries,
                   struct problem *p)
{
    const struct msg_token_list m = { from };
    struct bytes body;
    int r;

    ask_begin(q, MSG_TOKEN_LIST, /* about= */ NULL);
    r = ask_send(q, msg_token_list_encode(MSG_TOKEN_LIST, q->id, &m,
                                          q->request, q->request_size, &q->request_len), &body, p);
    if (r != 0)
        return r;
    wire_read(ret_entries, body.p, body.len);
    *ret_more = wire_get_bool(ret_entries);
    *ret_count = wire_get_u16(ret_entries);
    return ask_decoded(q, ret_entries->error, p);
}

int ask_login(struct ask *q, struct bytes pin, struct problem *p)
{
    const struct msg_login m = { pin };

    if (pin.len == 0 || pin.len > LB_PIN_MAX)
        return problem_set(p, LB_E_PIN, "a PIN has 1 to %d bytes", LB_PIN_MAX);
    ask_begin(q, MSG_LOGIN, /* about= */ NULL);
    return ask_for_nothing(q, msg_login_encode(MSG_LOGIN, q->id, &m, q->request, q->request_size, &q->request_len), p);
}
