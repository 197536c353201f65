/* The words of a box: states, operations, subjects, and how it is. */
#ifndef LB_MODEL_VOCABULARY_H
#define LB_MODEL_VOCABULARY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/wire.h"
#include "model/limits.h"

/*
 * States of a version, NIST SP 800-57 Part 1 Rev. 5, 7, and one more: destruction was asked for and is carried out at its
 * time, unless it is cancelled before. Until then the version does nothing. What leads from one to another: keys/lifecycle.h.
 */
enum key_state {
    STATE_PRE_ACTIVATION = 1,
    STATE_ACTIVE = 2,
    STATE_DEACTIVATED = 3,
    STATE_COMPROMISED = 4,
    STATE_DESTROYED = 5,
    STATE_DESTROY_SCHEDULED = 6,
    STATE_SUSPENDED = 7,
    STATE_DESTROYED_COMPROMISED = 8,
    STATE_LAST = STATE_DESTROYED_COMPROMISED
};
/* "active"; "unknown" for a number that is none. */
const char *key_state_name(unsigned state);
/* Destroyed, compromised before or not: there is no private half. */
bool key_state_destroyed(unsigned state);
/* Destroyed, or to be. */
bool key_state_ending(unsigned state);

/* What happens in the life of a version: SP 800-57, 7, and the two that a scheduled destruction adds. */
enum life_event {
    EVENT_ACTIVATE = 1, /* it becomes the current version */
    EVENT_SUSPEND = 2,
    EVENT_RESUME = 3,
    EVENT_DEACTIVATE = 4,
    EVENT_COMPROMISE = 5,
    EVENT_SCHEDULE = 6, /* its destruction */
    EVENT_CANCEL = 7,   /* that */
    EVENT_DESTROY = 8,
    EVENT_LAST = EVENT_DESTROY
};
/* "suspend"; "unknown" for a number that is none. */
const char *life_event_name(unsigned event);

/* Why a version got into its state: KMIP 2.1, 11.47, Revocation Reason Code. */
enum life_reason {
    REASON_NONE = 0, /* nobody said */
    REASON_UNSPECIFIED = 1,
    REASON_KEY_COMPROMISE = 2,
    REASON_CA_COMPROMISE = 3,
    REASON_AFFILIATION_CHANGED = 4,
    REASON_SUPERSEDED = 5,
    REASON_CESSATION_OF_OPERATION = 6,
    REASON_PRIVILEGE_WITHDRAWN = 7,
    REASON_LAST = REASON_PRIVILEGE_WITHDRAWN
};
/* "key-compromise"; "" for REASON_NONE and for what is none. */
const char *life_reason_name(unsigned reason);
/* 0: there is no such reason. */
unsigned life_reason_by_name(const char *name);

/*
 * What is known of the life of a version beside its state. Times are seconds since 1970. The version that is current, which
 * a key's name alone means, is the active (or suspended) one with the latest activate_at.
 */
struct version_life {
    uint64_t activate_at;   /* when it became current; of STATE_PRE_ACTIVATION: when it is to; 0: no time is known */
    /*
     * From then on it does not sign, and is deactivated; 0: no time is set. Of a version that is to become current at
     * activate_at: when the one that it replaces is to end.
     */
    uint64_t deactivate_at;
    uint8_t reason;         /* of its last change: enum life_reason */
    bool by_known;
    uint32_t by;            /* the uid that changed it last; by_known false: the box itself, or nobody knows */
};

/* What may be granted, as bits; requests and the store carry them as u16. */
enum key_op {
    OP_SIGN = 1 << 0,
    OP_DECRYPT = 1 << 1,
    OP_DERIVE = 1 << 2,
    OP_ALL = OP_SIGN | OP_DECRYPT | OP_DERIVE
};
#define OP_COUNT 3
/* "sign", "decrypt", "derive"; "unknown" for anything but one of these bits. */
const char *key_op_name(unsigned op);
/* The bit of that name; 0: there is none. */
unsigned key_op_by_name(const char *name, size_t len);
/* Room for the names of all operations with ',' between them. */
#define OP_NAMES_SIZE 32
/* "sign,decrypt" */
void key_op_names(unsigned ops, char ret[OP_NAMES_SIZE]);

enum subject_kind { SUBJECT_USER = 1, SUBJECT_GROUP = 2 };

/* One policy entry: this uid or gid may do these operations with the key. */
struct grant {
    uint8_t kind; /* enum subject_kind */
    uint32_t id;
    uint16_t ops; /* of enum key_op */
};

/* As the store's associated data and SHOW write it. */
void grant_put(struct wire_writer *w, const struct grant *g);
/* The order that grants have everywhere, by kind and then by id; 0: the same subject. For qsort(3) too. */
int grant_compare(const void *a, const void *b);

/* The newest version in STATE_PRE_ACTIVATION. No version has this number. */
#define KEY_VERSION_NEXT UINT32_MAX

/*
 * Which key. version 0 is the current one, KEY_VERSION_NEXT the next one. With has_hash the version must have this public key, whatever its number:
 * what a loaded handle always sends, so that a roll-over cannot pair a certificate with another key.
 */
struct key_ref {
    char name[LB_NAME_MAX + 1];
    uint32_t version;
    bool has_hash;
    uint8_t hash[LB_HASH_SIZE]; /* SHA-256 of the DER SubjectPublicKeyInfo */
};

enum lock_state { LOCK_NO_STORE = 1, LOCK_LOCKED = 2, LOCK_UNLOCKED = 3 };
const char *lock_state_name(unsigned state);

/* Why a box is locked that was unlocked before. */
enum lock_cause {
    LOCK_BY_NOTHING = 0, /* it is not locked, or nothing of the kind is known */
    LOCK_BY_HAND = 1,    /* LOCK, before the last start too */
    LOCK_BY_RESTART = 2  /* it was unlocked by hand, and nothing but a hand can do that again */
};

/* What of the process with the keys is locked in memory, and so never in swap. */
enum memory_state { MEMORY_NOT_LOCKED = 1, MEMORY_SECRETS_LOCKED = 2, MEMORY_ALL_LOCKED = 3 };
#define LB_MEMORY_NO_LIMIT UINT32_MAX
/*
 * What holds of the process with the keys: its system calls are filtered; the kernel keeps it from files, from the
 * network, from abstract sockets and signals to others (Landlock).
 */
enum { SANDBOX_CALLS = 1, SANDBOX_FILES = 2, SANDBOX_NETWORK = 4, SANDBOX_SIGNALS = 8, SANDBOX_ALL = 15 };
enum credential_use {
    CREDENTIAL_UNUSED = 0,
    CREDENTIAL_OPENS = 1,  /* the store: after a restart too */
    CREDENTIAL_REFUSED = 2 /* the file is there, and cannot be used: the log says why */
};

/* How the store came to be open. */
enum opened_how {
    OPENED_NOT,        /* it is not */
    OPENED_AT_START,   /* with the credential file, by the box itself */
    OPENED_BY_REQUEST, /* UNLOCK */
    OPENED_AS_NEW      /* INIT */
};

/* What a start finds that has this file. */
enum next_start {
    NEXT_ABSENT,  /* there is no file */
    NEXT_REFUSED, /* it cannot be read, or others get at it: why tells */
    NEXT_WRONG,   /* it opens no seal of this store */
    NEXT_OPENS
};

#endif
