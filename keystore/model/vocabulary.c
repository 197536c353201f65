/* The words of a box: states, operations, subjects, and how it is. */
#include "model/vocabulary.h"

#include <string.h>

const char *key_state_name(unsigned state)
{
    static const char *const names[STATE_LAST + 1] = {
        [STATE_PRE_ACTIVATION] = "pre-activation", [STATE_ACTIVE] = "active",       [STATE_DEACTIVATED] = "deactivated",
        [STATE_COMPROMISED] = "compromised",       [STATE_DESTROYED] = "destroyed",
        [STATE_DESTROY_SCHEDULED] = "destroy-scheduled",
        [STATE_SUSPENDED] = "suspended",           [STATE_DESTROYED_COMPROMISED] = "destroyed-compromised",
    };

    return state > STATE_LAST || names[state] == NULL ? "unknown" : names[state];
}

bool key_state_destroyed(unsigned state)
{
    return state == STATE_DESTROYED || state == STATE_DESTROYED_COMPROMISED;
}

bool key_state_ending(unsigned state)
{
    return key_state_destroyed(state) || state == STATE_DESTROY_SCHEDULED;
}

const char *life_event_name(unsigned event)
{
    static const char *const names[EVENT_LAST + 1] = {
        [EVENT_ACTIVATE] = "activate",     [EVENT_SUSPEND] = "suspend",   [EVENT_RESUME] = "resume",
        [EVENT_DEACTIVATE] = "deactivate", [EVENT_COMPROMISE] = "compromise",
        [EVENT_SCHEDULE] = "schedule destruction", [EVENT_CANCEL] = "cancel destruction", [EVENT_DESTROY] = "destroy",
    };

    return event > EVENT_LAST || names[event] == NULL ? "unknown" : names[event];
}

static const char *const reasons[REASON_LAST + 1] = {
    [REASON_NONE] = "",
    [REASON_UNSPECIFIED] = "unspecified",
    [REASON_KEY_COMPROMISE] = "key-compromise",
    [REASON_CA_COMPROMISE] = "ca-compromise",
    [REASON_AFFILIATION_CHANGED] = "affiliation-changed",
    [REASON_SUPERSEDED] = "superseded",
    [REASON_CESSATION_OF_OPERATION] = "cessation-of-operation",
    [REASON_PRIVILEGE_WITHDRAWN] = "privilege-withdrawn",
};

const char *life_reason_name(unsigned reason)
{
    return reason > REASON_LAST ? "" : reasons[reason];
}

unsigned life_reason_by_name(const char *name)
{
    for (unsigned i = 1; i <= REASON_LAST; i++) {
        if (strcmp(reasons[i], name) == 0)
            return i;
    }
    return REASON_NONE;
}

const char *lock_state_name(unsigned state)
{
    static const char *const names[LOCK_UNLOCKED + 1] = {
        [LOCK_NO_STORE] = "no store", [LOCK_LOCKED] = "locked", [LOCK_UNLOCKED] = "unlocked",
    };

    return state > LOCK_UNLOCKED || names[state] == NULL ? "unknown" : names[state];
}

/* In the order of the bits. */
static const char *const op_names[OP_COUNT] = { "sign", "decrypt", "derive" };

const char *key_op_name(unsigned op)
{
    for (unsigned i = 0; i < OP_COUNT; i++) {
        if (op == 1u << i)
            return op_names[i];
    }
    return "unknown";
}

unsigned key_op_by_name(const char *name, size_t len)
{
    for (unsigned i = 0; i < OP_COUNT; i++) {
        if (strlen(op_names[i]) == len && memcmp(op_names[i], name, len) == 0)
            return 1u << i;
    }
    return 0;
}

void key_op_names(unsigned ops, char ret[OP_NAMES_SIZE])
{
    ret[0] = '\0';
    for (unsigned i = 0; i < OP_COUNT; i++) {
        if ((ops & 1u << i) == 0)
            continue;
        if (ret[0] != '\0')
            strcat(ret, ",");
        strcat(ret, op_names[i]);
    }
}

void grant_put(struct wire_writer *w, const struct grant *g)
{
    wire_put_u8(w, g->kind);
    wire_put_u32(w, g->id);
    wire_put_u16(w, g->ops);
}

int grant_compare(const void *a, const void *b)
{
    const struct grant *x = a, *y = b;
    int c = (x->kind > y->kind) - (x->kind < y->kind);

    return c != 0 ? c : (x->id > y->id) - (x->id < y->id);
}
