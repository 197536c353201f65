/* littlebox users: which processes used which version of a key, and when last. */
#include <errno.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/life.h"
#include "command/create.h"
#include "command/roll.h"
#include "command/table.h"
#include "model/limits.h"
#include "protocol/life.h"

/* Seconds by which a system's clock may have been wrong, or have been set since: a day, as time zones and batteries make it. */
#define CLOCK_DOUBT (24 * 3600LL)

/* A line of /proc/PID/NAME that begins with start; false: there is none. */
static bool proc_line(uint32_t pid, const char *name, const char *start, char *ret, size_t size)
{
    char path[64];
    FILE *f;
    bool found = false;

    snprintf(path, sizeof(path), "/proc/%u/%s", pid, name);
    f = fopen(path, "re");
    while (f != NULL && !found && fgets(ret, (int)size, f) != NULL)
        found = strncmp(ret, start, strlen(start)) == 0;
    if (f != NULL)
        fclose(f);
    if (found)
        ret[strcspn(ret, "\n")] = '\0';
    return found;
}

/*
 * How long the process has run, in seconds, by a clock that nobody sets; false: that cannot be known. proc(5): field 22, behind the
 * name in brackets.
 */
static bool age_of(uint32_t pid, long long *ret)
{
    struct timespec running = { 0 };
    char line[1024], *at;
    unsigned long long ticks = 0;

    if (!proc_line(pid, "stat", "", line, sizeof(line)) || (at = strrchr(line, ')')) == NULL)
        return false;
    for (int field = 2; at != NULL && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at == NULL || sscanf(at, " %llu", &ticks) != 1)
        return false;
    clock_gettime(CLOCK_BOOTTIME, &running);
    *ret = (long long)running.tv_sec - (long long)(ticks / (unsigned long long)sysconf(_SC_CLK_TCK));
    return true;
}

/*
 * Is it still the process that used the key? Another may have its number by now. Who believes that one is gone lets its version end,
 * so in doubt it is there. The box writes the time of a use by its own clock (vault/box_clock.h), which follows that of the system but
 * for jumps, and nobody tells of those: so a process is another one only if it began later than the use by more than a clock is
 * wrong by. A number of a process that none here can see (0) may be anybody's.
 */
static bool is_there(const struct user_entry *e)
{
    long long age, since_use = (long long)time(NULL) - (long long)e->last;

    if (e->pid == 0)
        return true;
    if (kill((pid_t)e->pid, 0) < 0 && errno == ESRCH)
        return false;
    return !age_of(e->pid, &age) || since_use <= age + CLOCK_DOUBT;
}

/* The service that a process belongs to: the last *.service in its cgroup's path; "": none. */
static void unit_of(uint32_t pid, char *ret, size_t size)
{
    char line[1024], *at = line, *slash;
    size_t len;

    ret[0] = '\0';
    if (!proc_line(pid, "cgroup", "0::", line, sizeof(line)))
        return;
    for (; at != NULL; at = slash == NULL ? NULL : slash + 1) {
        slash = strchr(at, '/');
        if (slash != NULL)
            *slash = '\0';
        len = strlen(at);
        if (len > 8 && len < size && strcmp(at + len - 8, ".service") == 0)
            memcpy(ret, at, len + 1);
    }
}

static int compare(const void *a, const void *b)
{
    const struct user_entry *x = a, *y = b;

    if (x->version != y->version)
        return x->version < y->version ? 1 : -1;
    return (x->last < y->last) - (x->last > y->last);
}

static int read_users(struct client *c, const char *key, struct user_entry **ret, size_t *ret_count, struct problem *p)
{
    struct wire_reader r;
    uint16_t count = 0;
    int result = ask_users(c->ask, key, &count, &r, p);

    *ret = NULL;
    *ret_count = 0;
    if (result != 0)
        return result;
    *ret = calloc((size_t)count + 1, sizeof(**ret));
    if (*ret == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    for (unsigned i = 0; i < count; i++)
        msg_user_entry_get(&r, &(*ret)[i]);
    if (wire_end(&r) != 0)
        return problem_set(p, LB_E_VALUE, "the box's list is damaged");
    qsort(*ret, count, sizeof(**ret), compare);
    *ret_count = count;
    return 0;
}

int users_left(struct client *c, const char *key, uint32_t version)
{
    struct user_entry *users = NULL;
    struct problem ignored;
    size_t count = 0;
    int left = 0, r = read_users(c, key, &users, &count, &ignored);

    for (size_t i = 0; i < count; i++)
        left += users[i].version == version && is_there(&users[i]);
    free(users);
    return r == 0 ? left : -1;
}

static const struct column columns[] = {
    { "VERSION", "version", CELL_NUMBER }, { "PID", "pid", CELL_NUMBER },        { "PROGRAM", "program", CELL_STRING },
    { "UNIT", "unit", CELL_STRING },       { "USER", "user", CELL_STRING },      { NULL, "uid", CELL_NUMBER },
    { "FIRST", "first", CELL_STRING },     { "LAST USED", "last", CELL_STRING }, { "USES", "uses", CELL_NUMBER },
    { "THERE", "there", CELL_BOOL },
};
#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

static int add(struct table *t, const struct user_entry *e)
{
    char version[12], pid[12], program[64] = "", unit[256] = "", uid[12], first[RFC3339_SIZE], last[RFC3339_SIZE], uses[24];
    const struct passwd *pw = getpwuid((uid_t)e->uid);
    bool there = is_there(e);

    snprintf(version, sizeof(version), "%u", e->version);
    snprintf(pid, sizeof(pid), "%u", e->pid);
    snprintf(uid, sizeof(uid), "%u", e->uid);
    snprintf(uses, sizeof(uses), "%llu", (unsigned long long)e->uses);
    rfc3339_text(e->first, first);
    rfc3339_text(e->last, last);
    if (there && !proc_line(e->pid, "comm", "", program, sizeof(program)))
        program[0] = '\0';
    if (there)
        unit_of(e->pid, unit, sizeof(unit));
    return table_add(t, (const char *[COLUMNS]){ version, pid, program, unit, pw == NULL ? uid : pw->pw_name, uid, first, last, uses,
                                                 there ? "yes" : "no" });
}

int cmd_users(struct cli *cli)
{
    struct table *t = table_new(columns, COLUMNS);
    struct user_entry *users = NULL;
    struct problem p = { 0 };
    struct client *c = NULL;
    size_t count = 0;
    int r = t == NULL ? problem_set(&p, LB_E_NOMEM, "out of memory") : key_name_check(cli->args[0], &p);

    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = read_users(c, cli->args[0], &users, &count, &p);
    for (size_t i = 0; r == 0 && i < count; i++)
        r = add(t, &users[i]) == 0 ? 0 : problem_set(&p, LB_E_NOMEM, "out of memory");
    if (r == 0)
        table_say(t, cli->json);
    if (r == 0 && count == 0)
        cli_note("nobody used key '%s' since the box was started", cli->args[0]);
    if (r == 0 && count == LB_USERS_MAX)
        cli_note("the box tells of %d uses at most: there may be more", LB_USERS_MAX);
    free(users);
    table_free(t);
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
