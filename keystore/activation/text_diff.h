/* The difference of two texts, for people and for patch(1). */
#ifndef LB_ACTIVATION_TEXT_DIFF_H
#define LB_ACTIVATION_TEXT_DIFF_H

#include <stdio.h>

/*
 * Prints a unified diff of one hunk, from the first line that differs to the last; nothing where the texts are the same. NULL: the file
 * is not there.
 */
void text_diff(FILE *out, const char *path, const char *old, const char *new);

#endif
