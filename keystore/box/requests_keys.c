/* Requests that tell of keys, and that change them. */
#include <stdlib.h>
#include <string.h>

#include "box/request_priv.h"
#include "model/chain.h"
#include "protocol/change.h"
#include "protocol/keys.h"

/* Telling */

int handle_get(struct request *rq)
{
    uint8_t spki[LB_SPKI_MAX];
    struct key_ref ref;
    struct key_info key;
    int r = msg_key_ref_decode(rq->body, &ref);

    if (r != 0)
        return r;
    note_key(rq, ref.name, ref.version);
    r = vault_get(rq->box->vault, &ref, spki, &key, &rq->problem);
    if (r != 0)
        return r;
    note_key(rq, key.name, key.version);
    return msg_key_encode(ANSWER(rq), &key, INTO(rq));
}

/* Room that one entry of LIST may take: the longest name and type and the fixed fields. */
#define LIST_ROOM (2 + LB_NAME_MAX + 2 + LB_TYPE_MAX + 4 + 4 + 1 + 1 + 8 + 1)

static bool take_key(const struct key_entry *e, void *arg)
{
    struct page *page = arg;

    if (!page_has_room(page))
        return false;
    msg_list_entry_put(&page->w, e);
    return true;
}

int handle_list(struct request *rq)
{
    struct wire_writer front;
    struct msg_list m;
    struct page page;
    bool more;
    int r = msg_list_decode(rq->body, &m);

    page_begin(rq, &page, LIST_ROOM, UINT16_MAX);
    page_numbers(&page.w, false, 0);
    if (r == 0)
        r = vault_list(rq->box->vault, m.after, &rq->who, take_key, &page, &more, &rq->problem);
    if (r != 0)
        return r;
    page_front(rq, &front);
    page_numbers(&front, more, page.count);
    return wire_written(&page.w, &rq->answer_len);
}

/* Room that one entry of PURPOSES may take. */
#define PURPOSES_ROOM (2 + LB_NAME_MAX + 2)

static bool take_purposes(const struct purposes_entry *e, void *arg)
{
    struct page *page = arg;

    if (!page_has_room(page))
        return false;
    msg_purposes_entry_put(&page->w, e);
    return true;
}

int handle_purposes(struct request *rq)
{
    struct wire_writer front;
    struct msg_list m;
    struct page page;
    bool more;
    int r = msg_list_decode(rq->body, &m);

    page_begin(rq, &page, PURPOSES_ROOM, UINT16_MAX);
    page_numbers(&page.w, false, 0);
    if (r == 0)
        r = vault_purposes(rq->box->vault, m.after, &rq->who, take_purposes, &page, &more, &rq->problem);
    if (r != 0)
        return r;
    page_front(rq, &front);
    page_numbers(&front, more, page.count);
    return wire_written(&page.w, &rq->answer_len);
}

int handle_cert_get(struct request *rq)
{
    struct wire_writer w;
    struct key_ref ref;
    int r = msg_key_ref_decode(rq->body, &ref);

    if (r != 0)
        return r;
    note_key(rq, ref.name, ref.version);
    msg_begin(&w, rq->answer, rq->size, ANSWER(rq));
    r = vault_cert_get(rq->box->vault, &ref, &w, &rq->problem);
    return r != 0 ? r : wire_written(&w, &rq->answer_len);
}

/* Room that one entry of FIND may take: the longest name, type, label and id, and the fixed fields. */
#define FIND_ROOM (2 + LB_NAME_MAX + 4 + 2 + LB_TYPE_MAX + 1 + 2 + 2 * (2 + P11_VALUE_MAX))

struct finds {
    struct page page;
    struct found_token token; /* in front of the first entry */
};

static bool take_found(const struct found_object *e, void *arg)
{
    struct finds *finds = arg;

    if (finds->page.count == 0)
        msg_found_put(&finds->page.w, &finds->token);
    if (!page_has_room(&finds->page))
        return false;
    msg_found_entry_put(&finds->page.w, e);
    return true;
}

int handle_find(struct request *rq)
{
    struct wire_writer front;
    struct finds finds;
    struct msg_find m;
    int r = msg_find_decode(rq->body, &m);

    page_begin(rq, &finds.page, FIND_ROOM, LB_FOUND_MAX);
    if (r == 0)
        r = vault_find(rq->box->vault, &m.want, &rq->who, take_found, &finds, &finds.token, &rq->problem);
    if (r != 0)
        return r;
    page_front(rq, &front);
    msg_found_put(finds.page.count == 0 ? &finds.page.w : &front, &finds.token);
    return wire_written(&finds.page.w, &rq->answer_len);
}

int handle_cert_find(struct request *rq)
{
    struct wire_writer w;
    struct msg_find m;
    int r = msg_find_decode(rq->body, &m);

    msg_begin(&w, rq->answer, rq->size, ANSWER(rq));
    if (r == 0)
        r = vault_cert_find(rq->box->vault, &m.want, &w, &rq->problem);
    return r != 0 ? r : wire_written(&w, &rq->answer_len);
}

int handle_show(struct request *rq)
{
    struct key_details *show = malloc(sizeof(*show));
    struct msg_name m;
    int r = show == NULL ? LB_E_NOMEM : msg_name_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_show(rq->box->vault, m.name, show, &rq->problem);
    }
    if (r == 0)
        r = msg_show_encode(ANSWER(rq), show, INTO(rq));
    free(show);
    return r;
}
