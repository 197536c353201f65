/* The names that a key had before: a text, sorted, with one blank between two of them. */
#ifndef LB_MODEL_FORMER_NAMES_H
#define LB_MODEL_FORMER_NAMES_H

#include <stdbool.h>

#include "base/errors.h"
#include "model/key_name.h"

/* One to LB_FORMER_NAMES_MAX key names, in byte order, each once. */
bool former_ok(const char *names);
/* names NULL: there are none. */
bool former_has(const char *names, const char *name);
/*
 * *ret is names with name added, or with name removed; NULL if no name is left. The caller frees it with free(). names NULL:
 * there are none. Adding a name that is there, or removing one that is not, is no failure. LB_E_TOO_LONG: LB_FORMER_NAMES_MAX are
 * there. LB_E_NOMEM.
 */
LB_MUST_USE int former_add(const char *names, const char *name, char **ret);
LB_MUST_USE int former_remove(const char *names, const char *name, char **ret);
/* The name at *at, which moves to the next one; false: no more. */
bool former_next(const char **at, char ret[LB_NAME_MAX + 1]);

#endif
