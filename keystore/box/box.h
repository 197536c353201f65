/* One box, as the threads that serve it share it. */
#ifndef LB_BOX_BOX_H
#define LB_BOX_BOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "box/keeper_calls.h"
#include "guard/secret.h"
#include "policy/policy.h"
#include "vault/vault.h"

/* How it is set up. All of it stays the caller's, as it is, for as long as there is the box. */
struct box_settings {
    const char *box;              /* its name */
    const struct admins *admins;
    unsigned threads;             /* that answer requests */
    unsigned max_connections;     /* beside administrators' */
};

/* What a key can be used for, as uses are counted. */
enum use { USE_SIGN, USE_DECRYPT, USE_DERIVE, USE_COUNT };

struct box {
    const struct box_settings *conf;
    struct vault *vault;
    struct keeper_calls keeper;
    int stop_fd;              /* readable once the box is to stop */
    uint32_t restarts;
    uint32_t failures;        /* of children in a row at their start, up to this one */
    struct secret_memory memory;
    bool closed;              /* to the user it runs as, since exec(2) */
    unsigned sandbox;         /* SANDBOX_* */
    uint64_t started;         /* seconds since 1970 */
    atomic_uint lock_cause;   /* enum lock_cause; of what is locked now or was before */
    atomic_uint connections;
    atomic_ullong uses[USE_COUNT], refusals; /* since it was started */
};

#endif
