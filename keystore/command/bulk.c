/* Many files in one command: worked on by several threads, and reported. */
#include "command/bulk.h"

#include <openssl/err.h>
#include <openssl/provider.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "command/key_decoders.h"
#include "command/table.h"
#include "guard/secret.h"
#include "model/uri.h"

/* How often a box that has no room for a change is asked again, and how long is waited between. */
#define BUSY_TRIES 600
#define BUSY_MS 50
/* How often a box is looked for that was restarted, and likewise. */
#define AWAY_TRIES 20
#define AWAY_MS 100
#define BAR_MS 200
#define BAR_WIDTH 30

struct run {
    struct bulk *b;
    struct bulk_list *l;
    pthread_mutex_t lock;
    size_t next, finished, left_out; /* by the lock */
    unsigned working, connected;
    bool stop;
    struct problem fatal; /* code 0: none; also why no thread could connect */
};

static void pause_ms(unsigned ms)
{
    const struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

/* What is no better with the next file. */
static bool ends_all(int code)
{
    return code == LB_E_LOCKED || code == LB_E_NO_STORE || code == LB_E_STORE || code == LB_E_STORE_FULL ||
           code == LB_E_STORE_READONLY || code == LB_E_NO_BOX || code == LB_E_STRANGER;
}

static bool box_went_away(int code)
{
    return code == LB_E_CLOSED || code == LB_E_RESET || code == LB_E_STOPPING;
}

static struct bulk_file *take_next(struct run *run)
{
    struct bulk_file *f = NULL;

    pthread_mutex_lock(&run->lock);
    if (!run->stop && run->next < run->l->count)
        f = &run->l->files[run->next++];
    pthread_mutex_unlock(&run->lock);
    return f;
}

static bool is_stopped(struct run *run)
{
    bool stop;

    pthread_mutex_lock(&run->lock);
    stop = run->stop;
    pthread_mutex_unlock(&run->lock);
    return stop;
}

static void finish(struct run *run, struct bulk_file *f, int r, const struct problem *p)
{
    if (r != 0 && !ends_all(r)) {
        f->result = BULK_LEFT_OUT;
        f->why = malloc(sizeof(*f->why));
        if (f->why != NULL)
            *f->why = *p;
    }
    pthread_mutex_lock(&run->lock);
    run->finished++;
    run->left_out += f->result == BULK_LEFT_OUT;
    if (r != 0 && ends_all(r) && !run->stop) {
        run->stop = true;
        run->fatal = *p;
    }
    pthread_mutex_unlock(&run->lock);
}

/* A connection. Progress of a single request is told nobody. */
static int connect_again(struct run *run, const struct cli *cli, struct client **c, struct problem *p)
{
    int r = LB_E_NO_BOX;

    client_close(*c);
    *c = NULL;
    for (unsigned i = 0; i < AWAY_TRIES && r != 0 && (i == 0 || !is_stopped(run)); i++) {
        if (i > 0)
            pause_ms(AWAY_MS);
        r = client_open(cli, CLIENT_RUNNING, c, p);
    }
    if (r == 0)
        (*c)->line.waiter = NULL;
    return r;
}

static int do_one(struct run *run, const struct cli *cli, struct client **c, struct bulk_file *f, struct problem *p)
{
    int r = LB_E_BUSY;

    for (unsigned i = 0; r == LB_E_BUSY && i < BUSY_TRIES && (i == 0 || !is_stopped(run)); i++) {
        if (i > 0)
            pause_ms(BUSY_MS);
        r = run->b->one(run->b, *c, f, p);
    }
    if (box_went_away(r)) {
        struct problem again;

        if (p->hint[0] == '\0')
            problem_hint(p, "run the command again: what is done is passed over");
        if (connect_again(run, cli, c, &again) != 0) {
            *p = again;
            r = LB_E_NO_BOX;
        }
    }
    return r;
}

struct worker {
    pthread_t thread;
    struct run *run;
    struct cli cli; /* with decoders of its own */
};

static void *work(void *arg)
{
    struct worker *w = arg;
    struct run *run = w->run;
    struct client *c = NULL;
    struct bulk_file *f;
    struct problem p;

    w->cli = *run->b->cli;
    w->cli.decoders = keydecoders_new(/* ctx= */ NULL);
    /* If there is no memory or no place for another connection, the others do the work. */
    if (client_open(&w->cli, CLIENT_RUNNING, &c, &p) != 0)
        goto out;
    c->line.waiter = NULL;
    pthread_mutex_lock(&run->lock);
    run->connected++;
    pthread_mutex_unlock(&run->lock);
    while (c != NULL && (f = take_next(run)) != NULL) {
        p = (struct problem){ .code = 0 };
        finish(run, f, do_one(run, &w->cli, &c, f, &p), &p);
    }
    client_close(c);
    secret_wipe_stack();
out:
    keydecoders_free(w->cli.decoders);
    pthread_mutex_lock(&run->lock);
    if (c == NULL && run->connected == 0)
        run->fatal = p;
    run->working--;
    pthread_mutex_unlock(&run->lock);
    return NULL;
}

/* Meanwhile */

static void wipe_bar(void)
{
    fputs("\r\033[K", stderr);
}

static void draw_bar(const struct run *run, size_t finished, size_t left_out, double seconds)
{
    size_t count = run->l->count, full = count == 0 ? 0 : finished * BAR_WIDTH / count;
    char bar[BAR_WIDTH + 1];

    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', full);
    bar[BAR_WIDTH] = '\0';
    fprintf(stderr, "\r%s [%s] %zu of %zu", run->b->doing, bar, finished, count);
    if (seconds > 1)
        fprintf(stderr, ", %.0f/s", (double)finished / seconds);
    if (left_out > 0)
        fprintf(stderr, ", %zu left out", left_out);
    fputs("\033[K", stderr);
}

static double seconds_of(const struct timespec *began)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)(t.tv_sec - began->tv_sec) + (double)(t.tv_nsec - began->tv_nsec) / 1e9;
}

/* Waits until all threads have ended, draws the bar, and hears signals. Returns the signal that ended it, or 0. */
static int look_on(struct run *run, const sigset_t *signals, bool bar)
{
    const struct timespec often = { 0, BAR_MS * 1000000L }, seldom = { 0, 20 * 1000000L };
    struct timespec began = { 0 };
    int ended_by = 0;

    clock_gettime(CLOCK_MONOTONIC, &began);
    for (;;) {
        size_t finished, left_out;
        unsigned working;
        int sig;

        pthread_mutex_lock(&run->lock);
        working = run->working;
        finished = run->finished;
        left_out = run->left_out;
        pthread_mutex_unlock(&run->lock);
        if (bar)
            draw_bar(run, finished, left_out, seconds_of(&began));
        if (working == 0)
            break;
        sig = sigtimedwait(signals, NULL, bar ? &often : &seldom);
        if (sig > 0 && ended_by == 0) {
            ended_by = sig;
            pthread_mutex_lock(&run->lock);
            run->stop = true;
            pthread_mutex_unlock(&run->lock);
        }
    }
    if (bar)
        wipe_bar();
    return ended_by;
}

/* These wait until the files that are under way are in one state or the other. The first set ends the run; the rest waits. */
static void hold_signals(sigset_t *ret)
{
    static const int ending[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM };
    static const int others[] = { SIGTSTP, SIGTTOU, SIGTTIN, SIGALRM, SIGUSR1, SIGUSR2, SIGXFSZ, SIGXCPU, SIGVTALRM, SIGPROF };
    sigset_t all;

    sigemptyset(ret);
    for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
        sigaddset(ret, ending[i]);
    all = *ret;
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        sigaddset(&all, others[i]);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
}

/* What became of them */

static const char *result_word(const struct bulk *b, const struct bulk_file *f)
{
    switch (f->result) {
    case BULK_DONE:
        return b->done;
    case BULK_ALREADY:
        return "already done";
    case BULK_LEFT_OUT:
        return "left out";
    default:
        return "not tried";
    }
}

static void print_json(const struct bulk *b, const struct bulk_list *l, const size_t counts[4], struct client *c)
{
    char uri[LB_URI_MAX + 1];
    struct json j;

    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_number(&j, "done", counts[BULK_DONE]);
    json_number(&j, "already", counts[BULK_ALREADY]);
    json_number(&j, "left_out", counts[BULK_LEFT_OUT]);
    json_number(&j, "not_tried", counts[BULK_NOT_TRIED]);
    json_open(&j, "files", '[');
    for (size_t i = 0; i < l->count; i++) {
        const struct bulk_file *f = &l->files[i];

        json_open(&j, NULL, '{');
        json_string(&j, "file", f->path);
        json_string(&j, "result", result_word(b, f));
        if (f->name[0] != '\0' && (f->result == BULK_DONE || f->result == BULK_ALREADY)) {
            client_uri(c, f->name, 0, uri);
            json_string(&j, "key", f->name);
            json_string(&j, "uri", uri);
        }
        if (f->result == BULK_DONE)
            json_string(&j, "type", f->type);
        if (f->why != NULL) {
            json_string(&j, "why", f->why->text);
            json_string(&j, "cure", f->why->hint[0] == '\0' ? NULL : f->why->hint);
        }
        json_close(&j, '}');
    }
    json_close(&j, ']');
    json_close(&j, '}');
    json_end(&j);
}

static void print_left_out(const struct bulk_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        const struct bulk_file *f = &l->files[i];

        if (f->remains)
            cli_note("'%s': the old content could not be overwritten", f->path);
        if (f->result != BULK_LEFT_OUT)
            continue;
        cli_note("left out: '%s': %s", f->path, f->why == NULL ? "out of memory" : f->why->text);
        if (f->why != NULL && f->why->hint[0] != '\0')
            cli_hint("%s", f->why->hint);
    }
}

static void print_for_people(const struct bulk *b, const struct bulk_list *l, const size_t counts[4], struct client *c)
{
    char uri[LB_URI_MAX + 1];

    for (size_t i = 0; i < l->count; i++) {
        if (l->files[i].result != BULK_DONE)
            continue;
        client_uri(c, l->files[i].name, 0, uri);
        puts(uri);
    }
    print_left_out(l);
    cli_note("%zu file%s: %zu %s, %zu already done, %zu left out%s", l->count, l->count == 1 ? "" : "s", counts[BULK_DONE],
             b->done, counts[BULK_ALREADY], counts[BULK_LEFT_OUT], counts[BULK_NOT_TRIED] > 0 ? ", the others not tried" : "");
}

static int report(struct run *run, struct client *c, int ended_by)
{
    const struct bulk *b = run->b;
    size_t counts[4] = { 0 };
    struct problem p;

    for (size_t i = 0; i < run->l->count; i++)
        counts[run->l->files[i].result]++;
    run->b->did = counts[BULK_DONE];
    run->b->left_out = counts[BULK_LEFT_OUT];
    if (b->cli->json)
        print_json(b, run->l, counts, c);
    else
        print_for_people(b, run->l, counts, c);
    if (run->fatal.code != 0)
        return cli_fail(&run->fatal);
    if (counts[BULK_NOT_TRIED] > 0) {
        if (ended_by != 0)
            problem_set(&p, LB_E_SYSTEM, "ended by a signal: %zu file%s not tried", counts[BULK_NOT_TRIED],
                        counts[BULK_NOT_TRIED] == 1 ? " was" : "s were");
        else
            problem_set(&p, LB_E_SYSTEM, "%zu files were not tried", counts[BULK_NOT_TRIED]);
        problem_hint(&p, "run the command again: what is done is passed over");
        return cli_fail(&p);
    }
    return counts[BULK_LEFT_OUT] > 0 ? EXIT_FAILED : EXIT_DONE;
}

int bulk_run(struct bulk *b, struct client *c, struct bulk_list *l)
{
    struct run run = { .b = b, .l = l, .lock = PTHREAD_MUTEX_INITIALIZER };
    struct worker workers[BULK_THREADS];
    size_t started = 0, most = l->count < BULK_THREADS ? l->count : BULK_THREADS;
    sigset_t ending;
    int ended_by;
    OSSL_PROVIDER *legacy;

    /* Kept meanwhile: each load and unload would empty the caches that all threads use. */
    legacy = OSSL_PROVIDER_try_load(NULL, "legacy", /* retain_fallbacks= */ 1);
    ERR_clear_error();
    /* Before the threads, which inherit the mask. */
    hold_signals(&ending);
    for (size_t i = 0; i < most; i++) {
        struct worker *w = &workers[started];

        *w = (struct worker){ .run = &run };
        pthread_mutex_lock(&run.lock);
        run.working++;
        pthread_mutex_unlock(&run.lock);
        if (pthread_create(&w->thread, NULL, work, w) == 0) {
            started++;
        } else {
            pthread_mutex_lock(&run.lock);
            run.working--;
            pthread_mutex_unlock(&run.lock);
        }
    }
    ended_by = look_on(&run, &ending, !b->cli->json && isatty(STDERR_FILENO));
    for (size_t i = 0; i < started; i++)
        pthread_join(workers[i].thread, NULL);
    if (legacy != NULL)
        OSSL_PROVIDER_unload(legacy);
    return report(&run, c, ended_by);
}
