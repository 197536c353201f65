/* Who wants to do what with which key, and all that is known of it: what a rule looks at. */
#ifndef LB_POLICY_ADMISSION_H
#define LB_POLICY_ADMISSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/wire.h"
#include "model/vocabulary.h"
#include "policy/caller.h"
#include "policy/policy.h"

/* The box, as far as rules and refusals speak of it. */
struct admit_box {
    const char *name;
    const struct admins *admins;
    bool unlocked;
    bool damaged;            /* some of its records are */
    bool credential_refused; /* what was to open it did not */
};

/* Why a key has no version that is used without being named. */
enum admit_left { LEFT_SOME, LEFT_SCHEDULED, LEFT_NONE };

/*
 * Who wants to do what with which key, and all that is known of it: gathered by the vault, which holds its keys still
 * meanwhile. The rules look at nothing else, and keep nothing of it.
 */
struct admission {
    const struct caller *who;
    enum key_op op;
    const struct key_ref *ref; /* as the caller names it */
    uint64_t now;              /* seconds since 1970, by the clock of whoever asks */
    struct bytes text;         /* OP_SIGN: what is to be signed, whole; empty: a digest came, a file, or what is signed in place of a text */
    bool tls;                  /* OP_DECRYPT: the premaster secret of a TLS handshake, by its padding */
    struct admit_box box;
    struct {
        const char *name;      /* its own; NULL: there is none that the caller could mean, and the rest is not set */
        const struct grant *grants;
        size_t grant_count;
        bool damaged;          /* its record does not authenticate as a whole */
        struct bytes entries;  /* of its policy, what has no member here: a rule finds its own (policy/entry.h) */
        unsigned unknown;      /* a kind of policy that only a newer littlebox knows; 0: there is none */
        enum admit_left left;  /* of a key whose active version is meant, and that has none */
        uint64_t destroy_at;   /* LEFT_SCHEDULED */
    } key;
    struct {
        bool meant;            /* else the key has none that is, and the rest is not set */
        uint32_t number;
        bool damaged;
        uint8_t state;         /* enum key_state */
        uint64_t destroy_at;   /* STATE_DESTROY_SCHEDULED */
        const struct version_life *life;
        struct bytes spki;
        struct bytes certificate; /* its own, DER; empty: the box has none */
    } version;
};

#endif
