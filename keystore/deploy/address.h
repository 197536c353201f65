/* Where a server answers: HOST:PORT or a socket's path, and what is said there before TLS begins. */
#ifndef LB_DEPLOY_ADDRESS_H
#define LB_DEPLOY_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

#define ADDRESS_RULE "HOST:PORT or the path of a socket, and behind a comma how TLS is asked for, such as 127.0.0.1:443 or mail:25,smtp"

/* The longest path of a Unix socket, or a host's name. */
#define ADDRESS_HOST_MAX 253

struct starttls;

struct address {
    char host[ADDRESS_HOST_MAX + 1]; /* or the path, which begins with '/' */
    char port[6];                    /* "": it is a path */
    const struct starttls *starttls; /* NULL: TLS begins at once */
};

/* "[::1]:443" is the one at ::1. False: it is not what ADDRESS_RULE says. */
bool address_parse(const char *text, struct address *ret);

/* Is the host a number, which is no name that TLS could ask for (RFC 6066 3)? So is a path. */
bool address_is_number(const struct address *a);

/*
 * Connects, does not wait longer than until end (deploy/wait.h), and asks for TLS where that is needed: *ret_fd is where TLS begins,
 * does not block, and is the caller's. LB_E_SYSTEM, LB_E_TIMEOUT, LB_E_VALUE: what answers does not do that. p names no address.
 */
LB_MUST_USE int address_connect(const struct address *a, long long end, int *ret_fd, struct problem *p);

#endif
