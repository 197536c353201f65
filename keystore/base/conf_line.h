/* The lines of BOX.conf: "name = value", blanks around both, '#' before a comment (littlebox.conf(5)). */
#ifndef LB_BASE_CONF_LINE_H
#define LB_BASE_CONF_LINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes a line apart in place. Nothing in it, or a comment: *ret_name is NULL. No '=': *ret_value is NULL, and *ret_name is
 * the line.
 */
void confline_split(char *line, char **ret_name, char **ret_value);

/*
 * The value of the last line with that name in the file, as a box would read it; false: there is none, it is longer than
 * size - 1 bytes, or the file cannot be read. It may be in a directory of others: a pipe there keeps nobody waiting.
 */
bool confline_find(const char *path, const char *name, char *ret, size_t size);

#endif
