/* Checks that its input is one JSON value (RFC 8259), and prints what is at given places in it. */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * jsoncheck [PLACE]...   names of members and numbers of elements with dots between them: 0.key
 *
 * Prints the value at each place on a line of its own, as it stands in the input without the blanks between its
 * parts; strings keep their quotes. "" is the whole value, "*" stands for every element or member in turn, and two
 * words end a place: "@" is the names of an object's members, with commas between them; "#" is how many members or
 * elements there are. Names are compared as they are written. Stricter than the standard: no name twice in an
 * object, and nothing behind the value but one newline. Exit status 1: not JSON, or nothing at a place.
 */
#define INPUT_MAX (1 << 20)
#define DEPTH_MAX 32
#define MEMBERS_MAX 512

struct text {
    const char *p;
    size_t len;
};

struct input {
    const char *start, *p, *end;
    unsigned depth;
    const char *wrong; /* what is, at p */
};

static bool refuse(struct input *in, const char *what)
{
    if (in->wrong == NULL)
        in->wrong = what;
    return false;
}

static bool next_is(struct input *in, char c)
{
    if (in->p == in->end || *in->p != c)
        return false;
    in->p++;
    return true;
}

static void blanks(struct input *in)
{
    while (in->p < in->end && strchr(" \t\r\n", *in->p) != NULL && *in->p != '\0')
        in->p++;
}

static bool word(struct input *in, const char *w)
{
    size_t len = strlen(w);

    if ((size_t)(in->end - in->p) < len || memcmp(in->p, w, len) != 0)
        return refuse(in, "an unknown word");
    in->p += len;
    return true;
}

static size_t digits(struct input *in)
{
    const char *from = in->p;

    while (in->p < in->end && *in->p >= '0' && *in->p <= '9')
        in->p++;
    return (size_t)(in->p - from);
}

static bool number(struct input *in)
{
    (void)next_is(in, '-');
    if (!next_is(in, '0') && digits(in) == 0)
        return refuse(in, "a number without digits");
    if (in->p < in->end && *in->p >= '0' && *in->p <= '9')
        return refuse(in, "a number that begins with 0");
    if (next_is(in, '.') && digits(in) == 0)
        return refuse(in, "a fraction without digits");
    if (next_is(in, 'e') || next_is(in, 'E')) {
        if (!next_is(in, '+'))
            (void)next_is(in, '-');
        if (digits(in) == 0)
            return refuse(in, "an exponent without digits");
    }
    return true;
}

/* One character of more than one byte (RFC 3629): no overlong form, no surrogate, nothing above U+10FFFF. */
static bool utf8(struct input *in)
{
    static const struct {
        unsigned char from, to, second_from, second_to;
        size_t more;
    } rows[] = {
        { 0xc2, 0xdf, 0x80, 0xbf, 1 }, { 0xe0, 0xe0, 0xa0, 0xbf, 2 }, { 0xe1, 0xec, 0x80, 0xbf, 2 },
        { 0xed, 0xed, 0x80, 0x9f, 2 }, { 0xee, 0xef, 0x80, 0xbf, 2 }, { 0xf0, 0xf0, 0x90, 0xbf, 3 },
        { 0xf1, 0xf3, 0x80, 0xbf, 3 }, { 0xf4, 0xf4, 0x80, 0x8f, 3 },
    };
    const unsigned char *c = (const unsigned char *)in->p;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if (c[0] < rows[i].from || c[0] > rows[i].to)
            continue;
        if ((size_t)(in->end - in->p) <= rows[i].more || c[1] < rows[i].second_from || c[1] > rows[i].second_to)
            break;
        for (size_t k = 2; k <= rows[i].more; k++) {
            if ((c[k] & 0xc0) != 0x80)
                return refuse(in, "bytes that are not UTF-8");
        }
        in->p += 1 + rows[i].more;
        return true;
    }
    return refuse(in, "bytes that are not UTF-8");
}

static bool escape(struct input *in)
{
    if (in->p == in->end || strchr("\"\\/bfnrtu", *in->p) == NULL || *in->p == '\0')
        return refuse(in, "an unknown escape");
    if (*in->p++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, in->p++) {
        if (in->p == in->end || strchr("0123456789abcdefABCDEF", *in->p) == NULL || *in->p == '\0')
            return refuse(in, "a \\u without four hexadecimal digits");
    }
    return true;
}

/* *ret_inner: what is between the quotes, as it is written. */
static bool string(struct input *in, struct text *ret_inner)
{
    if (!next_is(in, '"'))
        return refuse(in, "no string where one must be");
    ret_inner->p = in->p;
    while (in->p < in->end && *in->p != '"') {
        unsigned char c = (unsigned char)*in->p;

        if (c < 0x20)
            return refuse(in, "a control character in a string");
        if (c >= 0x80) {
            if (!utf8(in))
                return false;
            continue;
        }
        in->p++;
        if (c == '\\' && !escape(in))
            return false;
    }
    ret_inner->len = (size_t)(in->p - ret_inner->p);
    return next_is(in, '"') || refuse(in, "a string without an end");
}

static bool same(struct text a, struct text b)
{
    return a.len == b.len && memcmp(a.p, b.p, a.len) == 0;
}

static bool value(struct input *in, const char *place);

/* What is left of a place behind its first part. "" is the value itself, and NULL: nothing is to be printed. */
static const char *deeper(const char *place, struct text name)
{
    size_t len;

    if (place == NULL || *place == '\0')
        return NULL;
    len = strcspn(place, ".");
    if (!(len == 1 && *place == '*') && !same(name, (struct text){ place, len }))
        return NULL;
    return place[len] == '.' ? place + len + 1 : place + len;
}

static bool is_word(const char *place, const char *w)
{
    return place != NULL && strcmp(place, w) == 0;
}

static size_t printed; /* values */

/* The members of an object or the elements of an array, from behind the bracket on. */
static bool members(struct input *in, bool named, const char *place)
{
    const char close = named ? '}' : ']';
    struct text names[MEMBERS_MAX];
    size_t count = 0;

    blanks(in);
    if (!next_is(in, close)) {
        do {
            char index[24];

            if (count == MEMBERS_MAX)
                return refuse(in, "more members than this program holds");
            blanks(in);
            if (named) {
                if (!string(in, &names[count]))
                    return false;
                for (size_t i = 0; i < count; i++) {
                    if (same(names[i], names[count]))
                        return refuse(in, "a name for the second time");
                }
                blanks(in);
                if (!next_is(in, ':'))
                    return refuse(in, "no ':' behind a name");
            } else {
                snprintf(index, sizeof(index), "%zu", count);
                names[count] = (struct text){ index, strlen(index) };
            }
            if (!value(in, deeper(place, names[count])))
                return false;
            blanks(in);
            count++;
        } while (next_is(in, ','));
        if (!next_is(in, close))
            return refuse(in, "neither ',' nor the end");
    }
    if (is_word(place, "#")) {
        printf("%zu\n", count);
        printed++;
    } else if (named && is_word(place, "@")) {
        for (size_t i = 0; i < count; i++)
            printf("%s%.*s", i == 0 ? "" : ",", (int)names[i].len, names[i].p);
        putchar('\n');
        printed++;
    }
    return true;
}

static void print_compact(const char *p, const char *end)
{
    for (bool quoted = false; p < end; p++) {
        if (quoted && *p == '\\')
            putchar(*p++);
        else if (*p == '"')
            quoted = !quoted;
        if (quoted || strchr(" \t\r\n", *p) == NULL)
            putchar(*p);
    }
    putchar('\n');
    printed++;
}

static bool value(struct input *in, const char *place)
{
    struct text inner;
    const char *start;
    bool good;

    blanks(in);
    start = in->p;
    if (in->p == in->end)
        return refuse(in, "the end where a value must be");
    if (++in->depth > DEPTH_MAX)
        return refuse(in, "too many brackets");
    switch (*in->p) {
    case '{':
    case '[':
        in->p++;
        good = members(in, *start == '{', place);
        break;
    case '"':
        good = string(in, &inner);
        break;
    case 't':
        good = word(in, "true");
        break;
    case 'f':
        good = word(in, "false");
        break;
    case 'n':
        good = word(in, "null");
        break;
    default:
        good = number(in);
    }
    in->depth--;
    if (good && place != NULL && *place == '\0')
        print_compact(start, in->p);
    return good;
}

/* The whole input; place NULL checks only. */
static bool document(struct input in, const char *place)
{
    if (value(&in, place)) {
        (void)next_is(&in, '\n');
        if (in.p == in.end)
            return true;
        refuse(&in, "more behind the value");
    }
    fprintf(stderr, "jsoncheck: byte %zu: %s\n", (size_t)(in.p - in.start), in.wrong);
    return false;
}

int main(int argc, char **argv)
{
    static char buf[INPUT_MAX];
    size_t len = fread(buf, 1, sizeof(buf), stdin);
    struct input in = { .start = buf, .p = buf, .end = buf + len };

    if (ferror(stdin) || len == sizeof(buf)) {
        fputs("jsoncheck: cannot read the input\n", stderr);
        return 1;
    }
    if (!document(in, /* place= */ NULL))
        return 1;
    for (int i = 1; i < argc; i++) {
        size_t before = printed;

        if (!document(in, argv[i]))
            return 1;
        /* Of no elements every one was printed. */
        if (printed == before && strchr(argv[i], '*') == NULL) {
            fprintf(stderr, "jsoncheck: nothing at '%s'\n", argv[i]);
            return 1;
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
