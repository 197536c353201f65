/* littlebox: reads the command line and runs a row of the table of subcommands. */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "keyfile.h"
#include "keyname.h"
#include "message.h"
#include "secret.h"
#include "table.h"

/* In the order of enum cli_option. */
static const struct {
    const char *name;
    const char *value; /* NULL: a flag */
    const char *help;
} options[OPT_COUNT] = {
    [OPT_CONFIG] = { "--config", "FILE", "the server's configuration, if it is not where Debian has it" },
    [OPT_CREDENTIAL] = { "--credential", "FILE", "a file of random bytes that opens the store" },
    [OPT_FORCE] = { "--force", NULL, "replace the file if there is one" },
    [OPT_GROUP] = { "--group", "GROUP", "a group, by name or number" },
    [OPT_HANDLE] = { "--handle", "URI|FILE", "make a test signature with this key" },
    [OPT_KEY] = { "--key", "KEY", "the key's name in the box" },
    [OPT_ID] = { "--id", "HEX", "the id of the object on the token (CKA_ID)" },
    [OPT_LABEL] = { "--label", "TEXT", "a remark kept with the seal; of the object on the token (CKA_LABEL)" },
    [OPT_MODULE] = { "--module", "PATH", "the provider module, if not OpenSSL's modules directory has it" },
    [OPT_OP] = { "--op", "OPERATIONS", "what it is about: sign, decrypt, derive" },
    [OPT_OUT] = { "--out", "FILE", "write there instead of to standard output" },
    [OPT_PASSPHRASE] = { "--passphrase", NULL, "seal with a passphrase, which is asked for" },
    [OPT_PASSPHRASE_FD] = { "--passphrase-fd", "N", "read the passphrase from this descriptor, not the terminal" },
    [OPT_PASSPHRASE_FILE] = { "--passphrase-file", "FILE", "read the passphrase from the first line of this file" },
    [OPT_PUBLIC] = { "--public", NULL, "print the public key as PEM" },
    [OPT_ROOT] = { "--root", "DIR", "the server's files are below DIR: an image, a container" },
    [OPT_SERVER] = { "--server", "SERVER", "look at the keys in the configuration of this server" },
    [OPT_STDIN] = { "--stdin", NULL, "read the passphrase from the first line of standard input, not the terminal" },
    [OPT_TOKEN] = { "--token", NULL, "what is on the token of the box" },
    [OPT_TYPE] = { "--type", "TYPE", "the type of the new key" },
    [OPT_USER] = { "--user", "USER", "a user, by name or number" },
    [OPT_YES] = { "--yes", NULL, "do not ask" },
};

static const char usage_head[] = "usage: littlebox [--box NAME] [--dir DIR] [--system] [--users USERS] [--json] COMMAND ...\n"
                                 "\n"
                                 "Keeps private keys in a box, out of the processes that use them.\n"
                                 "\n";
static const char usage_tail[] =
    "\n"
    "  --box NAME   the box, 'default' if not given\n"
    "  --dir DIR    a box that has all its files in DIR (also: LITTLEBOX_DIR in the environment)\n"
    "  --system     the system's box, also if you are not root\n"
    "  --users USERS\n"
    "               whose box it may be, beside root's and your own: names or numbers\n"
    "  --json       print JSON\n"
    "\n"
    "example: littlebox create web && openssl req -x509 -provider littlebox -provider default \\\n"
    "             -key littlebox:web -subj /CN=localhost -out web.crt\n";

void cli_hint(const char *fmt, ...)
{
    va_list ap;

    fputs("hint: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

int cli_fail(const struct problem *p)
{
    fprintf(stderr, "littlebox: %s\n", p->text[0] == '\0' ? lb_strerror(p->code) : p->text);
    if (p->hint[0] != '\0')
        cli_hint("%s", p->hint);
    return EXIT_FAILED;
}

int cli_usage_error(const struct cli *c, const char *fmt, ...)
{
    va_list ap;

    fputs("littlebox: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
    if (c->command == NULL)
        cli_hint("littlebox help");
    else
        cli_hint("littlebox help %s", c->command->name);
    return EXIT_USAGE;
}

void cli_note(const char *fmt, ...)
{
    va_list ap;

    fputs("littlebox: ", stderr);
    va_start(ap, fmt);
    vfprintf(stderr, fmt, ap);
    va_end(ap);
    fputc('\n', stderr);
}

static const struct command *find_command(const char *name)
{
    for (const struct command *k = commands; k->name != NULL; k++) {
        if (strcmp(k->name, name) == 0)
            return k;
    }
    return NULL;
}

static void print_overview(FILE *out)
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
    if (k->options != 0)
        putchar('\n');
    for (int i = 0; i < OPT_COUNT; i++) {
        char left[40];

        if ((k->options & (1u << i)) == 0)
            continue;
        snprintf(left, sizeof(left), "%s%s%s", options[i].name, options[i].value == NULL ? "" : " ",
                 options[i].value == NULL ? "" : options[i].value);
        printf("  %-24s  %s\n", left, options[i].help);
    }
}

int cmd_help(struct cli *c)
{
    const struct command *k;

    if (c->arg_count == 0) {
        print_overview(stdout);
        return EXIT_DONE;
    }
    k = find_command(c->args[0]);
    if (k == NULL) {
        c->command = NULL;
        return cli_usage_error(c, "there is no command '%s'", c->args[0]);
    }
    print_help(k);
    return EXIT_DONE;
}

int cmd_version(struct cli *c)
{
    struct json j;

    if (!c->json) {
        printf("littlebox %s\n%s\n", LB_VERSION, OpenSSL_version(OPENSSL_VERSION));
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
        if (!match(options[i].name, options[i].value != NULL, argv, &value))
            continue;
        if (c->command == NULL || (c->command->options & (1u << i)) == 0)
            break;
        if (value == NULL)
            return cli_usage_error(c, "%s needs a value: %s", options[i].name, options[i].value);
        if (c->options[i] != NULL)
            return cli_usage_error(c, "%s is there twice", options[i].name);
        c->options[i] = value;
        return 0;
    }
    return c->command == NULL ? cli_usage_error(c, "unknown option '%s'", name)
                              : cli_usage_error(c, "unknown option '%s' for '%s'", name, c->command->name);
}

static int positional(struct cli *c, const char *arg)
{
    if (c->command == NULL) {
        c->command = find_command(arg);
        return c->command != NULL ? 0 : cli_usage_error(c, "there is no command '%s'", arg);
    }
    if (c->arg_count == c->command->max_args)
        return cli_usage_error(c, "one argument too many: '%s'", arg);
    c->args[c->arg_count++] = arg;
    return 0;
}

static int parse(struct cli *c, char **argv)
{
    bool only_arguments = false;
    int status = 0;

    for (argv++; status == 0 && *argv != NULL; argv++) {
        if (only_arguments || (*argv)[0] != '-' || (*argv)[1] == '\0') {
            status = positional(c, *argv);
        } else if (strcmp(*argv, "--") == 0) {
            only_arguments = true;
        } else if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0) {
            /* Of the command so far; what else is on the line does not matter any more. */
            c->args[0] = c->command == NULL ? NULL : c->command->name;
            c->arg_count = c->command == NULL ? 0 : 1;
            c->command = find_command("help");
            return 0;
        } else if (strcmp(*argv, "--version") == 0) {
            c->arg_count = 0;
            c->command = find_command("version");
            return 0;
        } else {
            status = global_option(c, &argv);
            if (status < 0)
                status = command_option(c, &argv);
        }
    }
    if (status != 0)
        return status;
    if (c->command == NULL) {
        print_overview(stderr);
        return EXIT_USAGE;
    }
    if (c->arg_count < c->command->min_args)
        return cli_usage_error(c, "'%s' needs: %s", c->command->name, c->command->usage);
    if (!keyname_ok(c->box, strlen(c->box)))
        return cli_usage_error(c, "'%s' is not a box name: that is %s", c->box, LB_NAME_RULE);
    if (c->dir != NULL && c->system)
        return cli_usage_error(c, "--dir and --system exclude each other");
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
    problem_set(&p, LB_E_NOMEM, "'%s' needs %zu KiB of locked memory, and the limit is %s", command->name,
                m.needed / 1024, secret_limit_text(m.limit, limit));
    problem_hint(&p, "raise the limit on locked memory: ulimit -l, or --ulimit memlock= of a container");
    return cli_fail(&p);
}

/* 0 to 2 must be something, or the first file that is opened becomes standard output. */
static bool sane_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd < 0)
        return false;
    close(fd);
    return true;
}

int main(int argc, char **argv)
{
    struct cli c = { .box = "default" };
    const char *dir = secure_getenv("LITTLEBOX_DIR");
    int status;

    if (argc < 1 || !sane_descriptors())
        return EXIT_FAILED;
    signal(SIGPIPE, SIG_IGN);
    status = parse(&c, argv);
    if (status != 0)
        return status;
    if (c.dir == NULL && !c.system && dir != NULL && dir[0] != '\0')
        c.dir = dir;
    if (c.command->secrets)
        status = harden(c.command);
    else
        secret_need_lock(false); /* there is no secret in it */
    if (status == 0)
        status = c.command->run(&c);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        cli_note("cannot write the output: %s", strerror(errno));
        status = status == 0 ? EXIT_FAILED : status;
    }
    return status;
}
