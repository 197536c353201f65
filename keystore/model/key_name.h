/* The grammar of names: keys and boxes. */
#ifndef LB_MODEL_KEY_NAME_H
#define LB_MODEL_KEY_NAME_H

#include <stdbool.h>
#include <stddef.h>

/* Longest key or box name, in bytes, without the NUL. */
#define LB_NAME_MAX 64
/* What the grammar is, for messages to people. */
#define LB_NAME_RULE "1 to 64 of A-Z a-z 0-9 . _ - and no . _ - first"

/* [A-Za-z0-9][A-Za-z0-9._-]{0,63}, len bytes at s (no NUL needed). Locale plays no part. */
bool keyname_ok(const char *s, size_t len);

#endif
