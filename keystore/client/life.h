/* The life of keys: ROLL, ACTIVATE, BACK, STATE, EXPIRING, USERS. */
#ifndef LB_CLIENT_LIFE_H
#define LB_CLIENT_LIFE_H

#include "client/ask.h"
#include "model/change.h"
#include "model/description.h"

/* Makes the next version, unless there is one, and gives its public half: ret->spki points into the answer. */
LB_MUST_USE int ask_roll(struct ask *q, const struct roll_request *m, struct key_info *ret, struct problem *p);
LB_MUST_USE int ask_activate(struct ask *q, const struct activate_request *m, struct life_answer *ret, struct problem *p);
LB_MUST_USE int ask_back(struct ask *q, const struct back_request *m, struct life_answer *ret, struct problem *p);
LB_MUST_USE int ask_state(struct ask *q, const struct state_request *m, struct life_answer *ret, struct problem *p);
/* One page of what ends: *ret_count entries to be read from ret_entries with msg_expiring_entry_get(). */
LB_MUST_USE int ask_expiring(struct ask *q, const struct expiring_request *m, bool *ret_more, uint16_t *ret_count,
                             struct wire_reader *ret_entries, struct problem *p);
/* The lives of the versions that ask_show() has told, into its answer. A box that is older than the message tells none: 0. */
LB_MUST_USE int ask_lives(struct ask *q, struct key_details *show, struct problem *p);
/* The processes that used the key: *ret_count entries to be read from ret_entries with msg_user_entry_get(). */
LB_MUST_USE int ask_users(struct ask *q, const char *name, uint16_t *ret_count, struct wire_reader *ret_entries,
                          struct problem *p);

#endif
