/* littlebox help, and what is said of a command line that is wrong. */
#include "command/help.h"

#include <string.h>
#include <unistd.h>

#include "base/suggest.h"
#include "command/table.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char usage_head[] = "usage: littlebox [--box NAME] [--dir DIR] [--system | --own] [--users USERS] [--json] COMMAND ...\n"
                                 "\n"
                                 "Keeps private keys in a box, out of the processes that use them.\n"
                                 "\n";
static const char usage_tail[] =
    "\n"
    "  --box NAME   the box, 'default' if not given\n"
    "  --dir DIR    a box that has all its files in DIR (also: LITTLEBOX_DIR in the environment)\n"
    "  --system     the system's box, also if you are not root\n"
    "  --own        your own box; else it is that if you have made one, and the system's if not\n"
    "  --users USERS\n"
    "               whose box it may be, beside root's and your own: names or numbers\n"
    "  --json       print JSON\n"
    "\n"
    "example: littlebox create web && openssl req -x509 -provider littlebox -provider default \\\n"
    "             -key littlebox:web -subj /CN=localhost -out web.crt\n";

void help_overview(FILE *out)
{
    fputs(usage_head, out);
    for (const struct command *k = commands; k->name != NULL; k++)
        fprintf(out, "  %-9s  %s\n", k->name, k->help);
    fputs(usage_tail, out);
}

static void print_help(const struct command *k)
{
    printf("usage: littlebox %s%s%s\n\n%s\n", k->name, k->usage[0] == '\0' ? "" : " ", k->usage, k->help);
    if (k->more != NULL)
        printf("\n%s", k->more);
    if (k->more_names != NULL)
        k->more_names(stdout);
    if (k->options != 0)
        putchar('\n');
    for (int i = cli_option_next(k, -1); i >= 0; i = cli_option_next(k, i)) {
        const struct option_text *o = &cli_options[i];
        char left[40];

        snprintf(left, sizeof(left), "%s%s%s", o->name, o->value == NULL ? "" : " ", o->value == NULL ? "" : o->value);
        printf("  %-24s  %s\n", left, o->help);
    }
    if (k->example != NULL)
        printf("\nexample: %s\n", k->example);
}

/* All commands, or that one. */
static void json_help(const struct command *only)
{
    struct json j;

    json_start(&j, stdout);
    json_open(&j, NULL, '[');
    for (const struct command *k = commands; k->name != NULL; k++) {
        if (only != NULL && only != k)
            continue;
        json_open(&j, NULL, '{');
        json_string(&j, "command", k->name);
        json_string(&j, "usage", k->usage);
        json_string(&j, "help", k->help);
        json_string(&j, "example", k->example);
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_end(&j);
}

int cmd_help(struct cli *c)
{
    const struct command *k = NULL;

    if (c->arg_count > 0) {
        k = command_find(c->args[0]);
        if (k == NULL)
            return help_no_command(c->args[0], /* next= */ NULL);
    }
    if (c->json)
        json_help(k);
    else if (k != NULL)
        print_help(k);
    else
        help_overview(stdout);
    return EXIT_DONE;
}

/* What is wrong */

/* Words that people look for here, and where they find that instead, if anywhere. */
static const struct {
    const char *word;
    const char *cure;
} elsewhere[] = {
    { "export", "a key never leaves its box: programs get 'littlebox handle KEY', everybody 'littlebox show KEY --public'" },
    { "start", "systemctl start littleboxd@default, for box 'default'; a user's own box starts when it is needed" },
    { "stop", "systemctl stop littleboxd@default.socket littleboxd@default.service, for box 'default'; to make it forget its "
              "clear keys: littlebox lock" },
    { "restart", "systemctl restart littleboxd@default, for box 'default'; what it serves goes on" },
    { "reload", "systemctl restart littleboxd@default, for box 'default': it reads BOX.conf at its start, and what it serves goes on" },
    { "log", "journalctl -u littleboxd@default, for box 'default'" },
    { "logs", "journalctl -u littleboxd@default, for box 'default'" },
    { "sign", "openssl pkeyutl -sign -inkey littlebox:KEY, or any other program that uses OpenSSL" },
};

/* Is word one of these, with blanks between? */
static bool is_one_of(const char *words, const char *word)
{
    while (*words != '\0') {
        size_t len = strcspn(words, " ");

        if (strlen(word) == len && strncmp(words, word, len) == 0)
            return true;
        words += len + strspn(words + len, " ");
    }
    return false;
}

static const char *command_meant(const char *word)
{
    struct suggestion s;

    for (const struct command *k = commands; k->name != NULL; k++) {
        if (!k->destroys && k->synonyms != NULL && is_one_of(k->synonyms, word))
            return k->name;
    }
    suggest_start(&s, word);
    for (const struct command *k = commands; k->name != NULL; k++)
        suggest_try(&s, k->name);
    return s.best == NULL || command_find(s.best)->destroys ? NULL : s.best;
}

int help_no_command(const char *word, const char *next)
{
    const char *meant = command_meant(word);

    cli_note("there is no command '%s'", word);
    for (size_t i = 0; i < COUNT(elsewhere); i++) {
        if (strcmp(elsewhere[i].word, word) == 0) {
            cli_hint("%s", elsewhere[i].cure);
            return EXIT_USAGE;
        }
    }
    if (next != NULL && command_find(next) != NULL && !command_find(next)->destroys)
        cli_hint("the command comes first: littlebox %s %s", next, word);
    else if (meant != NULL)
        cli_hint("did you mean '%s'? All commands: littlebox help", meant);
    else
        cli_hint("littlebox help");
    return EXIT_USAGE;
}

/* The option that was meant, of those that could stand here. */
static const char *option_meant(const struct command *command, const char *word)
{
    struct suggestion s;

    suggest_start(&s, word);
    for (int i = command == NULL ? -1 : cli_option_next(command, -1); i >= 0; i = cli_option_next(command, i))
        suggest_try(&s, cli_options[i].name);
    for (const struct option_text *o = cli_globals; o->name != NULL; o++)
        suggest_try(&s, o->name);
    return s.best;
}

/* The commands that take option i, "allow, deny". */
static void who_takes(int i, char *ret, size_t size)
{
    size_t len = 0;

    ret[0] = '\0';
    for (const struct command *k = commands; k->name != NULL && len < size; k++) {
        if ((k->options & (1ull << i)) != 0 && !k->destroys)
            len += (size_t)snprintf(ret + len, size - len, "%s%s", len == 0 ? "" : ", ", k->name);
    }
}

/* What to do without an option that the command makes needless. NULL: it is not needless. */
static const char *needless_cure(const struct command *command, const char *name)
{
    bool needless = command != NULL && command->needless != NULL && strcmp(command->needless, name) == 0;

    return needless ? command->needless_cure : NULL;
}

int help_no_option(const struct command *command, const char *word)
{
    size_t len = strcspn(word, "=");
    char name[40], takers[200] = "", behind[60] = "";
    const char *meant = NULL;
    int known = -1;

    snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1), word);
    for (int i = 0; i < OPT_COUNT; i++)
        known = strcmp(cli_options[i].name, name) == 0 ? i : known;
    if (known >= 0)
        who_takes(known, takers, sizeof(takers));
    else
        meant = option_meant(command, name);
    if (command != NULL) {
        cli_note("unknown option '%s' for '%s'", word, command->name);
        snprintf(behind, sizeof(behind), " %s", command->name);
    } else if (known >= 0) {
        cli_note("'%s' belongs behind the command that it is for", name);
    } else {
        cli_note("unknown option '%s'", word);
    }
    if (needless_cure(command, name) != NULL)
        cli_hint("%s", needless_cure(command, name));
    else if (takers[0] != '\0')
        cli_hint("%s goes with %s. littlebox help%s", name, takers, behind);
    else if (meant != NULL)
        cli_hint("did you mean %s? littlebox help%s", meant, behind);
    else
        cli_hint("littlebox help%s", behind);
    return EXIT_USAGE;
}

int help_too_many(const struct cli *c, const char *word)
{
    const struct command *k = c->command;
    const char *first = c->args[0], *second = word;
    char cure[300];

    if (k->max_args == 0)
        return cli_usage_error(c, "'%s' takes no argument: '%s'", k->name, word);
    if (k->forgotten == NULL)
        return cli_usage_error(c, "one argument too many: '%s'", word);
    /* The command takes a file alone, and got the file and the other word, in either order. */
    if (strncmp(k->usage, "FILE ", strlen("FILE ")) == 0 && access(first, F_OK) != 0 && access(second, F_OK) == 0)
        first = word, second = c->args[0];
    snprintf(cure, sizeof(cure), "littlebox %s %s %s %s", k->name, first, k->forgotten, second);
    return cli_usage_hint(cure, "one argument too many: '%s'", word);
}
