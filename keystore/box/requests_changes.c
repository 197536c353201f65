/* Requests that change keys. Each leaves a line in the log. */
#include <string.h>

#include "box/request_priv.h"
#include "model/chain.h"
#include "model/purpose.h"
#include "protocol/change.h"
#include "protocol/keys.h"

int handle_create(struct request *rq)
{
    uint8_t spki[LB_SPKI_MAX];
    struct create_request m;
    struct key_info key;
    int r = msg_create_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_create(rq->box->vault, &m, spki, &key, &rq->problem);
    }
    if (r != 0)
        return r;
    note_change(rq, "created key", key.name, key.version);
    return msg_key_encode(ANSWER(rq), &key, INTO(rq));
}

int handle_import(struct request *rq)
{
    uint8_t spki[LB_SPKI_MAX];
    struct import_request m;
    struct key_info key;
    int r = msg_import_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_import(rq->box->vault, &m, spki, &key, &rq->problem);
    }
    if (r != 0)
        return r;
    note_change(rq, "imported key", key.name, key.version);
    return msg_key_encode(ANSWER(rq), &key, INTO(rq));
}

int handle_attach(struct request *rq)
{
    uint8_t spki[LB_SPKI_MAX];
    struct attach_request m;
    struct key_info key;
    int r = msg_attach_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_attach(rq->box->vault, &m, spki, &key, &rq->problem);
    }
    if (r != 0)
        return r;
    note_change(rq, "attached key", key.name, key.version);
    return msg_key_encode(ANSWER(rq), &key, INTO(rq));
}

int handle_destroy(struct request *rq)
{
    struct destroy_request m;
    int r = msg_destroy_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, m.version);
        r = vault_destroy(rq->box->vault, &m, &rq->problem);
    }
    if (r != 0)
        return r;
    note_change(rq, "destroyed key", m.name, m.version);
    return answer_empty(rq);
}

int handle_schedule(struct request *rq)
{
    struct destroy_request m;
    struct msg_time answer;
    int r = msg_destroy_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, m.version);
        r = vault_schedule_destroy(rq->box->vault, &m, &answer.at, &rq->problem);
    }
    if (r != 0)
        return r;
    note_change(rq, "scheduled the destruction of key", m.name, m.version);
    rq->event.due = answer.at;
    return msg_time_encode(ANSWER(rq), &answer, INTO(rq));
}

int handle_cancel(struct request *rq)
{
    struct destroy_request m;
    int r = msg_destroy_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, m.version);
        r = vault_cancel_destroy(rq->box->vault, &m, &rq->problem);
    }
    if (r != 0)
        return r;
    note_change(rq, "cancelled the destruction of key", m.name, m.version);
    return answer_empty(rq);
}

int handle_rename(struct request *rq)
{
    struct rename_request m;
    int r = msg_rename_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_rename(rq->box->vault, &m, &rq->problem);
    }
    if (r != 0)
        return r;
    note_act(rq, "renamed key '%s' to '%s'", m.name, m.to);
    return answer_empty(rq);
}

int handle_purpose(struct request *rq)
{
    char names[PURPOSE_NAMES_SIZE];
    struct purpose_request m;
    bool changed;
    int r = msg_purpose_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_purpose(rq->box->vault, &m, &changed, &rq->problem);
    }
    if (r != 0)
        return r;
    purpose_names(m.purposes, names);
    if (changed)
        note_act(rq, "key '%s' is for %s", m.name, names);
    return answer_empty(rq);
}

int handle_handle_note(struct request *rq)
{
    struct handle_note m;
    int r = msg_handle_note_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_note_handle(rq->box->vault, &m, &rq->problem);
    }
    return r != 0 ? r : answer_empty(rq);
}

static void take_handle(const char *path, void *arg)
{
    struct page *page = arg;

    wire_put_str(&page->w, path);
    page->count++;
}

int handle_handle_list(struct request *rq)
{
    struct wire_writer front;
    struct msg_name m;
    struct page page;
    int r = msg_name_decode(rq->body, &m);

    page_begin(rq, &page, /* room= */ 0, UINT16_MAX);
    wire_put_u16(&page.w, 0);
    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_handles(rq->box->vault, m.name, take_handle, &page, &rq->problem);
    }
    if (r != 0)
        return r;
    page_front(rq, &front);
    wire_put_u16(&front, (uint16_t)page.count);
    r = wire_written(&page.w, &rq->answer_len);
    return r == 0 ? 0 : problem_set(&rq->problem, r, "the list of handles cannot be made: %s", lb_strerror(r));
}

static int change_grant(struct request *rq, bool allow)
{
    char ops[OP_NAMES_SIZE];
    struct grant_request m;
    int r = msg_grant_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_grant(rq->box->vault, &m, allow, &rq->problem);
    }
    if (r != 0)
        return r;
    key_op_names(m.grant.ops, ops);
    note_act(rq, "%s %s %u to %s with key '%s'",
             allow ? "allowed" : "denied", m.grant.kind == SUBJECT_USER ? "uid" : "gid", m.grant.id, ops, m.name);
    return answer_empty(rq);
}

int handle_allow(struct request *rq)
{
    return change_grant(rq, true);
}

int handle_deny(struct request *rq)
{
    return change_grant(rq, false);
}

int handle_cert_set(struct request *rq)
{
    struct wire_reader reader;
    struct chain_request m;
    unsigned count = 0;
    uint32_t version;
    int r = msg_cert_set_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, m.version);
        r = chain_read(m.chain, &count, &reader);
    }
    if (r == 0)
        r = vault_cert_set(rq->box->vault, &m, &version, &rq->problem);
    if (r != 0)
        return r;
    note_change(rq, count == 0 ? "removed the certificates of key" : "set the certificates of key", m.name, version);
    return answer_empty(rq);
}
