/* What the tests of rolling over share: a box with a key "web", and what is done with it. Each fails the test that calls it. */
#ifndef LB_TEST_ROLLING_H
#define LB_TEST_ROLLING_H

#include "../harness/inbox.h"
#include "vault/vault_priv.h"

/* Who changes versions. */
#define BY 7

/* INBOX_GRANTED may sign with it. */
void box_with_a_key(struct inbox *b);
int roll(struct inbox *b, const char *type, uint32_t *ret_version, bool *ret_new, struct problem *p);
int activate(struct inbox *b, uint32_t version, uint64_t at, uint32_t drain, struct life_answer *ret, struct problem *p);
int back(struct inbox *b, uint32_t drain, struct life_answer *ret, struct problem *p);
int event(struct inbox *b, uint32_t version, enum life_event what, unsigned reason, struct life_answer *ret, struct problem *p);
struct key_details *show(struct inbox *b);
uint8_t state_of(struct inbox *b, unsigned version);
/* What a loaded handle sends: it pins the public key. */
struct key_ref pinned(struct inbox *b, unsigned version);
int use(struct inbox *b, unsigned version, struct problem *p);
/* The version that the key's name alone means; 0: none. */
uint32_t current(struct inbox *b);
/* The box believes that it is so much later. */
void later(struct inbox *b, uint32_t seconds);

#endif
