/* One question to a box, whoever carries it: what the functions of the messages (use.h, keys.h, change.h ...) stand on. */
#include "client/ask.h"

#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/messages.h"

void ask_begin(struct ask *q, uint16_t type, const char *about)
{
    q->kind = msg_kind(type);
    q->about = about;
    q->id = q->by->next_id(q);
    q->request_len = 0;
    q->fd = -1;
    q->more_ms = 0;
    q->unknown = false;
}

int ask_send(struct ask *q, int encoded, struct bytes *ret_body, struct problem *p)
{
    return encoded != 0 ? q->by->refuse_request(q, encoded, p) : q->by->carry(q, ret_body, p);
}

int ask_decoded(struct ask *q, int decoded, struct problem *p)
{
    return decoded == 0 ? 0 : q->by->refuse_answer(q, p);
}

int ask_for_nothing(struct ask *q, int encoded, struct problem *p)
{
    struct bytes body;
    int r = ask_send(q, encoded, &body, p);

    return r != 0 ? r : ask_decoded(q, msg_empty_decode(body), p);
}

int ask_for_key(struct ask *q, int encoded, struct key_info *ret, struct problem *p)
{
    struct bytes body;
    int r = ask_send(q, encoded, &body, p);

    return r != 0 ? r : ask_decoded(q, msg_key_decode(body, ret), p);
}

int ask_empty(struct ask *q, uint16_t type, struct bytes *ret_body, struct problem *p)
{
    ask_begin(q, type, /* about= */ NULL);
    return ask_send(q, msg_empty_encode(type, q->id, q->request, q->request_size, &q->request_len), ret_body, p);
}
