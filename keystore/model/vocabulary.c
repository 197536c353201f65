/* The words of a box: states, operations, subjects, and how it is. */
#include "model/vocabulary.h"

#include <string.h>

const char *key_state_name(unsigned state)
{
    static const char *const names[STATE_LAST + 1] = {
        [STATE_PRE_ACTIVATION] = "pre-activation", [STATE_ACTIVE] = "active",       [STATE_DEACTIVATED] = "deactivated",
        [STATE_COMPROMISED] = "compromised",       [STATE_DESTROYED] = "destroyed",
        [STATE_DESTROY_SCHEDULED] = "destroy-scheduled",
    };

    return state > STATE_LAST || names[state] == NULL ? "unknown" : names[state];
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
