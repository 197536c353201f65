/* May these certificates come after those of a key's current version? */
#ifndef LB_COMMAND_SUCCESSOR_H
#define LB_COMMAND_SUCCESSOR_H

#include <stdbool.h>

#include "command/certificates.h"
#include "command/client.h"

/* A chain and what it is called in messages: "'FILE'", or "version 2 of key 'web'". */
struct successor {
    struct certificates all;
    char what[PATH_MAX + 40];
    bool never; /* set where one is refused: it will be at any later time too */
};
void successor_clear(struct successor *s);

/*
 * The chain that the box has of a version. ret->all.count 0: it has none, or there is no such version, of which the box says more when
 * it is asked to change it. LB_E_*: it has one that cannot be read.
 */
LB_MUST_USE int successor_stored(struct client *c, const struct key_ref *ref, struct successor *ret, struct problem *p);

/* Are all valid at that time (seconds since 1970)? LB_E_VALUE. */
LB_MUST_USE int successor_valid(struct successor *s, uint64_t at, struct problem *p);
/*
 * Has the first one all names that the certificate of the current version has? LB_E_VALUE. What cannot be compared, since that one
 * cannot be read, is told.
 */
LB_MUST_USE int successor_names(struct client *c, const char *key, struct successor *s, struct problem *p);

#endif
