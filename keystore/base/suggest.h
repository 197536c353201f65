/* What a misspelt word was meant to be. */
#ifndef LB_BASE_SUGGEST_H
#define LB_BASE_SUGGEST_H

#include <stddef.h>

/* The nearest of candidates that are tried one after the other. Strings are the caller's. */
struct suggestion {
    const char *word;
    const char *best; /* NULL: nothing is near */
    size_t distance;
};

void suggest_start(struct suggestion *s, const char *word);
/*
 * Near is: a beginning of it, in any case; or as many slips as the word has letters, by three, where a slip is a letter
 * too many, too few, another one, or two that changed places (optimal string alignment distance). One letter means nothing.
 */
void suggest_try(struct suggestion *s, const char *candidate);

#endif
