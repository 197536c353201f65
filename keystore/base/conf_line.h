/* The lines of BOX.conf: "name = value", blanks around both, '#' before a comment (littlebox.conf(5)). */
#ifndef LB_BASE_CONF_LINE_H
#define LB_BASE_CONF_LINE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Takes a line apart in place. *ret_name is NULL for an empty line or a comment. *ret_value is NULL for a line without '=',
 * and *ret_name is that line.
 */
void confline_split(char *line, char **ret_name, char **ret_value);

/*
 * The value of the last line with that name in the file, as a box would read it. False: there is no such line, the value is
 * longer than size - 1 bytes, or the file cannot be read. The file may be in somebody else's directory: it is never waited for,
 * as a pipe would have it.
 */
bool confline_find(const char *path, const char *name, char *ret, size_t size);

#endif
