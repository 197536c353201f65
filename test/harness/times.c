/* How long handshakes took, and what else clients tell the scripts that start them. */
#include "times.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double clock_ms(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

double now_ms(void)
{
    return clock_ms(CLOCK_MONOTONIC);
}

bool times_note(struct times *t, double ms)
{
    if (t->count == t->room) {
        long room = t->room != 0 ? t->room * 2 : 1024;
        double *grown = realloc(t->ms, (size_t)room * sizeof(*grown));

        if (grown == NULL)
            return false;
        t->ms = grown;
        t->room = room;
    }
    t->ms[t->count++] = ms;
    t->sorted = false;
    return true;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double times_at(struct times *t, double share)
{
    long i = (long)((double)t->count * share);

    if (t->count == 0)
        return 0;
    if (!t->sorted)
        qsort(t->ms, (size_t)t->count, sizeof(*t->ms), compare);
    t->sorted = true;
    return t->ms[i < t->count ? i : t->count - 1];
}

void times_print(struct times *t, double elapsed_ms)
{
    if (t->count > 0)
        printf(" max_ms %.3f p50 %.3f p99 %.3f p999 %.3f", times_at(t, 1), times_at(t, 0.5), times_at(t, 0.99),
               times_at(t, 0.999));
    printf(" cpu_ms %.1f per_second %.1f\n", clock_ms(CLOCK_PROCESS_CPUTIME_ID), (double)t->count * 1e3 / elapsed_ms);
    free(t->ms);
    *t = (struct times){ 0 };
}

void tell_progress(const char *path, long done)
{
    FILE *f = path != NULL ? fopen(path, "r+") : NULL;

    if (path != NULL && f == NULL)
        f = fopen(path, "w");
    if (f == NULL)
        return;
    fprintf(f, "%ld\n", done);
    fclose(f);
}
