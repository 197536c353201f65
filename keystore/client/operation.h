/* Private-key operations of a program that may be paused meanwhile. */
#ifndef LB_CLIENT_OPERATION_H
#define LB_CLIENT_OPERATION_H

#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "model/operation.h"

struct box;

/*
 * Over the box's channels, waited for by its way to wait (client/waiter.h). If that pauses, and the operation is never
 * resumed, whoever frees the wait frees the operation, and what else waits for the answer.
 *
 * Each gives at most size bytes, else LB_E_VALUE; no copy of them stays anywhere else. Request and answer are not on the
 * stack: that of an ASYNC_JOB has 32 kB for all that libssl and the provider do.
 */
LB_MUST_USE int operate_sign(struct box *b, const struct sign_request *m, uint8_t *sig, size_t size, size_t *ret_len,
                             struct problem *p);
LB_MUST_USE int operate_decrypt(struct box *b, const struct decrypt_request *m, uint8_t *plain, size_t size,
                                size_t *ret_len, struct problem *p);
LB_MUST_USE int operate_derive(struct box *b, const struct derive_request *m, uint8_t *shared, size_t size,
                               size_t *ret_len, struct problem *p);

#endif
