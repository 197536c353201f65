/* What the command says: notes, hints and errors. */
#include "command/cli.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"

/* The box that hints are about; zeros: none was named. */
static struct {
    const char *box;
    const char *dir;
    const char *users;
    bool system;
    bool own;
} called;

void cli_hints_are_about(const struct cli *c)
{
    called.box = c->box_named ? c->box : NULL;
    called.dir = c->dir;
    called.users = c->users;
    called.system = c->system;
    called.own = c->own;
}

const char *cli_quoted(const char *word, char ret[2 * PATH_MAX])
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._-,:=@%+";
    size_t at = 0;

    if (word[0] != '\0' && word[strspn(word, plain)] == '\0')
        return word;
    ret[at++] = '\'';
    for (; *word != '\0' && at < 2 * PATH_MAX - 6; word++)
        at += (size_t)snprintf(ret + at, 2 * PATH_MAX - at, "%s", *word == '\'' ? "'\\''" : (char[]){ *word, '\0' });
    snprintf(ret + at, 2 * PATH_MAX - at, "'");
    return ret;
}

static void print_called(FILE *out)
{
    char word[2 * PATH_MAX];

    if (called.dir != NULL)
        fprintf(out, " --dir %s", cli_quoted(called.dir, word));
    if (called.system)
        fputs(" --system", out);
    if (called.own)
        fputs(" --own", out);
    if (called.users != NULL)
        fprintf(out, " --users %s", cli_quoted(called.users, word));
}

/* Is that a command, and one that is about one box? */
static bool is_about_a_box(const char *word, size_t len)
{
    const struct command *k;
    char name[20];

    snprintf(name, sizeof(name), "%.*s", (int)len, word);
    k = command_find(name);
    return k != NULL && !k->no_box;
}

/* Prints what of s has to be as it is, up to a place where the box belongs; returns the rest. */
static const char *print_until_box(const char *s, FILE *out)
{
    static const char command[] = "littlebox ", named[] = "--box ", elsewhere[] = " --dir ";
    const char *found = strstr(s, command), *end;
    bool about;

    if (found == NULL) {
        fputs(s, out);
        return "";
    }
    end = found + strlen(command);
    if (strncmp(end, named, strlen(named)) == 0) {
        end += strlen(named);
        end += strcspn(end, " '");
        fwrite(s, 1, (size_t)(end - s), out);
        if (strncmp(end, elsewhere, strlen(elsewhere)) != 0)
            print_called(out);
        return end;
    }
    about = is_about_a_box(end, strcspn(end, " '"));
    end--;
    fwrite(s, 1, (size_t)(end - s), out);
    if (about && called.box != NULL)
        fprintf(out, " --box %s", called.box);
    if (about)
        print_called(out);
    return end;
}

void cli_hint_text(const char *hint, char *ret, size_t size)
{
    FILE *out = fmemopen(ret, size, "w");

    /* A stream to which nothing was written leaves it as it was. */
    ret[0] = '\0';
    if (out == NULL) {
        snprintf(ret, size, "%s", hint);
    } else {
        while (*hint != '\0')
            hint = print_until_box(hint, out);
        fclose(out);
        ret[size - 1] = '\0';
    }
    make_printable(ret);
}

void cli_hint(const char *fmt, ...)
{
    char text[3 * PATH_MAX], whole[6 * PATH_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cli_hint_text(text, whole, sizeof(whole));
    fprintf(stderr, "hint: %s\n", whole);
}

/* Names of files and of much else are in what is printed for people, and steer no terminal from there. */
static void LB_PRINTF(3, 0) print_line(FILE *out, const char *before, const char *fmt, va_list ap)
{
    char text[3 * PATH_MAX];

    vsnprintf(text, sizeof(text), fmt, ap);
    make_printable(text);
    fprintf(out, "%s%s\n", before, text);
}

int cli_fail(const struct problem *p)
{
    cli_note("%s", p->text[0] == '\0' ? lb_strerror(p->code) : p->text);
    if (p->hint[0] != '\0')
        cli_hint("%s", p->hint);
    return EXIT_FAILED;
}

int cli_fail_undone(const struct problem *p)
{
    (void)cli_fail(p);
    return EXIT_UNDONE;
}

int cli_usage_error(const struct cli *c, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_line(stderr, "littlebox: ", fmt, ap);
    va_end(ap);
    if (c->command == NULL)
        cli_hint("littlebox help");
    else
        cli_hint("littlebox help %s", c->command->name);
    return EXIT_USAGE;
}

int cli_usage_hint(const char *cure, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_line(stderr, "littlebox: ", fmt, ap);
    va_end(ap);
    cli_hint("%s", cure);
    return EXIT_USAGE;
}

void cli_note(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_line(stderr, "littlebox: ", fmt, ap);
    va_end(ap);
}

void cli_line(const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    print_line(stdout, "", fmt, ap);
    va_end(ap);
}
