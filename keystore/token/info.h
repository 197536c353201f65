/* What is known of a token and told to whoever asks. */
#ifndef LB_TOKEN_INFO_H
#define LB_TOKEN_INFO_H

#include <p11-kit/pkcs11.h>
#include <pthread.h>
#include <stdbool.h>

#include "token/settings.h"

struct p11_connection;
struct p11_pool;

/* Texts without the blanks that Cryptoki pads with. */
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

/* The last that was told. Its lock is taken with the connection's held; no other is taken with it. */
struct p11_told {
    pthread_mutex_t lock;
    struct p11_token_info last;
};

/* Until the token was connected, what is told is what the configuration looks for. */
void p11_told_init(struct p11_told *told, const struct p11conf *conf);
void p11_told_clear(struct p11_told *told);
/* How the token is now. Nobody is made to wait for a token that does not answer: then the answer is how it was, and busy. */
void p11_told_ask(struct p11_told *told, struct p11_connection *c, struct p11_pool *pool, struct p11_token_info *ret);

#endif
