/* The command's skeleton: its table of subcommands, its options, its ways to say something. */
#ifndef LB_COMMAND_CLI_H
#define LB_COMMAND_CLI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

/* Exit statuses. EXIT_NOT_READY is status's alone: the box answers, but cannot sign. */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_READY = 3 };

#define CLI_ARGS_MAX 3

/* Options behind a subcommand; the table in command/cli.c has a row for each, in this order. */
enum cli_option {
    OPT_ALL,
    OPT_ALLOW,
    OPT_CANCEL,
    OPT_CONFIG,
    OPT_CREDENTIAL,
    OPT_DRY_RUN,
    OPT_ESCROW,
    OPT_ESCROW_PASSPHRASE_FILE,
    OPT_FORCE,
    OPT_GROUP,
    OPT_HANDLE,
    OPT_ID,
    OPT_KEY,
    OPT_LABEL,
    OPT_MODULE,
    OPT_NOW,
    OPT_OP,
    OPT_OUT,
    OPT_PASSPHRASE,
    OPT_PASSPHRASE_FD,
    OPT_PASSPHRASE_FILE,
    OPT_PUBLIC,
    OPT_ROOT,
    OPT_SERVER,
    OPT_SHOW,
    OPT_STDIN,
    OPT_TOKEN,
    OPT_TYPE,
    OPT_USER,
    OPT_YES,
    OPT_COUNT
};
#define OPT_BIT(name) (1ull << OPT_##name)
/* What a command that asks for a passphrase takes instead of a terminal. */
#define OPT_BITS_PASSPHRASE (OPT_BIT(PASSPHRASE_FILE) | OPT_BIT(PASSPHRASE_FD) | OPT_BIT(STDIN))

/* One run of the command. All strings are argv's or static. */
struct cli {
    const char *box;
    bool box_named; /* by --box; else it is the default */
    const char *dir; /* --dir or $LITTLEBOX_DIR; NULL: none */
    const char *users; /* --users; NULL: none */
    bool system;
    bool own;
    bool json;
    const struct command *command;
    const char *args[CLI_ARGS_MAX];
    size_t arg_count;
    char *const *rest; /* of 'complete' alone: what stands behind its '--', unread; ends with NULL */
    const char *options[OPT_COUNT]; /* value, "" for a flag that is there; NULL: not given */
};

/* Where 'help' lists the key types that can be made. */
#define HELP_KEY_TYPES "@TYPES@"

struct command {
    const char *name;
    const char *usage;   /* behind the name; "" for nothing */
    const char *help;    /* one line */
    const char *more;    /* what else 'help NAME' says, HELP_KEY_TYPES in it; NULL: nothing */
    unsigned long long options; /* of OPT_BIT() */
    size_t min_args, max_args;
    bool secrets;        /* may hold a key or a passphrase: the process is hardened before it runs */
    int (*run)(struct cli *c); /* returns an exit status */
};

/* What help and completion tell of an option. */
struct option_text {
    const char *name;
    const char *value; /* NULL: a flag */
    const char *help;
};
/* In the order of enum cli_option; and those that may stand anywhere on the line, ends with a NULL name. */
extern const struct option_text cli_options[OPT_COUNT];
extern const struct option_text cli_globals[];

/*
 * These print on standard error, "littlebox: text" and "hint: cure", and return the exit status. The cure of
 * cli_usage_error() is the command's help.
 */
int cli_fail(const struct problem *p);
int cli_usage_error(const struct cli *c, const char *fmt, ...) LB_PRINTF(2, 3);
int cli_usage_hint(const char *cure, const char *fmt, ...) LB_PRINTF(2, 3);
/*
 * A line on standard output. What these print of names, paths, boxes' answers and all else is made printable (base/printable.h);
 * stdio's own functions are for what cannot hold such text: PEM, JSON, tables, and words of this program alone.
 */
void cli_line(const char *fmt, ...) LB_PRINTF(1, 2);
/* A remark on standard error, and what to do next or the cure of what one told of: "hint: text". */
void cli_note(const char *fmt, ...) LB_PRINTF(1, 2);
void cli_hint(const char *fmt, ...) LB_PRINTF(1, 2);
/* What cli_hint() prints for it: the commands in it are about the box that this command was told of. Cut to fit. */
void cli_hint_text(const char *hint, char *ret, size_t size);

/*
 * A path, or another word, as a shell takes it for one: in quotes where it needs them, which is then in ret. For hints: a file's
 * name is no command. One that is cut has no end of its quotes.
 */
const char *cli_quoted(const char *word, char ret[2 * PATH_MAX]);

/* The table of subcommands, ends with a NULL name. */
extern const struct command commands[];

int cmd_adopt(struct cli *c);
int cmd_allow(struct cli *c);
int cmd_attach(struct cli *c);
int cmd_box(struct cli *c);
int cmd_boxes(struct cli *c);
int cmd_cert(struct cli *c);
int cmd_complete(struct cli *c);
int cmd_create(struct cli *c);
int cmd_deny(struct cli *c);
int cmd_destroy(struct cli *c);
int cmd_doctor(struct cli *c);
int cmd_handle(struct cli *c);
int cmd_help(struct cli *c);
int cmd_import(struct cli *c);
int cmd_init(struct cli *c);
int cmd_list(struct cli *c);
int cmd_lock(struct cli *c);
int cmd_login(struct cli *c);
int cmd_rename(struct cli *c);
int cmd_seal(struct cli *c);
int cmd_show(struct cli *c);
int cmd_status(struct cli *c);
int cmd_unlock(struct cli *c);
int cmd_version(struct cli *c);

#endif
