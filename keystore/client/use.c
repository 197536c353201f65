/* Private-key operations: SIGN, DECRYPT, DERIVE. */
#include "client/use.h"

#include <errno.h>
#include <string.h>

#include "base/memfile.h"
#include "base/socket.h"
#include "protocol/header.h"
#include "protocol/use.h"

/* Bytes of a text that a slow machine hashes twice in a millisecond. Ed25519 hashes twice. */
#define TEXT_PER_MS 50000

static int ask_for_bytes(struct ask *q, int encoded, struct bytes *ret, struct problem *p)
{
    struct bytes body;
    int r = ask_send(q, encoded, &body, p);

    return r != 0 ? r : ask_decoded(q, msg_bytes_decode(body, ret), p);
}

/* Makes the file that carries a long text with the request. q has it until the request is sent. */
static int text_file(struct ask *q, struct bytes text, struct problem *p)
{
    int r = textfile_make(text.p, text.len, &q->fd);

    if (r == LB_E_TOO_LONG)
        return problem_set(p, r, "a text of %zu bytes is longer than the %llu bytes that a box signs", text.len,
                           (unsigned long long)LB_FILE_MAX);
    if (r != 0)
        return problem_set(p, r, "a text of %zu bytes cannot be passed to box '%s': %s", text.len, q->box,
                           strerror(errno));
    q->more_ms = (unsigned)(text.len / TEXT_PER_MS);
    return 0;
}

int ask_sign(struct ask *q, const struct sign_request *m, struct bytes *ret, struct problem *p)
{
    struct sign_request by_file;
    int r;

    ask_begin(q, MSG_SIGN, m->key.name);
    if (m->input == INPUT_TEXT && m->data.len > LB_TEXT_MAX) {
        r = text_file(q, m->data, p);
        if (r != 0)
            return r;
        by_file = *m;
        by_file.input = INPUT_FILE;
        by_file.data = (struct bytes){ NULL, 0 };
        m = &by_file;
    }
    r = ask_for_bytes(q, msg_sign_encode(MSG_SIGN, q->id, m, q->request, q->request_size, &q->request_len), ret, p);
    socket_close(q->fd);
    q->fd = -1;
    return r;
}

int ask_decrypt(struct ask *q, const struct decrypt_request *m, struct bytes *ret, struct problem *p)
{
    ask_begin(q, MSG_DECRYPT, m->key.name);
    return ask_for_bytes(q, msg_decrypt_encode(MSG_DECRYPT, q->id, m,
                                               q->request, q->request_size, &q->request_len), ret, p);
}

int ask_derive(struct ask *q, const struct derive_request *m, struct bytes *ret, struct problem *p)
{
    ask_begin(q, MSG_DERIVE, m->key.name);
    return ask_for_bytes(q, msg_derive_encode(MSG_DERIVE, q->id, m,
                                              q->request, q->request_size, &q->request_len), ret, p);
}
