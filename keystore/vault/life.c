/* The life of versions: events that administrators bring about, what is due by the clock, and the clock itself. */
#include <stdio.h>

#include "base/log.h"
#include "base/time_text.h"
#include "keys/lifecycle.h"
#include "vault/vault_priv.h"

/* The clock */

static void tell_clock(const struct vault *v, enum clock_event event, struct clock_reading at)
{
    char here[TIME_TEXT_SIZE], box[TIME_TEXT_SIZE];

    time_text((uint64_t)at.wall / 1000000000U, here);
    time_text(box_clock_now(&v->clock, at), box);
    switch (event) {
    case CLOCK_SET_AHEAD:
        log_warning("the system's clock went ahead, to %s: box '%s' goes on by its own time, %s, until the clock has stood there for %u minutes",
                    here, v->conf->box, box, BOX_CLOCK_SETTLE / 60);
        break;
    case CLOCK_BEHIND:
        log_warning("the system's clock says %s, and box '%s' has seen %s: the box goes on by the later time, until the clock is there",
                    here, v->conf->box, box);
        break;
    case CLOCK_STEPPED:
    case CLOCK_BELIEVED:
        log_info("box '%s' goes by the system's clock: %s", v->conf->box, here);
        break;
    default:
        break;
    }
}

/* Two steps at once: what was written down before the first one is wrong by both. */
static void note_step(struct vault *v, const struct clock_step *step)
{
    if (step->by == 0)
        return;
    if (v->step.by == 0)
        v->step.since = step->since;
    v->step.by += step->by;
}

static struct clock_reading look(struct vault *v)
{
    struct clock_reading at = clock_read();
    struct clock_step step;

    tell_clock(v, box_clock_look(&v->clock, at, &step), at);
    note_step(v, &step);
    return at;
}

uint64_t vault_now(struct vault *v)
{
    struct clock_reading at = look(v);

    return box_clock_now(&v->clock, at);
}

void vault_note_clock(struct vault *v)
{
    struct clock_reading at = clock_read();
    struct clock_step step;

    tell_clock(v, box_clock_begin(&v->clock, at, vault_latest_change(v), &step), at);
    note_step(v, &step);
}

uint64_t vault_latest_change(const struct vault *v)
{
    uint64_t latest = 0;

    for (size_t i = 0; i < v->ring.count; i++) {
        const struct boxkey *k = v->ring.keys[i];

        for (size_t j = 0; !boxkey_is_damaged(k) && j < k->rec.version_count; j++) {
            if (k->rec.versions[j].changed > latest)
                latest = k->rec.versions[j].changed;
        }
    }
    return latest;
}

/* What is due */

uint64_t life_due_at(const struct version_record *rec)
{
    uint64_t at = 0;

    if (rec->state == STATE_PRE_ACTIVATION)
        at = rec->life.activate_at;
    else if (rec->state == STATE_ACTIVE || rec->state == STATE_SUSPENDED)
        at = rec->life.deactivate_at;
    return at == 0 ? UINT64_MAX : at;
}

static bool is_due(const struct boxkey *k, uint64_t at)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (life_due_at(&k->rec.versions[i]) <= at)
            return true;
    }
    return false;
}

/* Ends first: what drains since another version became current ends, and then the next one may become current. */
static void turn_due(struct boxkey *k, uint64_t at)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        struct version_record *rec = &k->rec.versions[i];

        if (rec->state == STATE_PRE_ACTIVATION || life_due_at(rec) > at)
            continue;
        rec->state = STATE_DEACTIVATED;
        rec->changed = at;
        rec->life.by_known = false;
        rec->life.by = 0;
        rec->life.reason = REASON_SUPERSEDED;
    }
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (k->rec.versions[i].state == STATE_PRE_ACTIVATION && life_due_at(&k->rec.versions[i]) <= at)
            vault_turn_planned(k, i, at);
    }
    boxkey_mend_ends(k, at);
}

static void log_turned(const struct boxkey *k, uint64_t at)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        const struct version_record *rec = &k->rec.versions[i];

        if (rec->changed == at && !rec->life.by_known)
            log_info("version %u of key '%s' is %s, as it was due", rec->version, rec->name, key_state_name(rec->state));
    }
}

/* What a wrong clock wrote down */

static bool move(uint64_t *at, const struct clock_step *step)
{
    if (*at < step->since || step->by == 0)
        return false;
    *at += (uint64_t)step->by;
    return true;
}

/* A time that somebody has planned is meant as it is. A drain is as long as it was to be, if it began by the wrong clock. */
static bool move_times(struct boxkey *k, const struct clock_step *step)
{
    int current = boxkey_current(k);
    bool began = current >= 0 && k->rec.versions[current].life.activate_at >= step->since, moved = false;

    for (size_t i = 0; i < k->rec.version_count; i++) {
        struct version_record *rec = &k->rec.versions[i];

        moved = move(&rec->created, step) || moved;
        moved = move(&rec->changed, step) || moved;
        if (rec->state == STATE_PRE_ACTIVATION)
            continue;
        moved = move(&rec->life.activate_at, step) || moved;
        if (began)
            moved = move(&rec->life.deactivate_at, step) || moved;
    }
    return moved;
}

/*
 * Leaves a key alone that does not authenticate: its times may be false. The store may refuse, for want of room: then this is
 * tried again. A version that is due to be deactivated signs nothing meanwhile (policy/admit.c).
 */
static void age(struct vault *v, struct boxkey *old, uint64_t at)
{
    struct boxkey *next = NULL;
    struct problem p = { 0 };
    int r = LB_E_NOMEM;

    if (boxkey_is_damaged(old) || (!is_due(old, at) && v->step.by == 0))
        return;
    next = boxkey_new(&old->rec);
    if (next != NULL && !move_times(next, &v->step) && !is_due(next, at)) {
        boxkey_free(next);
        return;
    }
    if (next != NULL) {
        turn_due(next, at);
        r = vault_replace(v, old, next, &p);
    }
    /* Old is gone once next is in its place. */
    if (r == 0) {
        log_turned(next, at);
        return;
    }
    log_error("what is due of key '%s' cannot be done yet: %s", old->rec.name, p.code == 0 ? lb_strerror(r) : p.text);
    boxkey_free(next);
}

void vault_age(struct vault *v)
{
    struct clock_reading now = look(v);
    uint64_t at = box_clock_due(&v->clock, now);

    if (v->next_life > at && v->next_life <= box_clock_now(&v->clock, now) && !v->told_to_wait) {
        log_info("versions are due in box '%s', and the machine has just started: they wait until its clock has stood for %u minutes",
                 v->conf->box, BOX_CLOCK_START / 60);
        v->told_to_wait = true;
    }
    if (v->backend == NULL || (v->next_life > at && v->step.by == 0))
        return;
    for (size_t i = 0; i < v->ring.count; i++)
        age(v, v->ring.keys[i], at);
    /* Times that were moved are not moved again: of keys that could not be stored they stay as they are. */
    v->step = (struct clock_step){ 0, 0 };
    vault_note_schedules(v);
}

/* Events */

static int no_version(const struct vault *v, const struct boxkey *k, const struct key_ref *ref, struct problem *p)
{
    struct admission a;
    int r;

    (void)vault_admission(v, k, ref, &a);
    r = admit_tell(&a, p);
    return r != 0 ? r : problem_set(p, LB_E_NO_VERSION, "key '%s' has no such version", k->rec.name);
}

int vault_version_to_change(struct vault *v, const struct key_ref *ref, struct boxkey **ret, size_t *ret_i, struct problem *p)
{
    int i, r;

    /* What is over by the clock is over before anything else is done with it. */
    vault_age(v);
    r = vault_find_to_change(v, ref->name, ret, p);
    if (r != 0)
        return r;
    if (boxkey_is_damaged(*ret))
        return vault_damaged(v, ref->name, ref->version == KEY_VERSION_NEXT ? 0 : ref->version, p);
    i = vault_find_version(*ret, ref);
    if (i < 0)
        return no_version(v, *ret, ref, p);
    *ret_i = (size_t)i;
    return 0;
}

int vault_refuse_event(const struct vault *v, const struct version_record *rec, unsigned event, struct problem *p)
{
    const char *box = v->conf->box;

    problem_set(p, LB_E_VALUE, "version %u of key '%s' in box '%s' is %s: to %s it is not possible", rec->version, rec->name, box,
                key_state_name(rec->state), life_event_name(event));
    if (event == EVENT_ACTIVATE && rec->state == STATE_SUSPENDED)
        problem_hint(p, "resume it: littlebox --box %s resume '%s;version=%u'", box, rec->name, rec->version);
    else if (event == EVENT_ACTIVATE)
        problem_hint(p, "make a new version: littlebox --box %s roll %s", box, rec->name);
    else if (rec->state == STATE_PRE_ACTIVATION)
        problem_hint(p, "it signs only its own certificate request; see: littlebox --box %s show %s", box, rec->name);
    else
        problem_hint(p, "see: littlebox --box %s show %s", box, rec->name);
    return LB_E_VALUE;
}

static void turn(struct version_record *rec, const struct state_request *m, unsigned state, const struct life_act *act)
{
    if (rec->state == STATE_DESTROY_SCHEDULED)
        rec->state_before = STATE_COMPROMISED;
    else
        rec->state = (uint8_t)state;
    rec->changed = act->at;
    rec->life.reason = m->reason;
    rec->life.by_known = true;
    rec->life.by = act->by;
    if (state == STATE_DEACTIVATED)
        rec->life.deactivate_at = act->at;
}

int vault_state(struct vault *v, const struct state_request *m, uint32_t by, struct life_answer *ret, struct problem *p)
{
    const struct life_act act = { .by_known = true, .by = by, .at = vault_now(v) };
    struct boxkey *old, *next;
    const struct version_record *rec;
    unsigned state;
    size_t i;
    int r = vault_version_to_change(v, &m->key, &old, &i, p);

    if (r != 0)
        return r;
    rec = &old->rec.versions[i];
    *ret = (struct life_answer){ .version = rec->version };
    state = life_next(rec->state, rec->state_before, m->event);
    if (state == 0)
        return vault_refuse_event(v, rec, m->event, p);
    ret->state = (uint8_t)state;
    if (state == rec->state && (state != STATE_DESTROY_SCHEDULED || rec->state_before == STATE_COMPROMISED))
        return 0;
    next = boxkey_new(&old->rec);
    if (next == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    turn(&next->rec.versions[i], m, state, &act);
    boxkey_mend_ends(next, act.at);
    r = vault_replace(v, old, next, p);
    if (r != 0) {
        boxkey_free(next);
        return r;
    }
    ret->changed = true;
    vault_note_schedules(v);
    return 0;
}
