/* What changes a key: CREATE, IMPORT, ATTACH, DESTROY, RENAME, ALLOW, DENY, CERT_SET, HANDLE_NOTE. */
#include "client/change.h"

#include "protocol/change.h"
#include "protocol/header.h"

int ask_create(struct ask *q, const struct create_request *m, struct key_info *ret, struct problem *p)
{
    ask_begin(q, MSG_CREATE, m->name);
    return ask_for_key(q, msg_create_encode(MSG_CREATE, q->id, m,
                                            q->request, q->request_size, &q->request_len), ret, p);
}

int ask_import(struct ask *q, const struct import_request *m, struct key_info *ret, struct problem *p)
{
    ask_begin(q, MSG_IMPORT, m->name);
    return ask_for_key(q, msg_import_encode(MSG_IMPORT, q->id, m,
                                            q->request, q->request_size, &q->request_len), ret, p);
}

int ask_attach(struct ask *q, const struct attach_request *m, struct key_info *ret, struct problem *p)
{
    ask_begin(q, MSG_ATTACH, m->name);
    return ask_for_key(q, msg_attach_encode(MSG_ATTACH, q->id, m,
                                            q->request, q->request_size, &q->request_len), ret, p);
}

int ask_destroy(struct ask *q, const struct destroy_request *m, struct problem *p)
{
    ask_begin(q, MSG_DESTROY, m->name);
    return ask_for_nothing(q, msg_destroy_encode(MSG_DESTROY, q->id, m,
                                                 q->request, q->request_size, &q->request_len), p);
}

int ask_schedule_destroy(struct ask *q, const struct destroy_request *m, uint64_t *ret_at, struct problem *p)
{
    struct msg_time answer;
    struct bytes body;
    int r;

    ask_begin(q, MSG_DESTROY_SCHEDULE, m->name);
    r = ask_send(q, msg_destroy_encode(MSG_DESTROY_SCHEDULE, q->id, m,
                                       q->request, q->request_size, &q->request_len), &body, p);
    if (r == 0)
        r = ask_decoded(q, msg_time_decode(body, &answer), p);
    if (r == 0)
        *ret_at = answer.at;
    return r;
}

int ask_cancel_destroy(struct ask *q, const struct destroy_request *m, struct problem *p)
{
    ask_begin(q, MSG_DESTROY_CANCEL, m->name);
    return ask_for_nothing(q, msg_destroy_encode(MSG_DESTROY_CANCEL, q->id, m,
                                                 q->request, q->request_size, &q->request_len), p);
}

int ask_purpose(struct ask *q, const struct purpose_request *m, struct problem *p)
{
    ask_begin(q, MSG_PURPOSE, m->name);
    return ask_for_nothing(q, msg_purpose_encode(MSG_PURPOSE, q->id, m, q->request, q->request_size, &q->request_len), p);
}

int ask_rename(struct ask *q, const struct rename_request *m, struct problem *p)
{
    ask_begin(q, MSG_RENAME, /* about= */ NULL);
    return ask_for_nothing(q, msg_rename_encode(MSG_RENAME, q->id, m, q->request, q->request_size, &q->request_len), p);
}

int ask_grant(struct ask *q, uint16_t type, const struct grant_request *m, struct problem *p)
{
    ask_begin(q, type, m->name);
    return ask_for_nothing(q, msg_grant_encode(type, q->id, m, q->request, q->request_size, &q->request_len), p);
}

int ask_set_chain(struct ask *q, const struct chain_request *m, struct problem *p)
{
    ask_begin(q, MSG_CERT_SET, m->name);
    return ask_for_nothing(q, msg_cert_set_encode(MSG_CERT_SET, q->id, m,
                                                  q->request, q->request_size, &q->request_len), p);
}

int ask_note_handle(struct ask *q, const struct handle_note *m, struct problem *p)
{
    ask_begin(q, MSG_HANDLE_NOTE, m->name);
    return ask_for_nothing(q, msg_handle_note_encode(MSG_HANDLE_NOTE, q->id, m,
                                                     q->request, q->request_size, &q->request_len), p);
}
