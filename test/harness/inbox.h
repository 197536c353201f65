/* A whole box inside of a test's own process: store, vault and requests, with callers that the test makes up. */
#ifndef INBOX_H
#define INBOX_H

#include "box/request.h"
#include "daemon/box_conf.h"

/* Nobody's on any machine that tests run on; the administrator is whoever runs the test. */
#define INBOX_GRANTED 3000001
#define INBOX_STRANGER 3000002
#define INBOX_GROUP 3000003
/* Of the first seal. */
#define INBOX_CREDENTIAL "a credential of the tests, of more than 32 bytes"

/* Its address is kept in it: it must not move. */
struct inbox {
    char dir[80];
    struct boxconf conf;
    struct vault_settings vault_settings;
    struct box_settings settings;
    struct box box;
    int keeper;      /* the far end of the box's link to it */
    uint8_t *answer; /* LB_PACKET_MAX bytes, the last one's */
    struct event recorded;   /* of the last request */
    struct problem why;      /* which that record points to */
    int told_locked; /* what the keeper was told last of a lock by hand: 1, or 0; -1: nothing */
};

/* A store with one seal, unlocked, without a key. What cannot be had ends the process. */
void inbox_init(struct inbox *b);
/* Its directory goes too. */
void inbox_clear(struct inbox *b);

/* Closes the vault: its store can be changed behind its back. */
void inbox_close(struct inbox *b);
/* Closes the vault, and opens and unlocks it again from what is in the file. Returns what vault_open() does. */
LB_MUST_USE int inbox_reopen(struct inbox *b, struct problem *p);

/* An Ed25519 key. */
LB_MUST_USE int inbox_create(struct inbox *b, const char *name, struct problem *p);
/* What vault_use() says to that user; what it gives is given back. */
LB_MUST_USE int inbox_use(struct inbox *b, uid_t uid, enum key_op op, const struct key_ref *ref, struct problem *p);

/* What the kernel would say of such a caller, on a channel that it made. pid 0: nothing of the sender. */
struct caller inbox_caller(pid_t pid, uid_t uid, gid_t gid);

/*
 * One packet, as a thread that serves takes it: what came back is in b->answer. fd (-1: none) stays the caller's. The
 * answer's length, 0: the packet was none that gets an answer from a handler. *ret_goes_on: its sender keeps the
 * connection.
 */
size_t inbox_ask(struct inbox *b, const struct caller *who, const void *packet, size_t len, int fd, bool *ret_goes_on);

#endif
