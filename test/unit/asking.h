/* A box with two keys in the test's own process, and how it is asked; for the suites of requests, uses and locks. */
#ifndef UNIT_ASKING_H
#define UNIT_ASKING_H

#include "../harness/inbox.h"

/* INBOX_CREDENTIAL. */
extern const struct bytes asking_credential;

/* Makes a box with a key "web" that INBOX_GRANTED may sign with, and "other" that nobody was granted. */
void asking_box(struct inbox *b);
/* Of this process, on a channel of its own; its group is INBOX_STRANGER. */
struct caller asking_user(uid_t uid);

/* The answer to a packet of id 7: 0, with its body, or the code of an error, with it in *p. */
int asking_packet(struct inbox *b, uid_t uid, const void *packet, size_t len, struct bytes *ret_body, struct problem *p);
/* The same of a request without a body. */
int asking_empty(struct inbox *b, uid_t uid, uint16_t type, struct bytes *ret_body, struct problem *p);

/* Whether the vault lets uid use the key now: 0, or the code of the refusal in *p. */
int asking_use(struct inbox *b, uid_t uid, enum key_op op, const struct key_ref *ref, struct problem *p);
/* Destroys the key's version 1. */
void asking_destroy(struct inbox *b, const char *name);

#endif
