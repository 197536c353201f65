/* Does deployments: files, then commands, then a look at what the server serves. */
#include "deploy/run.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/keys.h"
#include "command/key_hashes.h"
#include "deploy/address.h"
#include "deploy/content.h"
#include "deploy/handshake.h"
#include "deploy/target.h"
#include "deploy/reload.h"
#include "deploy/wait.h"

/* A server that was told to reload begins to serve the new key within so many milliseconds. */
#define SERVES_MS 10000
#define LOOK_EVERY_US 100000

static void fail(struct task *t, const struct problem *why)
{
    t->why = *why;
    t->failed = true;
}

/* The files of one deployment */

static int look(const struct content *content, const struct deployment *d, struct wanted_file want[DEPLOY_FILES],
                struct target targets[DEPLOY_FILES], bool *ret_same, struct problem *p)
{
    int r = 0;

    *ret_same = true;
    for (int i = 0; r == 0 && i < DEPLOY_FILES; i++) {
        if (d->files[i] == NULL)
            continue;
        want[i] = (struct wanted_file){ .path = d->files[i], .kind = i, .uid = d->uid, .gid = d->gid, .mode = d->mode };
        r = content_of(content, i, &want[i].content, p);
        if (r == 0)
            r = target_look(&want[i], &targets[i], p);
        *ret_same = *ret_same && r == 0 && targets[i].same;
    }
    return r;
}

static void sweep(const struct deployment *d, const struct target targets[DEPLOY_FILES])
{
    for (int i = 0; i < DEPLOY_FILES; i++) {
        if (d->files[i] != NULL)
            target_sweep(&targets[i]);
    }
}

/*
 * All are written before the first gets its name; where one does not, those before it get back what they had. *ret_begun: they are
 * new, on failure too.
 */
static int change(const struct shelf *s, const struct task *t, struct target targets[DEPLOY_FILES], bool *ret_begun, struct problem *p)
{
    const struct deployment *d = t->d;
    int r = 0, put = 0;

    for (int i = 0; r == 0 && i < DEPLOY_FILES; i++) {
        if (d->files[i] != NULL && !targets[i].same)
            r = target_write(&targets[i], p);
    }
    for (put = 0; r == 0 && put < DEPLOY_FILES; put++) {
        if (d->files[put] != NULL && !targets[put].same)
            r = target_put(&targets[put], p);
    }
    if (r == 0 && t->fresh)
        r = shelf_save(s, d, p);
    *ret_begun = r == 0;
    while (r != 0 && put-- > 0)
        target_undo(&targets[put]);
    for (int i = 0; r == 0 && i < DEPLOY_FILES; i++)
        r = target_keep(&targets[i], p);
    return r;
}

static void note_handles(struct client *c, const struct content *content, const struct deployment *d)
{
    static const enum deploy_file handles[] = { DEPLOY_HANDLE, DEPLOY_COMBINED };

    for (int i = 0; i < 2; i++) {
        if (d->files[handles[i]] != NULL)
            client_note_handle(c, content->name, d->files[handles[i]]);
    }
}

static int do_files(struct client *c, const struct shelf *s, struct task *t, struct problem *p)
{
    struct wanted_file want[DEPLOY_FILES];
    struct target targets[DEPLOY_FILES];
    struct content content;
    bool same = false, marked = false, begun = false;
    int r;

    for (int i = 0; i < DEPLOY_FILES; i++)
        target_init(&targets[i]);
    r = content_get(c, t->d->key, &content, p);
    if (r == 0)
        r = look(&content, t->d, want, targets, &same, p);
    if (r == 0)
        r = shelf_name(s, t->d, p);
    if (r != 0)
        goto out;
    t->version = content.version;
    /* The key has another name by now. */
    if (strcmp(t->d->key, content.name) != 0) {
        memcpy(t->d->key, content.name, sizeof(content.name));
        t->fresh = true;
    }
    marked = shelf_marked(s, t->d);
    if (marked)
        sweep(t->d, targets);
    t->unfinished = marked || t->fresh || !same;
    t->saved = !t->fresh;
    if (t->unfinished) {
        r = shelf_mark(s, t->d, p);
        if (r == 0)
            r = change(s, t, targets, &begun, p);
        t->saved = t->saved || begun;
        if (r != 0 && !marked && !begun) {
            struct problem ignored;

            (void)!shelf_unmark(s, t->d, &ignored);
        }
    }
    if (r != 0)
        goto out;
    t->written = !same;
    if (t->unfinished)
        note_handles(c, &content, t->d);
    t->key = content.key;
    t->sni = content.sni;
    content.key = NULL; /* now the task's */
    content.sni = NULL;
out:
    for (int i = 0; i < DEPLOY_FILES; i++)
        target_close(&targets[i]);
    content_clear(&content);
    return r;
}

/* What the server serves */

/* The version of the key that is served; 0: it is none of it. */
static int version_of(struct client *c, const char *name, EVP_PKEY *served, uint32_t *ret, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    struct key_hashes hashes;
    struct problem ignored;
    int r = show == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : ask_show(c->ask, name, show, p);

    *ret = 0;
    /* A key that no box holds is none of this one's. */
    if (r == 0 && keyhashes_of(served, &hashes, &ignored) == 0) {
        for (unsigned i = 0; i < show->version_count; i++) {
            if (keyhashes_have(&hashes, show->versions[i].hash))
                *ret = show->versions[i].version;
        }
    }
    free(show);
    return r;
}

static const char *name_to_ask(const struct task *t, const struct address *to)
{
    if (t->d->sni != NULL)
        return t->d->sni;
    return t->sni != NULL ? t->sni : address_is_number(to) ? NULL : to->host;
}

/* Asks the server once. *ret_right: it has the version that was deployed. LB_E_*: it has no key at all. */
static int ask_server(struct client *c, struct task *t, bool *ret_right, struct problem *p)
{
    struct problem why = { 0 };
    struct address to;
    EVP_PKEY *served = NULL;
    int r;

    *ret_right = false;
    t->looked = false;
    if (!address_parse(t->d->check, &to))
        return problem_set(p, LB_E_CONFIG, "%s: it must be %s", t->d->check, ADDRESS_RULE);
    r = handshake(&to, name_to_ask(t, &to), t->key, &served, &why);
    if (r != 0) {
        problem_set(p, r, "%s: %s", t->d->check, why.text);
    } else {
        t->looked = true;
        *ret_right = EVP_PKEY_eq(served, t->key) == 1;
        t->serves = t->version;
        if (!*ret_right)
            r = version_of(c, t->d->key, served, &t->serves, p);
    }
    EVP_PKEY_free(served);
    return r;
}

static int serves_another(const struct client *c, const struct task *t, struct problem *p)
{
    const char *key = t->d->key;

    if (t->serves != 0)
        problem_set(p, LB_E_PUBLIC_KEY, "%s serves version %u of key '%s', not version %u", t->d->check, t->serves, key, t->version);
    else
        problem_set(p, LB_E_PUBLIC_KEY, "%s serves another key, which is no version of '%s'", t->d->check, key);
    problem_hint(p, "does the server there read %.100s, and what does its log say? Again: littlebox --box %s deploy %s",
                 deployment_file(t->d), c->cli->box, key);
    return LB_E_PUBLIC_KEY;
}

/* A server takes its time to begin anew, and old workers may still accept. */
static int wait_for_server(struct client *c, struct task *t, struct problem *p)
{
    long long end = wait_now() + (t->reloaded ? SERVES_MS : 0);
    bool right;
    int r = ask_server(c, t, &right, p);

    while (!right && wait_now() < end) {
        usleep(LOOK_EVERY_US);
        r = ask_server(c, t, &right, p);
    }
    return r == 0 && !right ? serves_another(c, t, p) : r;
}

/* Where nothing changed the server may have missed an earlier change. One that does not answer is told of later. */
static void look_before(struct client *c, struct task *t)
{
    struct problem ignored;

    if (!t->failed && !t->unfinished && t->d->check != NULL && t->d->reload_count > 0 &&
        ask_server(c, t, &t->right, &ignored) == 0 && !t->right)
        t->unfinished = true;
}

/* Commands */

static bool has_line(const struct deployment *d, const char *line)
{
    for (unsigned i = 0; i < d->reload_count; i++) {
        if (strcmp(d->reload[i], line) == 0)
            return true;
    }
    return false;
}

/* Runs a line for all tasks that have it and wait for it. */
static void run_line(struct task *tasks, size_t count, const char *line)
{
    struct problem p = { 0 };
    const struct task *first = NULL;
    unsigned seconds = 0;
    int r;

    for (size_t i = 0; i < count; i++) {
        if (!tasks[i].unfinished || tasks[i].failed || !has_line(tasks[i].d, line))
            continue;
        first = first == NULL ? &tasks[i] : first;
        seconds = tasks[i].d->reload_seconds > seconds ? tasks[i].d->reload_seconds : seconds;
    }
    if (first == NULL)
        return;
    r = reload_run(line, seconds, &p);
    if (r != 0)
        problem_hint(&p, "the files are in their places; once that command works: littlebox deploy %s", first->d->key);
    for (size_t i = 0; i < count; i++) {
        if (!tasks[i].unfinished || tasks[i].failed || !has_line(tasks[i].d, line))
            continue;
        tasks[i].reloaded = true;
        if (r != 0)
            fail(&tasks[i], &p);
    }
}

/* Each line once, in the order of the tasks, and of a task's own lines. One that failed leaves out the task's further ones. */
static int run_lines(struct task *tasks, size_t count, struct problem *p)
{
    const char **ran;
    size_t lines = 1, n = 0;

    for (size_t i = 0; i < count; i++)
        lines += tasks[i].d->reload_count;
    ran = calloc(lines, sizeof(*ran));
    if (ran == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        for (unsigned k = 0; tasks[i].unfinished && !tasks[i].failed && k < tasks[i].d->reload_count; k++) {
            const char *line = tasks[i].d->reload[k];
            size_t at = 0;

            while (at < n && strcmp(ran[at], line) != 0)
                at++;
            if (at < n)
                continue;
            ran[n++] = line;
            run_line(tasks, count, line);
        }
    }
    free(ran);
    return 0;
}

/* Telling */

static void tell(const struct task *t)
{
    const struct deployment *d = t->d;
    char files[3 * PATH_MAX] = "", more[400] = "";
    size_t at = 0;

    for (int i = 0; i < DEPLOY_FILES; i++) {
        if (d->files[i] != NULL && at < sizeof(files))
            at += (size_t)snprintf(files + at, sizeof(files) - at, "%s%s", at == 0 ? "" : ", ", d->files[i]);
    }
    if (t->looked)
        snprintf(more, sizeof(more), "; %.300s serves it", d->check);
    cli_note("version %u of key '%s' in %s: %s%s%s", t->version, d->key, files, t->written ? "written" : "as it was",
             t->reloaded ? "; its server was told" : "", more);
}

static void finish(struct client *c, const struct shelf *s, struct task *t)
{
    struct problem p = { 0 };
    int r = 0;

    /* Not twice: while old workers still accept, each answer may be another one. */
    if (t->d->check != NULL && !t->right)
        r = wait_for_server(c, t, &p);
    if (r == 0 && t->unfinished)
        r = shelf_unmark(s, t->d, &p);
    if (r != 0)
        fail(t, &p);
    else
        tell(t);
}

int deploy_run(struct client *c, const struct shelf *s, struct task *tasks, size_t count, bool always, struct problem *p)
{
    const struct task *first = NULL;

    for (size_t i = 0; i < count; i++) {
        struct problem why = { 0 };
        bool before;

        if (do_files(c, s, &tasks[i], &why) != 0)
            fail(&tasks[i], &why);
        before = tasks[i].unfinished;
        tasks[i].unfinished = before || always;
        look_before(c, &tasks[i]);
        /* A server that is to be told, and was not, is told the next time. */
        if (!tasks[i].failed && tasks[i].unfinished && !before && shelf_mark(s, tasks[i].d, &why) != 0)
            fail(&tasks[i], &why);
    }
    if (run_lines(tasks, count, p) != 0)
        return p->code;
    for (size_t i = 0; i < count; i++) {
        if (!tasks[i].failed)
            finish(c, s, &tasks[i]);
        if (!tasks[i].failed)
            continue;
        if (first == NULL)
            first = &tasks[i];
        else if (strcmp(first->why.text, tasks[i].why.text) != 0)
            (void)cli_fail(&tasks[i].why);
    }
    if (first != NULL)
        *p = first->why;
    return first == NULL ? 0 : first->why.code;
}

void tasks_clear(struct task *tasks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        EVP_PKEY_free(tasks[i].key);
        OPENSSL_free(tasks[i].sni);
    }
}
