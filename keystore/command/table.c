/* What the command prints on standard output: aligned tables for people, JSON for programs. */
#include "command/table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/printable.h"

/* JSON */

void json_start(struct json *j, FILE *out)
{
    *j = (struct json){ .out = out, .empty = true };
}

static void line(struct json *j)
{
    fputc('\n', j->out);
    for (unsigned i = 0; i < j->depth; i++)
        fputs("  ", j->out);
}

/* Length of the well-formed UTF-8 sequence at s (RFC 3629), 0 for none. */
static size_t utf8_length(const unsigned char *s)
{
    static const struct {
        unsigned char first, last, next_min, next_max;
        size_t length;
    } forms[] = {
        { 0x00, 0x7f, 0x00, 0x00, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
        { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
        { 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
    };

    for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
        if (s[0] < forms[i].first || s[0] > forms[i].last)
            continue;
        if (forms[i].length > 1 && (s[1] < forms[i].next_min || s[1] > forms[i].next_max))
            return 0;
        for (size_t k = 2; k < forms[i].length; k++) {
            if ((s[k] & 0xc0) != 0x80)
                return 0;
        }
        return forms[i].length;
    }
    return 0;
}

static void quoted(FILE *out, const char *s)
{
    const unsigned char *p = (const unsigned char *)s;

    fputc('"', out);
    while (*p != '\0') {
        size_t len = utf8_length(p);

        if (*p == '"' || *p == '\\')
            fprintf(out, "\\%c", *p);
        else if (*p == '\n')
            fputs("\\n", out);
        else if (*p < 0x20 || *p == 0x7f)
            fprintf(out, "\\u%04x", *p);
        else if (len == 2 && p[0] == 0xc2 && p[1] < 0xa0) /* U+0080 to U+009F, which some terminals obey */
            fprintf(out, "\\u%04x", p[1]);
        else if (len == 0)
            fputs("\\ufffd", out);
        else
            fwrite(p, 1, len, out);
        p += len == 0 ? 1 : len;
    }
    fputc('"', out);
}

static void begin(struct json *j, const char *name)
{
    if (!j->empty)
        fputc(',', j->out);
    if (j->depth > 0)
        line(j);
    j->empty = false;
    if (name != NULL) {
        quoted(j->out, name);
        fputs(": ", j->out);
    }
}

void json_open(struct json *j, const char *name, char bracket)
{
    begin(j, name);
    fputc(bracket, j->out);
    j->depth++;
    j->empty = true;
}

void json_close(struct json *j, char bracket)
{
    j->depth--;
    if (!j->empty)
        line(j);
    j->empty = false;
    fputc(bracket, j->out);
}

void json_string(struct json *j, const char *name, const char *value)
{
    if (value == NULL) {
        json_null(j, name);
        return;
    }
    begin(j, name);
    quoted(j->out, value);
}

void json_number(struct json *j, const char *name, uint64_t value)
{
    begin(j, name);
    fprintf(j->out, "%" PRIu64, value);
}

void json_bool(struct json *j, const char *name, bool value)
{
    begin(j, name);
    fputs(value ? "true" : "false", j->out);
}

void json_null(struct json *j, const char *name)
{
    begin(j, name);
    fputs("null", j->out);
}

void json_end(struct json *j)
{
    fputc('\n', j->out);
}

/* Tables */

struct table {
    const struct column *columns;
    size_t count;
    char **cells; /* row by row; each owned by the table */
    size_t rows;
};

struct table *table_new(const struct column *columns, size_t count)
{
    struct table *t = calloc(1, sizeof(*t));

    if (t == NULL)
        return NULL;
    t->columns = columns;
    t->count = count;
    return t;
}

void table_free(struct table *t)
{
    if (t == NULL)
        return;
    for (size_t i = 0; i < t->rows * t->count; i++)
        free(t->cells[i]);
    free(t->cells);
    free(t);
}

size_t table_rows(const struct table *t)
{
    return t->rows;
}

int table_add(struct table *t, const char *const *cells)
{
    char **more = reallocarray(t->cells, (t->rows + 1) * t->count, sizeof(*more));
    char **row;

    if (more == NULL)
        return LB_E_NOMEM;
    t->cells = more;
    row = more + t->rows * t->count;
    for (size_t i = 0; i < t->count; i++) {
        row[i] = strdup(cells[i] == NULL ? "" : cells[i]);
        if (row[i] != NULL)
            continue;
        while (i > 0)
            free(row[--i]);
        return LB_E_NOMEM;
    }
    t->rows++;
    return 0;
}

const char *table_cell(const struct table *t, size_t row, size_t column)
{
    return t->cells[row * t->count + column];
}

static const char *shown(const struct table *t, size_t row, size_t column)
{
    const char *s = table_cell(t, row, column);

    return s[0] == '\0' ? "-" : s;
}

/* Characters, not bytes: names of users may be UTF-8. */
static size_t width(const char *s)
{
    size_t n = 0;

    for (; *s != '\0'; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

static size_t column_width(const struct table *t, size_t column)
{
    size_t widest = width(t->columns[column].title);

    for (size_t row = 0; row < t->rows; row++) {
        size_t n = width(shown(t, row, column));

        widest = n > widest ? n : widest;
    }
    return widest;
}

/* No blanks at the end of a line. */
static void print_cell(const char *s, size_t wide, bool right, bool last, FILE *out)
{
    size_t pad = wide > width(s) ? wide - width(s) : 0;

    if (right)
        fprintf(out, "%*s", (int)pad, "");
    fputs(s, out);
    if (!right && !last)
        fprintf(out, "%*s", (int)pad, "");
    fputs(last ? "\n" : "  ", out);
}

void table_print(const struct table *t, FILE *out)
{
    size_t last = 0, *wide = calloc(t->count, sizeof(*wide));

    for (size_t i = 0; i < t->rows * t->count; i++)
        make_printable(t->cells[i]);
    for (size_t i = 0; i < t->count; i++) {
        last = t->columns[i].title != NULL ? i : last;
        /* Without memory for the widths the table is printed all the same, but not aligned. */
        if (wide != NULL && t->columns[i].title != NULL)
            wide[i] = column_width(t, i);
    }
    for (size_t row = 0; row <= t->rows; row++) {
        for (size_t i = 0; i < t->count; i++) {
            const struct column *c = &t->columns[i];

            if (c->title != NULL)
                print_cell(row == 0 ? c->title : shown(t, row - 1, i), wide == NULL ? 0 : wide[i],
                           c->cell == CELL_NUMBER, i == last, out);
        }
    }
    free(wide);
}

static void json_cell(struct json *j, const struct column *c, const char *s)
{
    if (s[0] == '\0') {
        json_null(j, c->field);
    } else if (c->cell == CELL_STRING) {
        json_string(j, c->field, s);
    } else if (c->cell == CELL_BOOL) {
        json_bool(j, c->field, strcmp(s, "yes") == 0);
    } else {
        json_number(j, c->field, strtoull(s, NULL, 10));
    }
}

void table_json(const struct table *t, struct json *j, const char *name)
{
    json_open(j, name, '[');
    for (size_t row = 0; row < t->rows; row++) {
        json_open(j, NULL, '{');
        for (size_t i = 0; i < t->count; i++) {
            if (t->columns[i].field != NULL)
                json_cell(j, &t->columns[i], table_cell(t, row, i));
        }
        json_close(j, '}');
    }
    json_close(j, ']');
}

void table_say(const struct table *t, bool as_json)
{
    struct json j;

    if (!as_json) {
        table_print(t, stdout);
        return;
    }
    json_start(&j, stdout);
    table_json(t, &j, NULL);
    json_end(&j);
}

void rfc3339_text(uint64_t seconds, char ret[RFC3339_SIZE])
{
    time_t t = (time_t)seconds;
    struct tm tm;

    ret[0] = '\0';
    if (seconds != 0 && gmtime_r(&t, &tm) != NULL && strftime(ret, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        ret[0] = '\0';
}
