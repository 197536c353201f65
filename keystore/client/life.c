/* The life of keys: ROLL, ACTIVATE, BACK, STATE, EXPIRING, USERS. */
#include "client/life.h"

#include <stdio.h>

#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/life.h"

int ask_roll(struct ask *q, const struct roll_request *m, struct key_info *ret, struct problem *p)
{
    ask_begin(q, MSG_ROLL, m->name);
    return ask_for_key(q, msg_roll_encode(MSG_ROLL, q->id, m, q->request, q->request_size, &q->request_len), ret, p);
}

static int ask_for_life(struct ask *q, int encoded, struct life_answer *ret, struct problem *p)
{
    struct bytes body;
    int r = ask_send(q, encoded, &body, p);

    return r != 0 ? r : ask_decoded(q, msg_life_decode(body, ret), p);
}

int ask_activate(struct ask *q, const struct activate_request *m, struct life_answer *ret, struct problem *p)
{
    ask_begin(q, MSG_ACTIVATE, m->key.name);
    return ask_for_life(q, msg_activate_encode(MSG_ACTIVATE, q->id, m, q->request, q->request_size, &q->request_len), ret, p);
}

int ask_back(struct ask *q, const struct back_request *m, struct life_answer *ret, struct problem *p)
{
    ask_begin(q, MSG_BACK, m->name);
    return ask_for_life(q, msg_back_encode(MSG_BACK, q->id, m, q->request, q->request_size, &q->request_len), ret, p);
}

int ask_state(struct ask *q, const struct state_request *m, struct life_answer *ret, struct problem *p)
{
    ask_begin(q, MSG_STATE, m->key.name);
    return ask_for_life(q, msg_state_encode(MSG_STATE, q->id, m, q->request, q->request_size, &q->request_len), ret, p);
}

int ask_expiring(struct ask *q, const struct expiring_request *m, bool *ret_more, uint16_t *ret_count,
                 struct wire_reader *ret_entries, struct problem *p)
{
    struct bytes body;
    int r;

    ask_begin(q, MSG_EXPIRING, /* about= */ NULL);
    r = ask_send(q, msg_expiring_encode(MSG_EXPIRING, q->id, m, q->request, q->request_size, &q->request_len), &body, p);
    if (r != 0)
        return r;
    wire_read(ret_entries, body.p, body.len);
    *ret_more = wire_get_bool(ret_entries);
    *ret_count = wire_get_u16(ret_entries);
    return ask_decoded(q, ret_entries->error, p);
}

int ask_lives(struct ask *q, struct key_details *show, struct problem *p)
{
    struct msg_name m;
    struct bytes body;
    int r;

    snprintf(m.name, sizeof(m.name), "%s", show->name);
    ask_begin(q, MSG_LIVES, show->name);
    r = ask_send(q, msg_name_encode(MSG_LIVES, q->id, &m, q->request, q->request_size, &q->request_len), &body, p);
    if (r == LB_E_MESSAGE)
        return 0;
    return r != 0 ? r : ask_decoded(q, msg_lives_decode(body, show), p);
}

int ask_users(struct ask *q, const char *name, uint16_t *ret_count, struct wire_reader *ret_entries, struct problem *p)
{
    struct msg_name m;
    struct bytes body;
    int r;

    snprintf(m.name, sizeof(m.name), "%s", name);
    ask_begin(q, MSG_USERS, name);
    r = ask_send(q, msg_name_encode(MSG_USERS, q->id, &m, q->request, q->request_size, &q->request_len), &body, p);
    if (r != 0)
        return r;
    wire_read(ret_entries, body.p, body.len);
    *ret_count = wire_get_u16(ret_entries);
    return ask_decoded(q, ret_entries->error, p);
}
