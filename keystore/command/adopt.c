/* littlebox adopt: moves a key from its file into the box and leaves the handle in its place. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/change.h"
#include "client/keys.h"
#include "command/adopt.h"
#include "command/bulk.h"
#include "command/create.h"
#include "command/escrow.h"
#include "command/help.h"
#include "command/key_proof.h"
#include "command/prompt.h"
#include "command/table.h"
#include "doctor/servers/servers.h"
#include "guard/secret.h"
#include "model/handle.h"
#include "model/key_types.h"
#include "model/seal_kinds.h"
#include "model/spki.h"
#include "protocol/header.h"

/* Makes the content of the new file, in the form of the old one. *ret belongs to the BIO. */
static int make_handle(const struct client *c, const struct key_info *key, enum keyfile_form form, BIO *bio,
                       struct bytes *ret, struct problem *p)
{
    struct handle h = { .type = handle_type_of(key->spki.p, key->spki.len),
                        .spki = (uint8_t *)key->spki.p,
                        .spki_len = key->spki.len };
    uint8_t *der = NULL;
    char *data;
    size_t len;
    long n;
    int r;

    client_uri(c, key->name, 0, h.uri);
    if (form == KEYFILE_PEM) {
        r = handle_to_pem(&h, bio);
    } else {
        r = handle_to_der(&h, &der, &len);
        if (r == 0 && BIO_write(bio, der, (int)len) != (int)len)
            r = LB_E_NOMEM;
        OPENSSL_free(der);
    }
    n = r == 0 ? BIO_get_mem_data(bio, &data) : 0;
    if (r == 0 && n <= 0)
        r = LB_E_NOMEM;
    if (r != 0)
        return problem_set(p, r, "cannot make the handle: %s", lb_strerror(r));
    *ret = (struct bytes){ (const uint8_t *)data, (size_t)n };
    return 0;
}

/* Proves that the key in the box is the one in the file, and that the box can use it. */
static int prove(struct client *c, const struct key_info *key, EVP_PKEY *expected, struct problem *p)
{
    EVP_PKEY *public = spki_key(/* libctx= */ NULL, key->spki.p, key->spki.len);
    int r = 0;

    if (public == NULL || EVP_PKEY_eq(public, expected) != 1)
        r = problem_set(p, LB_E_PUBLIC_KEY, "the box has another public key than the file");
    EVP_PKEY_free(public);
    return r != 0 ? r : proof_make(c, key->name, key->version, expected, p);
}

void adoption_roll_back(struct client *c, const struct adoption *a, uint32_t version)
{
    const struct adopt_file *f = &a->file;
    const char *name = a->name;
    struct destroy_request m = { .version = version };
    struct problem p = { 0 };

    snprintf(m.name, sizeof(m.name), "%s", name);
    if (ask_destroy(c->ask, &m, &p) == 0) {
        cli_note("'%s' is unchanged, and the box has destroyed its copy of the key again", f->path);
        return;
    }
    cli_note("'%s' is unchanged, but the box keeps its copy of the key as '%s' version %u: %s", f->path, name, version,
             p.text);
}

static void tell_limits(const struct client *c, const struct adopt_file *f, const char *name, bool scrubbed)
{
    if (scrubbed)
        cli_note("the old content of '%s' was overwritten", f->path);
    cli_note("the box has the key now, and no command gives it out again: keep backups of its store");
    cli_note("copies of it may remain: backups, snapshots, the file system's journal, an SSD's spare blocks,");
    cli_note("an editor's or a tool's copy; a program that runs has the key until it reads the file again");
    cli_note("if somebody may have had a copy, make a new key and a new certificate instead");
    if (c->cli->options[OPT_ALLOW] == NULL)
        cli_hint("only administrators of the box may use it so far: littlebox --box %s allow %s --user USER", c->cli->box,
                 name);
}

static void print_adopted(const struct client *c, const struct adopt_file *f, const char *name, const char *type,
                          uint32_t version, bool scrubbed)
{
    char uri[LB_URI_MAX + 1];
    struct json j;

    client_uri(c, name, 0, uri);
    if (!c->cli->json) {
        puts(uri);
        return;
    }
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "file", f->path);
    json_string(&j, "key", name);
    json_string(&j, "uri", uri);
    json_string(&j, "type", type);
    json_number(&j, "version", version);
    json_bool(&j, "adopted", true);
    json_bool(&j, "overwritten", scrubbed);
    if (c->cli->options[OPT_ESCROW] != NULL)
        json_string(&j, "escrow", c->cli->options[OPT_ESCROW]);
    json_close(&j, '}');
    json_end(&j);
}

static int is_handle_already(const struct cli *cli, const struct adopt_file *f, const struct keyfile *file)
{
    struct json j;

    cli_note("'%s' is a handle already, to %s: nothing to do", f->path, file->handle.uri);
    if (cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '{');
        json_string(&j, "file", f->path);
        json_string(&j, "uri", file->handle.uri);
        json_bool(&j, "adopted", false);
        json_close(&j, '}');
        json_end(&j);
    }
    return 0;
}

/* Lets signals wait until the key is in one place: an interrupted command would leave it in two. */
static void hold_signals(void)
{
    static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU, SIGTTIN, SIGALRM, SIGUSR1,
                                   SIGUSR2, SIGXFSZ, SIGXCPU, SIGVTALRM, SIGPROF };
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

/* Asks for the escrow's passphrase, twice: it is not the file's. */
static int make_escrow(const struct cli *cli, EVP_PKEY *key, struct escrow *ret, struct problem *p)
{
    struct passphrase pass = { NULL, 0 };
    struct cli asking = *cli;
    int r;

    asking.options[OPT_PASSPHRASE_FILE] = cli->options[OPT_ESCROW_PASSPHRASE_FILE];
    asking.options[OPT_PASSPHRASE_FD] = NULL;
    r = ask_passphrase(&asking, "new passphrase for the escrow", /* as_new= */ true, &pass, p);
    if (r != 0 && asking.options[OPT_PASSPHRASE_FILE] == NULL && r == LB_E_SYSTEM)
        problem_hint(p, "give it with --escrow-passphrase-file FILE");
    if (r == 0 && pass.len < PASSPHRASE_MIN) {
        r = problem_set(p, LB_E_WEAK_SECRET, "the passphrase of an escrow needs at least %d bytes", PASSPHRASE_MIN);
        problem_hint(p, PASSPHRASE_ADVICE);
    }
    if (r == 0)
        r = escrow_make(cli->options[OPT_ESCROW], key, &pass, ret, p);
    ask_clear(&pass);
    if (r == 0)
        cli_note("the key is in '%s' too, sealed to the passphrase, and was read back from there: keep both elsewhere",
                 ret->path);
    return r;
}

int adoption_move(struct client *c, struct adoption *a, const struct key_info *key, bool *ret_placed, struct problem *p)
{
    struct adopt_file *f = &a->file;
    BIO *bio = BIO_new(BIO_s_mem());
    struct bytes handle = { NULL, 0 };
    int r = bio == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;

    *ret_placed = false;
    if (r == 0)
        r = make_handle(c, key, a->key.form, bio, &handle, p);
    /* The proof overwrites the answer that key's public half is in, so the handle comes first. */
    if (r == 0)
        r = prove(c, key, a->key.key, p);
    /* Before the file is replaced: whoever reads the new file may then use its handle. */
    if (r == 0 && a->grant.grant.ops != 0) {
        snprintf(a->grant.name, sizeof(a->grant.name), "%s", a->name);
        r = ask_grant(c->ask, MSG_ALLOW, &a->grant, p);
    }
    if (r == 0) {
        const struct bytes parts[] = { { f->data, a->key.start }, handle, { f->data + a->key.end, f->size - a->key.end } };

        r = adopt_replace(f, parts, 3, ret_placed, p);
    }
    BIO_free(bio);
    return r;
}

static int import(struct client *c, struct adoption *a, struct key_info *ret, struct problem *p)
{
    int r = key_import(c, a->name, a->key.key, ret, p);

    if (r == LB_E_EXISTS)
        problem_hint(p, "give another name with --key; what has this one: littlebox --box %s show %s", c->cli->box, a->name);
    return r;
}

static int adopt(struct adoption *a, struct problem *p)
{
    struct client *c = NULL;
    struct escrow escrow = { .there = false };
    struct key_info key = { .version = 0 };
    struct problem scrub = { 0 };
    struct adopt_file *f = &a->file;
    char type[LB_TYPE_MAX + 1];
    uint32_t version;
    bool placed = false, scrubbed;
    int r = client_open(a->cli, CLIENT_READY, &c, p);

    if (r == 0)
        r = key_refuse_twin(c, a->key.key, p);
    if (r == 0)
        r = adopt_prepare(f, p);
    if (r == 0 && a->cli->options[OPT_ESCROW] != NULL)
        r = make_escrow(a->cli, a->key.key, &escrow, p);
    if (r != 0)
        goto out;
    hold_signals();
    r = import(c, a, &key, p);
    if (r != 0)
        goto out;
    version = key.version;
    memcpy(type, key.type, sizeof(type));
    r = adoption_move(c, a, &key, &placed, p);
    if (!placed) {
        adoption_roll_back(c, a, version);
        goto out;
    }
    scrubbed = adopt_scrub(f, &scrub) == 0;
    if (!scrubbed)
        cli_note("%s", scrub.text);
    print_adopted(c, f, a->name, type, version, scrubbed);
    tell_limits(c, f, a->name, scrubbed);
    client_note_handle(c, a->name, f->path);
out:
    if (!placed)
        escrow_undo(&escrow);
    client_close(c);
    return r;
}

/*
 * Refuses a file of a program that can use no handle. The program would be without its key, which never comes out of the
 * box.
 */
static int check_program(const struct cli *cli, const char *path, const struct keyfile *file, struct problem *p)
{
    const struct server_program *s = server_unable(path, EVP_PKEY_is_a(file->key, "RSA") || EVP_PKEY_is_a(file->key, "RSA-PSS"));

    if (s == NULL)
        return 0;
    if (cli->options[OPT_FORCE] != NULL) {
        cli_note("warning: '%s' is a key of %s, which can use no handle: %s", path, s->name, s->unable);
        return 0;
    }
    problem_set(p, LB_E_UNSUPPORTED, "'%.150s' is a key of %s, which can use no handle: %s", path, s->name, s->unable);
    problem_hint(p, "%s; if it no longer uses this file: --force", s->instead);
    return LB_E_UNSUPPORTED;
}

int adopt_check_name(struct client *c, const char *name, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    int r = show == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : ask_show(c->ask, name, show, p);
    bool taken = false;

    for (unsigned i = 0; r == 0 && i < show->version_count; i++)
        taken = taken || !key_state_destroyed(show->versions[i].state);
    if (r == 0 && strcmp(show->name, name) != 0)
        taken = true;
    free(show);
    if (r == LB_E_NO_KEY)
        return 0;
    if (r != 0 || !taken)
        return r;
    problem_set(p, LB_E_EXISTS, "key '%s' exists already in box '%s'", name, c->cli->box);
    problem_hint(p, "give another name with --key; what has this one: littlebox --box %s show %s", c->cli->box, name);
    return LB_E_EXISTS;
}

/* Looks at what can be seen without a change. The file was looked at when it was opened. */
static int dry_run(struct adoption *a, struct problem *p)
{
    char type[LB_TYPE_MAX + 1] = "", uri[LB_URI_MAX + 1];
    struct client *c = NULL;
    struct json j;
    int r = keytype_of(a->key.key, type, p);

    if (r == 0)
        r = client_open(a->cli, CLIENT_RUNNING, &c, p);
    if (r == 0)
        r = key_refuse_twin(c, a->key.key, p);
    if (r == 0)
        r = adopt_check_name(c, a->name, p);
    if (r == 0) {
        client_uri(c, a->name, 0, uri);
        if (a->cli->json) {
            json_start(&j, stdout);
            json_open(&j, NULL, '{');
            json_string(&j, "file", a->file.path);
            json_string(&j, "key", a->name);
            json_string(&j, "uri", uri);
            json_string(&j, "type", type);
            json_bool(&j, "adopted", false);
            json_bool(&j, "dry_run", true);
            json_close(&j, '}');
            json_end(&j);
        } else {
            cli_line("%s: the %s key in it would become key '%s' of box '%s', and the file its handle", a->file.path, type,
                   a->name, a->cli->box);
        }
    }
    client_close(c);
    return r;
}

/* Asks, if there is a terminal; renewals run this without one. What cannot be undone is told afterwards in any case. */
static int confirm(const struct adoption *a, struct problem *p)
{
    char question[PATH_MAX + 300];

    if (a->cli->options[OPT_YES] != NULL || !isatty(STDIN_FILENO))
        return 0;
    snprintf(question, sizeof(question),
             "the key in '%s' goes into box '%s' as '%s', and no command gives it out again%s; type 'yes'", a->file.path,
             a->cli->box, a->name,
             a->cli->options[OPT_ESCROW] == NULL ? " (--escrow FILE makes a sealed copy first)" : "");
    return ask_word(question, "yes", p);
}

int adoption_find_grant(struct adoption *a, struct problem *p)
{
    if (a->cli->options[OPT_ALLOW] == NULL)
        return 0;
    a->grant.grant.ops = OP_SIGN;
    return grant_find_user(a->cli->options[OPT_ALLOW], &a->grant.grant, p);
}

static int name_key(struct adoption *a, const char *path, struct problem *p)
{
    const char *given = a->cli->options[OPT_KEY];

    if (given == NULL)
        return key_name_of_file(path, a->name, p);
    if (key_name_check(given, p) != 0)
        return p->code;
    snprintf(a->name, sizeof(a->name), "%s", given);
    return 0;
}

int adoption_read(struct adoption *a, const char *path, struct problem *p)
{
    char word[2 * PATH_MAX];
    int r = adopt_open(path, &a->file, p);

    if (r == 0)
        r = keyfile_parse(a->cli, path, a->file.data, a->file.size, &a->key, p);
    if (r != 0 || a->key.is_handle)
        return r;
    r = name_key(a, path, p);
    if (r == 0 && a->key.form == KEYFILE_PKCS12) {
        r = problem_set(p, LB_E_UNSUPPORTED, "'%s' is PKCS#12, which cannot hold a handle", path);
        problem_hint(p, "littlebox import %s %.100s, then: littlebox handle %s --out FILE", a->name,
                     cli_quoted(path, word), a->name);
    }
    return r == 0 ? check_program(a->cli, path, &a->key, p) : r;
}

void adoption_clear(struct adoption *a)
{
    keyfile_clear(&a->key);
    adopt_close(&a->file);
}

static int adopt_path(struct cli *cli, const char *path, struct problem *p)
{
    struct adoption *a = calloc(1, sizeof(*a));
    int r = a == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;

    if (r != 0)
        return r;
    a->cli = cli;
    r = adoption_read(a, path, p);
    if (r == 0 && a->key.is_handle) {
        r = is_handle_already(cli, &a->file, &a->key);
        goto out;
    }
    if (r == 0)
        r = adoption_find_grant(a, p);
    if (r == 0 && cli->options[OPT_DRY_RUN] != NULL) {
        r = dry_run(a, p);
        goto out;
    }
    if (r == 0)
        r = confirm(a, p);
    if (r == 0)
        r = adopt(a, p);
out:
    adoption_clear(a);
    free(a);
    secret_wipe_stack();
    return r;
}

static int check_usage(const struct cli *cli)
{
    const char *server = cli->options[OPT_SERVER];
    char known[SERVER_LIST_SIZE];

    if ((cli->arg_count == 1) == (server != NULL))
        return cli_usage_error(cli, "give either FILE or --server SERVER");
    if (server != NULL && server_find(server) == NULL)
        return cli_usage_error(cli, "no server '%.100s' is known; these are: %s", server,
                               server_list(/* unable= */ false, known));
    if (server != NULL && server_find(server)->unable != NULL)
        return cli_usage_hint(server_find(server)->instead, "%s can use no handle: %s", server, server_find(server)->unable);
    if (server != NULL && (cli->options[OPT_KEY] != NULL || cli->options[OPT_ESCROW] != NULL))
        return cli_usage_error(cli, "--key and --escrow are for one FILE");
    if (server == NULL && cli->options[OPT_CONFIG] != NULL)
        return cli_usage_error(cli, "--config says where the files of a --server are");
    if (cli->options[OPT_ESCROW_PASSPHRASE_FILE] != NULL && cli->options[OPT_ESCROW] == NULL)
        return cli_usage_error(cli, "--escrow-passphrase-file goes with --escrow");
    return 0;
}

/* Two words of which one is a file: the other is the name that somebody wants for the key. */
static bool is_file_and_name(const struct cli *cli)
{
    return cli->arg_count == 2 && cli->options[OPT_RECURSIVE] == NULL && cli->options[OPT_FROM] == NULL &&
           (access(cli->args[0], F_OK) == 0) != (access(cli->args[1], F_OK) == 0);
}

int cmd_adopt(struct cli *cli)
{
    struct problem p = { 0 };
    int status, r;

    if (is_file_and_name(cli))
        return help_too_many(cli, cli->args[1]);
    if (bulk_is_meant(cli))
        return adopt_bulk(cli);
    status = check_usage(cli);
    if (status != 0)
        return status;
    if (cli->options[OPT_SERVER] != NULL)
        return adopt_server(cli);
    r = adopt_path(cli, cli->args[0], &p);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
