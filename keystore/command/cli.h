/* The command's skeleton: its table of subcommands, its options, and how it says something. */
#ifndef LB_COMMAND_CLI_H
#define LB_COMMAND_CLI_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/errors.h"
#include "model/seal_kinds.h"

/*
 * Exit statuses. EXIT_NOT_READY is status's alone: the box answers, but cannot sign. EXIT_UNDONE: the box did what it was asked, and
 * a deployment of the key is yet to be done. EXIT_REFUSED is activate's alone: nothing was changed, and with these certificates
 * nothing will be. A script goes on by them: repeats the deployment, or orders other certificates.
 */
enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_NOT_READY = 3, EXIT_UNDONE = 4, EXIT_REFUSED = 5 };

/* Arguments of a command whose words are completed; and of one that takes as many as there are. */
#define CLI_ARGS_MAX 3
#define CLI_ARGS_ANY SIZE_MAX

#define OPT_OF_SEAL(number, NAME, ...) OPT_##NAME,
/* Options behind a subcommand; the table in command/options.c has a row for each. First those of the kinds of seals. */
enum cli_option {
    SEAL_KINDS(OPT_OF_SEAL, )
    OPT_ALL,
    OPT_ALLOW,
    OPT_AT,
    OPT_BACK,
    OPT_CANCEL,
    OPT_CHAIN,
    OPT_CHECK,
    OPT_COMBINED,
    OPT_CONFIG,
    OPT_DRAIN,
    OPT_DRY_RUN,
    OPT_EACH,
    OPT_ESCROW,
    OPT_ESCROW_PASSPHRASE_FILE,
    OPT_EXPIRING,
    OPT_FILE,
    OPT_FOR,
    OPT_FORCE,
    OPT_FORGET,
    OPT_FROM,
    OPT_GROUP,
    OPT_HANDLE,
    OPT_ID,
    OPT_KEY,
    OPT_LABEL,
    OPT_LIKE,
    OPT_LIST,
    OPT_MODE,
    OPT_MODULE,
    OPT_MUST_STAPLE,
    OPT_NEXT,
    OPT_NOW,
    OPT_NULL,
    OPT_OP,
    OPT_OUT,
    OPT_OWNER,
    OPT_PASSPHRASE_FD,
    OPT_PASSPHRASE_FILE,
    OPT_PUBLIC,
    OPT_REASON,
    OPT_RECURSIVE,
    OPT_RELOAD,
    OPT_RELOAD_ALWAYS,
    OPT_ROOT,
    OPT_SAN,
    OPT_SERVER,
    OPT_SHOW,
    OPT_SNI,
    OPT_STDIN,
    OPT_SUBJECT,
    OPT_TOKEN,
    OPT_TYPE,
    OPT_USER,
    OPT_YES,
    OPT_COUNT
};
#undef OPT_OF_SEAL
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
    struct key_decoders *decoders; /* kept from file to file (command/key_decoders.h); NULL: none are */
    bool asks_nobody; /* for a passphrase: many files are worked on at once */
    const char **args; /* room for CLI_ARGS_MAX of them, at least */
    size_t arg_count;
    char *const *rest; /* of a command with others_line: what stands behind its '--', unread; ends with NULL */
    const char *options[OPT_COUNT]; /* value, "" for a flag that is there; NULL: not given */
    const char **repeats; /* the values of the option that may be there several times, in their order */
    size_t repeat_count;
};

/* A subcommand. The row is all that help, completion and hints know of it. */
struct command {
    const char *name;
    const char *usage;    /* behind the name; "" for nothing. The words in it say what completion proposes */
    const char *help;     /* one line */
    const char *more;     /* what else 'help NAME' says; NULL: nothing */
    unsigned long long options; /* of OPT_BIT() */
    size_t min_args, max_args;
    bool secrets;         /* may hold a key or a passphrase: the process is hardened before it runs */
    int (*run)(struct cli *c); /* returns an exit status */
    void (*more_names)(FILE *out); /* prints, behind more, what a table names; NULL: nothing */
    const char *example;  /* the last line of its help: it runs as it is, where there is such a key or file */
    const char *synonyms; /* what others call it, with blanks between; NULL: nothing */
    bool destroys;        /* no hint ever proposes it */
    bool makes_key;       /* a key is in the box when it ends well */
    bool new_key;         /* its KEY is a name that no key has yet */
    bool no_box;          /* it is not about one box */
    bool others_line;     /* what is behind '--' on its line is another's command line, and goes to rest unread */
    unsigned long long repeats; /* OPT_BIT() of the option that may be there several times; 0: each is there once */
    const char *forgotten; /* the option that people leave out before a second argument; NULL: none */
    const char *needless; /* an option that it does not take, since it asks by itself; NULL: none */
    const char *needless_cure; /* the hint with that */
};

/* What help and completion tell of an option. */
struct option_text {
    const char *name;
    const char *value; /* NULL: a flag */
    const char *help;
};
/* By enum cli_option; and those that may stand anywhere on the line, ends with a NULL name. */
extern const struct option_text cli_options[OPT_COUNT];
/* The next option of a command in the order of names. After -1: the first; after the last: -1. */
int cli_option_next(const struct command *command, int option);
extern const struct option_text cli_globals[];

/*
 * These print on standard error, "littlebox: text" and "hint: cure", and return the exit status. The cure of
 * cli_usage_error() is the command's help.
 */
int cli_fail(const struct problem *p);
int cli_fail_undone(const struct problem *p);
int cli_usage_error(const struct cli *c, const char *fmt, ...) LB_PRINTF(2, 3);
int cli_usage_hint(const char *cure, const char *fmt, ...) LB_PRINTF(2, 3);
/*
 * A line on standard output. This function and those below make all that they print printable (base/printable.h): names, paths
 * and boxes' answers may steer a terminal. Use stdio's own functions for PEM, JSON, tables and this program's own words alone.
 */
void cli_line(const char *fmt, ...) LB_PRINTF(1, 2);
/* A remark on standard error. */
void cli_note(const char *fmt, ...) LB_PRINTF(1, 2);
/* What to do next, or the cure of what cli_note() told: "hint: text" on standard error. */
void cli_hint(const char *fmt, ...) LB_PRINTF(1, 2);
/*
 * From here on commands in hints name the box that c names by its options. A box writes hints too, and does not know how the
 * command was called. Call it once, before there is anything to say; the strings in c stay as they are.
 */
void cli_hints_are_about(const struct cli *c);
/* Writes what cli_hint() would print for hint, as much as fits: see cli_hints_are_about(). */
void cli_hint_text(const char *hint, char *ret, size_t size);

/*
 * A path or another word, written so that a shell takes it for one word: word itself, or, where quotes are needed, ret. Hints
 * need it, since the name of a file is no command. A word that is cut lacks the quote at its end.
 */
const char *cli_quoted(const char *word, char ret[2 * PATH_MAX]);

/* The table of subcommands, ends with a NULL name. */
extern const struct command commands[];
/* The row of that name; NULL: there is none. */
const struct command *command_find(const char *name);

int cmd_activate(struct cli *c);
int cmd_adopt(struct cli *c);
int cmd_allow(struct cli *c);
int cmd_attach(struct cli *c);
int cmd_box(struct cli *c);
int cmd_boxes(struct cli *c);
int cmd_cert(struct cli *c);
int cmd_compromise(struct cli *c);
int cmd_complete(struct cli *c);
int cmd_create(struct cli *c);
int cmd_csr(struct cli *c);
int cmd_deactivate(struct cli *c);
int cmd_deny(struct cli *c);
int cmd_deploy(struct cli *c);
int cmd_destroy(struct cli *c);
int cmd_doctor(struct cli *c);
/* What it does with --system. */
int cmd_doctor_system(struct cli *c);
int cmd_handle(struct cli *c);
int cmd_help(struct cli *c);
int cmd_import(struct cli *c);
int cmd_init(struct cli *c);
int cmd_list(struct cli *c);
int cmd_lock(struct cli *c);
int cmd_login(struct cli *c);
int cmd_openssl(struct cli *c);
int cmd_purpose(struct cli *c);
int cmd_rename(struct cli *c);
int cmd_resume(struct cli *c);
int cmd_roll(struct cli *c);
int cmd_seal(struct cli *c);
int cmd_show(struct cli *c);
int cmd_status(struct cli *c);
int cmd_suspend(struct cli *c);
int cmd_unlock(struct cli *c);
int cmd_users(struct cli *c);
int cmd_version(struct cli *c);

#endif
