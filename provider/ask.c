/* What the provider asks of a box, one function a message. */
#include "ask.h"

#include <stdio.h>
#include <string.h>

/* The largest request: a text to sign, and the fields around it. */
#define REQUEST_MAX (LB_TEXT_MAX + 256)

static int refuse_answer(const struct box *b, struct problem *p)
{
    problem_set(p, LB_E_VALUE, "box '%s' sent a malformed answer", box_name(b));
    problem_hint(p, "does the littleboxd that runs belong to the littlebox that is installed? restart it");
    return LB_E_VALUE;
}

static int refuse_request(const struct box *b, int code, struct problem *p)
{
    return problem_set(p, code, "the request to box '%s' does not fit a packet: %s", box_name(b), lb_strerror(code));
}

int ask_get(struct box *b, const struct key_ref *key, uint8_t *answer, struct msg_key *ret, struct problem *p)
{
    uint8_t request[256];
    uint32_t id = box_next_id(b);
    struct bytes body;
    size_t len;
    int r = msg_key_ref_encode(MSG_GET, id, key, request, sizeof(request), &len);

    if (r != 0)
        return refuse_request(b, r, p);
    r = box_call(b, MSG_GET, id, request, len, answer, ASK_ANSWER_MAX, &body, p);
    if (r != 0)
        return r;
    return msg_key_decode(body, ret) != 0 ? refuse_answer(b, p) : 0;
}

int ask_sign(struct box *b, const struct msg_sign *m, uint8_t *sig, size_t size, size_t *ret_len, struct problem *p)
{
    uint8_t request[REQUEST_MAX], answer[ASK_ANSWER_MAX];
    uint32_t id = box_next_id(b);
    struct bytes body, signature;
    size_t len;
    int r = msg_sign_encode(MSG_SIGN, id, m, request, sizeof(request), &len);

    if (r != 0)
        return refuse_request(b, r, p);
    r = box_call(b, MSG_SIGN, id, request, len, answer, sizeof(answer), &body, p);
    if (r != 0)
        return r;
    if (msg_bytes_decode(body, &signature) != 0 || signature.len == 0 || signature.len > size)
        return refuse_answer(b, p);
    memcpy(sig, signature.p, signature.len);
    *ret_len = signature.len;
    return 0;
}

int ask_list(struct box *b, const char *after, uint8_t *answer, bool *ret_more, uint16_t *ret_count,
             struct wire_reader *ret_entries, struct problem *p)
{
    struct msg_list m;
    uint8_t request[256];
    uint32_t id = box_next_id(b);
    struct bytes body;
    size_t len;
    int r;

    snprintf(m.after, sizeof(m.after), "%s", after);
    r = msg_list_encode(MSG_LIST, id, &m, request, sizeof(request), &len);
    if (r != 0)
        return refuse_request(b, r, p);
    r = box_call(b, MSG_LIST, id, request, len, answer, LB_PACKET_MAX, &body, p);
    if (r != 0)
        return r;
    wire_read(ret_entries, body.p, body.len);
    *ret_more = wire_get_bool(ret_entries);
    *ret_count = wire_get_u16(ret_entries);
    return ret_entries->error != 0 ? refuse_answer(b, p) : 0;
}
