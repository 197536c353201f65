/* The difference of two texts, for people and for patch(1). */
#include "activation/text_diff.h"

#include <stdbool.h>
#include <string.h>

#define CONTEXT 3

static size_t line_length(const char *s)
{
    const char *end = strchr(s, '\n');

    return end == NULL ? strlen(s) : (size_t)(end - s) + 1;
}

static size_t count_lines(const char *s)
{
    size_t ret = 0;

    for (; *s != '\0'; s += line_length(s))
        ret++;
    return ret;
}

/* The line that ends where end is. */
static const char *line_before(const char *text, const char *end)
{
    if (end > text)
        end--;
    while (end > text && end[-1] != '\n')
        end--;
    return end;
}

static bool same_line(const char *a, const char *b)
{
    return line_length(a) == line_length(b) && memcmp(a, b, line_length(a)) == 0;
}

static void print_lines(FILE *out, char sign, const char *s, size_t count)
{
    for (; count > 0; count--, s += line_length(s)) {
        size_t len = line_length(s);
        bool ended = s[len - 1] == '\n';

        fputc(sign, out);
        for (size_t i = 0; i < len - ended; i++) {
            /* The file may be anybody's, and steers no terminal. */
            unsigned char byte = (unsigned char)s[i];

            fputc((byte < 0x20 && byte != '\t') || byte == 0x7f ? '?' : byte, out);
        }
        fputs(ended ? "\n" : "\n\\ No newline at end of file\n", out);
    }
}

static void print_range(FILE *out, char sign, size_t from, size_t count)
{
    fprintf(out, " %c%zu,%zu", sign, count == 0 ? from : from + 1, count);
}

void text_diff(FILE *out, const char *path, const char *old, const char *new)
{
    const char *a = old == NULL ? "" : old, *b = new == NULL ? "" : new, *from = a, *in_b = b;
    const char *end_a = a + strlen(a), *end_b = b + strlen(b), *until;
    size_t head = 0, tail = 0, before, after, gone, come;

    if (strcmp(a, b) == 0 && (old == NULL) == (new == NULL))
        return;
    for (; *from != '\0' && *in_b != '\0' && same_line(from, in_b); head++) {
        from += line_length(from);
        in_b += line_length(in_b);
    }
    for (; end_a > from && end_b > in_b && same_line(line_before(a, end_a), line_before(b, end_b)); tail++) {
        end_a = line_before(a, end_a);
        end_b = line_before(b, end_b);
    }
    gone = count_lines(from) - tail;
    come = count_lines(in_b) - tail;
    before = head > CONTEXT ? CONTEXT : head;
    after = tail > CONTEXT ? CONTEXT : tail;
    fprintf(out, "--- %s\n+++ %s\n@@", old == NULL ? "/dev/null" : path, new == NULL ? "/dev/null" : path);
    print_range(out, '-', head - before, before + gone + after);
    print_range(out, '+', head - before, before + come + after);
    fputs(" @@\n", out);
    until = from;
    for (size_t i = 0; i < before; i++)
        until = line_before(a, until);
    print_lines(out, ' ', until, before);
    print_lines(out, '-', from, gone);
    print_lines(out, '+', in_b, come);
    print_lines(out, ' ', end_a, after);
}
