/* Servers that run, as /proc shows them. */
#include "doctor/processes.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* So many processes of one name are looked at. */
#define PROCESSES_MAX 2000
/* So many of the processes that one process started are looked into. */
#define CHILDREN_MAX 8

struct process {
    pid_t pid, parent;
    bool of_root;
};

static FILE *open_proc(pid_t pid, const char *name)
{
    char path[64];

    if (pid == 0)
        snprintf(path, sizeof(path), "/proc/self/%s", name);
    else
        snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
    return fopen(path, "re");
}

/* Bytes of a file of a process, NUL-terminated. */
static size_t read_proc(pid_t pid, const char *name, char *ret, size_t size)
{
    FILE *f = open_proc(pid, name);
    size_t n = f == NULL ? 0 : fread(ret, 1, size - 1, f);

    ret[n] = '\0';
    if (f != NULL)
        fclose(f);
    return n;
}

/* Is name, of len bytes, one of these with blanks between? */
static bool is_one(const char *name, size_t len, const char *names)
{
    for (; *names != '\0'; names += strspn(names, " ")) {
        size_t n = strcspn(names, " ");

        if (n == len && strncmp(names, name, n) == 0)
            return true;
        names += n;
    }
    return false;
}

/* Reads name and parent: "pid (name) state parent ..." (proc(5)). The name may hold anything. False: it is none of names. */
static bool look(pid_t pid, const char *names, struct process *ret)
{
    char text[512], *open, *close;
    long parent;

    if (read_proc(pid, "stat", text, sizeof(text)) == 0)
        return false;
    open = strchr(text, '(');
    close = strrchr(text, ')');
    if (open == NULL || close == NULL || !is_one(open + 1, (size_t)(close - open - 1), names) ||
        sscanf(close + 1, " %*c %ld", &parent) != 1)
        return false;
    *ret = (struct process){ .pid = pid, .parent = (pid_t)parent };
    return true;
}

/*
 * Is it a process of root, of this user or of *user, by all four of its uids (proc(5))? That is checked because anybody can
 * take a server's name.
 */
static bool has_owner(pid_t pid, const uid_t *user, bool *ret_of_root)
{
    char text[4096], *line;
    unsigned long uids[4];

    (void)read_proc(pid, "status", text, sizeof(text));
    line = strstr(text, "\nUid:");
    if (line == NULL || sscanf(line + 5, "%lu %lu %lu %lu", &uids[0], &uids[1], &uids[2], &uids[3]) != 4)
        return false;
    *ret_of_root = true;
    for (int i = 0; i < 4; i++) {
        if (uids[i] == 0)
            continue;
        if (uids[i] != geteuid() && (user == NULL || uids[i] != *user))
            return false;
        *ret_of_root = false;
    }
    return true;
}

static size_t find_named(const char *names, const uid_t *user, struct process list[PROCESSES_MAX])
{
    DIR *dir = opendir("/proc");
    struct dirent *entry;
    size_t count = 0;

    while (dir != NULL && count < PROCESSES_MAX && (entry = readdir(dir)) != NULL) {
        char *end;
        long pid = strtol(entry->d_name, &end, 10);

        if (pid > 0 && *end == '\0' && look((pid_t)pid, names, &list[count]) &&
            has_owner((pid_t)pid, user, &list[count].of_root))
            count++;
    }
    if (dir != NULL)
        closedir(dir);
    return count;
}

static bool is_first(const struct process *p, const struct process *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (list[i].pid == p->parent)
            return false;
    }
    return true;
}

/* Has the process the same root directory? In a container a server has files of its own. EACCES: that is not known. */
static bool shares_root(pid_t pid, bool *ret_readable)
{
    char path[64];
    struct stat ours, theirs;

    snprintf(path, sizeof(path), "/proc/%ld/root", (long)pid);
    *ret_readable = stat(path, &theirs) == 0;
    if (!*ret_readable)
        return errno == EACCES || errno == EPERM;
    return stat("/", &ours) == 0 && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/*
 * Does the command line of the process fit the configuration? Its words stand between NULs, or between blanks if the server has
 * written its own title there.
 */
static bool has_config(const struct server_program *server, pid_t pid, const char *config, bool usual)
{
    char text[16384], dir[PATH_MAX], *slash;
    size_t len = read_proc(pid, "cmdline", text, sizeof(text));
    bool other = false, is_value = false;

    snprintf(dir, sizeof(dir), "%s", config);
    slash = strrchr(dir, '/');
    if (slash != NULL && slash != dir)
        *slash = '\0';
    for (size_t i = 0; i < len; i++)
        text[i] = text[i] == ' ' ? '\0' : text[i];
    for (size_t at = 0; at < len; at += strlen(text + at) + 1) {
        const char *word = text + at, *equals = strchr(word, '='), *value = is_value ? word : NULL;

        is_value = false;
        if (value == NULL && equals != NULL) {
            if (strcmp(equals + 1, config) == 0)
                return true;
        } else if (value == NULL && word[0] == '-' && word[1] != '\0' && strchr(server->options, word[1]) != NULL) {
            is_value = word[2] == '\0';
            value = is_value ? NULL : word + 2;
        } else if (value == NULL && server->options[0] == '\0' && at > 0 && word[0] == '/') {
            value = word;
        }
        if (value != NULL && (strcmp(value, config) == 0 || strcmp(value, dir) == 0))
            return true;
        other = other || value != NULL;
    }
    return usual && !other;
}

/* A line of maps ends in the path of the file that is mapped, and in " (deleted)" if that was replaced since. */
static bool maps_module(pid_t pid, const char *module, bool *ret_readable)
{
    FILE *f = open_proc(pid, "maps");
    char *line = NULL, end[PATH_MAX + 2];
    size_t size = 0, len;
    bool found = false, any = false;
    ssize_t n;

    len = (size_t)snprintf(end, sizeof(end), "/%s", module);
    while (f != NULL && !found && (n = getline(&line, &size, f)) > 0) {
        any = true;
        while (n > 0 && line[n - 1] == '\n')
            line[--n] = '\0';
        if (n > 10 && strcmp(line + n - 10, " (deleted)") == 0)
            line[n -= 10] = '\0';
        found = (size_t)n >= len && strcmp(line + n - len, end) == 0;
    }
    free(line);
    if (f != NULL)
        fclose(f);
    *ret_readable = any;
    return found;
}

/* Does the process see the same socket as this one, in whatever mounts it has? */
static bool sees_socket(pid_t pid, const char *socket)
{
    char path[PATH_MAX + 40], real[PATH_MAX];
    struct stat ours, theirs;

    if (realpath(socket, real) == NULL || stat(real, &ours) < 0)
        return true;
    snprintf(path, sizeof(path), "/proc/%ld/root%s", (long)pid, real);
    return stat(path, &theirs) == 0 && ours.st_dev == theirs.st_dev && ours.st_ino == theirs.st_ino;
}

/* Is it a unit's name as systemd gives them (systemd.unit(5))? Anything else is a control group that somebody made. */
static bool is_unit(const char *name)
{
    static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789:_.\\@-";
    static const char service[] = ".service";
    size_t len = strlen(name);

    return len > strlen(service) && len < RUNNING_UNIT_SIZE && strspn(name, letters) == len && name[0] != '-' &&
           strcmp(name + len - strlen(service), service) == 0;
}

void running_unit(char *cgroups, char ret[RUNNING_UNIT_SIZE])
{
    char *save = NULL, *save_part = NULL;

    ret[0] = '\0';
    for (char *line = strtok_r(cgroups, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        for (char *part = strtok_r(line, "/", &save_part); part != NULL; part = strtok_r(NULL, "/", &save_part)) {
            if (is_unit(part))
                snprintf(ret, RUNNING_UNIT_SIZE, "%s", part);
        }
    }
}

bool running_find(const struct server_program *server, const char *config, bool usual, const uid_t *user, const char *module,
                  const char *socket, struct running *ret)
{
    struct process *list = calloc(PROCESSES_MAX, sizeof(*list));
    size_t count = list == NULL || server->process == NULL ? 0 : find_named(server->process, user, list);
    char cgroups[4096];
    unsigned children = 0;
    bool readable;

    memset(ret, 0, sizeof(*ret));
    /* Root's processes go first: a worker that was taken over must not stand in for a server of root's. */
    for (size_t at = 0; at < 2 * count && ret->pid == 0; at++) {
        const struct process *p = &list[at % count];

        if (p->of_root == (at < count) && is_first(p, list, count) && shares_root(p->pid, &readable) &&
            has_config(server, p->pid, config, usual))
            ret->pid = p->pid;
    }
    if (ret->pid == 0)
        goto out;
    ret->has_module = maps_module(ret->pid, module, &ret->readable);
    ret->lost_socket = running_is_mounted(ret->pid, socket);
    ret->no_socket = ret->readable && !sees_socket(ret->pid, socket);
    (void)read_proc(ret->pid, "cgroup", cgroups, sizeof(cgroups));
    running_unit(cgroups, ret->unit);
    /* Some servers load their keys in a process that they start. */
    for (size_t i = 0; i < count && children < CHILDREN_MAX && !ret->has_module; i++) {
        if (list[i].parent != ret->pid)
            continue;
        ret->has_module = maps_module(list[i].pid, module, &readable);
        ret->readable = ret->readable || readable;
        children++;
    }
out:
    free(list);
    return ret->pid != 0;
}

/* Writes "\040" as a blank, and so on (proc(5)). */
static void unescape(char *text)
{
    char *to = text;

    for (; *text != '\0'; text++) {
        unsigned byte;

        if (*text == '\\' && sscanf(text + 1, "%3o", &byte) == 1 && byte < 256) {
            *to++ = (char)byte;
            text += 3;
        } else {
            *to++ = *text;
        }
    }
    *to = '\0';
}

bool running_is_mounted(pid_t pid, const char *path)
{
    FILE *f = open_proc(pid, "mountinfo");
    char real[PATH_MAX], *line = NULL;
    size_t size = 0;
    bool found = false;

    if (realpath(path, real) == NULL)
        snprintf(real, sizeof(real), "%s", path);
    while (f != NULL && !found && getline(&line, &size, f) > 0) {
        char *save = NULL, *field = strtok_r(line, " ", &save);

        /* The mount point is the fifth field, behind id, parent, device and root. */
        for (int i = 0; i < 4 && field != NULL; i++)
            field = strtok_r(NULL, " ", &save);
        if (field == NULL)
            continue;
        unescape(field);
        found = strcmp(field, real) == 0;
    }
    free(line);
    if (f != NULL)
        fclose(f);
    return found;
}
