/* Rolling over a key: the next version becomes the current one, and the one before drains; and all of that back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keys/lifecycle.h"
#include "model/chain.h"
#include "vault/vault_priv.h"

/* The latest time that a record has. */
#define FAR ((uint64_t)INT64_MAX)

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

/* From now on the version drains: it signs for those who pinned it, for so long. An earlier end that it has stays. */
static void drain(struct version_record *rec, uint64_t seconds, const struct life_act *act)
{
    uint64_t until = act->at + seconds;

    if (rec->life.deactivate_at == 0 || rec->life.deactivate_at > until)
        rec->life.deactivate_at = until;
    if (rec->life.deactivate_at > act->at)
        return;
    rec->state = STATE_DEACTIVATED;
    rec->changed = act->at;
    rec->life.reason = REASON_SUPERSEDED;
    rec->life.by_known = act->by_known;
    rec->life.by = act->by;
}

/* Of several versions that are not active yet one is planned at most. */
static void forget_plans(struct boxkey *next)
{
    for (size_t i = 0; i < next->rec.version_count; i++) {
        struct version_life *life = &next->rec.versions[i].life;

        if (next->rec.versions[i].state == STATE_PRE_ACTIVATION)
            life->activate_at = life->deactivate_at = 0;
    }
}

/* Version i of next becomes the current one, and former (-1: there is none) drains. */
static void make_current(struct boxkey *next, size_t i, int former, uint64_t seconds, const struct life_act *act)
{
    struct version_record *rec = &next->rec.versions[i], *before = former < 0 ? NULL : &next->rec.versions[former];

    /* Also of another version: what is made current now is not to be replaced by what was planned before. */
    forget_plans(next);
    rec->state = STATE_ACTIVE;
    rec->changed = act->at;
    rec->life = (struct version_life){ .activate_at = act->at, .by_known = act->by_known, .by = act->by };
    if (before == NULL)
        return;
    /* The latest is the current one: two in one second too, and by a clock that was set back. */
    if (before->life.activate_at >= rec->life.activate_at)
        rec->life.activate_at = before->life.activate_at + 1;
    drain(before, seconds, act);
}

void vault_turn_planned(struct boxkey *k, size_t i, uint64_t at)
{
    const struct version_life plan = k->rec.versions[i].life;
    const struct life_act act = { .at = at };

    make_current(k, i, boxkey_current(k), plan.deactivate_at - plan.activate_at, &act);
}

static void tell(const struct boxkey *k, size_t i, int former, struct life_answer *ret)
{
    const struct version_record *rec = &k->rec.versions[i], *before = former < 0 ? NULL : &k->rec.versions[former];
    bool planned = rec->state == STATE_PRE_ACTIVATION;

    ret->version = rec->version;
    ret->state = rec->state;
    ret->at = planned ? rec->life.activate_at : 0;
    if (before != NULL && (before->state == STATE_ACTIVE || before->state == STATE_SUSPENDED)) {
        ret->former = before->version;
        ret->until = planned ? rec->life.deactivate_at : before->life.deactivate_at;
    }
}

/* Stores next in the place of old, and tells what became of version i. */
static int finish(struct vault *v, struct boxkey *old, struct boxkey *next, size_t i, int former, uint64_t at,
                  struct life_answer *ret, struct problem *p)
{
    struct life_answer answer = { .changed = true };
    int r;

    boxkey_mend_ends(next, at);
    tell(next, i, former, &answer);
    r = vault_replace(v, old, next, p);
    if (r != 0) {
        boxkey_free(next);
        return r;
    }
    *ret = answer;
    vault_note_schedules(v);
    return 0;
}

/* Is it the current version with this chain already, or planned for this time and drain? */
static bool is_so(const struct boxkey *k, size_t i, const struct activate_request *m, struct bytes chain)
{
    const struct version_record *rec = &k->rec.versions[i];

    if (chain.len != 0 && (rec->chain_len != chain.len || memcmp(rec->chain, chain.p, chain.len) != 0))
        return false;
    if (rec->state == STATE_PRE_ACTIVATION && m->at != 0 && rec->life.activate_at == m->at)
        return rec->life.deactivate_at == m->at + m->drain;
    return (int)i == boxkey_current(k) && rec->state == STATE_ACTIVE && !boxkey_ends_alone(k);
}

/* The chain in the request; of length 0: there is none in it. */
static struct bytes chain_of(const struct activate_request *m)
{
    struct wire_reader r;
    unsigned count = 0;

    if (chain_read(m->chain, &count, &r) != 0 || count == 0)
        return (struct bytes){ NULL, 0 };
    return m->chain;
}

/* A time in the future, for a version that is not active yet: until then it stays so, and the one before goes on. */
static void plan(struct boxkey *next, size_t i, const struct activate_request *m, const struct life_act *act)
{
    struct version_record *rec = &next->rec.versions[i];

    forget_plans(next);
    rec->changed = act->at;
    rec->life = (struct version_life){ .activate_at = m->at, .deactivate_at = m->at + m->drain, .by_known = true, .by = act->by };
}

static int check_time(const struct version_record *rec, const struct activate_request *m, const struct vault *v, struct problem *p)
{
    if (rec->state == STATE_PRE_ACTIVATION && m->at <= FAR - m->drain)
        return 0;
    if (m->at > FAR - m->drain)
        return problem_set(p, LB_E_VALUE, "that time is too far away");
    return problem_set(p, LB_E_VALUE, "version %u of key '%s' in box '%s' is %s: it cannot become the current one at a later time",
                       rec->version, rec->name, v->conf->box, key_state_name(rec->state));
}

/* The next version; if a key has rolled over and has none, the current one: so a request for now may come twice. */
static int version_meant(struct vault *v, struct key_ref *ref, bool now, struct boxkey **ret, size_t *ret_i, struct problem *p)
{
    bool bare = ref->version == 0 && !ref->has_hash;
    int r;

    if (bare)
        ref->version = KEY_VERSION_NEXT;
    r = vault_version_to_change(v, ref, ret, ret_i, p);
    if (r != LB_E_NO_VERSION || !bare || !now || (*ret)->rec.version_count < 2)
        return r;
    if (boxkey_current(*ret) < 0)
        return r;
    *ret_i = (size_t)boxkey_current(*ret);
    *p = (struct problem){ 0 };
    return 0;
}

int vault_activate(struct vault *v, const struct activate_request *m, uint32_t by, struct life_answer *ret, struct problem *p)
{
    const struct life_act act = { .by_known = true, .by = by, .at = vault_now(v) };
    struct key_ref ref = m->key;
    struct bytes chain = chain_of(m);
    struct boxkey *old, *next;
    int former, r;
    size_t i;

    r = version_meant(v, &ref, m->at <= act.at, &old, &i, p);
    if (r != 0)
        return r;
    *ret = (struct life_answer){ .changed = false };
    if (is_so(old, i, m, chain)) {
        tell(old, i, /* former= */ -1, ret);
        return 0;
    }
    if (life_next(old->rec.versions[i].state, old->rec.versions[i].state_before, EVENT_ACTIVATE) == 0)
        return vault_refuse_event(v, &old->rec.versions[i], EVENT_ACTIVATE, p);
    if (m->at != 0 && m->at <= act.at)
        return problem_set(p, LB_E_VALUE, "the time at which version %u of key '%s' in box '%s' is to become the current one is over",
                           old->rec.versions[i].version, old->rec.name, v->conf->box);
    if (m->at > act.at && (r = check_time(&old->rec.versions[i], m, v, p)) != 0)
        return r;
    former = boxkey_current(old);
    if (former == (int)i)
        former = -1;
    next = boxkey_new(&old->rec);
    if (next == NULL)
        return out_of_memory(p);
    if (chain.len > 0)
        r = vault_put_chain(v, next, i, chain, p);
    if (r != 0) {
        boxkey_free(next);
        return r;
    }
    if (m->at > act.at)
        plan(next, i, m, &act);
    else if (boxkey_current(old) != (int)i || boxkey_ends_alone(old))
        make_current(next, i, former, m->drain, &act);
    return finish(v, old, next, i, former, act.at, ret, p);
}

/* Back */

/* The version that a key goes back to: of those that still drain, the one that was current last before; -1: there is none. */
static int before(const struct boxkey *k, int current, uint64_t at)
{
    int last = -1;

    for (int i = 0; i < current; i++) {
        const struct version_record *rec = &k->rec.versions[i];

        if (rec->state == STATE_ACTIVE && (rec->life.deactivate_at == 0 || rec->life.deactivate_at > at) &&
            (last < 0 || rec->life.activate_at >= k->rec.versions[last].life.activate_at))
            last = i;
    }
    return last;
}

/* The version that was current before the key went back, and drains since; -1: it did not go back. */
static int gone_back_from(const struct boxkey *k, int current)
{
    for (int i = (int)k->rec.version_count - 1; i > current; i--) {
        if (k->rec.versions[i].state == STATE_ACTIVE || k->rec.versions[i].state == STATE_SUSPENDED)
            return i;
    }
    return -1;
}

/* The version that is to become current at a time; -1: none is. */
static int planned_version(const struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (k->rec.versions[i].state == STATE_PRE_ACTIVATION && k->rec.versions[i].life.activate_at != 0)
            return (int)i;
    }
    return -1;
}

/* Was a planned change taken back, and nothing done with the key since? */
static bool plan_was_taken_back(const struct boxkey *k)
{
    uint64_t taken = 0, latest = 0;

    for (size_t i = 0; i < k->rec.version_count; i++) {
        const struct version_record *rec = &k->rec.versions[i];

        if (rec->state == STATE_PRE_ACTIVATION && rec->life.activate_at == 0 && rec->life.by_known)
            taken = rec->changed;
        else if (rec->changed > latest)
            latest = rec->changed;
    }
    return taken != 0 && taken >= latest;
}

static int nothing_to_go_back_to(const struct vault *v, const struct boxkey *k, int current, struct problem *p)
{
    if (current < 0)
        problem_set(p, LB_E_NOT_ACTIVE, "key '%s' in box '%s' has no active version", k->rec.name, v->conf->box);
    else
        problem_set(p, LB_E_NO_VERSION, "no version of key '%s' in box '%s' before version %u signs any more: there is none to go back to",
                    k->rec.name, v->conf->box, k->rec.versions[current].version);
    problem_hint(p, "make a new version: littlebox --box %s roll %s", v->conf->box, k->rec.name);
    return p->code;
}

/* Takes a planned change back: the next version stays the next one. */
static void unplan(struct boxkey *next, int planned, const struct life_act *act)
{
    struct version_record *rec = &next->rec.versions[planned];

    rec->changed = act->at;
    rec->life = (struct version_life){ .by_known = true, .by = act->by };
}

int vault_back(struct vault *v, const struct back_request *m, uint32_t by, struct life_answer *ret, struct problem *p)
{
    const struct life_act act = { .by_known = true, .by = by, .at = vault_now(v) };
    struct boxkey *old, *next;
    int current, planned, to, r;

    vault_age(v);
    r = vault_find_to_change(v, m->name, &old, p);
    if (r != 0)
        return r;
    if (boxkey_is_damaged(old))
        return vault_damaged(v, m->name, 0, p);
    current = boxkey_current(old);
    planned = planned_version(old);
    *ret = (struct life_answer){ .changed = false };
    if (planned < 0 && current >= 0 && gone_back_from(old, current) >= 0) {
        tell(old, (size_t)current, gone_back_from(old, current), ret);
        return 0;
    }
    if (planned < 0 && current >= 0 && plan_was_taken_back(old)) {
        tell(old, (size_t)current, /* former= */ -1, ret);
        return 0;
    }
    to = before(old, current, act.at);
    if (current < 0 || (planned < 0 && to < 0))
        return nothing_to_go_back_to(v, old, current, p);
    next = boxkey_new(&old->rec);
    if (next == NULL)
        return out_of_memory(p);
    if (planned >= 0) {
        unplan(next, planned, &act);
        return finish(v, old, next, (size_t)current, /* former= */ -1, act.at, ret, p);
    }
    make_current(next, (size_t)to, current, m->drain, &act);
    return finish(v, old, next, (size_t)to, current, act.at, ret, p);
}
