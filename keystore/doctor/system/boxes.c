/* doctor --system: the system's boxes, and the processes with their keys. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/system/tree.h"
#include "model/key_name.h"

/* Bytes of a command line that are read. */
#define LINE_MAX_BYTES 4096

static struct audit_box *add(struct audit *a, const char *name, size_t len)
{
    struct audit_box *more;

    for (size_t i = 0; i < a->box_count; i++) {
        if (strlen(a->boxes[i].name) == len && strncmp(a->boxes[i].name, name, len) == 0)
            return &a->boxes[i];
    }
    more = realloc(a->boxes, (a->box_count + 1) * sizeof(*more));
    if (more == NULL)
        return NULL;
    a->boxes = more;
    more += a->box_count++;
    *more = (struct audit_box){ .pid = 0 };
    snprintf(more->name, sizeof(more->name), "%.*s", (int)len, name);
    return more;
}

/* Those that have a name with that ending in a directory. state: it is the one with their directories. */
static int look_in(struct audit *a, const char *path, const char *suffix, bool state, struct problem *p)
{
    DIR *dir = tree_opendir(a, path);
    const struct dirent *e;
    int r = 0;

    while (dir != NULL && r == 0 && (e = readdir(dir)) != NULL) {
        size_t len = strlen(e->d_name), tail = strlen(suffix);
        struct audit_box *b;
        struct stat st;

        if (len <= tail || len - tail > LB_NAME_MAX || strcmp(e->d_name + len - tail, suffix) != 0 ||
            !keyname_ok(e->d_name, len - tail) || fstatat(dirfd(dir), e->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0 ||
            (state && !S_ISDIR(st.st_mode)))
            continue;
        b = add(a, e->d_name, len - tail);
        if (b == NULL) {
            r = problem_set(p, LB_E_NOMEM, "out of memory");
        } else if (state) {
            b->has_state = true;
            b->owner = st.st_uid;
        }
    }
    if (dir != NULL)
        closedir(dir);
    return r;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct audit_box *)a)->name, ((const struct audit_box *)b)->name);
}

/* "littleboxd --child ... --box NAME ..." (daemon/closed_exec.h): name, or NULL. */
static const char *box_of(const char *line, size_t size)
{
    const char *program = strrchr(line, '/'), *word = line, *name = NULL;
    bool child = false;

    if (size == 0 || strcmp(program == NULL ? line : program + 1, "littleboxd") != 0)
        return NULL;
    while ((word += strlen(word) + 1) < line + size) {
        const char *next = word + strlen(word) + 1;

        if (strcmp(word, "--child") == 0)
            child = true;
        else if (strcmp(word, "--box") == 0 && next < line + size)
            name = next;
    }
    return child ? name == NULL ? "default" : name : NULL;
}

/* Of its box's user: anybody else may call a process like that. */
static bool is_of(const struct audit *a, long pid, uid_t owner)
{
    char path[64], text[4096], *line;
    unsigned long uid;

    snprintf(path, sizeof(path), "/proc/%ld/status", pid);
    line = tree_read(a, path, text, sizeof(text)) > 0 ? strstr(text, "\nUid:") : NULL;
    return line != NULL && sscanf(line + 5, "%lu", &uid) == 1 && uid == owner;
}

static void find_processes(struct audit *a)
{
    DIR *dir = tree_opendir(a, "/proc");
    const struct dirent *e;

    while (dir != NULL && (e = readdir(dir)) != NULL) {
        char *end, path[64], line[LINE_MAX_BYTES];
        long pid = strtol(e->d_name, &end, 10);
        const char *box;
        ssize_t n;

        if (pid <= 0 || *end != '\0')
            continue;
        snprintf(path, sizeof(path), "/proc/%ld/cmdline", pid);
        n = tree_read(a, path, line, sizeof(line));
        box = n <= 0 ? NULL : box_of(line, (size_t)n);
        for (size_t i = 0; box != NULL && i < a->box_count; i++) {
            if (a->boxes[i].has_state && strcmp(a->boxes[i].name, box) == 0 && is_of(a, pid, a->boxes[i].owner))
                a->boxes[i].pid = (pid_t)pid;
        }
    }
    if (dir != NULL)
        closedir(dir);
}

int audit_find_boxes(struct audit *a, struct problem *p)
{
    int r = look_in(a, a->dirs.run, ".sock", /* state= */ false, p);

    if (r == 0)
        r = look_in(a, a->dirs.state, "", /* state= */ true, p);
    if (a->box_count > 0)
        qsort(a->boxes, a->box_count, sizeof(*a->boxes), by_name);
    if (r == 0)
        find_processes(a);
    return r;
}
