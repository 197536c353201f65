/* doctor --server: each private key that a server's configuration names, and if it is where it should be. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/create.h"
#include "doctor/doctor.h"
#include "doctor/pairs.h"
#include "doctor/running.h"
#include "doctor/seen.h"
#include "doctor/servers/servers.h"
#include "guard/secret.h"
#include "model/uri.h"

struct wanted;

/* One configuration under examination. */
struct examination {
    struct doctor *d;
    const struct server *server;
    struct srvconf conf;
    const char *root;            /* in front of every path that is shown; "" for none */
    bool worker_known;
    struct doctor_worker worker;
    size_t said;                 /* about keys */
    bool usual;                  /* the configuration is where the server looks by itself */
    const struct wanted *wanted; /* about no other; NULL: about all */
};

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

    if (name == NULL && (cli->options[OPT_CONFIG] != NULL ||
                         (cli->options[OPT_ROOT] != NULL && cli->options[OPT_HANDLE] == NULL))) {
        cli_usage_error(cli, "--config and --root say where the files of a --server are");
        return false;
    }
    if (name != NULL && server_find(name) == NULL) {
        cli_usage_error(cli, "no server '%.100s' is known; these are: %s; and those that can use no handle: %s", name,
                        SERVER_LIST, SERVER_UNABLE_LIST);
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

/* Verdicts */

struct subject {
    const struct srv_key *key;
    const char *check;            /* NULL: "key" */
    const char *uri;              /* of the handle; NULL: there is none */
    char path[2 * PATH_MAX];      /* with the root */
    char text[3 * PATH_MAX + 40]; /* the file or URI, and where that stands */
};

static void say(struct examination *e, enum doctor_verdict v, const struct subject *s, const char *hint,
                const char *fmt, ...) LB_PRINTF(5, 6);

static void say(struct examination *e, enum doctor_verdict v, const struct subject *s, const char *hint,
                const char *fmt, ...)
{
    char text[PATH_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    e->d->about = (struct doctor_about){ .server = e->server->name,
                                         .file = s->path[0] == '\0' ? NULL : s->path,
                                         .uri = s->uri,
                                         .user = e->worker_known ? e->worker.name : NULL };
    doctor_report(e->d, v, s->check == NULL ? "key" : s->check, hint, "%s: %s", s->text, text);
    e->d->about = (struct doctor_about){ .server = NULL };
    e->said++;
}

/* The way to a handle. Names that two files of this configuration would have in common are left to the user. */
static void plain_key(struct examination *e, const struct subject *s, const struct seen *seen)
{
    char hint[3 * PATH_MAX], word[2 * PATH_MAX], name[LB_NAME_MAX + 1] = "", other[LB_NAME_MAX + 1];
    struct problem p = { 0 };
    bool fits = key_name_of_file(s->path, name, &p) == 0;

    for (size_t i = 0; fits && i < e->conf.key_count; i++) {
        const struct srv_key *k = &e->conf.keys[i];

        if ((k->kind == SRV_FILE || k->kind == SRV_BUNDLE) && k != s->key && key_name_of_file(k->text, other, &p) == 0)
            fits = strcmp(other, name) != 0;
    }
    if (e->worker_known && e->worker.uid == 0)
        snprintf(hint, sizeof(hint), "littlebox adopt %s%s", cli_quoted(s->path, word), fits ? "" : " --key KEY");
    else
        snprintf(hint, sizeof(hint), "littlebox adopt %s%s && littlebox allow %s --user %s", cli_quoted(s->path, word),
                 fits ? "" : " --key KEY", fits ? name : "KEY", e->worker_known ? e->worker.name : "USER");
    say(e, DOCTOR_FAIL, s, hint, "%s private key on disk%s",
        seen->sight == KEYFILE_ENCRYPTED ? "an encrypted" : "a plain",
        (seen->st.st_mode & S_IROTH) == 0 ? "" : ", which anybody may read");
}

/* Servers that look at the mode of the file refuse a handle as they would a key. */
static bool mode_ok(struct examination *e, const struct subject *s, const struct seen *seen)
{
    bool of_root = seen->st.st_uid == 0;
    mode_t more = seen->st.st_mode & (of_root ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO);
    char hint[3 * PATH_MAX], word[2 * PATH_MAX];

    if (!e->server->strict)
        return true;
    if (!of_root && seen->st.st_uid != e->worker.uid) {
        snprintf(hint, sizeof(hint), "chown %s %s", e->worker.name, cli_quoted(s->path, word));
        say(e, DOCTOR_FAIL, s, hint, "%s takes a key file of %s or root alone, and this is another user's",
            e->server->name, e->worker.name);
        return false;
    }
    if (more != 0) {
        snprintf(hint, sizeof(hint), "chmod %s %s", of_root ? "0640" : "0600", cli_quoted(s->path, word));
        say(e, DOCTOR_FAIL, s, hint, "%s refuses a key file with mode %04o, a handle too", e->server->name,
            (unsigned)seen->st.st_mode & 07777);
        return false;
    }
    return true;
}

/* The certificates that the configuration has with this key are of this key. */
static void certificates(struct examination *e, struct subject *s, const char *uri, const struct doctor_public *public)
{
    const struct srv_half *c;
    char hint[LB_URI_MAX + 200];
    size_t at = 0;

    snprintf(hint, sizeof(hint), "name the handle of its key, or get a certificate for this one: openssl req -new -key %s "
             "-out FILE.csr", uri);
    s->check = "certificate";
    while ((c = doctor_other_certificate(&e->conf, s->key, public, &at)) != NULL)
        say(e, DOCTOR_FAIL, s, hint, "the certificate with it is of another key: %s%s (%s%s:%u)", e->root, c->text, e->root,
            c->file, c->line);
    s->check = NULL;
}

/* uri: what stands in the handle; load: what the provider is given. */
static void handle(struct examination *e, struct subject *s, const char *uri, const char *load)
{
    const struct doctor_worker *w = e->worker_known ? &e->worker : NULL;
    struct doctor_public *public = NULL;
    struct problem p = { 0 };
    int r;

    s->uri = uri;
    if (e->conf.obstacle != NULL) {
        say(e, DOCTOR_FAIL, s, e->conf.cure, "handle %s: %s", uri, e->conf.obstacle);
        return;
    }
    if (w == NULL) {
        say(e, DOCTOR_UNKNOWN, s, NULL, "handle %s: it is not known for whom it must work", uri);
        return;
    }
    if (geteuid() != 0 && geteuid() != w->uid) {
        say(e, DOCTOR_UNKNOWN, s, "run this as root", "handle %s: only root can find out if it works for %s", uri,
            w->name);
        return;
    }
    public = calloc(1, sizeof(*public));
    r = public == NULL ? problem_set(&p, LB_E_NOMEM, "out of memory")
                       : doctor_probe(&e->d->conf, e->d->lines, load,
                                      geteuid() == 0 && (w->uid != 0 || w->chroot != NULL) ? w : NULL, &p, public);
    (void)doctor_reason_above(e->d, &p);
    if (r == 0)
        say(e, DOCTOR_OK, s, NULL, "handle %s, a test %s by %s verifies", uri, p.text, w->name);
    else
        say(e, DOCTOR_FAIL, s, p.hint, "handle %s does not work for %s: %s", uri, w->name, p.text);
    if (r == 0)
        certificates(e, s, uri, public);
    free(public);
}

static void file(struct examination *e, struct subject *s, const struct seen *seen)
{
    char self[40];
    bool other_root = e->root[0] != '\0';

    if (seen->error != 0 || seen->why != NULL) {
        say(e, seen->error == EACCES ? DOCTOR_UNKNOWN : DOCTOR_FAIL, s,
            seen->error == EACCES && geteuid() != 0 ? "run this as root" : NULL, "cannot read it: %s",
            seen->error != 0 ? strerror(seen->error) : seen->why);
        return;
    }
    snprintf(self, sizeof(self), "/proc/self/fd/%d", seen->fd);
    switch (seen->sight) {
    case KEYFILE_NOTHING:
        say(e, DOCTOR_FAIL, s, NULL, "there is no private key in it");
        break;
    case KEYFILE_DAMAGED:
        say(e, DOCTOR_FAIL, s, "make another one: littlebox handle KEY --out FILE", "a damaged handle");
        break;
    case KEYFILE_PLAIN:
    case KEYFILE_ENCRYPTED:
        plain_key(e, s, seen);
        break;
    case KEYFILE_HANDLE:
    case KEYFILE_REFERENCE:
        if (mode_ok(e, s, seen))
            handle(e, s, seen->sight == KEYFILE_HANDLE ? seen->handle.uri : "of a token", other_root ? self : s->path);
        break;
    }
}

/* Nobody here knows what the server does with it: neither that a handle can take its place nor that it cannot. */
static void unknown_word(struct examination *e, struct subject *s, const struct seen *seen)
{
    static const char *const sights[] = {
        [KEYFILE_REFERENCE] = "a reference to a key of a token",
        [KEYFILE_HANDLE] = "a handle",
        [KEYFILE_DAMAGED] = "a damaged handle",
        [KEYFILE_ENCRYPTED] = "an encrypted private key on disk",
        [KEYFILE_PLAIN] = "a plain private key on disk",
    };
    bool open = seen->sight >= KEYFILE_ENCRYPTED && (seen->st.st_mode & S_IROTH) != 0;

    s->uri = seen->sight == KEYFILE_HANDLE ? seen->handle.uri : NULL;
    say(e, DOCTOR_UNKNOWN, s, NULL, "%s%s, in a place where doctor knows of no key of %s", sights[seen->sight],
        open ? ", which anybody may read" : "", e->server->name);
}

/* Keys of Encrypted Client Hello are such: no box decapsulates. */
static void stays(struct examination *e, struct subject *s, const struct seen *seen)
{
    char hint[3 * PATH_MAX], word[2 * PATH_MAX];

    if (seen->error != 0 || seen->why != NULL)
        say(e, seen->error == EACCES ? DOCTOR_UNKNOWN : DOCTOR_FAIL, s,
            seen->error == EACCES && geteuid() != 0 ? "run this as root" : NULL, "cannot read it: %s",
            seen->error != 0 ? strerror(seen->error) : seen->why);
    else if ((seen->st.st_mode & S_IROTH) != 0) {
        snprintf(hint, sizeof(hint), "chmod o= %s", cli_quoted(s->path, word));
        say(e, DOCTOR_FAIL, s, hint, "a private key that no handle can stand for, and that anybody may read");
    } else {
        say(e, DOCTOR_SKIPPED, s, NULL, "a private key that no handle can stand for: it stays in its file");
    }
}

/* A program that can use no handle: one that it has does not work, and a key of its own stays where it is. */
static void for_unable(struct examination *e, struct subject *s, const struct seen *seen)
{
    const struct server *server = e->server;
    const char *which = server->rsa_alone ? " for an RSA key" : "";
    bool rsa = seen->handle.type == HANDLE_RSA || seen->handle.type == HANDLE_RSA_PSS;

    if (!seen_key(seen))
        return;
    if (seen->sight < KEYFILE_ENCRYPTED) {
        s->uri = seen->sight == KEYFILE_HANDLE ? seen->handle.uri : NULL;
        if (server->rsa_alone && seen->sight == KEYFILE_HANDLE && !rsa)
            say(e, DOCTOR_SKIPPED, s, NULL, "a handle of no RSA key, which %s may be able to use", server->name);
        else
            say(e, DOCTOR_FAIL, s, server->instead, "%s can use no handle%s: %s", server->name, which, server->unable);
    } else if ((seen->st.st_mode & S_IROTH) != 0) {
        say(e, DOCTOR_FAIL, s, NULL, "a private key on disk, which anybody may read; %s can use no handle%s: %s",
            server->name, which, server->unable);
    } else {
        say(e, DOCTOR_SKIPPED, s, NULL, "a private key on disk; %s can use no handle%s: %s", server->name, which,
            server->unable);
    }
}

/* Is it the handle whose servers are looked for, or does it mean the same key? */
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

/* A server that has none may never have asked OpenSSL for anything, and its process says nothing. */
static bool has_keys(const struct srvconf *c)
{
    for (size_t i = 0; i < c->key_count; i++) {
        if (c->keys[i].kind != SRV_WORD && c->keys[i].kind != SRV_STAYS)
            return true;
    }
    return false;
}

/* Who the workers are, and if the server that runs is one that can use handles at all. */
static void begin(struct examination *e)
{
    const struct srvconf *c = &e->conf;

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

static void examine_key(struct examination *e, const struct srv_key *k)
{
    struct subject *s = calloc(1, sizeof(*s));
    char path[PATH_MAX];
    struct seen seen = { .fd = -1 };

    if (s == NULL)
        return;
    s->key = k;
    snprintf(path, sizeof(path), "%s", k->text);
    if (k->kind <= SRV_BUNDLE) {
        if (k->kind == SRV_BUNDLE)
            seen_look_bundle(&e->conf, path, &seen);
        else
            seen_look(&e->conf, path, &seen);
        snprintf(s->path, sizeof(s->path), "%s%s", e->root, path);
    }
    snprintf(s->text, sizeof(s->text), "%s (%s%s:%u)", k->kind <= SRV_BUNDLE ? s->path : k->text, e->root, k->file,
             k->line);
    if (!is_wanted(e, k, &seen))
        goto out;
    if (e->wanted != NULL && e->said == 0)
        begin(e);
    if (e->server->unable != NULL) {
        for_unable(e, s, &seen);
        goto out;
    }
    switch (k->kind) {
    case SRV_WORD:
        if (seen_key(&seen))
            unknown_word(e, s, &seen);
        break;
    case SRV_STAYS:
        stays(e, s, &seen);
        break;
    case SRV_MAYBE:
        if (!seen_key(&seen) && seen.error != EACCES)
            break;
        /* fall through */
    case SRV_FILE:
    case SRV_BUNDLE:
        file(e, s, &seen);
        break;
    case SRV_URI:
        handle(e, s, k->text, k->text);
        break;
    case SRV_INLINE:
        say(e, DOCTOR_FAIL, s, "put it into a file, then: littlebox adopt FILE",
            "a private key in the configuration itself");
        break;
    case SRV_OPEN:
        say(e, DOCTOR_UNKNOWN, s, NULL, "only the running server knows what that is");
        break;
    }
out:
    if (k->kind <= SRV_BUNDLE)
        seen_clear(&seen);
    secret_wipe_stack();
    free(s);
}

static void examine(struct examination *e)
{
    const struct srvconf *c = &e->conf;

    for (size_t i = 0; i < c->problem_count && e->wanted == NULL; i++)
        doctor_report(e->d, DOCTOR_FAIL, "configuration",
                      c->files == 0 ? "say where it is: --config FILE" : NULL, "%s: %s", e->server->name,
                      c->problems[i].text);
    if (c->files == 0 && c->problem_count == 0 && e->wanted == NULL)
        doctor_report(e->d, DOCTOR_FAIL, "configuration", "say where it is: --config FILE", "there is no %s%s",
                      e->root, c->main);
    if (c->files == 0)
        return;
    if (e->wanted == NULL)
        begin(e);
    for (size_t i = 0; i < c->key_count; i++)
        examine_key(e, &c->keys[i]);
    if (e->said == 0 && e->wanted == NULL)
        doctor_report(e->d, DOCTOR_SKIPPED, "key", NULL, "%s: no private key in this configuration", e->server->name);
}

/* main: one of the files that the server's pattern stands for. wanted NULL: all keys. *ret_said: about how many keys. */
static bool examine_one(struct doctor *d, const struct server *server, const char *root, const char *main, bool usual,
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

/* Each configuration where the server looks by itself; how many there are. */
static size_t examine_usual(struct doctor *d, const struct server *server, const char *root, const struct wanted *wanted,
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
    const struct server *server = server_find(d->cli->options[OPT_SERVER]);
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

void doctor_about_handle(struct doctor *d, const char *handle)
{
    const char *file = handle == NULL ? NULL : doctor_handle_file(handle);

    d->about.file = file;
    d->about.uri = file == NULL ? handle : NULL;
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
    for (const struct server *s = servers; s->name != NULL; s++)
        (void)examine_usual(d, s, d->cli->options[OPT_ROOT], &w, &said);
    if (said == 0)
        doctor_report(d, DOCTOR_SKIPPED, "users", "as another user: littlebox doctor --handle URI|FILE --user USER",
                      "no server's configuration that doctor reads names it: it was tried as root alone");
}
