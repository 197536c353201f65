/* littlebox: reads the command line and runs a row of the table of subcommands. */
#include "command/cli.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/output.h"
#include "base/printable.h"
#include "command/help.h"
#include "command/key_file.h"
#include "command/table.h"
#include "guard/secret.h"
#include "model/key_name.h"
#include "model/limits.h"
#include "protocol/header.h"

#define SEAL_OPTION(number, NAME, name, source, unattended, guessable, least_new, least_tried, option, help) \
    [OPT_##NAME] = { option, SEAL_VALUE_##source, help },

const struct option_text cli_options[OPT_COUNT] = {
    SEAL_KINDS(SEAL_OPTION, )
    [OPT_ALL] = { "--all", NULL, "also what is destroyed, or to be destroyed" },
    [OPT_ALLOW] = { "--allow", "USER", "a user, by name or number, who may sign with the key" },
    [OPT_CANCEL] = { "--cancel", NULL, "do not destroy what is to be destroyed" },
    [OPT_CONFIG] = { "--config", "FILE", "the server's configuration, if it is not where Debian has it" },
    [OPT_DRY_RUN] = { "--dry-run", NULL, "say what would be done, and do nothing" },
    [OPT_ESCROW] = { "--escrow", "FILE", "first seal the key to a passphrase in this new file" },
    [OPT_ESCROW_PASSPHRASE_FILE] = { "--escrow-passphrase-file", "FILE", "with the passphrase of the first line of this file" },
    [OPT_FORCE] = { "--force", NULL, "also where a file is there (handle), or its program can use no handle (adopt)" },
    [OPT_GROUP] = { "--group", "GROUP", "a group, by name or number" },
    [OPT_HANDLE] = { "--handle", "URI|FILE", "make a test signature with this key" },
    [OPT_KEY] = { "--key", "KEY", "the key's name in the box" },
    [OPT_ID] = { "--id", "HEX", "the id of the object on the token (CKA_ID)" },
    [OPT_LABEL] = { "--label", "TEXT", "a remark kept with the seal; of the object on the token (CKA_LABEL)" },
    [OPT_MODULE] = { "--module", "PATH", "the provider module, if not OpenSSL's modules directory has it" },
    [OPT_NOW] = { "--now", NULL, "destroy it at once, for good" },
    [OPT_OP] = { "--op", "OPERATIONS", "what it is about: sign, decrypt, derive" },
    [OPT_OUT] = { "--out", "FILE", "write there instead of to standard output" },
    [OPT_PASSPHRASE_FD] = { "--passphrase-fd", "N", "read the passphrase from this descriptor, not the terminal" },
    [OPT_PASSPHRASE_FILE] = { "--passphrase-file", "FILE", "read the passphrase from the first line of this file" },
    [OPT_PUBLIC] = { "--public", NULL, "print the public key as PEM" },
    [OPT_ROOT] = { "--root", "DIR", "the server's files are below DIR: an image, a container" },
    [OPT_SERVER] = { "--server", "SERVER", "look at the keys in the configuration of this server" },
    [OPT_SHOW] = { "--show", "FILE", "what the handle in this file names" },
    [OPT_STDIN] = { "--stdin", NULL, "read the passphrase from the first line of standard input, not the terminal" },
    [OPT_TOKEN] = { "--token", NULL, "what is on the token of the box" },
    [OPT_TYPE] = { "--type", "TYPE", "the type of the new key" },
    [OPT_USER] = { "--user", "USER", "a user, by name or number" },
    [OPT_YES] = { "--yes", NULL, "do not ask" },
};

int cli_option_next(const struct command *command, int option)
{
    const char *after = option < 0 ? "" : cli_options[option].name;
    int next = -1;

    for (int i = 0; i < OPT_COUNT; i++) {
        if ((command->options & (1ull << i)) != 0 && strcmp(cli_options[i].name, after) > 0 &&
            (next < 0 || strcmp(cli_options[i].name, cli_options[next].name) < 0))
            next = i;
    }
    return next;
}

const struct option_text cli_globals[] = {
    { "--box", "BOX", "the box, 'default' if not given" },
    { "--dir", "DIR", "a box that has all its files in DIR" },
    { "--system", NULL, "the system's box, also if you are not root" },
    { "--own", NULL, "your own box; else it is that if you have made one, and the system's if not" },
    { "--users", "USERS", "whose box it may be, beside root's and your own" },
    { "--json", NULL, "print JSON" },
    { "--help", NULL, "an overview, or more about the command" },
    { "-h", NULL, "the same" },
    { "--version", NULL, "the versions of littlebox, its protocol and OpenSSL" },
    { "-V", NULL, "the same" },
    { NULL, NULL, NULL },
};

/*
 * Which box the command was told of by its own options: a hint that names a command is about the same one, while the box,
 * which wrote it, does not know how it was called. Set once, before there is anything to say.
 */
static struct {
    const char *box;
    const char *dir;
    const char *users;
    bool system;
    bool own;
} called;

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

/* The commands that are not about one box. */
static bool is_about_a_box(const char *word, size_t len)
{
    static const char *const others[] = { "help", "version", "box", "boxes", "complete" };
    char name[20];

    snprintf(name, sizeof(name), "%.*s", (int)len, word);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(others[i], name) == 0)
            return false;
    }
    return command_find(name) != NULL;
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

int cmd_version(struct cli *c)
{
    struct json j;

    if (!c->json) {
        printf("littlebox %s (protocol %d)\n%s\n", LB_VERSION, LB_PROTOCOL_VERSION, OpenSSL_version(OPENSSL_VERSION));
        return EXIT_DONE;
    }
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "littlebox", LB_VERSION);
    json_number(&j, "protocol", LB_PROTOCOL_VERSION);
    json_string(&j, "openssl", OpenSSL_version(OPENSSL_VERSION_STRING));
    json_close(&j, '}');
    json_end(&j);
    return EXIT_DONE;
}

/* Reading the command line */

/* Is arg the option name? Its value is behind '=' or the next argument, which is taken. NULL value: it is missing. */
static bool match(const char *name, bool has_value, char ***argv, const char **ret_value)
{
    size_t len = strlen(name);
    const char *arg = **argv;

    if (strncmp(arg, name, len) != 0)
        return false;
    if (!has_value) {
        *ret_value = "";
        return arg[len] == '\0';
    }
    if (arg[len] == '=') {
        *ret_value = arg + len + 1;
        return true;
    }
    if (arg[len] != '\0')
        return false;
    *ret_value = (*argv)[1];
    if (*ret_value != NULL)
        (*argv)++;
    return true;
}

/* 0: it was a global option; -1: it was none; else an exit status. */
static int global_option(struct cli *c, char ***argv)
{
    const char *name = **argv, *value;

    if (match("--box", true, argv, &value))
        c->box = value, c->box_named = true;
    else if (match("--dir", true, argv, &value))
        c->dir = value;
    else if (match("--users", true, argv, &value))
        c->users = value;
    else if (match("--system", false, argv, &value))
        c->system = true;
    else if (match("--own", false, argv, &value))
        c->own = true;
    else if (match("--json", false, argv, &value))
        c->json = true;
    else
        return -1;
    return value == NULL ? cli_usage_error(c, "%s needs a value", name) : 0;
}

static int command_option(struct cli *c, char ***argv)
{
    const char *name = **argv, *value;

    for (int i = 0; i < OPT_COUNT; i++) {
        if (!match(cli_options[i].name, cli_options[i].value != NULL, argv, &value))
            continue;
        if (c->command == NULL || (c->command->options & (1ull << i)) == 0)
            break;
        if (value == NULL)
            return cli_usage_error(c, "%s needs a value: %s", cli_options[i].name, cli_options[i].value);
        if (c->options[i] != NULL)
            return cli_usage_error(c, "%s is there twice", cli_options[i].name);
        c->options[i] = value;
        return 0;
    }
    return help_no_option(c->command, name);
}

/* next: what stands behind it. */
static int positional(struct cli *c, const char *arg, const char *next)
{
    if (c->command == NULL) {
        c->command = command_find(arg);
        return c->command != NULL ? 0 : help_no_command(arg, next);
    }
    if (c->arg_count == c->command->max_args)
        return help_too_many(c, arg);
    c->args[c->arg_count++] = arg;
    return 0;
}

static int parse(struct cli *c, char **argv)
{
    bool only_arguments = false;
    int status = 0;

    for (argv++; status == 0 && *argv != NULL; argv++) {
        if (c->command != NULL && c->command->run == cmd_complete && only_arguments) {
            /* Another's command line. */
            c->rest = argv;
            break;
        }
        if (only_arguments || (*argv)[0] != '-' || (*argv)[1] == '\0') {
            status = positional(c, argv[0], argv[1]);
        } else if (strcmp(*argv, "--") == 0) {
            only_arguments = true;
        } else if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0) {
            /* Of the command so far; what else is on the line does not matter any more. */
            c->args[0] = c->command == NULL ? NULL : c->command->name;
            c->arg_count = c->command == NULL ? 0 : 1;
            c->command = command_find("help");
            return 0;
        } else if (strcmp(*argv, "--version") == 0 || strcmp(*argv, "-V") == 0) {
            c->arg_count = 0;
            c->command = command_find("version");
            return 0;
        } else {
            status = global_option(c, &argv);
            if (status < 0)
                status = command_option(c, &argv);
        }
    }
    if (status != 0)
        return status;
    if (c->rest == NULL)
        c->rest = argv;
    if (c->command == NULL) {
        help_overview(stderr);
        return EXIT_USAGE;
    }
    if (c->arg_count < c->command->min_args)
        return cli_usage_error(c, "'%s' needs: %s", c->command->name, c->command->usage);
    if (!keyname_ok(c->box, strlen(c->box)))
        return cli_usage_error(c, "'%s' is not a box name: that is %s", c->box, LB_NAME_RULE);
    if (c->dir != NULL && c->system)
        return cli_usage_error(c, "--dir and --system exclude each other");
    if (c->own && (c->dir != NULL || c->system))
        return cli_usage_error(c, "--own and %s exclude each other", c->system ? "--system" : "--dir");
    if (c->own && geteuid() == 0)
        return cli_usage_error(c, "--own: root's boxes are the system's");
    return 0;
}

/* Before the first use of libcrypto. */
static int harden(const struct command *command)
{
    struct problem p = { 0 };
    /* Two packets, a key file, and passphrases, credentials and keys that come and go. */
    char limit[SECRET_LIMIT_SIZE];
    struct secret_memory m = { .buffers = 2 * LB_PACKET_MAX + KEYFILE_MAX + (64 << 10), .heap_min = 64 << 10 };

    if (secret_harden_process(&m.all_locked) != 0) {
        problem_set(&p, LB_E_SYSTEM, "cannot protect this process: %s", strerror(errno));
        return cli_fail(&p);
    }
    if (secret_setup(&m) != 0) {
        problem_set(&p, LB_E_CRYPTO, "libcrypto has no memory for secrets");
        return cli_fail(&p);
    }
    if (m.state != SECRETS_NOT_LOCKED)
        return 0;
    if (m.refused != 0) {
        problem_set(&p, LB_E_NOMEM, "'%s' needs %zu KiB of locked memory, and the system refuses to lock it: %s", command->name,
                    m.needed / 1024, strerror(m.refused));
        problem_hint(&p, "%s", SECRET_REFUSED_CURE);
        return cli_fail(&p);
    }
    problem_set(&p, LB_E_NOMEM, "'%s' needs %zu KiB of locked memory, and the limit is %s", command->name,
                m.needed / 1024, secret_limit_text(m.limit, limit));
    problem_hint(&p, "raise the limit on locked memory: ulimit -l, or --ulimit memlock= of a container");
    return cli_fail(&p);
}

/* What they did is done, although nobody was told. */
static void tell_done(const struct cli *c)
{
    static const char *const makers[] = { "create", "import", "adopt", "attach" };

    for (size_t i = 0; i < sizeof(makers) / sizeof(makers[0]); i++) {
        if (strcmp(makers[i], c->command->name) == 0)
            cli_hint("the key is in the box all the same: littlebox --box %s list", c->box);
    }
}

int main(int argc, char **argv)
{
    struct cli c = { .box = "default" };
    const char *dir = secure_getenv("LITTLEBOX_DIR");
    int status, end;

    if (argc < 1 || !output_start())
        return EXIT_FAILED;
    status = parse(&c, argv);
    if (status != 0)
        return status;
    called.box = c.box_named ? c.box : NULL;
    called.dir = c.dir;
    called.users = c.users;
    called.system = c.system;
    called.own = c.own;
    if (c.dir == NULL && !c.system && !c.own && dir != NULL && dir[0] != '\0')
        c.dir = dir;
    if (c.command->secrets)
        status = harden(c.command);
    else
        secret_need_lock(false); /* there is no secret in it */
    if (status == 0)
        status = c.command->run(&c);
    end = output_end("littlebox", status);
    if (end != status)
        tell_done(&c);
    return end;
}
