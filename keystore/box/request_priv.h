/* What the files of requests share: how answers are made. */
#ifndef LB_BOX_REQUEST_PRIV_H
#define LB_BOX_REQUEST_PRIV_H

#include "box/request.h"

/* The first arguments of an encoder, and its last ones. */
#define ANSWER(rq) ((uint16_t)((rq)->header.type | MSG_ANSWER)), (rq)->header.id
#define INTO(rq) (rq)->answer, (rq)->size, &(rq)->answer_len

LB_MUST_USE int answer_empty(struct request *rq);

/*
 * For the record: which key a request is about, and what was done, as people read it in the log. The key is noted as soon as
 * the body says it, so that a refusal is recorded with it; version 0: none, or all. What was done is noted once it is done.
 */
void note_key(struct request *rq, const char *name, uint32_t version);
void note_act(struct request *rq, const char *fmt, ...) LB_PRINTF(2, 3);
/* The two at once, of what was done: "WHAT 'NAME' version N"; version 0: without it. */
void note_change(struct request *rq, const char *what, const char *name, uint32_t version);

/*
 * An answer that is made entry by entry. What stands in front of the entries is known at the end. It is written then, with
 * the same length.
 */
struct page {
    struct wire_writer w, start; /* start: where the first entry goes */
    size_t room;                 /* that one entry takes at most */
    unsigned count, most;
};

void page_begin(struct request *rq, struct page *ret, size_t room, unsigned most);
/* Is there room for one more entry? If there is, the entry is counted. */
bool page_has_room(struct page *page);
/* What comes in front of the entries, once all is known. */
void page_front(struct request *rq, struct wire_writer *ret);
/* Of LIST and TOKEN_LIST: bool more, u16 count. */
void page_numbers(struct wire_writer *w, bool more, unsigned count);

/*
 * Handlers: each decodes, does, and encodes. 0, or why it failed; rq->problem has a text if there is more to say than the
 * code.
 */
LB_MUST_USE int handle_sign(struct request *rq);
LB_MUST_USE int handle_decrypt(struct request *rq);
LB_MUST_USE int handle_derive(struct request *rq);
LB_MUST_USE int handle_get(struct request *rq);
LB_MUST_USE int handle_list(struct request *rq);
LB_MUST_USE int handle_show(struct request *rq);
LB_MUST_USE int handle_status(struct request *rq);
LB_MUST_USE int handle_lock_cause(struct request *rq);
LB_MUST_USE int handle_cert_get(struct request *rq);
LB_MUST_USE int handle_find(struct request *rq);
LB_MUST_USE int handle_cert_find(struct request *rq);
LB_MUST_USE int handle_roll(struct request *rq);
LB_MUST_USE int handle_activate(struct request *rq);
LB_MUST_USE int handle_back(struct request *rq);
LB_MUST_USE int handle_state(struct request *rq);
LB_MUST_USE int handle_expiring(struct request *rq);
LB_MUST_USE int handle_purposes(struct request *rq);
LB_MUST_USE int handle_users(struct request *rq);
LB_MUST_USE int handle_lives(struct request *rq);
LB_MUST_USE int handle_token(struct request *rq);
LB_MUST_USE int handle_token_list(struct request *rq);
LB_MUST_USE int handle_opening(struct request *rq);
LB_MUST_USE int handle_create(struct request *rq);
LB_MUST_USE int handle_import(struct request *rq);
LB_MUST_USE int handle_attach(struct request *rq);
LB_MUST_USE int handle_destroy(struct request *rq);
LB_MUST_USE int handle_schedule(struct request *rq);
LB_MUST_USE int handle_cancel(struct request *rq);
LB_MUST_USE int handle_rename(struct request *rq);
LB_MUST_USE int handle_handle_note(struct request *rq);
LB_MUST_USE int handle_handle_list(struct request *rq);
LB_MUST_USE int handle_purpose(struct request *rq);
LB_MUST_USE int handle_allow(struct request *rq);
LB_MUST_USE int handle_deny(struct request *rq);
LB_MUST_USE int handle_cert_set(struct request *rq);
LB_MUST_USE int handle_init(struct request *rq);
LB_MUST_USE int handle_seal_list(struct request *rq);
LB_MUST_USE int handle_seal_add(struct request *rq);
LB_MUST_USE int handle_seal_remove(struct request *rq);
LB_MUST_USE int handle_lock(struct request *rq);
LB_MUST_USE int handle_unlock(struct request *rq);
LB_MUST_USE int handle_login(struct request *rq);

#endif
