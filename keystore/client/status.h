/* How a box is: STATUS, LOCK_CAUSE. */
#ifndef LB_CLIENT_STATUS_H
#define LB_CLIENT_STATUS_H

#include "client/ask.h"
#include "model/description.h"
#include "model/vocabulary.h"

LB_MUST_USE int ask_status(struct ask *q, struct box_status *ret, struct problem *p);
/* Why is it locked? A box of before LOCK_CAUSE does not say: LOCK_BY_NOTHING. */
LB_MUST_USE int ask_lock_cause(struct ask *q, enum lock_cause *ret, struct problem *p);

#endif
