/* A descriptor of ours, told from those that others opened under the same number. */
#ifndef LB_CLIENT_CONN_H
#define LB_CLIENT_CONN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/errors.h"

/*
 * A socket and what it was when we opened it: daemons close descriptors that are not theirs, and the numbers come
 * again.
 */
struct conn {
    int fd; /* -1: none */
    dev_t dev;
    ino_t ino;
    unsigned timeout_ms; /* of sends and receives; 0: not set yet */
};

/*
 * Makes s of a fresh descriptor, which it takes over in any case, under a number from 100 on: programs and libraries close
 * what they have closed before, and meanwhile the number may be another's. Where RLIMIT_NOFILE leaves no such number, at
 * least above those of the standard streams, which programs reopen without looking. LB_E_SYSTEM.
 */
LB_MUST_USE int conn_take(struct conn *s, int fd);

bool conn_is_ours(const struct conn *s);

/* Closes it if it is ours, and forgets it. */
void conn_drop(struct conn *s);

/* How long a send or a receive may block. LB_E_SYSTEM. */
LB_MUST_USE int conn_limit(struct conn *s, uint64_t ms);

#endif
