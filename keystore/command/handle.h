/* What littlebox handle is made of. */
#ifndef LB_COMMAND_HANDLE_H
#define LB_COMMAND_HANDLE_H

#include <openssl/bio.h>

#include "base/wire.h"
#include "command/cli.h"

/*
 * Prints what the file of --show is a handle of; asks no box. If the file is no handle, the error says what it is instead.
 * Returns the exit status.
 */
int handle_show(struct cli *cli);
/* Prints the handles that servers' configurations name, those of any box; asks none. Returns the exit status. */
int handle_list(struct cli *cli);
/* Writes the handle file of the key with that URI and public key. LB_E_UNSUPPORTED: its type has no handles. */
LB_MUST_USE int handle_write(const char *uri, struct bytes spki, BIO *out, struct problem *p);

#endif
