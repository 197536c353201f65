/* The token of a box: found in its slot, logged in, with a pool of sessions; brought back when it was away. */
#ifndef LB_TOKEN_TOKEN_H
#define LB_TOKEN_TOKEN_H

#include "base/wire.h"
#include "model/limits.h"
#include "token/names.h"
#include "token/settings.h"
#include "token/watchdog.h"

/* Longest PIN, in bytes. */
#define P11_PIN_MAX LB_PIN_MAX

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

/* One session: a thread has it from p11_do() for the time of one piece of work. */
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

/* What is known of the token and told to whoever asks; texts without the blanks that Cryptoki pads with. */
struct p11_token_info {
    char module[PATH_MAX];
    char library[33];          /* what the module calls itself */
    struct p11uri id;          /* P11_OF_TOKEN */
    char label[33], manufacturer[33], model[17], serial[17];
    CK_SLOT_ID slot;
    bool connected;
    unsigned sessions, sessions_max, reconnects;
    struct problem problem;    /* why it is not connected; code 0: nothing known */
};

/*
 * Loads the module and starts the watchdog; the token is locked until p11_token_lock() says otherwise. conf must outlive
 * it. Does not ask the token anything: that is done by p11_token_connect(), or with the first piece of work. remember: a file that keeps note of a PIN that was refused.
 */
LB_MUST_USE int p11_token_new(const struct p11conf *conf, const char *remember, struct p11_token **ret,
                              struct problem *p);
/* Logs out and ends the module; NULL is fine. Nobody may use it any more. */
void p11_token_free(struct p11_token *t);

/* Connects in a thread of its own: whoever needs the token meanwhile waits for it, nobody else does. */
void p11_token_connect_soon(struct p11_token *t);
/*
 * Before p11_token_connect_soon(): the module has ended so many processes in a row when it was started. It is left alone for
 * wait milliseconds; whoever needs the token meanwhile is refused with LB_E_TOKEN. settled() is called each time that
 * p11_token_connect_soon() is through, by its thread.
 */
void p11_token_hold(struct p11_token *t, unsigned failures, unsigned wait, void (*settled)(void));
/*
 * locked: logs out, ends the sessions once the work under way is done, forgets the PIN, and refuses all work with
 * LB_E_LOCKED until it is called again.
 */
void p11_token_lock(struct p11_token *t, bool locked);
/* Connects now, if it is not connected. LB_E_NO_TOKEN, LB_E_PIN, LB_E_AMBIGUOUS, LB_E_TOKEN. */
LB_MUST_USE int p11_token_connect(struct p11_token *t, struct problem *p);
/*
 * Connects anew, though it is connected: what the module remembered of the token is forgotten. It is not counted, since
 * nothing was lost.
 */
LB_MUST_USE int p11_token_reconnect(struct p11_token *t, struct problem *p);
/* A PIN from a person, tried at once (whatever was refused before); it is kept if it is right. */
LB_MUST_USE int p11_token_login(struct p11_token *t, struct bytes pin, struct problem *p);
void p11_token_info(struct p11_token *t, struct p11_token_info *ret);
/* The number of the connection: handles of objects are good as long as it does not change. */
unsigned p11_token_generation(const struct p11_token *t);

/* Whether the token does mechanism m for flags (CKF_SIGN ...), by its list, which was read when it was connected. */
bool p11_token_can(const struct p11_token *t, CK_MECHANISM_TYPE m, CK_FLAGS flags);
/* The same as a refusal: LB_E_SCHEME with the names in p. */
LB_MUST_USE int p11_token_must(const struct p11_token *t, CK_MECHANISM_TYPE m, CK_FLAGS flags, struct problem *p);

/*
 * Does work() with a session, connecting first if need be; again where the token was away meanwhile, its sessions were
 * gone, or the login was lost, each cured first. Returns 0 or the problem: of the connection, or "what: CKR_..." (LB_E_TOKEN; LB_E_SCHEME
 * where it is about what the key is for). A work
 * that has a text of its own sets p and returns P11_TOLD.
 */
typedef CK_RV p11_work(struct p11_session *s, void *arg, struct problem *p);
#define P11_TOLD ((CK_RV)CKR_VENDOR_DEFINED | 0x4c42)
LB_MUST_USE int p11_do(struct p11_token *t, const char *what, p11_work *work, void *arg, struct problem *p);
/* The same, where sessions keep contexts with one that has this thing's. */
LB_MUST_USE int p11_do_for(const void *thing, struct p11_token *t, const char *what, p11_work *work, void *arg,
                           struct problem *p);
/* Why a call failed, as p11_do() says it; LB_E_*. */
int p11_failed(struct p11_token *t, const char *what, CK_RV rv, struct problem *p);

/* CKR_OK: the session and the token behind it are there. Else what p11_do() has a cure for, if it is returned to it. */
CK_RV p11_alive(struct p11_session *s);

/* Between the init and the call of a key with CKA_ALWAYS_AUTHENTICATE: the PIN once more. */
CK_RV p11_context_login(struct p11_session *s, struct problem *p);

#endif
