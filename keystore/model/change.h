/* What a box is asked to change. */
#ifndef LB_MODEL_CHANGE_H
#define LB_MODEL_CHANGE_H

#include <stdint.h>

#include "base/wire.h"
#include "model/vocabulary.h"

struct create_request {
    char name[LB_NAME_MAX + 1];
    char type[LB_TYPE_MAX + 1];
    uint16_t purposes; /* of enum purpose; CREATE: PURPOSE_ANY, CREATE_FOR: as it says */
};

struct import_request {
    char name[LB_NAME_MAX + 1];
    struct bytes pkcs8;   /* DER PrivateKeyInfo, RFC 5208; a secret: wipe the packet */
    uint16_t purposes;    /* as in struct create_request */
};

/*
 * A key that is on the token already becomes a key of the box: found by its id, its label, or both; an empty one fits
 * anything.
 */
struct attach_request {
    char name[LB_NAME_MAX + 1];
    struct bytes id, label; /* at most P11_VALUE_MAX */
    uint16_t purposes;      /* as in struct create_request */
};

/* DESTROY, DESTROY_SCHEDULE and DESTROY_CANCEL. version 0: the whole key, all versions. */
struct destroy_request {
    char name[LB_NAME_MAX + 1];
    uint32_t version;
};

struct rename_request {
    char name[LB_NAME_MAX + 1];
    char to[LB_NAME_MAX + 1];
};

/* ROLL: the next version, unless there is one. type "": that of the current version. */
struct roll_request {
    char name[LB_NAME_MAX + 1];
    char type[LB_TYPE_MAX + 1];
};

/*
 * ACTIVATE: that version becomes the current one. The one before goes on for drain seconds from then on.
 */
struct activate_request {
    struct key_ref key;
    uint64_t at;          /* seconds since 1970; 0: now */
    uint32_t drain;
    struct bytes chain;   /* in the form of struct chain_request; count 0: the chain stays as it is */
};

/* BACK: the version before is current again, and the current one goes on for drain seconds. */
struct back_request {
    char name[LB_NAME_MAX + 1];
    uint32_t drain;
};

/* STATE: an event of keys/lifecycle.h in the life of a version. version 0: the current one, or the only one that it can be. */
struct state_request {
    struct key_ref key;
    uint8_t event;
    uint8_t reason; /* enum life_reason */
};

/* EXPIRING: of which keys a certificate or a version ends before a time. */
struct expiring_request {
    uint64_t before;
    char after[LB_NAME_MAX + 1]; /* the keys behind this name; "": from the first one */
};

/* A handle of the key was written to this file. */
struct handle_note {
    char name[LB_NAME_MAX + 1];
    char path[LB_PATH_TEXT_MAX + 1]; /* absolute */
};

/* PURPOSE: what the key is for from now on. */
struct purpose_request {
    char name[LB_NAME_MAX + 1];
    uint16_t purposes; /* of enum purpose */
};

/* ALLOW adds grant.ops to what the subject has; DENY takes them away. */
struct grant_request {
    char name[LB_NAME_MAX + 1];
    struct grant grant;
};

/*
 * The chain of a version: u16 count, then that many certificates as bytes<65535>, DER, that of the key first and each
 * next one the issuer of the one before. chain is all of that, of checked form. version 0: the active one; count 0:
 * none any more.
 */
struct chain_request {
    char name[LB_NAME_MAX + 1];
    uint32_t version;
    struct bytes chain;
};

/* INIT, SEAL_ADD and UNLOCK. UNLOCK ignores the label. */
struct seal_request {
    uint8_t kind;                 /* of model/seal_kinds.h */
    char label[LB_LABEL_MAX + 1];
    struct bytes secret;          /* at most LB_SECRET_MAX; wipe the packet */
};

#endif
