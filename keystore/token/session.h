/* One session with a token. */
#ifndef LB_TOKEN_SESSION_H
#define LB_TOKEN_SESSION_H

#include <stdint.h>

#include "token/watchdog.h"

struct p11_token;

/* What a session was last told to sign messages with (token/message_api.h). */
struct p11_kept {
    bool active;
    CK_OBJECT_HANDLE key;
    CK_MECHANISM_TYPE mechanism;
    uint8_t parameter[sizeof(CK_RSA_PKCS_PSS_PARAMS)];
    size_t parameter_len;
    unsigned epoch;
    unsigned long long since; /* milliseconds */
};

/* A thread has it for the time of one piece of work (token/work.h), so it needs no lock. */
struct p11_session {
    struct p11_caller call;
    struct p11_token *token;
    CK_SESSION_HANDLE h;
    bool open;
    unsigned generation; /* of the connection that it was opened in */
    struct p11_kept kept;
    const void *last;    /* the thing that it was last used for: compared, never looked into */
    struct p11_session *next;
};

/* Opens it, for writing if the token can be written to. CKR_*; open says whether it is. */
CK_RV p11_session_open(struct p11_session *s, CK_SLOT_ID slot);

#endif
