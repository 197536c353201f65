/* doctor --server: each private key that a server's configuration names, and if it is where it should be. */
#include "doctor/server.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/file_names.h"
#include "doctor/handle.h"
#include "doctor/running.h"
#include "doctor/seen.h"
#include "doctor/servers/servers.h"
#include "doctor/verdict.h"
#include "guard/secret.h"
#include "model/uri.h"

/* A handle whose servers are looked for. */
struct wanted {
    bool is_file;
    dev_t dev;
    ino_t ino;
    const char *box, *key; /* "" for none */
};

bool doctor_server_ok(const struct cli *cli)
{
    const char *name = cli->options[OPT_SERVER];
    char able[SERVER_LIST_SIZE], unable[SERVER_LIST_SIZE];

    if (name == NULL && (cli->options[OPT_CONFIG] != NULL ||
                         (cli->options[OPT_ROOT] != NULL && cli->options[OPT_HANDLE] == NULL))) {
        cli_usage_error(cli, "--config and --root say where the files of a --server are");
        return false;
    }
    if (name != NULL && server_find(name) == NULL) {
        cli_usage_error(cli, "no server '%.100s' is known; these are: %s; and those that can use no handle: %s", name,
                        server_list(/* unable= */ false, able), server_list(/* unable= */ true, unable));
        return false;
    }
    return true;
}

/* The workers' user */

static bool find_worker(struct examination *e)
{
    const char *name = e->conf.user[0] != '\0' ? e->conf.user : e->server->user != NULL ? e->server->user : "root";
    struct doctor_worker *w = &e->worker;
    const char *missing = doctor_worker_find(name, e->conf.group, e->server->bare, w);

    if (missing != NULL) {
        if (strcmp(missing, "user") == 0)
            doctor_report(e->d, DOCTOR_UNKNOWN, "user", NULL, "%s: its workers run as '%s', and there is no such user here",
                          e->server->name, name);
        else
            doctor_report(e->d, DOCTOR_UNKNOWN, "user", NULL,
                          "%s: its workers have the group '%s', and there is none here", e->server->name, e->conf.group);
        return false;
    }
    w->loads = e->server->loads == LOADS_USER;
    w->chroot = e->conf.chroot[0] == '/' && e->root[0] == '\0' ? e->conf.chroot : NULL;
    return true;
}

/* Is this the handle whose servers are looked for, or one of the same key? */
static bool is_wanted(const struct examination *e, const struct srv_key *k, const struct seen *seen)
{
    const struct wanted *w = e->wanted;
    const char *uri = k->kind == SRV_URI ? k->text : seen->handle.uri;
    struct key_uri u;
    struct problem p;

    if (w == NULL)
        return true;
    if (k->kind <= SRV_BUNDLE && seen->fd >= 0 && w->is_file && seen->st.st_dev == w->dev && seen->st.st_ino == w->ino)
        return true;
    return (k->kind <= SRV_BUNDLE || k->kind == SRV_URI) && w->key[0] != '\0' && uri_parse(uri, &u, &p) == 0 &&
           strcmp(u.box[0] == '\0' ? w->box : u.box, w->box) == 0 && strcmp(u.name, w->key) == 0;
}

/* Has the server keys? Else its process says nothing: it may never have asked OpenSSL for anything. */
static bool has_keys(const struct srvconf *c)
{
    for (size_t i = 0; i < c->key_count; i++) {
        if (c->keys[i].kind != SRV_WORD && c->keys[i].kind != SRV_STAYS)
            return true;
    }
    return false;
}

/* Reports who the workers are, and whether the server that runs can use handles at all. */
static void begin(struct examination *e)
{
    const struct srvconf *c = &e->conf;

    e->begun = true;
    if (e->server->unable != NULL) {
        doctor_report(e->d, DOCTOR_SKIPPED, "configuration", e->server->instead, "%s: %s%s: it can use no handle%s: %s",
                      e->server->name, e->root, c->main, e->server->rsa_alone ? " for an RSA key" : "", e->server->unable);
        return;
    }
    if (strcmp(c->user, "?") == 0 || strcmp(c->group, "?") == 0)
        doctor_report(e->d, DOCTOR_UNKNOWN, "user", NULL, "%s: only the running server knows the user of its workers",
                      e->server->name);
    else
        e->worker_known = find_worker(e);
    if (e->worker_known)
        doctor_report(e->d, DOCTOR_OK, "configuration", NULL, "%s: %s%s (%u file%s), its workers are user %s (uid %lu)",
                      e->server->name, e->root, c->main, c->files, c->files == 1 ? "" : "s", e->worker.name,
                      (unsigned long)e->worker.uid);
    if (has_keys(c))
        doctor_running(e->d, e->server, c->main, e->usual, e->worker_known ? &e->worker.uid : NULL);
}

/* A key that was looked at, and what came of trying it. */
struct looked {
    struct subject subject;
    struct seen seen;
    struct doctor_trial *tried; /* NULL: it needed no trial */
};

static void look(const struct examination *e, const struct srv_key *k, struct looked *ret)
{
    struct subject *s = &ret->subject;
    char path[PATH_MAX];

    memset(ret, 0, sizeof(*ret));
    ret->seen.fd = -1;
    s->key = k;
    snprintf(path, sizeof(path), "%s", k->text);
    if (k->kind <= SRV_BUNDLE) {
        if (k->kind == SRV_BUNDLE)
            seen_look_bundle(&e->conf, path, &ret->seen);
        else
            seen_look(&e->conf, path, &ret->seen);
        snprintf(s->path, sizeof(s->path), "%s%s", e->root, path);
    }
    snprintf(s->text, sizeof(s->text), "%s (%s%s:%u)", k->kind <= SRV_BUNDLE ? s->path : k->text, e->root, k->file,
             k->line);
    secret_wipe_stack();
}

/* Keys that are examined together, as many as can be tried at a time. Each may have an open file. */
#define TOGETHER (PROBE_TOGETHER * PROBE_LANES)

struct batch {
    struct looked l[TOGETHER];
    struct doctor_trial trials[TOGETHER];
    struct doctor_probing *probing;
    size_t count;
};

/* Looks at the next keys, from *at on, and begins to try together what of them has to be tried. False: out of memory. */
static bool batch_begin(struct examination *e, struct doctor_prober *by, struct batch *b, size_t *at)
{
    size_t n = 0;

    for (b->count = 0; *at < e->conf.key_count && b->count < TOGETHER; ++*at) {
        struct looked *l = &b->l[b->count];

        look(e, &e->conf.keys[*at], l);
        if (is_wanted(e, l->subject.key, &l->seen))
            b->count++;
        else if (l->subject.key->kind <= SRV_BUNDLE)
            seen_clear(&l->seen);
    }
    if (b->count > 0 && !e->begun)
        begin(e);
    for (size_t i = 0; i < b->count; i++) {
        const char *what = server_key_to_try(e, &b->l[i].subject, &b->l[i].seen);

        b->l[i].tried = what == NULL ? NULL : &b->trials[n];
        if (what != NULL)
            b->trials[n++].handle = what;
    }
    by->worker = server_other_user(e);
    b->probing = doctor_probe_begin(by, b->trials, n);
    return b->probing != NULL;
}

static void batch_end(struct examination *e, struct batch *b)
{
    bool tried = b->probing != NULL;

    doctor_probe_end(b->probing);
    b->probing = NULL;
    for (size_t i = 0; i < b->count; i++) {
        struct looked *l = &b->l[i];
        size_t before = e->said + e->summed;

        if (tried)
            server_key_verdict(e, &l->subject, &l->seen, l->tried);
        e->keys += e->said + e->summed > before;
        if (l->subject.key->kind <= SRV_BUNDLE)
            seen_clear(&l->seen);
    }
    b->count = 0;
}

/* While the handles of one batch are tried, the verdicts of the batch before it are found. */
static void examine_keys(struct examination *e)
{
    struct doctor_prober by = { .conf = &e->d->conf, .lines = e->d->lines };
    struct batch *b = calloc(2, sizeof(*b));
    size_t at = 0, i = 0;
    bool ok;

    e->pairs = pairs_new(&e->conf);
    e->names = file_names_new(&e->conf);
    ok = b != NULL && e->pairs != NULL && e->names != NULL;
    for (; ok && at < e->conf.key_count; i = 1 - i) {
        ok = batch_begin(e, &by, &b[i], &at);
        batch_end(e, &b[1 - i]);
    }
    if (b != NULL)
        batch_end(e, &b[1 - i]);
    if (!ok)
        doctor_report(e->d, DOCTOR_UNKNOWN, "configuration", NULL, "%s: out of memory", e->server->name);
    free(e->pairs);
    file_names_free(e->names);
    free(b);
}

/* More keys than anybody reads a line each of. What is wrong has its line in any case, and for programs all have. */
#define MANY_KEYS 100

static bool has_many(const struct srvconf *c)
{
    size_t count = 0;

    for (size_t i = 0; i < c->key_count; i++)
        count += c->keys[i].kind != SRV_WORD;
    return count > MANY_KEYS;
}

static void examine(struct examination *e)
{
    const struct srvconf *c = &e->conf;

    for (size_t i = 0; i < c->problem_count && e->wanted == NULL; i++)
        doctor_report(e->d, DOCTOR_FAIL, "configuration",
                      c->files == 0 ? "say where it is: --config FILE" : NULL, "%s: %s", e->server->name,
                      c->problems[i].text);
    if (c->untold > 0 && e->wanted == NULL)
        doctor_report(e->d, DOCTOR_FAIL, "configuration", NULL, "%s: %u more problem%s than are told here", e->server->name,
                      c->untold, c->untold == 1 ? "" : "s");
    if (c->files == 0 && c->problem_count == 0 && e->wanted == NULL)
        doctor_report(e->d, DOCTOR_FAIL, "configuration", "say where it is: --config FILE", "there is no %s%s",
                      e->root, c->main);
    if (c->files == 0)
        return;
    e->sums_up = e->wanted == NULL && !e->d->cli->json && has_many(c);
    if (e->wanted == NULL)
        begin(e);
    examine_keys(e);
    if (e->summed > 0)
        doctor_report(e->d, DOCTOR_OK, "key", NULL,
                      "%s: %zu of %zu keys are handles with which a test by %s verifies; --json tells of each", e->server->name,
                      e->summed, e->keys, e->worker.name);
    if (e->keys == 0 && e->wanted == NULL)
        doctor_report(e->d, DOCTOR_SKIPPED, "key", NULL, "%s: no private key in this configuration", e->server->name);
}

/* main: one of the files that the server's pattern stands for. wanted NULL: all keys. *ret_said grows by the keys reported on. */
static bool examine_one(struct doctor *d, const struct server_program *server, const char *root, const char *main, bool usual,
                        const struct wanted *wanted, size_t *ret_said)
{
    struct examination *e = calloc(1, sizeof(*e));
    bool ok = false;

    if (e == NULL)
        return false;
    e->d = d;
    e->server = server;
    e->root = root == NULL ? "" : root;
    e->usual = usual;
    e->wanted = wanted;
    if (srvconf_init(&e->conf, root) != 0) {
        doctor_report(d, DOCTOR_FAIL, "configuration", NULL, "--root '%s': %s", root, strerror(errno));
    } else {
        snprintf(e->conf.main, sizeof(e->conf.main), "%s", main);
        server_read(server, &e->conf);
        examine(e);
        ok = true;
    }
    if (ret_said != NULL)
        *ret_said += e->said;
    srvconf_clear(&e->conf);
    free(e);
    return ok;
}

/* Examines each configuration where the server looks by itself. Returns how many there are. */
static size_t examine_usual(struct doctor *d, const struct server_program *server, const char *root, const struct wanted *wanted,
                            size_t *ret_said)
{
    struct srv_paths found = { NULL, 0 };
    struct srvconf finder;
    size_t count;

    if (srvconf_init(&finder, root) == 0)
        (void)srv_glob(&finder, server->config, &found);
    srvconf_clear(&finder);
    count = found.count;
    for (size_t i = 0; i < found.count; i++) {
        if (!examine_one(d, server, root, found.path[i], /* usual= */ true, wanted, ret_said))
            break;
    }
    srv_paths_free(&found);
    return count;
}

void doctor_server(struct doctor *d)
{
    const struct server_program *server = server_find(d->cli->options[OPT_SERVER]);
    const char *root = d->cli->options[OPT_ROOT], *given = d->cli->options[OPT_CONFIG];
    char here[PATH_MAX], path[PATH_MAX];

    if (given != NULL && root == NULL && given[0] != '/') {
        if (getcwd(here, sizeof(here)) == NULL || !srv_join(here, given, path))
            doctor_report(d, DOCTOR_FAIL, "configuration", NULL, "cannot find %s", given);
        else
            (void)examine_one(d, server, root, path, strcmp(path, server->config) == 0, NULL, NULL);
        return;
    }
    if (given != NULL)
        (void)examine_one(d, server, root, given, strcmp(given, server->config) == 0, NULL, NULL);
    else if (examine_usual(d, server, root, NULL, NULL) == 0) /* it says which file is not there */
        (void)examine_one(d, server, root, server->config, /* usual= */ true, NULL, NULL);
}

void doctor_handle_servers(struct doctor *d, const char *handle)
{
    const char *file = doctor_handle_file(handle);
    struct wanted w = { .box = d->box, .key = d->key };
    struct stat st;
    size_t said = 0;

    if (file != NULL && stat(file, &st) == 0) {
        w.is_file = true;
        w.dev = st.st_dev;
        w.ino = st.st_ino;
    }
    for (const struct server_program *s = servers; s->name != NULL; s++)
        (void)examine_usual(d, s, d->cli->options[OPT_ROOT], &w, &said);
    if (said == 0)
        doctor_report(d, DOCTOR_SKIPPED, "users", "as another user: littlebox doctor --handle URI|FILE --user USER",
                      "no server's configuration that doctor reads names it: it was tried as root alone");
}
