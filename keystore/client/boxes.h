/* The boxes that a program knows: found by name, once each. */
#ifndef LB_CLIENT_BOXES_H
#define LB_CLIENT_BOXES_H

#include <stddef.h>

#include "base/errors.h"
#include "client/box_config.h"
#include "model/key_name.h"

struct box;

/* All zero: none. For any number of threads. */
struct boxes {
    _Atomic(struct box *) first; /* only ever grows */
};

/*
 * The box of that name, "" for the configured one, which lives as long as the list. Connects to nothing. LB_E_CONFIG: a user
 * in config whom there is not, a path that is too long; LB_E_SYSTEM when users cannot be looked up; LB_E_NOMEM.
 */
LB_MUST_USE int boxes_find(struct boxes *list, const struct box_config *config, const char *name, struct box **ret,
                           struct problem *p);

/*
 * A box for a question or two, which may turn out to concern another one: connections that nobody had before are closed
 * by box_leave().
 */
LB_MUST_USE int boxes_visit(struct boxes *list, const struct box_config *config, const char *name, struct box **ret,
                            struct problem *p);
void box_leave(struct box *b);

/*
 * The names of all boxes that could be asked: those of the list, which a process in a chroot can reach without their
 * sockets, and those that have a socket. Sorted, each once; freed with OPENSSL_free(). As boxes_find(), and LB_E_SYSTEM
 * when the directory of sockets cannot be read.
 */
LB_MUST_USE int boxes_names(struct boxes *list, const struct box_config *config, char (**ret)[LB_NAME_MAX + 1],
                            size_t *ret_count, struct problem *p);

/* Closes what belongs to this process, frees all boxes, and leaves an empty list. */
void boxes_free(struct boxes *list);

#endif
