/* A sign of life on standard error while something takes long. */
#include "command/progress.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct progress {
    struct wait wait;
    const char *what;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t stopped;
    bool stop;
};

static void *tell(void *arg)
{
    struct progress *p = arg;
    bool terminal = isatty(STDERR_FILENO), said = false;
    struct timespec when;

    clock_gettime(CLOCK_REALTIME, &when);
    pthread_mutex_lock(&p->mutex);
    while (!p->stop) {
        when.tv_sec++;
        while (!p->stop && pthread_cond_timedwait(&p->stopped, &p->mutex, &when) == 0)
            ; /* woken for nothing, or to stop */
        if (p->stop)
            break;
        if (!said)
            fprintf(stderr, "littlebox: %s ...%s", p->what, terminal ? "" : "\n");
        else if (terminal)
            fputc('.', stderr);
        said = true;
    }
    pthread_mutex_unlock(&p->mutex);
    if (said && terminal)
        fputc('\n', stderr);
    return NULL;
}

struct wait *progress_start(const struct waiter *by, const char *what)
{
    struct progress *p = calloc(1, sizeof(*p));

    if (p == NULL)
        return NULL;
    p->wait.by = by;
    p->what = what;
    pthread_mutex_init(&p->mutex, NULL);
    pthread_cond_init(&p->stopped, NULL);
    if (pthread_create(&p->thread, NULL, tell, p) != 0) {
        free(p);
        return NULL;
    }
    return &p->wait;
}

void progress_stop(struct wait *w)
{
    struct progress *p = (struct progress *)w;

    pthread_mutex_lock(&p->mutex);
    p->stop = true;
    pthread_cond_signal(&p->stopped);
    pthread_mutex_unlock(&p->mutex);
    pthread_join(p->thread, NULL);
    pthread_cond_destroy(&p->stopped);
    pthread_mutex_destroy(&p->mutex);
    free(p);
}
