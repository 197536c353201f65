/* Reads the control file of the hostile module, and does what is the same for every function. */
#include "badcontrol.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define RULES_MAX 32
#define STATES_MAX 16

struct named {
    char name[BAD_WORD_MAX];
    unsigned long value;
};

static struct {
    pthread_mutex_t lock;
    struct stat seen;
    bool read;
    struct bad_rule rules[RULES_MAX];
    size_t rule_count;
    struct named states[STATES_MAX];
    size_t state_count;
} control = { .lock = PTHREAD_MUTEX_INITIALIZER };

static bool all_hang;

const char *bad_path(char buf[BAD_PATH_MAX], const char *name)
{
    Dl_info info;
    const char *slash;
    int dir = 1;

    if (dladdr((void *)(uintptr_t)bad_path, &info) == 0 || info.dli_fname == NULL)
        abort();
    slash = strrchr(info.dli_fname, '/');
    if (slash != NULL)
        dir = (int)(slash - info.dli_fname);
    snprintf(buf, BAD_PATH_MAX, "%.*s/%s", dir, slash == NULL ? "." : info.dli_fname, name);
    return buf;
}

/* A control file that is not understood would be a test that tests nothing. */
static void misunderstood(int line, const char *text)
{
    fprintf(stderr, "badmodule: control, line %d: %s\n", line, text);
    abort();
}

static void parse(char *text, int line)
{
    struct bad_rule r = { .attribute = ~0UL, .max = ~0UL, .line = line };
    char *rest = NULL, *word = strtok_r(text, " \t\n", &rest), *end;

    if (word == NULL || word[0] == '#')
        return;
    if (strcmp(word, "state") == 0) {
        struct named *s = &control.states[control.state_count];
        char *name = strtok_r(NULL, " \t\n", &rest), *value = strtok_r(NULL, " \t\n", &rest);

        if (control.state_count == STATES_MAX || name == NULL || value == NULL)
            misunderstood(line, "state NAME VALUE");
        snprintf(s->name, sizeof(s->name), "%s", name);
        s->value = strtoul(value, &end, 0);
        if (*end != '\0')
            misunderstood(line, value);
        control.state_count++;
        return;
    }
    if (control.rule_count == RULES_MAX || strncmp(word, "C_", 2) != 0)
        misunderstood(line, word);
    snprintf(r.function, sizeof(r.function), "%s", word);
    word = strtok_r(NULL, " \t\n", &rest);
    if (word == NULL)
        misunderstood(line, "FUNCTION ACTION");
    snprintf(r.action, sizeof(r.action), "%s", word);
    while ((word = strtok_r(NULL, " \t\n", &rest)) != NULL) {
        char *equals = strchr(word, '=');
        unsigned long n = strtoul(equals == NULL ? word : equals + 1, &end, 0);

        if (*end != '\0')
            misunderstood(line, word);
        if (equals == NULL)
            r.value = n;
        else if (strncmp(word, "attr=", 5) == 0)
            r.attribute = n;
        else if (strncmp(word, "after=", 6) == 0)
            r.after = n;
        else if (strncmp(word, "max=", 4) == 0)
            r.max = n;
        else
            misunderstood(line, word);
    }
    control.rules[control.rule_count++] = r;
}

/* With the lock. A test replaces the file by rename, so a changed file is another inode. */
static void read_control(void)
{
    char path[BAD_PATH_MAX], text[256];
    struct stat st;
    FILE *f;

    memset(&st, 0, sizeof(st));
    if (stat(bad_path(path, "control"), &st) != 0)
        memset(&st, 0, sizeof(st));
    if (control.read && st.st_ino == control.seen.st_ino && st.st_mtim.tv_sec == control.seen.st_mtim.tv_sec &&
        st.st_mtim.tv_nsec == control.seen.st_mtim.tv_nsec && st.st_size == control.seen.st_size)
        return;
    control.read = true;
    control.seen = st;
    control.rule_count = control.state_count = 0;
    f = fopen(path, "re");
    if (f == NULL)
        return;
    for (int line = 1; fgets(text, sizeof(text), f) != NULL; line++)
        parse(text, line);
    fclose(f);
}

/* How often the rule was met, this time included. */
static unsigned long count(const struct bad_rule *r)
{
    char path[BAD_PATH_MAX], name[32];
    unsigned long n = 0;
    off_t end;
    int fd;

    snprintf(name, sizeof(name), "count.%d", r->line);
    fd = open(bad_path(path, name), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, ".", 1) != 1) {
        perror(path);
        abort();
    }
    /* Behind O_APPEND the offset is the end of what this call wrote, whoever else writes. */
    end = lseek(fd, 0, SEEK_CUR);
    n = (unsigned long)end;
    close(fd);
    return n;
}

static void hang_for_good(void)
{
    for (;;)
        pause();
}

void bad_rule_at(const char *function, struct bad_rule *ret)
{
    bool hang;

    memset(ret, 0, sizeof(*ret));
    ret->attribute = ~0UL;
    pthread_mutex_lock(&control.lock);
    read_control();
    pthread_mutex_unlock(&control.lock);
    bad_log(function, NULL);
    pthread_mutex_lock(&control.lock);
    hang = all_hang;
    for (size_t i = 0; i < control.rule_count; i++) {
        const struct bad_rule *r = &control.rules[i];
        unsigned long n;

        if (strcmp(r->function, function) != 0)
            continue;
        n = r->after == 0 && r->max == ~0UL ? 1 : count(r);
        if (n <= r->after || n - r->after > r->max)
            continue;
        *ret = *r;
        break;
    }
    if (bad_is(ret, "hang-all"))
        all_hang = true;
    pthread_mutex_unlock(&control.lock);
    if (hang)
        hang_for_good();
}

unsigned long bad_state(const char *name, unsigned long otherwise)
{
    unsigned long value = otherwise;

    pthread_mutex_lock(&control.lock);
    for (size_t i = 0; i < control.state_count; i++)
        if (strcmp(control.states[i].name, name) == 0)
            value = control.states[i].value;
    pthread_mutex_unlock(&control.lock);
    return value;
}

void bad_log(const char *function, const char *more)
{
    char path[BAD_PATH_MAX], line[160];
    int fd, n;

    if (bad_state("log", 0) == 0)
        return;
    n = snprintf(line, sizeof(line), "%s%s%s\n", function, more == NULL ? "" : " ", more == NULL ? "" : more);
    fd = open(bad_path(path, "calls"), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, line, (size_t)n) != n) {
        perror(path);
        abort();
    }
    close(fd);
}

bool bad_is(const struct bad_rule *r, const char *action) { return strcmp(r->action, action) == 0; }

bool bad_concerns(const struct bad_rule *r, unsigned long attribute)
{
    return r->attribute == ~0UL || r->attribute == attribute;
}

void bad_sleep(unsigned long ms)
{
    struct timespec t = { .tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000 };

    while (ms > 0 && nanosleep(&t, &t) != 0)
        ;
}

unsigned long bad_common_action(const struct bad_rule *r)
{
    if (bad_is(r, "crash")) {
        /* As a null pointer does it, whatever handler or sanitizer is there. */
        signal(SIGSEGV, SIG_DFL);
        raise(SIGSEGV);
    } else if (bad_is(r, "abort")) {
        abort();
    } else if (bad_is(r, "exit")) {
        exit((int)r->value);
    } else if (bad_is(r, "hang")) {
        hang_for_good();
    } else if (bad_is(r, "hang-all")) {
        hang_for_good(); /* and so does each later call, of any function */
    } else if (bad_is(r, "sleep")) {
        bad_sleep(r->value);
    } else if (bad_is(r, "fork")) {
        pid_t child = fork();

        if (child == 0) {
            bad_sleep(r->value);
            _exit(0);
        }
    } else if (bad_is(r, "leak")) {
        /* Kept reachable, as a cache that only grows. */
        static void **chain;
        void **more = malloc(r->value < sizeof(void *) ? sizeof(void *) : r->value);

        if (more != NULL) {
            memset(more, 0x5a, r->value < sizeof(void *) ? sizeof(void *) : r->value);
            *more = chain;
            chain = more;
        }
    } else if (bad_is(r, "return")) {
        return r->value;
    }
    return 0;
}
