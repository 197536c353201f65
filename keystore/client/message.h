/* What a caller must know of a message beyond its bytes: one row each. */
#ifndef LB_CLIENT_MESSAGE_H
#define LB_CLIENT_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

struct message {
    uint16_t type;    /* enum msg_type, of the request */
    bool slow;        /* it may take minutes: a token, Argon2 and the search for an RSA key do */
    const char *done; /* a change, sent once at most: what may have been done to a key. NULL: it may be sent twice */
};

/* The row of a type; every request that a caller sends has one. */
const struct message *message_of(uint16_t type);

#endif
