/* littlebox: reads the command line and runs a row of the table of subcommands. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/output.h"
#include "command/bulk.h"
#include "command/cli.h"
#include "command/help.h"
#include "command/key_file.h"
#include "guard/secret.h"
#include "model/key_name.h"
#include "model/limits.h"

/*
 * Is arg the option of that name? Its value is behind '=' or the next argument, which is taken. *ret_value NULL: it is
 * missing.
 */
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
        if ((c->command->repeats & (1ull << i)) != 0)
            c->repeats[c->repeat_count++] = value;
        else if (c->options[i] != NULL)
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
        if (c->command != NULL && c->command->others_line && only_arguments) {
            /* Another's command line. */
            c->rest = argv;
            break;
        }
        if (only_arguments || (*argv)[0] != '-' || (*argv)[1] == '\0') {
            status = positional(c, argv[0], argv[1]);
        } else if (strcmp(*argv, "--") == 0) {
            only_arguments = true;
        } else if (strcmp(*argv, "--help") == 0 || strcmp(*argv, "-h") == 0) {
            /* Helps with the command so far; what else is on the line does not matter any more. */
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

/* For many files at once, as far as the limit on locked memory has room for it. */
static size_t room_for_many(const struct cli *c)
{
    const size_t all = BULK_THREADS * (size_t)BULK_MEMORY;
    struct rlimit limit;

    if ((c->command->options & OPT_BIT(FROM)) == 0 || !bulk_is_meant(c) || getrlimit(RLIMIT_MEMLOCK, &limit) < 0)
        return 0;
    return limit.rlim_cur == RLIM_INFINITY || limit.rlim_cur >= 2 * all ? all : limit.rlim_cur / 2;
}

/* Must run before the first use of libcrypto. */
static int harden(const struct cli *c)
{
    const struct command *command = c->command;
    struct problem p = { 0 };
    /* Room for two packets, a key file, and passphrases, credentials and keys that come and go. */
    char limit[SECRET_LIMIT_SIZE];
    struct secret_memory m = { .buffers = 2 * LB_PACKET_MAX + KEYFILE_MAX + (64 << 10), .heap_min = 64 << 10 };

    m.buffers += room_for_many(c);
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

/* Says that the command did what it does, although its output could not be written. */
static void tell_done(const struct cli *c)
{
    if (c->command->makes_key)
        cli_hint("the key is in the box all the same: littlebox --box %s list", c->box);
}

static int run(struct cli *c, char **argv)
{
    const char *dir = secure_getenv("LITTLEBOX_DIR");
    int status = parse(c, argv), end;

    if (status != 0)
        return status;
    cli_hints_are_about(c);
    if (c->dir == NULL && !c->system && !c->own && dir != NULL && dir[0] != '\0')
        c->dir = dir;
    if (c->command->secrets)
        status = harden(c);
    else
        secret_need_lock(false); /* there is no secret in it */
    if (status == 0)
        status = c->command->run(c);
    end = output_end("littlebox", status);
    if (end != status)
        tell_done(c);
    return end;
}

int main(int argc, char **argv)
{
    struct cli c = { .box = "default", .args = calloc((size_t)(argc < CLI_ARGS_MAX ? CLI_ARGS_MAX : argc), sizeof(char *)) };
    int status = EXIT_FAILED;

    c.repeats = calloc((size_t)argc + 1, sizeof(char *));
    if (argc >= 1 && c.args != NULL && c.repeats != NULL && output_start())
        status = run(&c, argv);
    free(c.repeats);
    free(c.args);
    return status;
}
