/* Requests: each is run by its handler, and each that ends is recorded. */
#include "box/request.h"

#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/id_map.h"
#include "box/request_priv.h"
#include "protocol/messages.h"

static const struct {
    uint16_t type;
    int (*handle)(struct request *rq);
} handlers[] = {
    { MSG_SIGN,             handle_sign },
    { MSG_DECRYPT,          handle_decrypt },
    { MSG_DERIVE,           handle_derive },
    { MSG_GET,              handle_get },
    { MSG_LIST,             handle_list },
    { MSG_SHOW,             handle_show },
    { MSG_STATUS,           handle_status },
    { MSG_CERT_GET,         handle_cert_get },
    { MSG_FIND,             handle_find },
    { MSG_CERT_FIND,        handle_cert_find },
    { MSG_EXPIRING,         handle_expiring },
    { MSG_PURPOSES,         handle_purposes },
    { MSG_USERS,            handle_users },
    { MSG_LIVES,            handle_lives },
    { MSG_TOKEN,            handle_token },
    { MSG_TOKEN_LIST,       handle_token_list },
    { MSG_OPENING,          handle_opening },
    { MSG_LOCK_CAUSE,       handle_lock_cause },
    { MSG_CREATE,           handle_create },
    { MSG_IMPORT,           handle_import },
    { MSG_ATTACH,           handle_attach },
    { MSG_DESTROY,          handle_destroy },
    { MSG_DESTROY_SCHEDULE, handle_schedule },
    { MSG_DESTROY_CANCEL,   handle_cancel },
    { MSG_ROLL,             handle_roll },
    { MSG_ACTIVATE,         handle_activate },
    { MSG_BACK,             handle_back },
    { MSG_STATE,            handle_state },
    { MSG_RENAME,           handle_rename },
    { MSG_HANDLE_NOTE,      handle_handle_note },
    { MSG_HANDLE_LIST,      handle_handle_list },
    { MSG_PURPOSE,          handle_purpose },
    { MSG_ALLOW,            handle_allow },
    { MSG_DENY,             handle_deny },
    { MSG_CERT_SET,         handle_cert_set },
    { MSG_INIT,             handle_init },
    { MSG_SEAL_LIST,        handle_seal_list },
    { MSG_SEAL_ADD,         handle_seal_add },
    { MSG_SEAL_REMOVE,      handle_seal_remove },
    { MSG_LOCK,             handle_lock },
    { MSG_UNLOCK,           handle_unlock },
    { MSG_LOGIN,            handle_login },
};

static int (*handler_of(uint16_t type))(struct request *rq)
{
    for (size_t i = 0; i < sizeof(handlers) / sizeof(handlers[0]); i++) {
        if (handlers[i].type == type)
            return handlers[i].handle;
    }
    return NULL;
}

bool request_is_handled(uint16_t type)
{
    return handler_of(type) != NULL;
}

/* What handlers share */

int answer_empty(struct request *rq)
{
    return msg_empty_encode(ANSWER(rq), INTO(rq));
}

void note_act(struct request *rq, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(rq->event.done, sizeof(rq->event.done), fmt, ap);
    va_end(ap);
}

void note_key(struct request *rq, const char *name, uint32_t version)
{
    size_t len = strnlen(name, LB_NAME_MAX);

    memcpy(rq->event.key, name, len);
    rq->event.key[len] = '\0';
    rq->event.version = version;
}

void note_change(struct request *rq, const char *what, const char *name, uint32_t version)
{
    note_key(rq, name, version);
    if (version == 0)
        note_act(rq, "%s '%s'", what, name);
    else
        note_act(rq, "%s '%s' version %u", what, name, version);
}

void page_begin(struct request *rq, struct page *ret, size_t room, unsigned most)
{
    *ret = (struct page){ .room = room, .most = most };
    msg_begin(&ret->w, rq->answer, rq->size, ANSWER(rq));
}

bool page_has_room(struct page *page)
{
    if (page->w.left < page->room || page->count == page->most)
        return false;
    page->count++;
    return true;
}

void page_front(struct request *rq, struct wire_writer *ret)
{
    wire_write(ret, (uint8_t *)rq->answer + LB_HEADER_SIZE, rq->size - LB_HEADER_SIZE);
}

void page_numbers(struct wire_writer *w, bool more, unsigned count)
{
    wire_put_u8(w, more);
    wire_put_u16(w, (uint16_t)count);
}

/* Running */

static void answer_problem(struct request *rq)
{
    /* The buffer has room for the longest text. So a failure of the encoder is a defect, and silence would hide it. */
    if (msg_error_encode(MSG_ERROR, rq->header.id, &rq->problem, INTO(rq)) != 0)
        abort();
}

/* Records a request. Each request comes by here once, when it has ended. */
static void end_request(struct request *rq, const struct msg_kind *kind, int result)
{
    rq->event.who = &rq->who;
    rq->event.asked = kind == NULL ? NULL : kind->name;
    rq->event.result = result;
    rq->event.problem = &rq->problem;
    if (result == LB_E_DENIED)
        atomic_fetch_add_explicit(&rq->box->refusals, 1, memory_order_relaxed);
    audit_record(&rq->event);
}

void request_refuse(struct request *rq, int code, const char *text)
{
    problem_set(&rq->problem, code, "%s", text);
    end_request(rq, msg_kind(rq->header.type), code);
    answer_problem(rq);
}

/* These codes come from decoders alone: what the caller sent has not the protocol's form. */
static bool breaks_protocol(int code)
{
    return code == LB_E_CUT_OFF || code == LB_E_TRAILING || code == LB_E_TOO_LONG || code == LB_E_VALUE;
}

bool request_may(const struct msg_kind *kind, struct request *rq)
{
    uid_t uid;

    if (!kind->admin || policy_is_admin(rq->box->conf->admins, &rq->who))
        return true;
    uid = policy_not_admin(rq->box->conf->admins, &rq->who)->uid;
    problem_set(&rq->problem, LB_E_DENIED, "uid %u may not %s in box '%s'", uid, kind->name, rq->box->conf->box);
    if (!idmap_hint(idmap_own(), uid, &rq->problem))
        problem_hint(&rq->problem, "ask an administrator of the box, or see 'admin' in littlebox.conf(5)");
    end_request(rq, kind, LB_E_DENIED);
    answer_problem(rq);
    return false;
}

/* Only the thread that runs this request waits, so that signatures go on. Stopping the box ends the wait. */
static void wait_before_answer(struct request *rq)
{
    struct pollfd stop = { .fd = rq->box->stop_fd, .events = POLLIN };

    (void)poll(&stop, 1, rq->delay);
}

/* A handler that has no more to say than the code leaves the text to this. */
static void say_code(const struct msg_kind *kind, struct request *rq, int code)
{
    problem_set(&rq->problem, code, "%s: %s", kind->name, lb_strerror(code));
    if (code == LB_E_NAME)
        problem_hint(&rq->problem, "a key name is " LB_NAME_RULE);
}

int request_make(const struct msg_kind *kind, struct request *rq)
{
    int r;

    rq->answer_len = 0;
    r = handler_of(kind->type)(rq);
    /* libcrypto leaves shared secrets of X25519 on the stack. */
    if (kind->secret_answer)
        secret_wipe_stack();
    return r;
}

bool request_end(const struct msg_kind *kind, struct request *rq, int r)
{
    bool goes_on = r == 0 || rq->problem.code != 0 || !breaks_protocol(r);

    if (r != 0 && rq->problem.code == 0)
        say_code(kind, rq, r);
    end_request(rq, kind, r);
    if (rq->delay > 0)
        wait_before_answer(rq);
    if (r != 0)
        answer_problem(rq);
    return goes_on;
}

bool request_run(const struct msg_kind *kind, struct request *rq)
{
    return !request_may(kind, rq) || request_end(kind, rq, request_make(kind, rq));
}
