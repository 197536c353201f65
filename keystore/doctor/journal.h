/* What the journal has of a unit. */
#ifndef LB_DOCTOR_JOURNAL_H
#define LB_DOCTOR_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The last line that the unit's processes logged, which is what a failed unit died of, into ret, cut to size. A line with one
 * of the texts in less (NULL ends them) counts only where there is no other. False: there is no journal, or no line.
 */
bool journal_last_words(const char *name, const char *const less[], char *ret, size_t size);

#endif
