/* What both ends have to agree on for each message: one row a request. */
#ifndef LB_PROTOCOL_MESSAGES_H
#define LB_PROTOCOL_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a body is made of. Each has an encoder and a decoder of its name, msg_sign_encode() of BODY_SIGN; or, where it says
 * entries, is read and written one by one.
 */
enum msg_body {
    BODY_EMPTY,
    BODY_ERROR,
    BODY_SIGN,
    BODY_DECRYPT,
    BODY_DERIVE,
    BODY_BYTES,
    BODY_KEY_REF,
    BODY_KEY,
    BODY_LIST,
    BODY_KEYS,        /* entries */
    BODY_NAME,
    BODY_SHOW,
    BODY_STATUS,
    BODY_LOCK_CAUSE,
    BODY_CHAIN,
    BODY_FIND,
    BODY_FOUND,       /* entries */
    BODY_TOKEN,
    BODY_TOKEN_LIST,
    BODY_TOKEN_KEYS,  /* entries */
    BODY_OPENING_ASK,
    BODY_OPENING,
    BODY_PURPOSES,    /* entries */
    BODY_CREATE,
    BODY_IMPORT,
    BODY_ATTACH,
    BODY_DESTROY,
    BODY_TIME,
    BODY_RENAME,
    BODY_HANDLE_NOTE,
    BODY_HANDLES,     /* entries */
    BODY_PURPOSE,
    BODY_GRANT,
    BODY_CERT_SET,
    BODY_SECRET,
    BODY_SEALS,       /* entries */
    BODY_SEAL_REMOVE,
    BODY_LOGIN,
    BODY_ROLL,
    BODY_ACTIVATE,
    BODY_BACK,
    BODY_STATE,
    BODY_LIFE,
    BODY_EXPIRING_ASK,
    BODY_EXPIRING,    /* entries */
    BODY_USERS,       /* entries */
    BODY_LIVES,
    BODY_COUNT
};

struct msg_kind {
    uint16_t type;        /* of the request: enum msg_type */
    const char *name;     /* what a refusal calls it: "uid 1 may not NAME in box 'x'" */
    bool admin;           /* only administrators may ask for it */
    bool change;          /* goes to the thread that makes changes */
    bool secret;          /* the packet is to be wiped afterwards */
    bool secret_answer;   /* so is the answer */
    bool repeat;          /* may be sent again where the box was replaced and nobody knows what became of it; else once at most */
    bool takes_fd;        /* a descriptor may come with it */
    bool slow;            /* its answer may take minutes: a token, Argon2 and the search for an RSA key do */
    uint8_t asks, answer; /* enum msg_body; any request may be answered with BODY_ERROR too */
};

/* NULL: no such request. */
const struct msg_kind *msg_kind(uint16_t type);
/* All of them, the most frequent one first. */
const struct msg_kind *msg_kinds(size_t *ret_count);

#endif
