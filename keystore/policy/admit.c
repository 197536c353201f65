/* Whether a key may be used: the rules, in the order in which they refuse. */
#include "policy/admit.h"

#include <stdio.h>

#include "base/id_map.h"
#include "base/time_text.h"
#include "forms/own_request.h"
#include "keys/lifecycle.h"
#include "policy/purposes.h"

/* Refusals */

int admit_locked(const struct admit_box *box, struct problem *p)
{
    problem_set(p, LB_E_LOCKED, "box '%s' is locked", box->name);
    problem_hint(p, "run: littlebox --box %s unlock%s", box->name,
                 box->credential_refused ? "; the box's log says why its credential did not open it" : "");
    return LB_E_LOCKED;
}

int admit_no_key(const struct admit_box *box, const char *name, struct problem *p)
{
    problem_set(p, LB_E_NO_KEY, "there is no key '%s' in box '%s'", name, box->name);
    if (box->damaged)
        problem_hint(p, "some records are damaged, see: littlebox --box %s list", box->name);
    else
        problem_hint(p, "the keys of a box: littlebox --box %s list", box->name);
    return LB_E_NO_KEY;
}

int admit_damaged(const struct admit_box *box, const char *name, uint32_t version, struct problem *p)
{
    problem_set(p, LB_E_DAMAGED, "key '%s' version %u in box '%s' is damaged: its record does not authenticate", name,
                version, box->name);
    problem_hint(p, "restore the store from a backup");
    return LB_E_DAMAGED;
}

int admit_unknown(const struct admit_box *box, const char *name, unsigned kind, struct problem *p)
{
    problem_set(p, LB_E_UNSUPPORTED, "key '%s' in box '%s' has a policy of kind %u, which this littlebox does not know", name,
                box->name, kind);
    problem_hint(p, "it was made by a newer littlebox: install that one");
    return LB_E_UNSUPPORTED;
}

int admit_scheduled(const struct admit_box *box, const char *name, uint32_t version, uint64_t destroy_at,
                    struct problem *p)
{
    char at[TIME_TEXT_SIZE], of[24] = "";

    time_text(destroy_at, at);
    if (version != 0)
        snprintf(of, sizeof(of), "version %u of ", version);
    problem_set(p, LB_E_NOT_ACTIVE, "%skey '%s' in box '%s' is to be destroyed at %s, and does nothing until then", of, name,
                box->name, at);
    problem_hint(p, "an administrator can keep it: littlebox --box %s destroy --cancel %s", box->name, name);
    return LB_E_NOT_ACTIVE;
}

/* Rules: 0, or the code of a refusal, whose text is in p */

static int known(const struct admission *a, struct problem *p)
{
    return a->key.name != NULL ? 0 : admit_no_key(&a->box, a->ref->name, p);
}

static int denied(const struct admission *a, struct problem *p)
{
    uid_t uid;

    if (a->who->sender.nobody)
        return problem_set(p, LB_E_DENIED, "the kernel did not tell who asks for key '%s'", a->key.name);
    uid = policy_not_granted(a->box.admins, a->key.grants, a->key.grant_count, a->who, a->op)->uid;
    problem_set(p, LB_E_DENIED, "uid %u may not %s with key '%s' of box '%s'", uid, key_op_name(a->op), a->key.name,
                a->box.name);
    if (idmap_hint(idmap_own(), uid, p))
        return LB_E_DENIED;
    /* Without --op, allow means to sign. */
    problem_hint(p, "an administrator may run: littlebox --box %s allow %s --user %u%s%s", a->box.name, a->key.name, uid,
                 a->op == OP_SIGN ? "" : " --op ", a->op == OP_SIGN ? "" : key_op_name(a->op));
    return LB_E_DENIED;
}

static int granted(const struct admission *a, struct problem *p)
{
    return policy_granted(a->box.admins, a->key.grants, a->key.grant_count, a->who, a->op) ? 0 : denied(a, p);
}

static int not_whole(const struct admission *a, uint32_t number, struct problem *p)
{
    if (a->key.unknown != 0)
        return admit_unknown(&a->box, a->ref->name, a->key.unknown, p);
    return admit_damaged(&a->box, a->ref->name, number, p);
}

static int whole_key(const struct admission *a, struct problem *p)
{
    return !a->key.damaged ? 0 : not_whole(a, a->ref->version, p);
}

static int no_active_version(const struct admission *a, struct problem *p)
{
    if (a->key.left == LEFT_SCHEDULED)
        return admit_scheduled(&a->box, a->key.name, 0, a->key.destroy_at, p);
    if (a->key.left == LEFT_NONE)
        return problem_set(p, LB_E_DESTROYED, "key '%s' in box '%s' is destroyed", a->key.name, a->box.name);
    return problem_set(p, LB_E_NOT_ACTIVE, "key '%s' in box '%s' has no active version", a->key.name, a->box.name);
}

static int no_version(const struct admission *a, struct problem *p)
{
    const struct key_ref *ref = a->ref;

    if (ref->version == 0 && !ref->has_hash)
        return no_active_version(a, p);
    if (ref->has_hash) {
        problem_set(p, LB_E_PUBLIC_KEY, "key '%s' in box '%s' has no version with the public key of this handle",
                    ref->name, a->box.name);
        problem_hint(p, "make a new handle: littlebox --box %s handle %s", a->box.name, ref->name);
        return LB_E_PUBLIC_KEY;
    }
    if (ref->version == KEY_VERSION_NEXT) {
        problem_set(p, LB_E_NO_VERSION, "key '%s' in box '%s' has no next version", a->key.name, a->box.name);
        problem_hint(p, "make it: littlebox --box %s roll %s", a->box.name, a->key.name);
        return LB_E_NO_VERSION;
    }
    problem_set(p, LB_E_NO_VERSION, "key '%s' in box '%s' has no version %u", ref->name, a->box.name, ref->version);
    problem_hint(p, "see: littlebox --box %s show %s", a->box.name, ref->name);
    return LB_E_NO_VERSION;
}

static int version(const struct admission *a, struct problem *p)
{
    return a->version.meant ? 0 : no_version(a, p);
}

static int whole_version(const struct admission *a, struct problem *p)
{
    return !a->version.damaged ? 0 : not_whole(a, a->version.number, p);
}

static int not_active(const struct admission *a, struct problem *p)
{
    bool destroyed = key_state_destroyed(a->version.state);

    if (a->version.state == STATE_DESTROY_SCHEDULED)
        return admit_scheduled(&a->box, a->key.name, a->version.number, a->version.destroy_at, p);
    problem_set(p, destroyed ? LB_E_DESTROYED : LB_E_NOT_ACTIVE, "version %u of key '%s' in box '%s' is %s",
                a->version.number, a->key.name, a->box.name, key_state_name(a->version.state));
    if (a->version.state == STATE_SUSPENDED)
        problem_hint(p, "an administrator can resume it: littlebox --box %s resume '%s;version=%u'", a->box.name, a->key.name,
                     a->version.number);
    else
        problem_hint(p, "see: littlebox --box %s show %s", a->box.name, a->key.name);
    return p->code;
}

static int not_yet(const struct admission *a, struct problem *p)
{
    problem_set(p, LB_E_NOT_ACTIVE, "version %u of key '%s' in box '%s' is not active yet, and signs only its own certificate request",
                a->version.number, a->key.name, a->box.name);
    problem_hint(p, "make the request: littlebox --box %s csr %s --next; then: littlebox --box %s activate %s --chain FILE", a->box.name,
                 a->key.name, a->box.name, a->key.name);
    return LB_E_NOT_ACTIVE;
}

static int drained(const struct admission *a, struct problem *p)
{
    char at[TIME_TEXT_SIZE];

    time_text(a->version.life->deactivate_at, at);
    problem_set(p, LB_E_NOT_ACTIVE, "version %u of key '%s' in box '%s' is deactivated since %s", a->version.number, a->key.name,
                a->box.name, at);
    problem_hint(p, "does the program still have an old handle? see: littlebox --box %s show %s", a->box.name, a->key.name);
    return LB_E_NOT_ACTIVE;
}

/* The clock says that a version is over also before the box has written that down. */
static int state(const struct admission *a, struct problem *p)
{
    const struct version_life *life = a->version.life;
    uint8_t now = a->version.state;

    if (now == STATE_ACTIVE && life->deactivate_at != 0 && a->now >= life->deactivate_at)
        now = STATE_DEACTIVATED;
    if (life_permits(now, a->op, now == STATE_PRE_ACTIVATION && own_request(a->text, a->version.spki)))
        return 0;
    if (now == STATE_PRE_ACTIVATION)
        return not_yet(a, p);
    return now == STATE_DEACTIVATED && life->deactivate_at != 0 ? drained(a, p) : not_active(a, p);
}

static int there(const struct admission *a, struct problem *p)
{
    return key_state_ending(a->version.state) ? not_active(a, p) : 0;
}

static int unlocked(const struct admission *a, struct problem *p)
{
    return a->box.unlocked ? 0 : admit_locked(&a->box, p);
}

/* Rules stand in the order in which they refuse. A rule may rely on all rules before it. */
struct rule {
    const char *name;
    int (*refuse)(const struct admission *a, struct problem *p);
};

static const struct rule of_use[] = {
    { "known", known },
    { "granted", granted },
    { "whole", whole_key },
    { "version", version },
    { "whole version", whole_version },
    { "state", state },
    { "purpose", purposes_refuse },
    { "unlocked", unlocked },
};

static const struct rule of_telling[] = {
    { "known", known },
    { "whole", whole_key },
    { "version", version },
    { "whole version", whole_version },
    { "there", there },
};

#define COUNT(rules) (sizeof(rules) / sizeof((rules)[0]))

static int run(const struct rule *rules, size_t count, const struct admission *a, struct problem *p)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = rules[i].refuse(a, p);
    return r;
}

int admit_use(const struct admission *a, struct problem *p)
{
    return run(of_use, COUNT(of_use), a, p);
}

int admit_tell(const struct admission *a, struct problem *p)
{
    return run(of_telling, COUNT(of_telling), a, p);
}

const char *admit_rule_name(size_t i)
{
    return i < COUNT(of_use) ? of_use[i].name : NULL;
}
