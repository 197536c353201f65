/* littlebox destroy: a key ends, later or at once; until then it can be had back. */
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/change.h"
#include "client/keys.h"
#include "client/status.h"
#include "command/client.h"
#include "command/current.h"
#include "command/deploy.h"
#include "command/known_handles.h"
#include "command/prompt.h"
#include "command/table.h"

/* Telling what an administrator should know before */

static void tell_use(const struct key_details *show, uint32_t version)
{
    char at[RFC3339_SIZE];
    uint64_t used = 0;

    for (unsigned i = 0; i < show->version_count; i++) {
        if ((version == 0 || show->versions[i].version == version) && show->versions[i].used > used)
            used = show->versions[i].used;
    }
    rfc3339_text(used, at);
    if (used == 0)
        cli_note("no use of key '%s' is known", show->name);
    else
        cli_note("key '%s' was used last at %s", show->name, at);
}

static void tell_grants(const struct key_details *show)
{
    for (unsigned i = 0; i < show->grant_count; i++) {
        const struct grant *g = &show->grants[i];
        const struct passwd *pw = g->kind == SUBJECT_USER ? getpwuid(g->id) : NULL;
        const struct group *gr = g->kind == SUBJECT_GROUP ? getgrgid(g->id) : NULL;
        const char *name = pw != NULL ? pw->pw_name : gr != NULL ? gr->gr_name : "?";
        char ops[OP_NAMES_SIZE];

        key_op_names(g->ops, ops);
        cli_note("%s %s (%s %u) may use it: %s", g->kind == SUBJECT_USER ? "user" : "group", name,
                 g->kind == SUBJECT_USER ? "uid" : "gid", g->id, ops);
    }
    if (show->grant_count == 0)
        cli_note("only administrators of the box may use it");
}

static void tell_handle(const char *file, const char *where, void *arg)
{
    unsigned *count = arg;

    cli_note("a handle of it: %s%s", file, where);
    (*count)++;
}

static void tell_deployment(const char *file, void *arg)
{
    (void)arg;
    cli_note("it is deployed in %s", file);
}

static int tell_handles(struct client *c, const struct key_details *show, struct problem *p)
{
    unsigned count = 0;
    int unread = known_handles(c, show, tell_handle, &count);

    if (unread < 0)
        return problem_set(p, unread, "the handles of key '%s' cannot be looked for: %s", show->name,
                           lb_strerror(unread));
    if (count == 0)
        cli_note("no handle of it is known here");
    if (unread > 0)
        cli_note("%d key file%s of servers could not be read: only root sees all", unread, unread == 1 ? "" : "s");
    return 0;
}

/* Asking */

static int has_version(const struct client *c, const struct key_details *show, uint32_t version, struct problem *p)
{
    for (unsigned i = 0; i < show->version_count; i++) {
        if (version == 0 || show->versions[i].version == version)
            return 0;
    }
    return problem_set(p, LB_E_NO_VERSION, "key '%s' in box '%s' has no version %u", show->name, c->cli->box, version);
}

/* Refuses, before anybody is asked, what a token cannot do: its keys are destroyed at once, or not at all. */
static int check_backend(struct client *c, const char *name, struct problem *p)
{
    struct box_status status;
    int r = ask_status(c->ask, &status, p);

    if (r != 0 || strcmp(status.backend, "sealed") == 0)
        return r;
    return problem_set(p, LB_E_UNSUPPORTED,
                       "key '%s' in box '%s' is on a token, which cannot keep what was destroyed: nothing was done; "
                       "only --now is possible, at once and for good", name, c->cli->box);
}

/* A damaged record may say anything of itself: the box decides about it. */
static int check_state(const struct client *c, const struct key_details *show, uint32_t version, struct problem *p)
{
    char at[RFC3339_SIZE], which[24] = "", word[2 * PATH_MAX];
    uint64_t due = 0;

    for (unsigned i = 0; i < show->version_count; i++) {
        const struct version_entry *v = &show->versions[i];

        if (version != 0 && v->version != version)
            continue;
        if (v->damaged || !key_state_ending(v->state))
            return 0;
        if (v->state == STATE_DESTROY_SCHEDULED && (due == 0 || v->destroy_at < due))
            due = v->destroy_at;
    }
    if (version != 0)
        snprintf(which, sizeof(which), "version %u of ", version);
    if (due == 0)
        return problem_set(p, LB_E_DESTROYED, "%skey '%s' in box '%s' is destroyed already", which, show->name, c->cli->box);
    rfc3339_text(due, at);
    problem_set(p, LB_E_NOT_ACTIVE, "%skey '%s' in box '%s' is to be destroyed at %s already", which, show->name, c->cli->box, at);
    problem_hint(p, "to keep it: littlebox --box %s destroy --cancel %s", c->cli->box, cli_quoted(c->cli->args[0], word));
    return LB_E_NOT_ACTIVE;
}

/* Looks, before anybody is asked, whether the key is there and not destroyed already. */
static int confirm(struct client *c, const struct key_ref *ref, bool at_once, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    char question[300], version[24] = "";
    int r = show == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : ask_show(c->ask, ref->name, show, p);

    if (r == 0 && !at_once)
        r = check_backend(c, ref->name, p);
    if (r == 0)
        r = has_version(c, show, ref->version, p);
    if (r == 0 && !at_once)
        r = check_state(c, show, ref->version, p);
    if (r != 0)
        goto out;
    tell_use(show, ref->version);
    tell_grants(show);
    deploy_each(c, show->name, show->former, tell_deployment, /* arg= */ NULL);
    r = tell_handles(c, show, p);
    if (r != 0)
        goto out;
    if (ref->version != 0)
        snprintf(version, sizeof(version), "version %u of ", ref->version);
    snprintf(question, sizeof(question),
             at_once ? "this destroys %skey '%s' at once and for good; type the key name"
                     : "%skey '%s' will do nothing from now on, and be destroyed when its time has come; type the key name",
             version, ref->name);
    r = ask_word(question, ref->name, p);
    if (r == 0 && at_once)
        r = ask_word("nobody will have it back; type 'destroy'", "destroy", p);
out:
    free(show);
    return r;
}

/* Doing */

/* What is to be done, and what came of it. */
struct destruction {
    struct destroy_request m;
    struct key_ref ref;
    bool at_once, cancel;
    char when[RFC3339_SIZE]; /* set, unless one of those */
    uint32_t before, now;    /* set: the key's current version; 0: none */
};

static void print(const struct cli *cli, const struct destruction *d)
{
    struct json j;

    if (!cli->json)
        return;
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, d->cancel ? "cancelled" : d->at_once ? "destroyed" : "scheduled", d->ref.name);
    if (d->ref.version == 0)
        json_null(&j, "version");
    else
        json_number(&j, "version", d->ref.version);
    if (!d->cancel && !d->at_once)
        json_string(&j, "destroy_at", d->when);
    if (d->now == 0)
        json_null(&j, "current");
    else
        json_number(&j, "current", d->now);
    json_close(&j, '}');
    json_end(&j);
}

static int schedule(struct client *c, struct destruction *d, struct problem *p)
{
    uint64_t at = 0;
    int r = ask_schedule_destroy(c->ask, &d->m, &at, p);

    if (r == LB_E_MESSAGE) /* of a box that is older than this command */
        problem_hint(p, "restart the box: it runs an older version");
    rfc3339_text(at, d->when);
    return r;
}

static int act(struct client *c, struct destruction *d, struct problem *p)
{
    if (d->cancel)
        return ask_cancel_destroy(c->ask, &d->m, p);
    return d->at_once ? ask_destroy(c->ask, &d->m, p) : schedule(c, d, p);
}

static void tell(const struct cli *cli, const struct destruction *d)
{
    char word[2 * PATH_MAX];

    print(cli, d);
    if (d->cancel && d->ref.version == 0) {
        cli_note("key '%s' is not destroyed: what was to be destroyed of it is as it was before", d->ref.name);
    } else if (d->cancel) {
        cli_note("version %u of key '%s' is not destroyed: it is as it was before", d->ref.version, d->ref.name);
    } else if (!d->at_once) {
        if (d->ref.version == 0)
            cli_note("key '%s' does nothing from now on, and is destroyed at %s", d->ref.name, d->when);
        else
            cli_note("version %u of key '%s' does nothing from now on, and is destroyed at %s", d->ref.version, d->ref.name, d->when);
        cli_hint("to keep it: littlebox --box %s destroy --cancel %s", cli->box, cli_quoted(cli->args[0], word));
    }
}

int cmd_destroy(struct cli *cli)
{
    struct destruction d = { .at_once = cli->options[OPT_NOW] != NULL, .cancel = cli->options[OPT_CANCEL] != NULL };
    struct problem p = { 0 };
    struct client *c = NULL;
    bool changed = false;
    int r;

    if (d.cancel && (d.at_once || cli->options[OPT_YES] != NULL))
        return cli_usage_error(cli, "--cancel goes alone");
    r = client_key_ref(cli->args[0], &d.ref, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0 && !d.cancel && cli->options[OPT_YES] == NULL)
        r = confirm(c, &d.ref, d.at_once, &p);
    if (r == 0)
        r = current_of(c, d.ref.name, &d.before, &p);
    if (r == 0) {
        memcpy(d.m.name, d.ref.name, sizeof(d.m.name));
        d.m.version = d.ref.version;
        r = act(c, &d, &p);
        changed = r == 0;
    }
    if (r == 0)
        r = current_of(c, d.ref.name, &d.now, &p);
    if (changed)
        tell(cli, &d);
    /* That nothing is left where the last version is destroyed goes without saying. */
    if (r == 0 && d.now != 0)
        r = current_follow(c, d.ref.name, d.before, d.now, &p);
    client_close(c);
    if (r == 0)
        return EXIT_DONE;
    return changed ? cli_fail_undone(&p) : cli_fail(&p);
}
