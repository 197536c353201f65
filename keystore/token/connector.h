/* A thread that connects the token of a box at its start, and how long it waits with that. */
#ifndef LB_TOKEN_CONNECTOR_H
#define LB_TOKEN_CONNECTOR_H

#include <pthread.h>
#include <stdbool.h>

struct p11_connector {
    void (*connect)(void *arg); /* the work of the thread */
    void *arg;
    void (*settled)(void);      /* it is through; NULL: nobody wants to know */

    /*
     * Guards the thread. It is held while the thread is waited for, which takes the connection's lock: so it is taken
     * before all others, and not by the thread.
     */
    pthread_mutex_t lock;
    pthread_t thread;
    bool running;

    /* Guards hold_until. It may be taken with lock held; no other is taken with it. */
    pthread_mutex_t hold_lock;
    pthread_cond_t hold_over;
    unsigned long long hold_until; /* when it may begin, in milliseconds; 0: now */
};

void p11_connector_init(struct p11_connector *c, void (*connect)(void *arg), void *arg);
/* As p11_connector_end(), then frees what it has. */
void p11_connector_clear(struct p11_connector *c);

/*
 * To be called before the thread is started: it then waits until that time (p11_now_ms(); 0: not), and calls settled each
 * time that it is through.
 */
void p11_connector_hold(struct p11_connector *c, unsigned long long until, void (*settled)(void));
/* Starts the thread; one that is there is ended first. */
void p11_connector_start(struct p11_connector *c);
/* Ends the thread's wait, and returns when the thread is over. What the thread had begun, it ends. */
void p11_connector_end(struct p11_connector *c);

#endif
