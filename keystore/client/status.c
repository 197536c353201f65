/* How a box is: STATUS, LOCK_CAUSE. */
#include "client/status.h"

#include "protocol/header.h"
#include "protocol/status.h"

int ask_status(struct ask *q, struct box_status *ret, struct problem *p)
{
    struct bytes body;
    int r = ask_empty(q, MSG_STATUS, &body, p);

    return r != 0 ? r : ask_decoded(q, msg_status_decode(body, ret), p);
}

int ask_lock_cause(struct ask *q, enum lock_cause *ret, struct problem *p)
{
    struct msg_lock_cause answer = { LOCK_BY_NOTHING };
    struct bytes body;
    int r = ask_empty(q, MSG_LOCK_CAUSE, &body, p);

    if (r == 0)
        r = ask_decoded(q, msg_lock_cause_decode(body, &answer), p);
    *ret = answer.cause;
    return r == LB_E_MESSAGE ? 0 : r;
}
