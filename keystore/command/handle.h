/* What littlebox handle is made of. */
#ifndef LB_COMMAND_HANDLE_H
#define LB_COMMAND_HANDLE_H

#include "command/cli.h"

/*
 * Prints what the file of --show is a handle of; no box is asked. Of a file that is none, the error says what it is
 * instead. The exit status.
 */
int handle_show(struct cli *cli);

#endif
