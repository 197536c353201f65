/* How a box is: STATUS. */
#include "client/status.h"

#include "protocol/header.h"
#include "protocol/status.h"

int ask_status(struct ask *q, struct box_status *ret, struct problem *p)
{
    struct bytes body;
    int r = ask_empty(q, MSG_STATUS, &body, p);

    return r != 0 ? r : ask_decoded(q, msg_status_decode(body, ret), p);
}
