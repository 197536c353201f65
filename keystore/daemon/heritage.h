/* What one keeper leaves to the next: through the service manager's store, or to a program that runs in its own place. */
#ifndef LB_DAEMON_HERITAGE_H
#define LB_DAEMON_HERITAGE_H

#include <stdbool.h>

#include "base/errors.h"
#include "daemon/kept.h"
#include "daemon/marks.h"
#include "daemon/notify.h"

/* Takes over all that was handed over and kept, but the listening socket. What is not what its name says is thrown out. */
void heritage_take(struct kept *k, struct marks *marks, const struct handed *handed);
/* True: the manager has the listening socket in its store. */
bool heritage_keep_listener(struct kept *k, const struct handed *handed);

/* How a keeper gives way. */
struct legacy {
    const char *program;
    char **argv;     /* as for a child: the role is at KEEPER_ROLE */
    int listen_fd;
    bool own;        /* no manager opened it */
};

/*
 * Runs the program in the place of this one, with "--resume=N": descriptor N is a sealed file with a line for each descriptor
 * that it gets, "NUMBER NAME" (daemon/store_name.h; another name for a socket that a manager opened). There must be no child.
 * Returns if that fails, with errno, and all is as it was.
 */
void heritage_give(struct kept *k, const struct marks *marks, const struct legacy *legacy);

/*
 * What the program before us left in file. LB_E_CONFIG with the text in p: it is not such a file, or says what is not so.
 * LB_E_NOMEM. Takes over file. To be cleared, also after a failure.
 */
LB_MUST_USE int heritage_read(int file, struct handed *ret, struct problem *p);

#endif
