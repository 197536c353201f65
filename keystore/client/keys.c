/* What is in a box and on its token: GET, SHOW, LIST, CERT_GET, FIND, CERT_FIND, HANDLE_LIST. */
#include "client/keys.h"

#include <stdio.h>

#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/keys.h"

int ask_get(struct ask *q, const struct key_ref *key, struct key_info *ret, struct problem *p)
{
    ask_begin(q, MSG_GET, key->name);
    return ask_for_key(q, msg_key_ref_encode(MSG_GET, q->id, key,
                                             q->request, q->request_size, &q->request_len), ret, p);
}

int ask_show(struct ask *q, const char *name, struct key_details *ret, struct problem *p)
{
    struct msg_name m;
    struct bytes body;
    int r;

    snprintf(m.name, sizeof(m.name), "%s", name);
    ask_begin(q, MSG_SHOW, name);
    r = ask_send(q, msg_name_encode(MSG_SHOW, q->id, &m, q->request, q->request_size, &q->request_len), &body, p);
    return r != 0 ? r : ask_decoded(q, msg_show_decode(body, ret), p);
}

static int ask_for_chain(struct ask *q, int encoded, struct bytes *ret, struct problem *p)
{
    struct bytes body;
    int r = ask_send(q, encoded, &body, p);

    return r != 0 ? r : ask_decoded(q, msg_chain_decode(body, ret), p);
}

int ask_chain_of(struct ask *q, const struct key_ref *key, struct bytes *ret, struct problem *p)
{
    ask_begin(q, MSG_CERT_GET, key->name);
    return ask_for_chain(q, msg_key_ref_encode(MSG_CERT_GET, q->id, key,
                                               q->request, q->request_size, &q->request_len), ret, p);
}

static int ask_page(struct ask *q, enum msg_type type, const char *after, bool *ret_more, uint16_t *ret_count,
                    struct wire_reader *ret_entries, struct problem *p)
{
    struct msg_list m;
    struct bytes body;
    int r;

    snprintf(m.after, sizeof(m.after), "%s", after);
    ask_begin(q, type, /* about= */ NULL);
    r = ask_send(q, msg_list_encode(type, q->id, &m, q->request, q->request_size, &q->request_len), &body, p);
    if (r != 0)
        return r;
    wire_read(ret_entries, body.p, body.len);
    *ret_more = wire_get_bool(ret_entries);
    *ret_count = wire_get_u16(ret_entries);
    return ask_decoded(q, ret_entries->error, p);
}

int ask_list(struct ask *q, const char *after, bool *ret_more, uint16_t *ret_count, struct wire_reader *ret_entries,
             struct problem *p)
{
    return ask_page(q, MSG_LIST, after, ret_more, ret_count, ret_entries, p);
}

int ask_purposes(struct ask *q, const char *after, bool *ret_more, uint16_t *ret_count, struct wire_reader *ret_entries,
                 struct problem *p)
{
    int r = ask_page(q, MSG_PURPOSES, after, ret_more, ret_count, ret_entries, p);

    if (r != LB_E_MESSAGE)
        return r;
    *ret_more = false;
    *ret_count = 0;
    wire_read(ret_entries, NULL, 0);
    return 0;
}

int ask_find(struct ask *q, const struct p11uri *want, struct found_token *ret, struct wire_reader *ret_entries,
             struct problem *p)
{
    const struct msg_find m = { .want = *want };
    struct bytes body;
    int r;

    ask_begin(q, MSG_FIND, /* about= */ NULL);
    r = ask_send(q, msg_find_encode(MSG_FIND, q->id, &m, q->request, q->request_size, &q->request_len), &body, p);
    if (r != 0)
        return r;
    wire_read(ret_entries, body.p, body.len);
    msg_found_get(ret_entries, ret);
    return ask_decoded(q, ret_entries->error, p);
}

int ask_certificates(struct ask *q, const struct p11uri *want, struct bytes *ret, struct problem *p)
{
    const struct msg_find m = { .want = *want };

    ask_begin(q, MSG_CERT_FIND, /* about= */ NULL);
    return ask_for_chain(q, msg_find_encode(MSG_CERT_FIND, q->id, &m,
                                            q->request, q->request_size, &q->request_len), ret, p);
}

int ask_handles(struct ask *q, const char *name, uint16_t *ret_count, struct wire_reader *ret_paths, struct problem *p)
{
    struct msg_name m;
    struct bytes body;
    int r;

    snprintf(m.name, sizeof(m.name), "%s", name);
    ask_begin(q, MSG_HANDLE_LIST, name);
    r = ask_send(q, msg_name_encode(MSG_HANDLE_LIST, q->id, &m,
                                    q->request, q->request_size, &q->request_len), &body, p);
    if (r != 0)
        return r;
    wire_read(ret_paths, body.p, body.len);
    *ret_count = wire_get_u16(ret_paths);
    return ask_decoded(q, ret_paths->error, p);
}
