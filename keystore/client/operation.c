/* Private-key operations of a program that may be paused meanwhile. */
#include "client/operation.h"

#include <openssl/crypto.h>
#include <string.h>

#include "base/socket.h"
#include "client/box_priv.h"
#include "client/use.h"
#include "protocol/header.h"

/* Room for what stands around the input: header, key, options, lengths; and for what stands around the result. */
#define REQUEST_ROOM 256
#define ANSWER_ROOM 64
/* An answer in which a box refuses: header, code, text and hint of a struct problem. */
#define REFUSAL_MAX 1024

/* The buffers of q follow it. */
struct operation {
    struct box_ask q;
    size_t size;
};

static void operation_wipe(void *arg)
{
    struct operation *o = arg;

    socket_close(o->q.ask.fd);
    OPENSSL_clear_free(o, o->size);
}

static int operation_new(struct box *b, uint16_t type, size_t input, size_t output, struct operation **ret,
                         struct problem *p)
{
    size_t request = input + REQUEST_ROOM, answer = output + ANSWER_ROOM;
    struct operation *o;
    uint8_t *room;

    if (answer < REFUSAL_MAX)
        answer = REFUSAL_MAX;
    o = OPENSSL_malloc(sizeof(*o) + request + answer);
    *ret = o;
    if (o == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    o->size = sizeof(*o) + request + answer;
    room = (uint8_t *)(o + 1);
    (void)box_ask(&o->q, b, room, request, room + request, answer);
    o->q.wait = wait_begin(b->waiter, type);
    if (wait_pauses(o->q.wait))
        o->q.wait->by->own(o->q.wait, o, operation_wipe);
    return 0;
}

/* Wipes it. NULL is fine. */
static void operation_free(struct operation *o)
{
    if (o == NULL)
        return;
    wait_end(o->q.wait);
    operation_wipe(o);
}

/* The result, out of the answer. */
static int take(struct operation *o, struct bytes result, uint8_t *ret, size_t size, size_t *ret_len, struct problem *p)
{
    if (result.len > size)
        return ask_decoded(&o->q.ask, LB_E_TOO_LONG, p);
    if (result.len > 0)
        memcpy(ret, result.p, result.len);
    *ret_len = result.len;
    return 0;
}

int operate_sign(struct box *b, const struct sign_request *m, uint8_t *sig, size_t size, size_t *ret_len,
                 struct problem *p)
{
    size_t inside = m->data.len <= LB_TEXT_MAX ? m->data.len : 0;
    struct operation *o;
    struct bytes result;
    int r = operation_new(b, MSG_SIGN, inside + LB_CONTEXT_MAX, size, &o, p);

    if (r == 0)
        r = ask_sign(&o->q.ask, m, &result, p);
    if (r == 0)
        r = take(o, result, sig, size, ret_len, p);
    if (r == 0 && *ret_len == 0)
        r = ask_decoded(&o->q.ask, LB_E_CUT_OFF, p);
    operation_free(o);
    return r;
}

int operate_decrypt(struct box *b, const struct decrypt_request *m, uint8_t *plain, size_t size, size_t *ret_len,
                    struct problem *p)
{
    struct operation *o;
    struct bytes result;
    int r = operation_new(b, MSG_DECRYPT, m->label.len + m->data.len, size, &o, p);

    if (r == 0)
        r = ask_decrypt(&o->q.ask, m, &result, p);
    if (r == 0)
        r = take(o, result, plain, size, ret_len, p);
    operation_free(o);
    return r;
}

int operate_derive(struct box *b, const struct derive_request *m, uint8_t *shared, size_t size, size_t *ret_len,
                   struct problem *p)
{
    struct operation *o;
    struct bytes result;
    int r = operation_new(b, MSG_DERIVE, m->peer.len, size, &o, p);

    if (r == 0)
        r = ask_derive(&o->q.ask, m, &result, p);
    if (r == 0)
        r = take(o, result, shared, size, ret_len, p);
    operation_free(o);
    return r;
}
