/* The store and what opens it: INIT, UNLOCK, LOCK, SEAL_*, OPENING. */
#include "client/seals.h"

#include "protocol/header.h"
#include "protocol/seals.h"

int ask_secret(struct ask *q, uint16_t type, const struct seal_request *m, struct problem *p)
{
    ask_begin(q, type, /* about= */ NULL);
    return ask_for_nothing(q, msg_secret_encode(type, q->id, m, q->request, q->request_size, &q->request_len), p);
}

int ask_lock(struct ask *q, struct problem *p)
{
    struct bytes body;
    int r = ask_empty(q, MSG_LOCK, &body, p);

    return r != 0 ? r : ask_decoded(q, msg_empty_decode(body), p);
}

int ask_seals(struct ask *q, uint16_t *ret_count, struct wire_reader *ret_entries, struct problem *p)
{
    struct bytes body;
    int r = ask_empty(q, MSG_SEAL_LIST, &body, p);

    if (r != 0)
        return r;
    wire_read(ret_entries, body.p, body.len);
    *ret_count = wire_get_u16(ret_entries);
    return ask_decoded(q, ret_entries->error, p);
}

int ask_seal_remove(struct ask *q, uint32_t id, struct problem *p)
{
    const struct msg_seal_remove m = { id };

    ask_begin(q, MSG_SEAL_REMOVE, /* about= */ NULL);
    return ask_for_nothing(q, msg_seal_remove_encode(MSG_SEAL_REMOVE, q->id, &m,
                                                     q->request, q->request_size, &q->request_len), p);
}

int ask_opening(struct ask *q, struct bytes secret, struct box_opening *ret, struct problem *p)
{
    const struct msg_opening_ask m = { secret };
    struct bytes body;
    int r;

    ask_begin(q, MSG_OPENING, /* about= */ NULL);
    r = ask_send(q, msg_opening_ask_encode(MSG_OPENING, q->id, &m,
                                           q->request, q->request_size, &q->request_len), &body, p);
    return r != 0 ? r : ask_decoded(q, msg_opening_decode(body, ret), p);
}
