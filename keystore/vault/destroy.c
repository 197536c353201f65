/* Destruction of keys: at once, or scheduled, cancelled, and carried out when it is due. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/time_text.h"
#include "keys/lifecycle.h"
#include "vault/vault_priv.h"

/* Seconds by which time keeping may set a clock back. */
#define CLOCK_SLACK 60

static uint64_t now(void)
{
    return (uint64_t)time(NULL);
}

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

void vault_note_schedules(struct vault *v)
{
    uint64_t next = UINT64_MAX, life = UINT64_MAX;

    for (size_t i = 0; i < v->ring.count; i++) {
        const struct boxkey *k = v->ring.keys[i];

        for (size_t j = 0; j < k->rec.version_count; j++) {
            const struct version_record *rec = &k->rec.versions[j];

            if (rec->state == STATE_DESTROY_SCHEDULED && rec->destroy_at < next)
                next = rec->destroy_at;
            if (life_due_at(rec) < life)
                life = life_due_at(rec);
        }
    }
    v->next_destroy = next;
    v->next_life = life;
}

/* What a change does with each version that it is about. turn() false: it leaves this version as it is. */
struct turning {
    bool (*turn)(struct version_record *rec, uint64_t at);
    uint64_t at;
};

/* What a version was compromised by stays known of its tombstone; nothing else of its life does. */
static bool turn_destroyed(struct version_record *rec, uint64_t at)
{
    unsigned state = life_next(rec->state, rec->state_before, EVENT_DESTROY);

    (void)at;
    if (state == rec->state)
        return false;
    rec->state = (uint8_t)state;
    rec->state_before = 0;
    rec->destroy_at = 0;
    rec->life.activate_at = rec->life.deactivate_at = 0;
    if (state != STATE_DESTROYED_COMPROMISED)
        rec->life = (struct version_life){ 0 };
    version_record_drop_chain(rec);
    return true;
}

static bool turn_scheduled(struct version_record *rec, uint64_t at)
{
    unsigned state = life_next(rec->state, rec->state_before, EVENT_SCHEDULE);

    if (state == 0 || state == rec->state)
        return false;
    rec->state_before = rec->state;
    rec->state = (uint8_t)state;
    rec->destroy_at = at;
    /* Its time may pass until the destruction is cancelled: it is to become current no more by itself. */
    if (rec->state_before == STATE_PRE_ACTIVATION)
        rec->life.activate_at = 0;
    return true;
}

static bool turn_back(struct version_record *rec, uint64_t at)
{
    unsigned state = life_next(rec->state, rec->state_before, EVENT_CANCEL);

    (void)at;
    if (state == 0)
        return false;
    rec->state = (uint8_t)state;
    rec->state_before = 0;
    rec->destroy_at = 0;
    return true;
}

static bool turn_due(struct version_record *rec, uint64_t at)
{
    return rec->state == STATE_DESTROY_SCHEDULED && rec->destroy_at <= at && turn_destroyed(rec, at);
}

/* Why nothing of it was turned. */
static int nothing_turned(const struct vault *v, const struct boxkey *k, uint32_t version, struct problem *p)
{
    const struct version_record *last = NULL;

    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (version == 0 || k->rec.versions[i].version == version)
            last = &k->rec.versions[i];
    }
    if (version == KEY_VERSION_NEXT)
        return problem_set(p, LB_E_NO_VERSION, "key '%s' in box '%s' has no next version", k->rec.name, v->conf->box);
    if (last == NULL && version != 0) {
        problem_set(p, LB_E_NO_VERSION, "key '%s' in box '%s' has no version %u", k->rec.name, v->conf->box, version);
        problem_hint(p, "see: littlebox --box %s show %s", v->conf->box, k->rec.name);
        return LB_E_NO_VERSION;
    }
    for (size_t i = 0; i < k->rec.version_count; i++) {
        const struct version_record *rec = &k->rec.versions[i];

        if ((version == 0 || rec->version == version) && rec->state == STATE_DESTROY_SCHEDULED)
            return vault_scheduled(v, rec, version == 0, p);
    }
    if (last != NULL && !key_state_destroyed(last->state))
        return problem_set(p, LB_E_VALUE, "nothing of key '%s' in box '%s' is scheduled for destruction", k->rec.name,
                           v->conf->box);
    if (version != 0)
        return problem_set(p, LB_E_DESTROYED, "version %u of key '%s' in box '%s' is destroyed already", version,
                           k->rec.name, v->conf->box);
    return problem_set(p, LB_E_DESTROYED, "key '%s' in box '%s' is destroyed already", k->rec.name, v->conf->box);
}

/*
 * Destroys on the token first: then a record that says "destroyed" is true, and a crash in between leaves a record that can
 * be destroyed again. Nobody knows which object a damaged record was about: it only becomes a tombstone.
 */
static int destroy_elsewhere(struct vault *v, const struct boxkey *old, const struct boxkey *next, struct problem *p)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < next->rec.version_count; i++) {
        const struct version_record *rec = &old->rec.versions[i];

        if (key_state_destroyed(rec->state) || !key_state_destroyed(next->rec.versions[i].state))
            continue;
        if (!old->damaged && !old->versions[i].damaged)
            r = v->ops->destroy(v->backend, &old->rec, rec, p);
        else if (v->ops->elsewhere)
            log_warning("key '%s' version %u is damaged: what may be left of it on the token stays there", rec->name,
                        rec->version);
    }
    return r;
}

static bool all_destroyed(const struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (!key_state_destroyed(k->rec.versions[i].state))
            return false;
    }
    return true;
}

/* Turns one version, or all (version 0), in one transaction. */
static int turn_key(struct vault *v, struct boxkey *old, uint32_t version, const struct turning *t, struct problem *p)
{
    struct boxkey *next = boxkey_new(&old->rec);
    uint64_t at = vault_now(v);
    unsigned turned = 0;
    int r = 0;

    if (next == NULL)
        return out_of_memory(p);
    if (version == KEY_VERSION_NEXT && boxkey_next(old) >= 0)
        version = old->rec.versions[boxkey_next(old)].version;
    for (size_t i = 0; i < next->rec.version_count; i++) {
        struct version_record *rec = &next->rec.versions[i];

        if ((version != 0 && rec->version != version) || !t->turn(rec, t->at))
            continue;
        rec->changed = at;
        turned++;
    }
    boxkey_mend_ends(next, at);
    if (turned == 0)
        r = nothing_turned(v, old, version, p);
    if (r == 0)
        r = destroy_elsewhere(v, old, next, p);
    /* The policy of a key ends with its last version: its grants, and its former names. */
    if (r == 0 && all_destroyed(next))
        key_record_drop_policy(&next->rec);
    if (r == 0)
        r = vault_replace(v, old, next, p);
    if (r != 0) {
        boxkey_free(next);
        return r;
    }
    vault_note_schedules(v);
    return 0;
}

int vault_destroy(struct vault *v, const struct destroy_request *m, struct problem *p)
{
    static const struct turning t = { turn_destroyed, 0 };
    struct boxkey *k;
    int r = vault_find_to_change(v, m->name, &k, p);

    return r != 0 ? r : turn_key(v, k, m->version, &t, p);
}

/* Refuses to schedule by a clock that is behind: once the clock is set right, the time would come too early. */
static int check_clock(const struct vault *v, struct problem *p)
{
    char here[TIME_TEXT_SIZE], there[TIME_TEXT_SIZE];
    uint64_t newest = vault_latest_change(v), at = now();

    if (newest <= at + CLOCK_SLACK)
        return 0;
    time_text(at, here);
    time_text(newest, there);
    problem_set(p, LB_E_SYSTEM, "the system's clock says %s, and was at %s when a key of box '%s' was changed: nothing was done",
                here, there, v->conf->box);
    problem_hint(p, "set the clock: the time of a destruction goes by it");
    return LB_E_SYSTEM;
}

int vault_schedule_destroy(struct vault *v, const struct destroy_request *m, uint64_t *ret_at, struct problem *p)
{
    struct turning t = { turn_scheduled, now() + v->conf->destroy_after };
    struct boxkey *k;
    int r = vault_find_to_change(v, m->name, &k, p);

    if (r != 0)
        return r;
    /* The box could keep the record alone, since the key is elsewhere. */
    if (v->ops->elsewhere)
        return problem_set(p, LB_E_UNSUPPORTED,
                           "key '%s' in box '%s' is on a token, which cannot keep what was destroyed: nothing was done; "
                           "only --now is possible, at once and for good", m->name, v->conf->box);
    r = check_clock(v, p);
    if (r != 0)
        return r;
    r = turn_key(v, k, m->version, &t, p);
    if (r == 0)
        *ret_at = t.at;
    return r;
}

int vault_cancel_destroy(struct vault *v, const struct destroy_request *m, struct problem *p)
{
    static const struct turning t = { turn_back, 0 };
    struct boxkey *k;
    int r = vault_find_to_change(v, m->name, &k, p);

    return r != 0 ? r : turn_key(v, k, m->version, &t, p);
}

/* Seconds that this machine has run, by a clock that nobody sets. Never 0. */
static uint64_t running_time(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_BOOTTIME, &t);
    return (uint64_t)t.tv_sec + 1;
}

/* Has the clock said for long enough that k is due? If not, notes when it will have. */
static bool has_settled(struct vault *v, struct boxkey *k)
{
    uint64_t wait = v->conf->destroy_after < VAULT_SETTLE ? v->conf->destroy_after : VAULT_SETTLE, at = running_time();

    if (k->due_since == 0) {
        k->due_since = at;
        if (wait > 0)
            log_info("key '%s' is due to be destroyed: it is in %llu s, unless that is cancelled", k->rec.name,
                     (unsigned long long)wait);
    }
    if (at >= k->due_since + wait)
        return true;
    if (k->due_since + wait < v->settles_at)
        v->settles_at = k->due_since + wait;
    return false;
}

static unsigned count_due(const struct boxkey *k, uint64_t at)
{
    unsigned due = 0;

    for (size_t i = 0; i < k->rec.version_count; i++)
        due += k->rec.versions[i].state == STATE_DESTROY_SCHEDULED && k->rec.versions[i].destroy_at <= at;
    return due;
}

/*
 * Leaves a key alone that does not authenticate: its time may be false. The store may refuse, for want of room: then this
 * is tried again, and the due key does nothing meanwhile.
 */
static void destroy_due(struct vault *v, struct boxkey *k, uint64_t at)
{
    struct turning t = { turn_due, at };
    unsigned due = count_due(k, at);
    char name[LB_NAME_MAX + 1];
    struct problem p = { 0 };

    if (due == 0)
        k->due_since = 0;
    if (due == 0 || boxkey_is_damaged(k) || !has_settled(v, k))
        return;
    memcpy(name, k->rec.name, sizeof(name)); /* k may have another record afterwards */
    if (turn_key(v, k, /* version= */ 0, &t, &p) == 0)
        log_info("destroyed key '%s' (%u version%s), as it was scheduled", name, due, due == 1 ? "" : "s");
    else
        log_error("key '%s' is due to be destroyed, and cannot be: %s", name, p.text);
}

void vault_expire(struct vault *v)
{
    uint64_t at = now();

    if (v->backend == NULL || (v->next_destroy > at && v->settles_at == UINT64_MAX))
        return;
    v->settles_at = UINT64_MAX;
    for (size_t i = 0; i < v->ring.count; i++)
        destroy_due(v, v->ring.keys[i], at);
    vault_note_schedules(v);
}

/* At that time in seconds at the latest, if it is not over; now is in milliseconds. */
static void sooner(uint64_t *wait, uint64_t at, uint64_t now)
{
    if (at > now / 1000 && at - now / 1000 <= VAULT_TEND_EVERY && at * 1000 - now < *wait)
        *wait = at * 1000 - now;
}

uint64_t vault_tend(struct vault *v)
{
    struct clock_reading reading = clock_read();
    uint64_t at = (uint64_t)reading.wall / 1000000, running = (uint64_t)reading.running / 1000000, wait = VAULT_TEND_EVERY * 1000;

    vault_expire(v);
    vault_age(v);
    if (at / 1000 >= v->used_written + VAULT_USED_EVERY || at / 1000 < v->used_written) {
        v->used_written = at / 1000;
        vault_write_used(v);
    }
    if (v->backend == NULL)
        return wait;
    sooner(&wait, v->next_destroy, at);
    sooner(&wait, v->next_life, running + (uint64_t)(atomic_load(&v->clock.ahead) / 1000000));
    if (v->settles_at != UINT64_MAX)
        sooner(&wait, v->settles_at > running / 1000 ? v->settles_at : running / 1000 + 1, running);
    return wait;
}
