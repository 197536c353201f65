/* Requests about the box itself: how it is, its store and the seals that open it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/id_map.h"
#include "base/log.h"
#include "box/request_priv.h"
#include "model/seal_kinds.h"
#include "protocol/seals.h"
#include "protocol/status.h"

/*
 * After the first wrong secret the answer waits this long, in milliseconds, and twice as long after each further one.
 */
#define DELAY_FIRST 500
#define DELAY_MAX 32000

static struct vault_summary summary(const struct box *b)
{
    struct vault_summary s;

    vault_summary(b->vault, &s);
    return s;
}

int handle_status(struct request *rq)
{
    struct box *b = rq->box;
    struct vault_summary vault = summary(b);
    struct box_status s = {
        .software = "littlebox " LB_VERSION,
        .lock = (uint8_t)vault.lock,
        .credential = (uint8_t)vault.credential,
        .memory_locked = b->memory.state == SECRETS_ALL_LOCKED,
        .sandbox = (uint8_t)b->sandbox,
        .closed = b->closed,
        .admin = policy_is_admin(b->conf->admins, &rq->who),
        .uid = rq->who.sender.peer.uid,
        .pid = (uint32_t)getpid(),
        .restarts = b->restarts,
        .threads = b->conf->threads,
        .connections = atomic_load(&b->connections),
        .keys = vault.keys,
        .damaged = vault.damaged,
        .started = b->started,
        .signatures = atomic_load(&b->uses[USE_SIGN]),
        .decryptions = atomic_load(&b->uses[USE_DECRYPT]),
        .derivations = atomic_load(&b->uses[USE_DERIVE]),
        .refusals = atomic_load(&b->refusals),
        .users_mapped = idmap_own()->users_complete,
        .groups_mapped = idmap_own()->groups_complete,
        .overflow_uid = idmap_own()->overflow_uid,
        .overflow_gid = idmap_own()->overflow_gid,
        .memory = (uint8_t)b->memory.state,
        .memory_needed = (uint32_t)(b->memory.needed / 1024),
        .memory_limit = b->memory.limit == SIZE_MAX ? LB_MEMORY_NO_LIMIT : (uint32_t)(b->memory.limit / 1024),
    };
    int r = msg_empty_decode(rq->body);

    snprintf(s.box, sizeof(s.box), "%s", b->conf->box);
    snprintf(s.backend, sizeof(s.backend), "%s", vault.backend);
    return r != 0 ? r : msg_status_encode(ANSWER(rq), &s, INTO(rq));
}

int handle_lock_cause(struct request *rq)
{
    bool locked = summary(rq->box).lock == LOCK_LOCKED;
    struct msg_lock_cause m = { locked ? (uint8_t)atomic_load(&rq->box->lock_cause) : LOCK_BY_NOTHING };
    int r = msg_empty_decode(rq->body);

    return r != 0 ? r : msg_lock_cause_encode(ANSWER(rq), &m, INTO(rq));
}

int handle_opening(struct request *rq)
{
    struct msg_opening_ask m;
    struct box_opening opening;
    int r = msg_opening_ask_decode(rq->body, &m);

    if (r == 0)
        r = vault_opening(rq->box->vault, m.secret, &opening, &rq->problem);
    return r != 0 ? r : msg_opening_encode(ANSWER(rq), &opening, INTO(rq));
}

/* The store key and its seals */

int handle_init(struct request *rq)
{
    struct seal_request m;
    int r = msg_secret_decode(rq->body, &m);

    if (r == 0)
        r = vault_init(rq->box->vault, &m, &rq->problem);
    if (r != 0)
        return r;
    note_act(rq, "made the store with seal '%s'", seal_kind_name(m.kind));
    return answer_empty(rq);
}

int handle_seal_list(struct request *rq)
{
    struct seal_info seals[LB_SEALS_MAX];
    struct wire_writer w;
    size_t count = 0;
    int r = msg_empty_decode(rq->body);

    if (r == 0)
        r = vault_seals(rq->box->vault, seals, &count, &rq->problem);
    if (r != 0)
        return r;
    wire_write(&w, rq->answer, rq->size);
    msg_header_put(&w, ANSWER(rq));
    wire_put_u16(&w, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        msg_seal_entry_put(&w, &seals[i]);
    return wire_written(&w, &rq->answer_len);
}

int handle_seal_add(struct request *rq)
{
    struct seal_request m;
    int r = msg_secret_decode(rq->body, &m);

    if (r == 0)
        r = vault_seal_add(rq->box->vault, &m, &rq->problem);
    if (r != 0)
        return r;
    note_act(rq, "added seal '%s'", seal_kind_name(m.kind));
    return answer_empty(rq);
}

int handle_seal_remove(struct request *rq)
{
    struct msg_seal_remove m;
    int r = msg_seal_remove_decode(rq->body, &m);

    if (r == 0)
        r = vault_seal_remove(rq->box->vault, m.id, &rq->problem);
    if (r != 0)
        return r;
    note_act(rq, "removed seal %u", m.id);
    return answer_empty(rq);
}

/* The keeper tells the next child, which would else open the store with the credential. */
static void remember_lock(struct box *b, bool locked)
{
    atomic_store(&b->lock_cause, locked ? LOCK_BY_HAND : LOCK_BY_NOTHING);
    if (b->keeper.locked(b->keeper.link, locked) != 0)
        log_error("the keeper does not answer");
}

int handle_lock(struct request *rq)
{
    int r = msg_empty_decode(rq->body);

    if (r != 0)
        return r;
    if (summary(rq->box).lock == LOCK_NO_STORE)
        return vault_no_store(rq->box->vault, &rq->problem);
    remember_lock(rq->box, true);
    vault_lock(rq->box->vault);
    note_act(rq, "locked the box");
    return answer_empty(rq);
}

/* How long the answer waits, in milliseconds: waiting slows guessing down. */
static int delay_after_wrong_secret(unsigned wrong)
{
    int ms = wrong > 7 ? DELAY_MAX : DELAY_FIRST << (wrong == 0 ? 0 : wrong - 1);

    return ms > DELAY_MAX ? DELAY_MAX : ms;
}

int handle_unlock(struct request *rq)
{
    struct seal_request m;
    int r = msg_secret_decode(rq->body, &m);

    if (r == 0)
        r = vault_unlock(rq->box->vault, m.kind, m.secret, &rq->problem);
    if (r == LB_E_SECRET) {
        note_act(rq, "wrong %s, %u in a row", seal_kind_name(m.kind), vault_wrong_secrets(rq->box->vault));
        rq->delay = delay_after_wrong_secret(vault_wrong_secrets(rq->box->vault));
    }
    if (r != 0)
        return r;
    remember_lock(rq->box, false);
    note_act(rq, "unlocked the box with a %s", seal_kind_name(m.kind));
    return answer_empty(rq);
}
