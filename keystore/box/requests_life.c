/* Requests about the life of keys: roll over, activate, go back, suspend, compromise; what ends, and who uses what. */
#include <stdlib.h>

#include "base/time_text.h"
#include "box/request_priv.h"
#include "keys/lifecycle.h"
#include "protocol/keys.h"
#include "protocol/life.h"

static uint32_t asker(const struct request *rq)
{
    return (uint32_t)rq->who.sender.peer.uid;
}

int handle_roll(struct request *rq)
{
    uint8_t spki[LB_SPKI_MAX];
    struct roll_request m;
    struct key_info key;
    bool new;
    int r = msg_roll_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_roll(rq->box->vault, &m, spki, &key, &new, &rq->problem);
    }
    if (r != 0)
        return r;
    if (new)
        note_change(rq, "made the next version of key", key.name, key.version);
    return msg_key_encode(ANSWER(rq), &key, INTO(rq));
}

/* What was done, once it was. */
static void note_current(struct request *rq, const char *what, const char *name, const struct life_answer *a)
{
    char at[TIME_TEXT_SIZE], until[TIME_TEXT_SIZE];

    rq->event.version = a->version;
    if (!a->changed)
        return;
    time_text(a->at, at);
    time_text(a->until, until);
    note_act(rq, "%s key '%s' version %u%s%s%s%s", what, name, a->version, a->at == 0 ? "" : " for ", a->at == 0 ? "" : at,
             a->former == 0 ? "" : "; the version before signs until ", a->former == 0 ? "" : until);
}

int handle_activate(struct request *rq)
{
    struct activate_request m;
    struct life_answer answer;
    int r = msg_activate_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.key.name, m.key.version);
        r = vault_activate(rq->box->vault, &m, asker(rq), &answer, &rq->problem);
    }
    if (r != 0)
        return r;
    note_current(rq, "activated", m.key.name, &answer);
    return msg_life_encode(ANSWER(rq), &answer, INTO(rq));
}

int handle_back(struct request *rq)
{
    struct back_request m;
    struct life_answer answer;
    int r = msg_back_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_back(rq->box->vault, &m, asker(rq), &answer, &rq->problem);
    }
    if (r != 0)
        return r;
    note_current(rq, "went back to", m.name, &answer);
    return msg_life_encode(ANSWER(rq), &answer, INTO(rq));
}

int handle_state(struct request *rq)
{
    static const char *const done[EVENT_LAST + 1] = {
        [EVENT_SUSPEND] = "suspended key",     [EVENT_RESUME] = "resumed key",
        [EVENT_DEACTIVATE] = "deactivated key", [EVENT_COMPROMISE] = "marked as compromised key",
    };
    struct state_request m;
    struct life_answer answer;
    int r = msg_state_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.key.name, m.key.version);
        r = vault_state(rq->box->vault, &m, asker(rq), &answer, &rq->problem);
    }
    if (r != 0)
        return r;
    rq->event.version = answer.version;
    if (answer.changed)
        note_act(rq, "%s '%s' version %u%s%s", done[m.event], m.key.name, answer.version, m.reason == REASON_NONE ? "" : ": ",
                 life_reason_name(m.reason));
    return msg_life_encode(ANSWER(rq), &answer, INTO(rq));
}

/* Room that one entry of EXPIRING may take. */
#define EXPIRING_ROOM (2 + LB_NAME_MAX + 4 + 1 + 8)

static bool take_expiring(const struct expiring_entry *e, void *arg)
{
    struct page *page = arg;

    if (!page_has_room(page))
        return false;
    msg_expiring_entry_put(&page->w, e);
    return true;
}

int handle_expiring(struct request *rq)
{
    struct wire_writer front;
    struct expiring_request m;
    struct page page;
    bool more;
    int r = msg_expiring_decode(rq->body, &m);

    page_begin(rq, &page, EXPIRING_ROOM, UINT16_MAX);
    page_numbers(&page.w, false, 0);
    if (r == 0)
        r = vault_expiring(rq->box->vault, &m, &rq->who, take_expiring, &page, &more, &rq->problem);
    if (r != 0)
        return r;
    page_front(rq, &front);
    page_numbers(&front, more, page.count);
    return wire_written(&page.w, &rq->answer_len);
}

int handle_users(struct request *rq)
{
    struct user_entry *users = calloc(LB_USERS_MAX, sizeof(*users));
    struct msg_name m;
    struct wire_writer w;
    size_t count = 0;
    int r = users == NULL ? LB_E_NOMEM : msg_name_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_users(rq->box->vault, m.name, users, LB_USERS_MAX, &count, &rq->problem);
    }
    if (r == 0) {
        msg_begin(&w, rq->answer, rq->size, ANSWER(rq));
        wire_put_u16(&w, (uint16_t)count);
        for (size_t i = 0; i < count; i++)
            msg_user_entry_put(&w, &users[i]);
        r = wire_written(&w, &rq->answer_len);
    }
    free(users);
    return r;
}

int handle_lives(struct request *rq)
{
    struct key_details *show = malloc(sizeof(*show));
    struct msg_name m;
    int r = show == NULL ? LB_E_NOMEM : msg_name_decode(rq->body, &m);

    if (r == 0) {
        note_key(rq, m.name, 0);
        r = vault_show(rq->box->vault, m.name, show, &rq->problem);
    }
    if (r == 0)
        r = msg_lives_encode(ANSWER(rq), show, INTO(rq));
    free(show);
    return r;
}
