/* What happens to the connection with a token, for whoever keeps something that goes with it. */
#ifndef LB_TOKEN_LISTENER_H
#define LB_TOKEN_LISTENER_H

struct p11_token;

enum p11_event {
    P11_CONNECTED,    /* logged in, if need be; work begins once all have heard it */
    P11_LOGIN_LOST,   /* the connection stays; private objects of sessions are gone. Before the next login */
    P11_DISCONNECTED, /* the module still answers, but what it is asked may be of a token that is gone */
    P11_EVENTS
};

/*
 * Called with the connection's lock held for writing, in the order of the list (token/token.c): so no work is under way,
 * and nobody may ask for work. NULL: this event is nothing to it.
 */
struct p11_listener {
    void (*hear[P11_EVENTS])(struct p11_token *t);
};

#endif
