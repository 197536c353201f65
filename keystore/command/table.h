/* What the command prints on standard output: aligned tables for people, JSON for programs. */
#ifndef LB_COMMAND_TABLE_H
#define LB_COMMAND_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/errors.h"

/* JSON (RFC 8259), written as it comes. name is a member's; NULL inside arrays and at the top. */
struct json {
    FILE *out;
    unsigned depth;
    bool empty; /* nothing written yet at this depth */
};

void json_start(struct json *j, FILE *out);
/* bracket is '{' or '[', and '}' or ']' to close. */
void json_open(struct json *j, const char *name, char bracket);
void json_close(struct json *j, char bracket);
/* NULL is null. Bytes that are not UTF-8 become U+FFFD. */
void json_string(struct json *j, const char *name, const char *value);
void json_number(struct json *j, const char *name, uint64_t value);
void json_bool(struct json *j, const char *name, bool value);
void json_null(struct json *j, const char *name);
/* The newline at the end. */
void json_end(struct json *j);

/* How JSON shows a column: an empty cell is null in each case, and "-" in the table. */
enum cell { CELL_STRING, CELL_NUMBER, CELL_BOOL };

/* A column; title NULL: in JSON only. field NULL: in the table only. */
struct column {
    const char *title;
    const char *field; /* a documented, stable name */
    enum cell cell;    /* CELL_BOOL cells are "yes" or "no" */
};

/* Rows of text cells, copied as they are added. columns must outlive the table. */
struct table;

struct table *table_new(const struct column *columns, size_t count);
void table_free(struct table *t);
size_t table_rows(const struct table *t);
/* "" for an empty one; the table's. */
const char *table_cell(const struct table *t, size_t row, size_t column);
/* As many strings as there are columns; NULL is an empty cell. LB_E_NOMEM. */
LB_MUST_USE int table_add(struct table *t, const char *const *cells);
/* Header and rows, columns aligned with two blanks between them; numbers to the right. Makes the cells printable for good. */
void table_print(const struct table *t, FILE *out);
/* An array of objects. */
void table_json(const struct table *t, struct json *j, const char *name);
/* All that a command says: the table on standard output, as JSON or for people. */
void table_say(const struct table *t, bool as_json);

#define RFC3339_SIZE 24
/* RFC 3339 in UTC: "2026-11-23T03:28:11Z". "" for 0. */
void rfc3339_text(uint64_t seconds, char ret[RFC3339_SIZE]);

#endif
