/* Finds the box that a command is about, connects, and starts one's own. */
#ifndef LB_COMMAND_CLIENT_H
#define LB_COMMAND_CLIENT_H

#include "command/talk.h"

/* May the command start a box that does not run? It may start only the ordinary user's own, and only two commands make one. */
enum client_start {
    CLIENT_RUNNING, /* no */
    CLIENT_READY,   /* yes, if it was made */
    CLIENT_INIT,    /* yes, and make it, but not its store */
    CLIENT_CREATE   /* yes, and make it and its store */
};

/*
 * Which box it is: the one in cli->dir, the system's, the user's own, as options say, else by place_find(). CLIENT_INIT and
 * CLIENT_CREATE make a user who has none one of his own; but without --own none for a system account, whose programs would
 * go there instead of to the system's box, nor one of a name that the system has a box of: LB_E_DENIED, LB_E_EXISTS.
 *
 * Connects, to a box of root's, of the caller's or of a user in cli->users: before that is known nothing is sent.
 * LB_E_NO_BOX with the way to start it, LB_E_STRANGER, LB_E_CONFIG, LB_E_SYSTEM, LB_E_NOMEM.
 */
LB_MUST_USE int client_open(const struct cli *cli, enum client_start start, struct client **ret, struct problem *p);
/*
 * Connects to the box at that socket, wherever the box's other files may be, by the same rule with users in place of
 * cli->users (NULL: none); where says where they are from (client/owner.h). Starts nothing.
 */
LB_MUST_USE int client_open_at(const struct cli *cli, const char *socket, const char *users, const char *where,
                               struct client **ret, struct problem *p);

/* Where the files of the box are that client_open() would connect to. Connects to nothing, so the box need not run. */
LB_MUST_USE int client_dirs(const struct cli *cli, struct dirs *ret, struct problem *p);

#endif
