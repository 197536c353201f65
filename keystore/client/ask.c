/* What a caller asks of a box, one function a message. */
#include "client/ask.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memfile.h"
#include "base/socket.h"
#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/use.h"

/* Around what is signed, decrypted or derived from: header, key, options, lengths; and around an answer. */
#define REQUEST_ROOM 256
#define ANSWER_ROOM 64
/* What a slow machine hashes in a millisecond, twice, as Ed25519 does. */
#define TEXT_PER_MS 50000

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

/* The same for all: a packet that was encoded with result r, and its answer. */
static int ask(struct box *b, int r, uint16_t type, uint32_t id, const void *packet, size_t len, void *answer,
               size_t size, struct bytes *ret_body, struct problem *p)
{
    const struct box_request rq = { .type = type, .id = id, .packet = packet, .len = len, .fd = -1 };

    return r != 0 ? refuse_request(b, r, p) : box_call(b, &rq, answer, size, ret_body, p);
}

int ask_get(struct box *b, const struct key_ref *key, uint8_t *answer, struct key_info *ret, struct problem *p)
{
    uint8_t request[256];
    uint32_t id = box_next_id(b);
    struct bytes body;
    size_t len = 0;
    int r = msg_key_ref_encode(MSG_GET, id, key, request, sizeof(request), &len);

    r = ask(b, r, MSG_GET, id, request, len, answer, ASK_ANSWER_MAX, &body, p);
    if (r != 0)
        return r;
    return msg_key_decode(body, ret) != 0 ? refuse_answer(b, p) : 0;
}

int ask_chain_of(struct box *b, const struct key_ref *key, uint8_t *answer, struct bytes *ret, struct problem *p)
{
    uint8_t request[256];
    uint32_t id = box_next_id(b);
    struct bytes body;
    size_t len = 0;
    int r = msg_key_ref_encode(MSG_CERT_GET, id, key, request, sizeof(request), &len);

    r = ask(b, r, MSG_CERT_GET, id, request, len, answer, LB_PACKET_MAX, &body, p);
    if (r != 0)
        return r;
    return msg_chain_decode(body, ret) != 0 ? refuse_answer(b, p) : 0;
}

/* The packet, and for a long text the file that goes with it. */
static int sign_request(struct box *b, const struct sign_request *m, struct box_operation *o, struct problem *p)
{
    struct sign_request by_file;
    int r = 0;

    if (m->input == INPUT_TEXT && m->data.len > LB_TEXT_MAX) {
        r = textfile_make(m->data.p, m->data.len, &o->rq.fd);
        if (r == LB_E_TOO_LONG)
            return problem_set(p, r, "a text of %zu bytes is longer than the %llu bytes that a box signs", m->data.len,
                               (unsigned long long)LB_FILE_MAX);
        if (r != 0)
            return problem_set(p, r, "a text of %zu bytes cannot be passed to box '%s': %s", m->data.len, box_name(b),
                               strerror(errno));
        o->rq.more_ms = (unsigned)(m->data.len / TEXT_PER_MS);
        by_file = *m;
        by_file.input = INPUT_FILE;
        by_file.data = (struct bytes){ NULL, 0 };
        m = &by_file;
    }
    r = msg_sign_encode(MSG_SIGN, o->rq.id, m, o->packet, o->packet_size, &o->rq.len);
    return r != 0 ? refuse_request(b, r, p) : 0;
}

/* Takes the answer of an encoded operation out of it: at most size bytes into ret. */
static int operate(struct box *b, struct box_operation *o, uint8_t *ret, size_t size, size_t *ret_len,
                   struct problem *p)
{
    struct bytes body, result;
    int r = box_operate(b, o, &body, p);

    if (r != 0)
        return r;
    if (msg_bytes_decode(body, &result) != 0 || result.len > size)
        return refuse_answer(b, p);
    if (result.len > 0)
        memcpy(ret, result.p, result.len);
    *ret_len = result.len;
    return 0;
}

static int new_operation(struct box *b, uint16_t type, size_t input, size_t output, struct box_operation **ret,
                         struct problem *p)
{
    *ret = box_operation_new(b, type, input + REQUEST_ROOM, output + ANSWER_ROOM);
    return *ret == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;
}

int ask_sign(struct box *b, const struct sign_request *m, uint8_t *sig, size_t size, size_t *ret_len, struct problem *p)
{
    size_t inside = m->data.len <= LB_TEXT_MAX ? m->data.len : 0;
    struct box_operation *o;
    int r = new_operation(b, MSG_SIGN, inside + LB_CONTEXT_MAX, size, &o, p);

    if (r == 0)
        r = sign_request(b, m, o, p);
    if (r == 0)
        r = operate(b, o, sig, size, ret_len, p);
    if (r == 0 && *ret_len == 0)
        r = refuse_answer(b, p);
    box_operation_free(o);
    return r;
}

int ask_decrypt(struct box *b, const struct decrypt_request *m, uint8_t *plain, size_t size, size_t *ret_len,
                struct problem *p)
{
    struct box_operation *o;
    int r = new_operation(b, MSG_DECRYPT, m->label.len + m->data.len, size, &o, p);

    if (r == 0 && (r = msg_decrypt_encode(MSG_DECRYPT, o->rq.id, m, o->packet, o->packet_size, &o->rq.len)) != 0)
        r = refuse_request(b, r, p);
    if (r == 0)
        r = operate(b, o, plain, size, ret_len, p);
    box_operation_free(o);
    return r;
}

int ask_derive(struct box *b, const struct derive_request *m, uint8_t *shared, size_t size, size_t *ret_len,
               struct problem *p)
{
    struct box_operation *o;
    int r = new_operation(b, MSG_DERIVE, m->peer.len, size, &o, p);

    if (r == 0 && (r = msg_derive_encode(MSG_DERIVE, o->rq.id, m, o->packet, o->packet_size, &o->rq.len)) != 0)
        r = refuse_request(b, r, p);
    if (r == 0)
        r = operate(b, o, shared, size, ret_len, p);
    box_operation_free(o);
    return r;
}

static int ask_about(struct box *b, uint16_t type, const struct p11uri *want, uint8_t *answer, struct bytes *ret_body,
                     struct problem *p)
{
    uint8_t request[P11_ATTRS * (2 + P11_VALUE_MAX) + 256];
    struct msg_find m = { .want = *want };
    uint32_t id = box_next_id(b);
    size_t len = 0;
    int r = msg_find_encode(type, id, &m, request, sizeof(request), &len);

    return ask(b, r, type, id, request, len, answer, LB_PACKET_MAX, ret_body, p);
}

int ask_certificates(struct box *b, const struct p11uri *want, uint8_t *answer, struct bytes *ret, struct problem *p)
{
    struct bytes body;
    int r = ask_about(b, MSG_CERT_FIND, want, answer, &body, p);

    if (r != 0)
        return r;
    return msg_chain_decode(body, ret) != 0 ? refuse_answer(b, p) : 0;
}

int ask_find(struct box *b, const struct p11uri *want, uint8_t *answer, struct found_token *ret,
             struct wire_reader *ret_entries, struct problem *p)
{
    struct bytes body;
    int r = ask_about(b, MSG_FIND, want, answer, &body, p);

    if (r != 0)
        return r;
    wire_read(ret_entries, body.p, body.len);
    msg_found_get(ret_entries, ret);
    return ret_entries->error != 0 ? refuse_answer(b, p) : 0;
}

int ask_list(struct box *b, const char *after, uint8_t *answer, bool *ret_more, uint16_t *ret_count,
             struct wire_reader *ret_entries, struct problem *p)
{
    struct msg_list m;
    uint8_t request[256];
    uint32_t id = box_next_id(b);
    struct bytes body;
    size_t len = 0;
    int r;

    snprintf(m.after, sizeof(m.after), "%s", after);
    r = msg_list_encode(MSG_LIST, id, &m, request, sizeof(request), &len);
    r = ask(b, r, MSG_LIST, id, request, len, answer, LB_PACKET_MAX, &body, p);
    if (r != 0)
        return r;
    wire_read(ret_entries, body.p, body.len);
    *ret_more = wire_get_bool(ret_entries);
    *ret_count = wire_get_u16(ret_entries);
    return ret_entries->error != 0 ? refuse_answer(b, p) : 0;
}

/* A change that was sent: whether it was made, only a look can tell. */
static int refuse_unknown(const struct box *b, const char *name, struct problem *p)
{
    problem_hint(p, "key '%.*s' may have been made: look with 'littlebox --box %s list'", LB_NAME_MAX, name,
                 box_name(b));
    return p->code;
}

int ask_create(struct box *b, const struct create_request *m, uint8_t *answer, struct key_info *ret, struct problem *p)
{
    uint8_t request[256];
    uint32_t id = box_next_id(b);
    struct bytes body;
    bool unknown = false;
    struct box_request rq = {
        .type = MSG_CREATE, .id = id, .packet = request, .fd = -1, .unknown = &unknown
    };
    int r = msg_create_encode(MSG_CREATE, id, m, request, sizeof(request), &rq.len);

    if (r != 0)
        return refuse_request(b, r, p);
    r = box_call(b, &rq, answer, ASK_ANSWER_MAX, &body, p);
    if (r == 0 && msg_key_decode(body, ret) != 0) {
        r = refuse_answer(b, p);
        unknown = true;
    }
    return unknown ? refuse_unknown(b, m->name, p) : r;
}
