/* Where handles are: what servers' configurations name, and the files that the command wrote. */
#include "command/known_handles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/keys.h"
#include "guard/secret.h"
#include "model/former_names.h"
#include "model/uri.h"

/* Looks at one file, in memory that is wiped: the file may be a plain key. */
static int look(const struct srvconf *conf, const char *path, enum keyfile_sight *ret_sight, char ret_uri[LB_URI_MAX + 1])
{
    struct handle h = { .type = 0 };
    uint8_t *data = NULL;
    struct stat st;
    ssize_t n = -1;
    int fd = -1, r = srv_open(conf, path, &fd, &st);

    *ret_sight = KEYFILE_NOTHING;
    ret_uri[0] = '\0';
    if (r != 0)
        return r;
    if (st.st_size <= KEYFILE_MAX && (data = secret_alloc(KEYFILE_MAX)) != NULL)
        n = pread(fd, data, KEYFILE_MAX, 0);
    r = n < 0 ? LB_E_SYSTEM : keyfile_look(data, (size_t)n, ret_sight, &h);
    if (r == 0 && *ret_sight == KEYFILE_HANDLE)
        snprintf(ret_uri, LB_URI_MAX + 1, "%s", h.uri);
    handle_clear(&h);
    secret_free(data, KEYFILE_MAX);
    close(fd);
    return r;
}

/* The files that SRV_BUNDLE may mean: the file itself, FILE.key, and FILE with .key for its last ending. */
static bool candidate(const struct srv_key *k, int i, char ret[PATH_MAX])
{
    const char *slash = strrchr(k->text, '/'), *dot = strrchr(k->text, '.');
    size_t len = strlen(k->text);

    if (i == 2 && (dot == NULL || (slash != NULL && dot < slash)))
        return false;
    if (i == 2)
        len = (size_t)(dot - k->text);
    return snprintf(ret, PATH_MAX, "%.*s%s", (int)len, k->text, i == 0 ? "" : ".key") < PATH_MAX;
}

struct walk {
    const struct server_program *server;
    void (*each)(const struct named_key *k, void *arg);
    void (*trouble)(const char *text, void *arg);
    void *arg;
    int unread;
};

static void one_key(struct walk *w, const struct srvconf *conf, const struct srv_key *key)
{
    char path[PATH_MAX], uri[LB_URI_MAX + 1];
    struct named_key found = { .server = w->server, .conf = conf, .key = key, .path = path, .uri = uri };

    if (key->kind == SRV_URI) {
        found.path = NULL;
        found.sight = KEYFILE_HANDLE;
        found.uri = key->text;
        w->each(&found, w->arg);
        return;
    }
    if (key->kind > SRV_BUNDLE)
        return;
    for (int i = 0; i < (key->kind == SRV_BUNDLE ? 3 : 1); i++) {
        if (!candidate(key, i, path))
            continue;
        if (look(conf, path, &found.sight, uri) != 0) {
            w->unread += errno == EACCES || errno == EPERM;
            continue;
        }
        if (found.sight == KEYFILE_NOTHING)
            continue;
        w->each(&found, w->arg);
        return;
    }
}

static void tell_untold(const struct walk *w, unsigned count)
{
    char text[60];

    snprintf(text, sizeof(text), "%u more problem%s than are told here", count, count == 1 ? "" : "s");
    w->trouble(text, w->arg);
}

static int one_configuration(struct walk *w, const char *main)
{
    struct srvconf *conf = calloc(1, sizeof(*conf));

    if (conf == NULL)
        return LB_E_NOMEM;
    if (srvconf_init(conf, /* root= */ NULL) == 0) {
        snprintf(conf->main, sizeof(conf->main), "%s", main);
        server_read(w->server, conf);
        for (size_t i = 0; i < conf->key_count; i++)
            one_key(w, conf, &conf->keys[i]);
        for (size_t i = 0; w->trouble != NULL && i < conf->problem_count; i++)
            w->trouble(conf->problems[i].text, w->arg);
        if (w->trouble != NULL && conf->untold > 0)
            tell_untold(w, conf->untold);
    }
    srvconf_clear(conf);
    free(conf);
    return 0;
}

static void tell_absent(const struct walk *w, const char *pattern)
{
    char text[PATH_MAX];

    snprintf(text, sizeof(text), "cannot read %s: %s", pattern, strerror(ENOENT));
    w->trouble(text, w->arg);
}

int servers_each_key(const struct server_program *server, const char *main, void (*each)(const struct named_key *k, void *arg),
                     void (*trouble)(const char *text, void *arg), void *arg)
{
    struct walk w = { .server = server, .each = each, .trouble = trouble, .arg = arg };
    struct srv_paths found = { NULL, 0 };
    struct srvconf finder;
    int r = 0;

    if (main != NULL) {
        r = one_configuration(&w, main);
        return r != 0 ? r : w.unread;
    }
    if (srvconf_init(&finder, /* root= */ NULL) == 0)
        (void)srv_glob(&finder, server->config, &found);
    srvconf_clear(&finder);
    if (found.count == 0 && trouble != NULL)
        tell_absent(&w, server->config);
    for (size_t i = 0; r == 0 && i < found.count; i++)
        r = one_configuration(&w, found.path[i]);
    srv_paths_free(&found);
    return r != 0 ? r : w.unread;
}

/* Handles of one key */

#define SAID_MAX 1000

struct search {
    const struct key_details *show;
    const char *box;
    void (*each)(const char *file, const char *where, void *arg);
    void *arg;
    char *said[SAID_MAX]; /* files, each told once */
    size_t count;
};

static bool is_of(const struct search *s, const char *text)
{
    struct key_uri uri;
    struct problem p;

    if (text[0] == '\0' || uri_parse(text, &uri, &p) != 0)
        return false;
    if (strcmp(uri.box[0] == '\0' ? "default" : uri.box, s->box) != 0)
        return false;
    return strcmp(uri.name, s->show->name) == 0 || former_has(s->show->former, uri.name);
}

static void tell(struct search *s, const char *file, const char *where)
{
    char *whole = realpath(file, NULL);

    for (size_t i = 0; i < s->count; i++) {
        if (strcmp(s->said[i], whole == NULL ? file : whole) == 0) {
            free(whole);
            return;
        }
    }
    s->each(file, where, s->arg);
    if (whole == NULL)
        whole = strdup(file);
    if (whole != NULL && s->count < SAID_MAX)
        s->said[s->count++] = whole;
    else
        free(whole);
}

static void from_server(const struct named_key *k, void *arg)
{
    struct search *s = arg;
    char where[2 * PATH_MAX];

    if (!is_of(s, k->uri))
        return;
    snprintf(where, sizeof(where), " (%s, %s:%u)", k->server->name, k->key->file, k->key->line);
    tell(s, k->path == NULL ? k->uri : k->path, where);
}

/* Copies all paths before the box is asked again, since they stand in its answer. */
static int noted(struct client *c, struct search *s, struct problem *p)
{
    struct srvconf *here = calloc(1, sizeof(*here));
    char (*paths)[LB_PATH_TEXT_MAX + 1] = NULL;
    struct wire_reader reader;
    uint16_t count = 0;
    int r = ask_handles(c->ask, s->show->name, &count, &reader, p);

    if (r == 0 && (here == NULL || (paths = calloc((size_t)count + 1, sizeof(*paths))) == NULL))
        r = LB_E_NOMEM;
    for (unsigned i = 0; r == 0 && i < count; i++)
        wire_get_str(&reader, paths[i], sizeof(paths[i]));
    if (r == 0 && srvconf_init(here, /* root= */ NULL) == 0) {
        for (unsigned i = 0; i < count; i++) {
            char uri[LB_URI_MAX + 1];
            enum keyfile_sight sight;

            /* The file may be something else by now, or gone. */
            if (paths[i][0] == '/' && look(here, paths[i], &sight, uri) == 0 && is_of(s, uri))
                tell(s, paths[i], "");
        }
    }
    if (here != NULL)
        srvconf_clear(here);
    free(here);
    free(paths);
    return r;
}

int known_handles(struct client *c, const struct key_details *show,
                  void (*each)(const char *file, const char *where, void *arg), void *arg)
{
    struct search *s = calloc(1, sizeof(*s));
    struct problem p = { 0 };
    int unread = 0, r = s == NULL ? LB_E_NOMEM : 0;

    if (r != 0)
        return r;
    *s = (struct search){ .show = show, .box = c->cli->box, .each = each, .arg = arg };
    for (const struct server_program *server = servers; r == 0 && server->name != NULL; server++) {
        int n = servers_each_key(server, /* main= */ NULL, from_server, /* trouble= */ NULL, s);

        if (n < 0)
            r = n;
        else
            unread += n;
    }
    /* An older box does not know this question. */
    if (r == 0 && noted(c, s, &p) == LB_E_NOMEM)
        r = LB_E_NOMEM;
    for (size_t i = 0; i < s->count; i++)
        free(s->said[i]);
    free(s);
    return r != 0 ? r : unread;
}
