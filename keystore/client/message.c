/* What a caller must know of a message beyond its bytes: one row each. */
#include "client/message.h"

#include <stddef.h>

#include "protocol/header.h"

/* The most frequent ones first. */
static const struct message messages[] = {
    { MSG_SIGN, false, NULL },
    { MSG_DECRYPT, false, NULL },
    { MSG_DERIVE, false, NULL },
    { MSG_GET, false, NULL },
    { MSG_STATUS, false, NULL },
    { MSG_SHOW, false, NULL },
    { MSG_LIST, false, NULL },
    { MSG_FIND, true, NULL },
    { MSG_CERT_GET, true, NULL },
    { MSG_CERT_FIND, true, NULL },
    { MSG_TOKEN, false, NULL },
    { MSG_TOKEN_LIST, true, NULL },
    { MSG_SEAL_LIST, false, NULL },
    { MSG_OPENING, false, NULL },
    { MSG_HANDLE_LIST, false, NULL },
    /* Noting twice is noting once. */
    { MSG_HANDLE_NOTE, false, NULL },
    /* These two change the box, not the store: asking again is harmless. */
    { MSG_LOCK, false, NULL },
    { MSG_UNLOCK, true, NULL },
    { MSG_CREATE, true, "made" },
    { MSG_IMPORT, true, "made" },
    { MSG_ATTACH, true, "made" },
    { MSG_DESTROY, true, "destroyed" },
    { MSG_DESTROY_SCHEDULE, false, "changed" },
    { MSG_DESTROY_CANCEL, false, "changed" },
    { MSG_RENAME, false, "renamed" },
    { MSG_ALLOW, false, "changed" },
    { MSG_DENY, false, "changed" },
    { MSG_CERT_SET, false, "changed" },
    { MSG_INIT, true, "made" },
    { MSG_SEAL_ADD, true, "changed" },
    { MSG_SEAL_REMOVE, false, "changed" },
    /* Never twice: each wrong PIN counts. */
    { MSG_LOGIN, true, "changed" },
};

const struct message *message_of(uint16_t type)
{
    size_t i = 0;

    while (messages[i].type != type)
        i++;
    return &messages[i];
}
