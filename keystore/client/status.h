/* How a box is: STATUS. */
#ifndef LB_CLIENT_STATUS_H
#define LB_CLIENT_STATUS_H

#include "client/ask.h"
#include "model/description.h"

LB_MUST_USE int ask_status(struct ask *q, struct box_status *ret, struct problem *p);

#endif
