/* Passphrases and confirmations, from a terminal or from where the options say. */
#ifndef LB_COMMAND_PROMPT_H
#define LB_COMMAND_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "command/cli.h"

/* A passphrase in secret memory of LB_SECRET_MAX bytes, not NUL-terminated. ask_clear() wipes and frees it. */
struct passphrase {
    char *data;
    size_t len;
};

/*
 * Asks "WHAT: " on the terminal, without echo. as_new: asks twice, and both answers must be the same. --passphrase-file,
 * --passphrase-fd and --stdin take the first line from there instead. LB_E_SYSTEM, with the cure: there is no terminal.
 * LB_E_WEAK_SECRET: the passphrase is empty, or a new one on the terminal is shorter than a box takes. LB_E_SECRET: the answers
 * differ. LB_E_TOO_LONG, LB_E_NOMEM.
 */
LB_MUST_USE int ask_passphrase(const struct cli *c, const char *what, bool as_new, struct passphrase *ret,
                               struct problem *p);
/* Whether there is a terminal to ask on. */
bool ask_possible(void);
/* Harmless after a failure, and on zeros. */
void ask_clear(struct passphrase *s);

/*
 * Prints the question on the terminal and reads a line: 0 when it is the expected word, LB_E_DENIED when it is
 * something else. LB_E_SYSTEM: no terminal.
 */
LB_MUST_USE int ask_word(const char *question, const char *expected, struct problem *p);

#endif
