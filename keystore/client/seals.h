/* The store and what opens it: INIT, UNLOCK, LOCK, SEAL_*, OPENING. */
#ifndef LB_CLIENT_SEALS_H
#define LB_CLIENT_SEALS_H

#include "client/ask.h"
#include "model/change.h"
#include "model/description.h"

/* type: MSG_INIT, MSG_SEAL_ADD or MSG_UNLOCK. */
LB_MUST_USE int ask_secret(struct ask *q, uint16_t type, const struct seal_request *m, struct problem *p);
LB_MUST_USE int ask_lock(struct ask *q, struct problem *p);
/* *ret_count entries to be read with msg_seal_entry_get(). */
LB_MUST_USE int ask_seals(struct ask *q, uint16_t *ret_count, struct wire_reader *ret_entries, struct problem *p);
LB_MUST_USE int ask_seal_remove(struct ask *q, uint32_t id, struct problem *p);
/*
 * What the store is open by, and what a start finds; secret: a credential that is tried instead of the file that the box
 * reads, {NULL, 0} for none. LB_E_MESSAGE: the box is of a version that does not know this.
 */
LB_MUST_USE int ask_opening(struct ask *q, struct bytes secret, struct box_opening *ret, struct problem *p);

#endif
