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
 * A candidate is near if it begins with the word, or if the word has few slips: one of two to four letters may have one, and each
 * three letters more allow another. A slip is a letter too many, too few, another one, or two that changed places (optimal
 * string alignment distance). Capitals and small letters are the same. Nothing is near a word of one letter.
 */
void suggest_try(struct suggestion *s, const char *candidate);

#endif
