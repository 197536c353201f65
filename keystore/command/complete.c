/*
 * littlebox complete: what a shell may propose for the word under the cursor. It goes by the table of subcommands, so that
 * the shells' own scripts need to know nothing.
 */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/printable.h"
#include "client/keys.h"
#include "command/cli.h"
#include "command/client.h"
#include "doctor/servers/servers.h"
#include "model/key_name.h"
#include "model/key_types.h"
#include "protocol/keys.h"

/* Seconds. The cursor does not move meanwhile, so it is better to propose nothing than to propose late. */
#define PATIENCE 3
#define WORD_SIZE 64
#define TEXT_SIZE 200

/* The line as far as it is written. */
struct command_line {
    struct cli cli; /* which box it is about */
    const char *words[CLI_ARGS_MAX]; /* the arguments */
    size_t args;    /* how many there are, however few the command takes */
    unsigned long long given; /* OPT_BIT()s */
    const struct option_text *open; /* the option whose value comes next; NULL: none */
};

/*
 * What is proposed: word, and behind a tab what it is. prefix is the part of the word under the cursor that stands before
 * word.
 */
struct cursor {
    const char *prefix;
    const char *begun;
};

static void propose(const struct cursor *at, const char *word, const char *text)
{
    char plain[TEXT_SIZE];

    if (strncmp(word, at->begun, strlen(at->begun)) != 0)
        return;
    /* Names have plain characters only; what a box calls the type of a key may have others. */
    snprintf(plain, sizeof(plain), "%s", text == NULL ? "" : text);
    make_printable(plain);
    printf("%s%s%s%s\n", at->prefix, word, text == NULL ? "" : "\t", plain);
}

/* "a, b c" */
static void propose_words(const struct cursor *at, const char *words)
{
    while (*words != '\0') {
        size_t len = strcspn(words, ", ");
        char word[WORD_SIZE];

        snprintf(word, sizeof(word), "%.*s", (int)len, words);
        propose(at, word, NULL);
        words += len + strspn(words + len, ", ");
    }
}

/* What the words of usage lines and options stand for */

static void of_key(const struct command_line *l, const struct cursor *at)
{
    struct key_entry e = { .name = "" };
    struct client *c = NULL;
    struct problem p;
    bool more = true;

    if (l->cli.command->new_key || client_open(&l->cli, CLIENT_RUNNING, &c, &p) != 0)
        return;
    while (more) {
        struct wire_reader r;
        uint16_t count;

        if (ask_list(c->ask, e.name, &more, &count, &r, &p) != 0 || count == 0)
            break;
        for (unsigned i = 0; i < count && r.error == 0; i++) {
            msg_list_entry_get(&r, &e);
            if (r.error == 0 && !key_state_destroyed(e.state))
                propose(at, e.name, e.type);
        }
        more = more && r.error == 0;
    }
    client_close(c);
}

static void each_box(void *arg, const char *box)
{
    propose(arg, box, NULL);
}

/* Proposes the boxes with a directory and no socket: they were made, and do not run. */
static void each_made(const struct dirs *dirs, const struct cursor *at)
{
    DIR *dir = opendir(dirs->state);
    const struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        struct box_paths paths;
        struct stat st;

        if (keyname_ok(e->d_name, strlen(e->d_name)) && fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            S_ISDIR(st.st_mode) && box_paths(dirs, e->d_name, &paths) == 0 && access(paths.socket, F_OK) < 0)
            propose(at, e->d_name, NULL);
    }
    if (dir != NULL)
        closedir(dir);
}

static void of_box(const struct command_line *l, const struct cursor *at)
{
    struct dirs dirs;

    (void)!paths_each_box(l->cli.dir, each_box, (void *)at);
    if (dirs_find(l->cli.dir, l->cli.dir == NULL ? DIRS_SYSTEM : DIRS_DEFAULT, &dirs) == 0)
        each_made(&dirs, at);
    if (l->cli.dir == NULL && geteuid() != 0 && dirs_find(/* dir= */ NULL, DIRS_USER, &dirs) == 0)
        each_made(&dirs, at);
}

static void of_type(const struct command_line *l, const struct cursor *at)
{
    char type[LB_TYPE_MAX + 1];

    (void)l;
    for (size_t i = 0; keytype_name(i, type); i++)
        propose(at, type, NULL);
}

static void of_server(const struct command_line *l, const struct cursor *at)
{
    (void)l;
    for (const struct server_program *s = servers; s->name != NULL; s++) {
        if (s->unable == NULL)
            propose(at, s->name, NULL);
    }
}

static void of_operations(const struct command_line *l, const struct cursor *at)
{
    (void)l;
    propose_words(at, "sign decrypt derive");
}

static void of_command(const struct command_line *l, const struct cursor *at)
{
    (void)l;
    for (const struct command *k = commands; k->name != NULL; k++)
        propose(at, k->name, k->help);
}

static const struct {
    const char *word;
    void (*propose)(const struct command_line *l, const struct cursor *at);
    const char *shell; /* what the shell knows better */
} kinds[] = {
    { "KEY", of_key, NULL },         { "PATTERN", of_key, NULL },        { "BOX", of_box, NULL },
    { "TYPE", of_type, NULL },       { "SERVER", of_server, NULL },      { "OPERATIONS", of_operations, NULL },
    { "COMMAND", of_command, NULL }, { "FILE", NULL, ":files" },         { "PATH", NULL, ":files" },
    { "URI|FILE", NULL, ":files" },  { "DIR", NULL, ":directories" },    { "USER", NULL, ":users" },
    { "USERS", NULL, ":users" },     { "GROUP", NULL, ":groups" },
};

static void of_kind(const struct command_line *l, const struct cursor *at, const char *word)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (strcmp(kinds[i].word, word) != 0)
            continue;
        if (kinds[i].shell != NULL)
            puts(kinds[i].shell);
        else
            kinds[i].propose(l, at);
    }
}

/* Usage lines and options */

/* The option that word begins with, up to its '=' or end. NULL: there is none. */
static const struct option_text *find_option(const struct command_line *l, const char *word)
{
    size_t len = strcspn(word, "=");

    for (const struct option_text *o = cli_globals; o->name != NULL; o++) {
        if (strlen(o->name) == len && strncmp(o->name, word, len) == 0)
            return o;
    }
    for (int i = 0; l->cli.command != NULL && i < OPT_COUNT; i++) {
        const struct option_text *o = &cli_options[i];

        if ((l->cli.command->options & (1ull << i)) != 0 && strlen(o->name) == len && strncmp(o->name, word, len) == 0)
            return o;
    }
    return NULL;
}

/*
 * The next word of a usage line, without brackets and without what is bound to it ("KEY[;version=N]" is "KEY"). "|" between
 * ways to use a command is a word; inside of brackets it is none. False: the line is over.
 */
static bool next_word(const char **at, unsigned *depth, char ret[WORD_SIZE])
{
    const char *s = *at;
    size_t len;

    while (*s == ' ' || *s == '[')
        *depth += *s++ == '[';
    if (*s == '\0')
        return false;
    len = strcspn(s, " []");
    snprintf(ret, WORD_SIZE, "%.*s", (int)len, s);
    for (s += len; *s != '\0' && *s != ' '; s++) {
        if (*s == '[')
            (*depth)++;
        else if (*s == ']')
            (*depth)--;
    }
    *at = s;
    return true;
}

/* Is it a word that stands for itself? Such words begin with a small letter. */
static bool is_own_word(const char *word)
{
    return word[0] >= 'a' && word[0] <= 'z';
}

static void of_argument(const struct command_line *l, const struct cursor *at)
{
    const char *s = l->cli.command->usage;
    char word[WORD_SIZE];
    char done[WORD_SIZE] = ""; /* of this place: two ways may begin with a KEY */
    unsigned depth = 0;
    size_t place = 0;
    bool fits = true, value = false;

    while (next_word(&s, &depth, word)) {
        if (strcmp(word, "|") == 0) {
            /*
             * At depth 0, another way to use the command begins: from its first argument on. In brackets, it is another
             * option.
             */
            if (depth == 0)
                place = 0, fits = true;
            value = false;
        } else if (word[0] == '-') {
            value = find_option(l, word) != NULL && find_option(l, word)->value != NULL;
        } else if (value) {
            value = false;
        } else {
            size_t len = strlen(word);

            /* As many as there are. */
            if (len > 3 && strcmp(word + len - 3, "...") == 0) {
                word[len - 3] = '\0';
                place = l->args > place ? l->args : place;
            }
            if (fits && place == l->args && is_own_word(word))
                propose(at, word, NULL);
            else if (fits && place == l->args && strcmp(done, word) != 0)
                of_kind(l, at, strcpy(done, word));
            else if (place < l->args && is_own_word(word))
                fits = fits && place < CLI_ARGS_MAX && strcmp(word, l->words[place]) == 0;
            place++;
        }
    }
}

static void of_option(const struct command_line *l, const struct cursor *at)
{
    const struct command *command = l->cli.command;

    for (int i = command == NULL ? -1 : cli_option_next(command, -1); i >= 0; i = cli_option_next(command, i)) {
        if ((l->given & (1ull << i)) == 0)
            propose(at, cli_options[i].name, cli_options[i].help);
    }
    for (const struct option_text *o = cli_globals; o->name != NULL; o++) {
        if (o->name[1] == '-')
            propose(at, o->name, o->help);
    }
}

/* Notes which box is meant: that decides whose keys are proposed. */
static void take_value(struct command_line *l, const struct option_text *o, const char *value)
{
    if (strcmp(o->name, "--box") == 0)
        l->cli.box = value;
    else if (strcmp(o->name, "--dir") == 0)
        l->cli.dir = value;
    else if (strcmp(o->name, "--users") == 0)
        l->cli.users = value;
    else if (strcmp(o->name, "--system") == 0)
        l->cli.system = true;
    else if (strcmp(o->name, "--own") == 0)
        l->cli.own = true;
    for (int i = 0; i < OPT_COUNT; i++) {
        if (o == &cli_options[i])
            l->given |= 1ull << i;
    }
}

/* False: nothing can be proposed behind this word. */
static bool take_word(struct command_line *l, const char *word)
{
    const struct option_text *o;

    if (l->open != NULL) {
        take_value(l, l->open, word);
        l->open = NULL;
    } else if (word[0] == '-' && word[1] != '\0') {
        o = find_option(l, word);
        if (o == NULL)
            return false;
        if (o->value != NULL && strchr(word, '=') == NULL)
            l->open = o;
        else
            take_value(l, o, strchr(word, '=') == NULL ? "" : strchr(word, '=') + 1);
    } else if (l->cli.command == NULL) {
        l->cli.command = command_find(word);
        return l->cli.command != NULL;
    } else {
        if (l->args < CLI_ARGS_MAX)
            l->words[l->args] = word;
        l->args++;
    }
    return true;
}

int cmd_complete(struct cli *cli)
{
    struct command_line l = { .cli = *cli };
    const char *word = "", *value;
    const struct option_text *o;
    char prefix[WORD_SIZE];

    l.cli.command = NULL;
    for (char *const *w = cli->rest; *w != NULL; w++) {
        if (w[1] == NULL)
            word = *w;
        else if (!take_word(&l, *w))
            return EXIT_DONE;
    }
    alarm(PATIENCE);
    value = word[0] == '-' ? strchr(word, '=') : NULL;
    if (l.open != NULL) {
        of_kind(&l, &(struct cursor){ "", word }, l.open->value);
    } else if (value != NULL) {
        o = find_option(&l, word);
        snprintf(prefix, sizeof(prefix), "%.*s", (int)(value + 1 - word), word);
        if (o != NULL && o->value != NULL)
            of_kind(&l, &(struct cursor){ prefix, value + 1 }, o->value);
    } else if (word[0] == '-') {
        of_option(&l, &(struct cursor){ "", word });
    } else if (l.cli.command == NULL) {
        of_command(&l, &(struct cursor){ "", word });
    } else {
        of_argument(&l, &(struct cursor){ "", word });
    }
    return EXIT_DONE;
}
