/* Private-key operations: SIGN, DECRYPT, DERIVE. */
#ifndef LB_CLIENT_USE_H
#define LB_CLIENT_USE_H

#include "client/ask.h"
#include "model/operation.h"

/*
 * What they give points into q->answer; where it is secret, so is that. A text of more than LB_TEXT_MAX bytes goes with the
 * request as a sealed memory file.
 */
LB_MUST_USE int ask_sign(struct ask *q, const struct sign_request *m, struct bytes *ret, struct problem *p);
LB_MUST_USE int ask_decrypt(struct ask *q, const struct decrypt_request *m, struct bytes *ret, struct problem *p);
LB_MUST_USE int ask_derive(struct ask *q, const struct derive_request *m, struct bytes *ret, struct problem *p);

#endif
