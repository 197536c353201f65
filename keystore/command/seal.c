/* littlebox init, seal, lock, unlock: the store and the ways to open it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/seals.h"
#include "client/status.h"
#include "command/client.h"
#include "command/next_start.h"
#include "command/prompt.h"
#include "command/seal_secret.h"
#include "command/system_credential.h"
#include "command/table.h"
#include "guard/secret.h"
#include "model/seal_kinds.h"
#include "protocol/header.h"
#include "protocol/seals.h"

static int print_state(const struct cli *c, const char *state)
{
    struct json j;

    if (!c->json)
        return EXIT_DONE;
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "box", c->box);
    json_string(&j, "state", state);
    json_close(&j, '}');
    json_end(&j);
    return EXIT_DONE;
}

static int send_secret(struct client *c, uint16_t type, struct seal_secret *s, struct problem *p)
{
    const char *label = c->cli->options[OPT_LABEL];
    struct seal_request m = { .kind = s->kind->number, .secret = sealsecret_bytes(s) };
    int r;

    snprintf(m.label, sizeof(m.label), "%s", label == NULL ? s->kind->name : label);
    r = ask_secret(c->ask, type, &m, p);
    /* The box said no: then the new file opens nothing. If it was silent, the file may be the only way in. */
    if (r != 0 && r != LB_E_RESET && r != LB_E_CLOSED && r != LB_E_TIMEOUT && r != LB_E_SYSTEM && r != LB_E_VALUE)
        credential_undo(&s->credential);
    return r;
}

static int check_label(const struct cli *c, struct problem *p)
{
    const char *label = c->options[OPT_LABEL];

    if (label == NULL)
        return 0;
    if (strlen(label) > LB_LABEL_MAX)
        return problem_set(p, LB_E_TOO_LONG, "a label has at most %d bytes", LB_LABEL_MAX);
    for (const char *s = label; *s != '\0'; s++) {
        if ((unsigned char)*s < 0x20 || *s == 0x7f)
            return problem_set(p, LB_E_VALUE, "a label has no control characters");
    }
    return 0;
}

/* init */

/* Makes the directory of the credential, where an administrator finds the box's configuration too. */
static int make_config_dir(const struct client *c, struct problem *p)
{
    mode_t mode = geteuid() == 0 ? 0755 : 0700;

    if (mkdir(c->dirs.config, mode) == 0) {
        /* The umask does not count: the box reads its configuration and its credential there as its own user. */
        if (chmod(c->dirs.config, mode) == 0)
            return 0;
    } else if (errno == EEXIST) {
        return 0;
    }
    return problem_set(p, LB_E_SYSTEM, "cannot make %s: %s", c->dirs.config, strerror(errno));
}

static int init(struct client *c, const struct seal_kind *kind, const char *where, struct problem *p)
{
    struct seal_secret secret = { 0 };
    struct box_status status;
    int r = ask_status(c->ask, &status, p);

    if (r == 0 && status.lock != LOCK_NO_STORE) {
        problem_set(p, LB_E_EXISTS, "box '%s' has a store already", c->cli->box);
        problem_hint(p, "its keys: littlebox --box %s list", c->cli->box);
        return LB_E_EXISTS;
    }
    if (r == 0 && where == c->paths.credential)
        r = make_config_dir(c, p);
    if (r == 0)
        r = sealsecret_new(c, kind, where, &secret, p);
    if (r == 0)
        r = send_secret(c, MSG_INIT, &secret, p);
    sealsecret_clear(&secret);
    return r;
}

/* Told once, when there is nothing to lose yet. */
static void tell_keeping(const struct client *c, const struct seal_kind *kind, const char *where)
{
    if (kind->source == SEAL_FROM_PROMPT)
        cli_hint("keep the %s, and after each change a copy of %s: neither can be made again", kind->name, c->paths.store);
    else
        cli_hint("keep a copy of %s, and after each change, in another place, one of %s: neither can be made again", where,
                 c->paths.store);
    cli_hint("a second way into the store: littlebox --box %s seal add --passphrase; more in examples/backup/README.md",
             c->cli->box);
}

static void tell_opening(const struct client *c, const struct seal_kind *kind, const char *where)
{
    char path[PATH_MAX];

    if (!kind->unattended)
        cli_note("it starts locked: 'littlebox --box %s unlock' opens it", c->cli->box);
    else if (kind->source != SEAL_FROM_FILE || where == c->paths.credential)
        cli_note("it opens itself with %s: who can read that file and the store has the keys", where);
    else
        cli_note("it opens itself only with 'credential = %s' in %s", realpath(where, path) == NULL ? where : path,
                 c->paths.config);
}

int cmd_init(struct cli *cli)
{
    const struct seal_kind *kind;
    const char *where = NULL;
    struct problem p = { 0 };
    struct client *c = NULL;
    int r, status = sealsecret_kind(cli, &kind);

    if (status != 0)
        return status;
    r = check_label(cli, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_INIT, &c, &p);
    if (r == 0) {
        where = kind == NULL ? c->paths.credential : sealsecret_option(cli, kind);
        kind = kind == NULL ? seal_kind_from(SEAL_FROM_FILE) : kind;
        r = init(c, kind, where, &p);
    }
    if (r == 0) {
        cli_note("made the store of box '%s'", cli->box);
        tell_opening(c, kind, where);
        tell_keeping(c, kind, where);
        status = print_state(cli, lock_state_name(LOCK_UNLOCKED));
    } else {
        status = cli_fail(&p);
    }
    client_close(c);
    return status;
}

/* seal */

static const struct column seal_columns[] = {
    { "ID", "id", CELL_NUMBER },
    { "KIND", "kind", CELL_STRING },
    { "LABEL", "label", CELL_STRING },
    { "CREATED", "created", CELL_STRING },
    { "USED", NULL, CELL_STRING },
    { NULL, "opened", CELL_BOOL },
    { NULL, "next_start", CELL_BOOL },
};
#define SEAL_COLUMNS (sizeof(seal_columns) / sizeof(seal_columns[0]))

static int fill_seals(struct client *c, struct table *t, struct problem *p)
{
    struct nextstart next;
    struct wire_reader r;
    uint16_t count;
    int result = nextstart_find(c, &next, p);

    if (result == 0)
        result = ask_seals(c->ask, &count, &r, p);
    if (result != 0)
        return result;
    for (unsigned i = 0; i < count && r.error == 0; i++) {
        struct seal_info e;
        char id[12], created[RFC3339_SIZE];
        const char *cells[SEAL_COLUMNS] = { id, NULL, e.label, created };
        bool now, later;

        msg_seal_entry_get(&r, &e);
        if (r.error != 0)
            break;
        now = next.now.seal == e.id;
        later = nextstart_uses(&next, e.id);
        cells[4] = now && later ? "now, next start" : now ? "now" : later ? "next start" : NULL;
        cells[5] = !next.known ? NULL : now ? "yes" : "no";
        cells[6] = !next.known || next.verdict == NEXTSTART_UNKNOWN ? NULL : later ? "yes" : "no";
        cells[1] = seal_kind_name(e.kind);
        snprintf(id, sizeof(id), "%u", e.id);
        rfc3339_text(e.created, created);
        if (table_add(t, cells) != 0)
            return problem_set(p, LB_E_NOMEM, "out of memory");
    }
    return wire_end(&r) == 0 ? 0 : problem_set(p, LB_E_VALUE, "the box's list of seals is damaged");
}

static int seal_list(struct client *c, const struct seal_kind *named, const char *id, struct problem *p)
{
    struct table *t = table_new(seal_columns, SEAL_COLUMNS);
    int r = t == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : fill_seals(c, t, p);

    (void)named;
    (void)id;
    if (r == 0)
        table_say(t, c->cli->json);
    table_free(t);
    return r;
}

/* Refuses a second seal by one file, which is no second way into the store. */
static int refuse_twin(struct client *c, const struct credential *file, struct problem *p)
{
    const struct bytes secret = { file->data, file->len };
    struct box_opening opening;
    int r;

    if (file->data == NULL || file->made)
        return 0;
    r = ask_opening(c->ask, secret, &opening, p);
    if (r == LB_E_MESSAGE) /* a box that is older than this command */
        return 0;
    if (r != 0 || opening.next != NEXT_OPENS || opening.next_count == 0)
        return r;
    problem_set(p, LB_E_EXISTS, "'%s' opens the store already, by seal %u", file->path, (unsigned)opening.next_seals[0]);
    problem_hint(p, "for another way into the store name a file that is not there: it is made");
    return LB_E_EXISTS;
}

static int seal_add(struct client *c, const struct seal_kind *named, const char *id, struct problem *p)
{
    const struct seal_kind *kind = named == NULL ? seal_kind_from(SEAL_FROM_PROMPT) : named;
    struct seal_secret secret = { 0 };
    struct box_status status;
    int r = ask_status(c->ask, &status, p);

    (void)id;
    /* Refused before somebody thinks of a passphrase twice for nothing. */
    if (r == 0 && status.lock == LOCK_LOCKED) {
        r = problem_set(p, LB_E_LOCKED, "box '%s' is locked", c->cli->box);
        problem_hint(p, "run: littlebox --box %s unlock", c->cli->box);
    }
    if (r == 0)
        r = sealsecret_new(c, kind, sealsecret_option(c->cli, kind), &secret, p);
    if (r == 0)
        r = refuse_twin(c, &secret.credential, p);
    if (r == 0)
        r = send_secret(c, MSG_SEAL_ADD, &secret, p);
    sealsecret_clear(&secret);
    return r;
}

/*
 * What becomes of the seals without that one. kind 0: it is not there. id 0: all seals. Credentials open the store without
 * a person, passphrases need one.
 */
struct rest {
    unsigned kind, credentials, passphrases;
};

static int look_at_rest(struct client *c, uint32_t id, struct rest *ret, struct problem *p)
{
    struct wire_reader r;
    uint16_t count;
    int result = ask_seals(c->ask, &count, &r, p);

    if (result != 0)
        return result;
    *ret = (struct rest){ 0, 0, 0 };
    for (unsigned i = 0; i < count && r.error == 0; i++) {
        struct seal_info e;

        msg_seal_entry_get(&r, &e);
        if (e.id == id)
            ret->kind = e.kind;
        else if (seal_kind_unattended(e.kind))
            ret->credentials++;
        else
            ret->passphrases++;
    }
    return wire_end(&r) == 0 ? 0 : problem_set(p, LB_E_VALUE, "the box's list of seals is damaged");
}

/*
 * Asks before a seal is removed whose loss shows at the next start, when nobody thinks of this any more. That is the seal
 * that opens the store then, the last credential, or the last passphrase if no credential is known to open the store. The
 * box itself keeps the last seal of all.
 */
static int confirm_remove(struct client *c, uint32_t id, struct problem *p)
{
    char follows[PATH_MAX + 200], question[PATH_MAX + 300];
    struct nextstart next;
    struct rest rest;
    int r = nextstart_find(c, &next, p);

    if (r == 0)
        r = look_at_rest(c, id, &rest, p);
    if (r != 0 || !next.known || rest.kind == 0 || rest.credentials + rest.passphrases == 0 || nextstart_without(&next, id))
        return r;
    if (rest.passphrases == 0)
        snprintf(follows, sizeof(follows), "what is left: %u credential%s, and none is known to be in a file that a start "
                 "reads: without %s nobody opens the store again", rest.credentials, rest.credentials == 1 ? "" : "s",
                 rest.credentials == 1 ? "its file" : "their files");
    else if (nextstart_uses(&next, id))
        snprintf(follows, sizeof(follows), "the next start opens the store with %s, by seal %u; without it the box stays "
                 "locked until somebody gives a passphrase", next.file, id);
    else if (seal_kind_unattended(rest.kind) && rest.credentials == 0)
        snprintf(follows, sizeof(follows), "seal %u is the last that opens the store without a person: from the next start on "
                 "the box is locked until somebody gives a passphrase", id);
    else
        return 0;
    cli_note("%s", follows);
    if (c->cli->options[OPT_YES] != NULL)
        return 0;
    snprintf(question, sizeof(question), "to remove seal %u type its number", id);
    snprintf(follows, sizeof(follows), "%u", id);
    return ask_word(question, follows, p);
}

static int seal_remove(struct client *c, const struct seal_kind *named, const char *id, struct problem *p)
{
    unsigned long n;
    char *end;
    int r;

    (void)named;
    errno = 0;
    n = strtoul(id, &end, 10);
    if (errno != 0 || id[0] < '0' || id[0] > '9' || *end != '\0' || n > UINT32_MAX) {
        problem_set(p, LB_E_NO_SEAL, "'%s' is not the number of a seal", id);
        problem_hint(p, "the seals of a box: littlebox --box %s seal list", c->cli->box);
        return LB_E_NO_SEAL;
    }
    r = confirm_remove(c, (uint32_t)n, p);
    return r != 0 ? r : ask_seal_remove(c->ask, (uint32_t)n, p);
}

int cmd_seal(struct cli *cli)
{
    static const struct {
        const char *name;
        size_t args;
        int (*run)(struct client *c, const struct seal_kind *named, const char *id, struct problem *p);
    } verbs[] = { { "list", 1, seal_list }, { "add", 1, seal_add }, { "remove", 2, seal_remove } };
    const struct seal_kind *named;
    struct problem p = { 0 };
    struct client *c = NULL;
    int r, status = sealsecret_kind(cli, &named);
    size_t i = 0;

    while (i < 3 && strcmp(verbs[i].name, cli->args[0]) != 0)
        i++;
    if (status != 0)
        return status;
    if (i == 3)
        return cli_usage_error(cli, "unknown 'seal %s': there are list, add and remove", cli->args[0]);
    if (cli->arg_count != verbs[i].args)
        return cli_usage_error(cli, verbs[i].args == 2 ? "'seal %s' needs the number of a seal"
                                                       : "'seal %s' takes no argument",
                               verbs[i].name);
    r = check_label(cli, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = verbs[i].run(c, named, cli->args[1], &p);
    client_close(c);
    if (r != 0)
        return cli_fail(&p);
    return verbs[i].run == seal_list ? EXIT_DONE : print_state(cli, lock_state_name(LOCK_UNLOCKED));
}

/* lock, unlock */

int cmd_lock(struct cli *cli)
{
    struct problem p = { 0 };
    struct client *c = NULL;
    int r = client_open(cli, CLIENT_RUNNING, &c, &p);

    if (r == 0)
        r = ask_lock(c->ask, &p);
    client_close(c);
    return r == 0 ? print_state(cli, lock_state_name(LOCK_LOCKED)) : cli_fail(&p);
}

/*
 * Reads the file that opens the box at its start, if that is there and no passphrase is to be asked for. Nobody is asked
 * for a passphrase that no seal takes, and without a terminal nobody can be. The file is read with the rights of the box's
 * user, so the box gets nothing that it could not read itself. *ret_ask: nothing was read, and a passphrase is to be asked
 * for.
 */
static int read_start_file(struct client *c, struct seal_secret *ret, bool *ret_ask, struct problem *p)
{
    char file[PATH_MAX];
    struct peer box;
    struct rest seals;
    int r = look_at_rest(c, /* id= */ 0, &seals, p);
    bool takes = r == 0 && seals.passphrases > 0;

    *ret_ask = takes && ask_possible();
    if (r != 0 || *ret_ask)
        return r;
    if (geteuid() == 0 && nextstart_handed(c, file))
        return systemcred_read(file, &ret->credential.data, &ret->credential.len, p);
    r = line_peer(&c->line, &box, p);
    if (r != 0)
        return r;
    nextstart_file(c, file);
    r = credential_read_as(file, &box, &ret->credential, p);
    *ret_ask = takes && (r == LB_E_DENIED || (r == LB_E_SYSTEM && errno == ENOENT));
    if (*ret_ask)
        return 0;
    if (r != 0 && p->hint[0] == '\0')
        problem_hint(p, "%sname a file that opens it: littlebox --box %s unlock --credential FILE",
                     r == LB_E_DENIED ? "unlock it as root, or " : "", c->cli->box);
    return r;
}

static int read_secret(struct client *c, const struct seal_kind *named, struct seal_secret *ret, struct problem *p)
{
    bool ask = false;
    int r;

    if (named != NULL)
        return sealsecret_read(c, named, sealsecret_option(c->cli, named), ret, p);
    ret->kind = seal_kind_from(SEAL_FROM_FILE);
    r = read_start_file(c, ret, &ask, p);
    return r == 0 && ask ? sealsecret_read(c, seal_kind_from(SEAL_FROM_PROMPT), /* where= */ NULL, ret, p) : r;
}

static int unlock(struct client *c, const struct seal_kind *named, struct problem *p)
{
    struct seal_secret secret = { 0 };
    struct box_status status;
    int r = ask_status(c->ask, &status, p);

    if (r == 0 && status.lock == LOCK_UNLOCKED) {
        cli_note("box '%s' is unlocked already", c->cli->box);
        return 0;
    }
    /* Told in the box's words: the box knows whether there was a store. */
    if (r == 0 && status.lock == LOCK_NO_STORE)
        r = client_no_store(c, p);
    if (r == 0)
        r = read_secret(c, named, &secret, p);
    if (r == 0)
        r = send_secret(c, MSG_UNLOCK, &secret, p);
    sealsecret_clear(&secret);
    return r;
}

int cmd_unlock(struct cli *cli)
{
    const struct seal_kind *named;
    struct problem p = { 0 };
    struct client *c = NULL;
    int r, status = sealsecret_kind(cli, &named);

    if (status != 0)
        return status;
    r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = unlock(c, named, &p);
    client_close(c);
    return r == 0 ? print_state(cli, lock_state_name(LOCK_UNLOCKED)) : cli_fail(&p);
}
