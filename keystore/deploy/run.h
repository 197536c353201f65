/* Does deployments: files, then commands, then a look at what the server serves. */
#ifndef LB_DEPLOY_RUN_H
#define LB_DEPLOY_RUN_H

#include <openssl/evp.h>

#include "command/talk.h"
#include "deploy/deployment.h"
#include "deploy/shelf.h"

/* A deployment that is to be done, and what came of it. */
struct task {
    struct deployment *d;
    bool fresh;       /* it is not saved yet, or not like that */
    /* Set by deploy_run(): */
    uint32_t version; /* 0: not known */
    bool saved;       /* it is remembered as it is */
    bool written;     /* a file was */
    bool reloaded;    /* all its commands ran */
    bool looked;      /* the server was asked, and */
    uint32_t serves;  /* has this version; 0: none of the key */
    struct problem why; /* code 0: it is done */
    /* Its own: */
    bool right;       /* the server has this version already: it was asked before anything was done */
    bool unfinished;  /* its commands are to run */
    bool failed;
    EVP_PKEY *key;
    char *sni;
};

/*
 * Does them. Each is done for itself, and what cannot be done does not keep the others from it. A deployment's files are all
 * written beside first, and then get their names: the handle first and the chain after it. So whoever reads certificate and key in
 * that order, as servers do, never has a new chain with an old handle; the other mix, and that of a reader with the other
 * order, do not fit, since a handle has the public key in it, and are refused by whoever loads them: a server that is told to reload
 * goes on with what it has. A command line that several have runs once. Nothing is written, and nothing runs, where all is as
 * it should be, unless always: then commands run.
 *
 * The shelf is locked. A task that fails says why, and is said on standard error, but for the first, which is p and the result.
 */
LB_MUST_USE int deploy_run(struct client *c, const struct shelf *s, struct task *tasks, size_t count, bool always,
                           struct problem *p);
void tasks_clear(struct task *tasks, size_t count);

#endif
