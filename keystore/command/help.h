/* littlebox help, and what is said of a command line that is wrong. */
#ifndef LB_COMMAND_HELP_H
#define LB_COMMAND_HELP_H

#include <stdio.h>

#include "command/cli.h"

void help_overview(FILE *out);

/*
 * These say on standard error what is wrong and what may have been meant, and return EXIT_USAGE. Nothing that destroys
 * is ever proposed.
 */
/* next: what stands behind word on the line; NULL: nothing. */
int help_no_command(const char *word, const char *next);
/* word, as it is on the line, is no option of that command; NULL: no command is on the line yet. */
int help_no_option(const struct command *command, const char *word);
/* One argument more than the command takes. */
int help_too_many(const struct cli *c, const char *word);

#endif
