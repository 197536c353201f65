/* What token/token.c and token/session.c share. */
#ifndef LB_TOKEN_TOKEN_PRIV_H
#define LB_TOKEN_TOKEN_PRIV_H

#include <libp11.h>
#include <pthread.h>

#include "token/token.h"

#define P11_MECHANISMS_MAX 512

struct p11_mechanism {
    CK_MECHANISM_TYPE type;
    CK_FLAGS flags;
};

struct p11_token {
    const struct p11conf *conf;
    char remember[PATH_MAX];
    CK_FUNCTION_LIST *f;
    PKCS11_CTX *libp11;          /* the module, started; NULL: it is not */
    struct p11_watchdog *watchdog;
    struct p11_caller **callers; /* for the watchdog: control, then the sessions */

    /*
     * Work holds it for reading; whoever connects, reconnects or logs in holds it for writing. It guards all that
     * follows but the pool. No thread takes it twice (base/fair_lock.h).
     */
    pthread_rwlock_t lock;
    struct p11_session control;  /* the login's session, which stays open: without one the token logs out */
    bool connected, locked;
    atomic_uint generation;
    CK_SLOT_ID slot;
    CK_FLAGS flags;              /* of the token */
    bool logged_in;
    struct p11_mechanism mechanisms[P11_MECHANISMS_MAX];
    CK_ULONG mechanism_count;
    uint8_t *pin;                /* secret memory of P11_PIN_MAX + 1 bytes */
    size_t pin_len;
    bool pin_good;               /* the token took it */
    atomic_bool pin_refused;     /* the token did not: not to be tried again by ourselves */
    unsigned long long connected_at;
    unsigned long long retry_at; /* when connecting may be tried again, after a failure, in milliseconds */
    struct p11_token_info info;  /* but its counts */
    pthread_mutex_t connector_lock;
    pthread_t connector;         /* of p11_token_connect_soon(); by connector_lock */
    bool has_connector;
    void (*settled)(void);       /* it is through; NULL: nobody wants to know */
    pthread_mutex_t hold_lock;
    pthread_cond_t hold_over;
    unsigned long long hold_until; /* for it to wait, in milliseconds; 0: not; by hold_lock */

    struct p11_message *message; /* NULL: signatures are C_SignInit and C_Sign */
    atomic_uint message_epoch;   /* contexts of another one are not used */
    atomic_bool keeps_contexts;  /* message is there */
    pthread_mutex_t copies_lock; /* of the list, and of the control session while the lock is held for reading */
    struct p11_copy *copies;     /* of keys, in this connection */

    pthread_mutex_t pool_lock;
    pthread_cond_t pool_ready;
    struct p11_session *pool, *idle;
    unsigned open_count;         /* sessions that are open */
    struct p11_token_info told;  /* the last that p11_token_info() gave */

    /* Of token/certificates.c. */
    pthread_mutex_t certs_reading; /* held by the one who reads them */
    pthread_mutex_t certs_lock;    /* guards the pointer */
    struct p11_certs *certs;
    atomic_uint certs_epoch;       /* how often they were forgotten */
    /* The last time that they could not be read from a token that is there; by certs_reading. */
    struct problem certs_problem;
    unsigned long long certs_retry_at; /* seconds, as certs_generation is of then; 0: never */
    unsigned certs_generation;
};

/* With connector_lock held, or by the last user: it waits no more, and is over. */
void p11_join_connector(struct p11_token *t);

/* With the lock held for writing, all. */

/* C_Initialize, if need be. LB_E_TOKEN. */
LB_MUST_USE int p11_initialize(struct p11_token *t, struct problem *p);
void p11_finalize(struct p11_token *t);
/* Finds the one token that the configuration means. LB_E_NO_TOKEN, LB_E_AMBIGUOUS, LB_E_TOKEN. */
LB_MUST_USE int p11_find_slot(struct p11_token *t, struct problem *p);
LB_MUST_USE int p11_connect(struct p11_token *t, struct problem *p);
void p11_disconnect(struct p11_token *t);
LB_MUST_USE int p11_login(struct p11_token *t, struct problem *p);

#endif
