/* What littlebox handle is made of. */
#ifndef LB_COMMAND_HANDLE_H
#define LB_COMMAND_HANDLE_H

#include "command/cli.h"

/*
 * Prints what the file of --show is a handle of; asks no box. If the file is no handle, the error says what it is instead.
 * Returns the exit status.
 */
int handle_show(struct cli *cli);
/* Prints the handles that servers' configurations name, those of any box; asks none. Returns the exit status. */
int handle_list(struct cli *cli);

#endif
