/* Requests about the token of a box. */
#include <stdlib.h>

#include "box/request_priv.h"
#include "protocol/token.h"

int handle_token(struct request *rq)
{
    struct token_status *m = malloc(sizeof(*m));
    int r = m == NULL ? LB_E_NOMEM : msg_empty_decode(rq->body);

    if (r == 0)
        r = vault_token(rq->box->vault, m, &rq->problem);
    if (r == 0)
        r = msg_token_encode(ANSWER(rq), m, INTO(rq));
    free(m);
    return r;
}

/* Room that one entry of TOKEN_LIST may take. */
#define TOKEN_LIST_ROOM (2 + LB_NAME_MAX + 2 + LB_TYPE_MAX + 2 * (2 + P11_VALUE_MAX))

static void start_token_keys(void *arg)
{
    struct page *page = arg;

    page->w = page->start;
    page->count = 0;
}

static bool take_token_key(const struct token_key *e, void *arg)
{
    struct page *page = arg;

    if (!page_has_room(page))
        return false;
    msg_token_entry_put(&page->w, e);
    return true;
}

int handle_token_list(struct request *rq)
{
    struct page page;
    const struct token_key_taker taker = { start_token_keys, take_token_key, &page };
    struct wire_writer front;
    struct msg_token_list m;
    bool more;
    int r = msg_token_list_decode(rq->body, &m);

    page_begin(rq, &page, TOKEN_LIST_ROOM, UINT16_MAX);
    page_numbers(&page.w, false, 0);
    page.start = page.w;
    if (r == 0)
        r = vault_token_list(rq->box->vault, m.from, &taker, &more, &rq->problem);
    if (r != 0)
        return r;
    page_front(rq, &front);
    page_numbers(&front, more, page.count);
    return wire_written(&page.w, &rq->answer_len);
}

int handle_login(struct request *rq)
{
    struct msg_login m;
    int r = msg_login_decode(rq->body, &m);

    if (r == 0)
        r = vault_login(rq->box->vault, m.pin, &rq->problem);
    if (r != 0)
        return r;
    note_act(rq, "gave the PIN of the token");
    return answer_empty(rq);
}
