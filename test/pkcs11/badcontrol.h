/* What the hostile module is to do at each call: rules and states in a file that a test writes. */
#ifndef BADCONTROL_H
#define BADCONTROL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * DIR is where the module's own file is. DIR/control has a line for each rule, and is read again whenever it changed:
 *
 *   FUNCTION ACTION [VALUE] [attr=CKA] [after=N] [max=N]     at a call of C_...; the first that applies counts
 *   state NAME VALUE                                         how the token is (badmodule.c says which there are)
 *
 * A rule lets N calls pass (after), and then holds for N (max); what it counts is in DIR/count.LINE, a byte for each call, so
 * that it also holds over the end of the process. With `state log 1` every call is a line of DIR/calls.
 */
#define BAD_WORD_MAX 40
#define BAD_PATH_MAX 600

struct bad_rule {
    char function[BAD_WORD_MAX];
    char action[BAD_WORD_MAX]; /* empty: nothing special */
    unsigned long value;
    unsigned long attribute; /* ~0UL: any */
    unsigned long after, max;
    int line;
};

/* DIR/name; returns buf. */
const char *bad_path(char buf[BAD_PATH_MAX], const char *name);
/* The rule for this call of function, which it logs and counts. */
void bad_rule_at(const char *function, struct bad_rule *ret);
/* A state, as it was when the last function was entered. */
unsigned long bad_state(const char *name, unsigned long otherwise);
/* A line of DIR/calls, if the log is on. */
void bad_log(const char *function, const char *more);
/* Does the action of the rule that fits every function: crash, hang, sleep ... Returns the CKR to return, or 0. */
unsigned long bad_common_action(const struct bad_rule *r);
void bad_sleep(unsigned long ms);
/* Whether r is that action, and for that attribute. */
bool bad_is(const struct bad_rule *r, const char *action);
bool bad_concerns(const struct bad_rule *r, unsigned long attribute);

#endif
