/* littlebox adopt of many files: each becomes a handle whose key is in the box and proved, or stays what it is. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/change.h"
#include "client/keys.h"
#include "command/adopt_left.h"
#include "command/bulk.h"
#include "command/create.h"
#include "command/prompt.h"
#include "guard/secret.h"
#include "model/key_types.h"

struct all {
    struct adoption given;       /* what the line says of each */
    struct leftovers *leftovers; /* of an earlier run that was killed */
};

/* Is it the key of an adoption under the same name that was killed before it replaced the file? */
static bool is_left(enum boxkeys_claim claim, bool left, const struct boxkeys_twin *twin, const struct adoption *a)
{
    return claim == CLAIM_HAS && left && twin->version != 0 && strcmp(twin->name, a->name) == 0;
}

/* The proof is still to be made and the file to be replaced: an earlier run was killed in between. */
static int go_on_with(struct client *c, const struct adoption *a, const struct boxkeys_twin *twin, struct key_info *ret,
                      struct problem *p)
{
    struct key_ref ref = { .version = twin->version };

    snprintf(ref.name, sizeof(ref.name), "%s", a->name);
    return ask_get(c->ask, &ref, ret, p);
}

/*
 * left: an adoption of this file was killed, so that the box has the key already may come of that. Without it, the file may be
 * a copy for the day when the box is lost, and is left alone, as adopting it by itself leaves it.
 */
static int move(struct bulk *b, struct client *c, struct bulk_file *f, struct adoption *a, bool left, struct problem *p)
{
    struct key_info key = { .version = 0 };
    struct boxkeys_twin twin = { .version = 0 };
    struct key_hashes hashes;
    struct problem scrub;
    bool placed = false;
    int has, r = keyhashes_of(a->key.key, &hashes, p);

    if (r == 0)
        r = adopt_prepare(&a->file, p);
    if (r != 0)
        return r;
    has = boxkeys_claim(b->keys, &hashes, a->name, &twin, p);
    if (has < 0)
        return has;
    if (has == CLAIM_NEW)
        r = key_import(c, a->name, a->key.key, &key, p);
    else if (is_left((enum boxkeys_claim)has, left, &twin, a))
        r = go_on_with(c, a, &twin, &key, p);
    else
        r = boxkeys_refuse(c, has, a->name, &twin, p);
    if (r == 0) {
        memcpy(f->type, key.type, sizeof(f->type));
        f->version = key.version;
        r = adoption_move(c, a, &key, &placed, p);
        if (!placed && has == CLAIM_NEW)
            adoption_roll_back(c, a, f->version);
    }
    /* Nobody knows whether the box has it now: what is left beside the file says so to the next run. */
    if (r == LB_E_CLOSED || r == LB_E_RESET)
        a->file.next.temp[0] = '\0';
    if (!placed && has == CLAIM_NEW)
        boxkeys_unclaim(b->keys, &hashes, a->name);
    if (!placed)
        return r;
    f->result = BULK_DONE;
    f->remains = adopt_scrub(&a->file, &scrub) != 0;
    return 0;
}

static int adopt_one(struct bulk *b, struct client *c, struct bulk_file *f, struct problem *p)
{
    const struct all *all = b->work;
    const char *left = NULL;
    struct adoption *a = calloc(1, sizeof(*a));
    int r = a == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;

    if (r != 0)
        return r;
    a->cli = c->cli;
    a->grant = all->given.grant;
    r = adoption_read(a, f->path, p);
    if (r == 0) {
        memcpy(f->name, a->name, sizeof(f->name));
        left = leftover_of(all->leftovers, a);
    }
    if (r == 0 && !a->key.is_handle)
        r = move(b, c, f, a, left != NULL, p);
    if (r == 0 && left != NULL)
        r = leftover_clear(a, left, p);
    if (r == 0 && a->key.is_handle)
        f->result = BULK_ALREADY;
    if (f->result == BULK_DONE)
        client_note_handle(c, a->name, a->file.path);
    adoption_clear(a);
    free(a);
    return r;
}

/* Reads the file, and changes nothing. */
static int look_at_one(struct bulk *b, struct client *c, struct bulk_file *f, struct problem *p)
{
    const struct all *all = b->work;
    struct adoption *a = calloc(1, sizeof(*a));
    struct boxkeys_twin twin;
    struct key_hashes hashes;
    int r = a == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;

    if (r != 0)
        return r;
    a->cli = c->cli;
    r = adoption_read(a, f->path, p);
    if (r == 0 && !a->key.is_handle)
        r = keytype_of(a->key.key, f->type, p);
    if (r == 0 && !a->key.is_handle) {
        memcpy(f->name, a->name, sizeof(f->name));
        r = keyhashes_of(a->key.key, &hashes, p);
        if (r == 0)
            r = boxkeys_claim(b->keys, &hashes, a->name, &twin, p);
        if (r >= 0 && (r == CLAIM_NEW || is_left((enum boxkeys_claim)r, leftover_of(all->leftovers, a) != NULL, &twin, a)))
            r = 0;
        else if (r > 0)
            r = boxkeys_refuse(c, r, a->name, &twin, p);
        if (r == 0)
            f->result = BULK_DONE;
    } else if (r == 0) {
        f->result = BULK_ALREADY;
    }
    adoption_clear(a);
    free(a);
    return r;
}

/* Asks, if there is a terminal, once for all. */
static int confirm(const struct cli *cli, const struct bulk_list *l, struct problem *p)
{
    char question[300];

    if (cli->options[OPT_YES] != NULL || cli->options[OPT_DRY_RUN] != NULL || !isatty(STDIN_FILENO))
        return 0;
    snprintf(question, sizeof(question),
             "this moves the keys in %zu file%s into box '%s', and no command gives them out again; type 'yes'", l->count,
             l->count == 1 ? "" : "s", cli->box);
    return ask_word(question, "yes", p);
}

static void tell_limits(const struct cli *cli)
{
    cli_note("the box has the keys now, and no command gives them out again: keep backups of its store");
    cli_note("copies of them may remain: backups, snapshots, the file system's journal, an SSD's spare blocks");
    if (cli->options[OPT_ALLOW] == NULL)
        cli_hint("only administrators of the box may use them so far: run it with --allow USER, or littlebox --box %s allow KEY "
                 "--user USER", cli->box);
}

int adopt_list(struct cli *cli, struct bulk_list *l, size_t *ret_left_out)
{
    struct cli quiet = *cli;
    struct all all = { .given = { .cli = &quiet } };
    bool dry = cli->options[OPT_DRY_RUN] != NULL;
    struct bulk b = { .cli = &quiet, .doing = dry ? "looking" : "adopting", .done = dry ? "would be adopted" : "adopted",
                      .one = dry ? look_at_one : adopt_one, .work = &all };
    struct client *c = NULL;
    struct problem p = { 0 };
    int r, status;

    quiet.asks_nobody = true;
    r = adoption_find_grant(&all.given, &p);
    if (r == 0)
        r = leftovers_find(l, &all.leftovers, &p);
    if (r == 0)
        r = client_open(cli, dry ? CLIENT_RUNNING : CLIENT_READY, &c, &p);
    if (r == 0)
        r = boxkeys_load(c, &b.keys, &p);
    if (r == 0) {
        status = bulk_run(&b, c, l);
        if (!cli->json && !dry && b.did > 0)
            tell_limits(cli);
    } else {
        status = cli_fail(&p);
    }
    boxkeys_free(b.keys);
    leftovers_free(all.leftovers);
    client_close(c);
    secret_wipe_stack();
    *ret_left_out = b.left_out;
    return status;
}

int adopt_bulk(struct cli *cli)
{
    struct bulk_list l = { NULL, 0, 0 };
    struct adoption given = { .cli = cli };
    struct problem p = { 0 };
    size_t left_out;
    int r, status = bulk_usage(cli);

    if (status != 0)
        return status;
    /* Before anybody is asked: a user that there is not. */
    r = adoption_find_grant(&given, &p);
    if (r == 0)
        r = bulk_collect(cli, &l, &p);
    if (r == 0)
        r = confirm(cli, &l, &p);
    status = r == 0 ? adopt_list(cli, &l, &left_out) : cli_fail(&p);
    bulk_clear(&l);
    return status;
}
