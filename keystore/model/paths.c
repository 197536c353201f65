/* Where the files of a box are. */
#include "model/paths.h"

#include <dirent.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/passwd.h"
#include "model/key_name.h"

static int LB_PRINTF(2, 3) put(char ret[PATH_MAX], const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(ret, PATH_MAX, fmt, ap);
    va_end(ap);
    return n < 0 || n >= PATH_MAX ? LB_E_TOO_LONG : 0;
}

/* Appends the same to what is there. */
static int LB_PRINTF(2, 3) add(char ret[PATH_MAX], const char *fmt, ...)
{
    size_t len = strlen(ret);
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vsnprintf(ret + len, PATH_MAX - len, fmt, ap);
    va_end(ap);
    return n < 0 || (size_t)n >= PATH_MAX - len ? LB_E_TOO_LONG : 0;
}

/*
 * The variable's path, or NULL. Relative paths are ignored, as the XDG specification says. A program with more rights than
 * its caller (setuid, capabilities of the file) ignores the caller's variables.
 */
static const char *absolute_env(const char *name)
{
    const char *v = secure_getenv(name);

    return v != NULL && v[0] == '/' ? v : NULL;
}

static int home(char ret[PATH_MAX])
{
    const char *dir = absolute_env("HOME");
    int r = dir != NULL ? put(ret, "%s", dir) : passwd_home_of(geteuid(), ret);

    return r == 0 || r == LB_E_TOO_LONG ? r : LB_E_CONFIG;
}

static int user_dir(const char *variable, const char *below_home, char ret[PATH_MAX])
{
    const char *dir = absolute_env(variable);
    int r;

    if (dir != NULL)
        return put(ret, "%s/littlebox", dir);
    r = home(ret);
    return r != 0 ? r : add(ret, "/%s/littlebox", below_home);
}

/* Nobody else can write to the directory. */
static bool is_own_directory(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid() && (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

/* $XDG_RUNTIME_DIR; without it (su, cron, servers) the place that logind makes. LB_E_CONFIG: neither is there. */
static int user_run_dir(char ret[PATH_MAX])
{
    const char *dir = absolute_env("XDG_RUNTIME_DIR");
    char run[64];

    if (dir != NULL)
        return put(ret, "%s/littlebox", dir);
    snprintf(run, sizeof(run), "/run/user/%lu", (unsigned long)geteuid());
    return is_own_directory(run) ? put(ret, "%s/littlebox", run) : LB_E_CONFIG;
}

static int user_state_dir(char ret[PATH_MAX])
{
    return user_dir("XDG_STATE_HOME", ".local/state", ret);
}

/* Where the sockets of a user's boxes are. */
static int user_socket_dir(char ret[PATH_MAX])
{
    int r = user_run_dir(ret);

    return r == LB_E_CONFIG ? user_state_dir(ret) : r;
}

static int find_user(struct dirs *ret)
{
    int r = user_dir("XDG_CONFIG_HOME", ".config", ret->config);

    if (r == 0)
        r = user_state_dir(ret->state);
    return r != 0 ? r : user_socket_dir(ret->run);
}

static int find_in(const char *dir, struct dirs *ret)
{
    char cwd[PATH_MAX] = "", all[PATH_MAX];
    size_t len = strlen(dir);
    int r;

    if (len == 0)
        return LB_E_CONFIG;
    while (len > 1 && dir[len - 1] == '/')
        len--;
    if (dir[0] != '/' && getcwd(cwd, sizeof(cwd)) == NULL)
        return LB_E_SYSTEM;
    r = put(all, "%s%s%.*s", cwd, dir[0] == '/' ? "" : "/", (int)len, dir);
    if (r != 0)
        return r;
    memcpy(ret->config, all, sizeof(all));
    memcpy(ret->state, all, sizeof(all));
    memcpy(ret->run, all, sizeof(all));
    return 0;
}

static int find_system(struct dirs *ret)
{
    int r = put(ret->config, "%s", LB_SYSTEM_CONFIG_DIR);

    if (r == 0)
        r = put(ret->state, "%s", LB_SYSTEM_STATE_DIR);
    return r != 0 ? r : put(ret->run, "%s", LB_SYSTEM_RUN_DIR);
}

enum dirs_kind dirs_kind(enum dirs_kind kind)
{
    if (kind != DIRS_DEFAULT)
        return kind;
    return geteuid() == 0 ? DIRS_SYSTEM : DIRS_USER;
}

int dirs_find(const char *dir, enum dirs_kind kind, struct dirs *ret)
{
    if (dir != NULL)
        return find_in(dir, ret);
    return dirs_kind(kind) == DIRS_SYSTEM ? find_system(ret) : find_user(ret);
}

int box_paths(const struct dirs *dirs, const char *box, struct box_paths *ret)
{
    int r = put(ret->config, "%s/%s.conf", dirs->config, box);

    if (r == 0)
        r = put(ret->credential, "%s/%s.credential", dirs->config, box);
    if (r == 0)
        r = put(ret->state, "%s/%s", dirs->state, box);
    if (r == 0)
        r = put(ret->store, "%s/%s/store.db", dirs->state, box);
    if (r == 0)
        r = put(ret->socket, "%s/%s.sock", dirs->run, box);
    return r;
}

/* Only a directory of our own counts: a variable that is left of another user must not lead to that user's boxes. */
static int find_user_sockets(char ret[PATH_MAX])
{
    int r = user_socket_dir(ret);

    return r == 0 && !is_own_directory(ret) ? LB_E_CONFIG : r;
}

int paths_own_state(const char *box, char ret[PATH_MAX])
{
    int r = user_state_dir(ret);

    return r != 0 ? r : add(ret, "/%s", box);
}

int paths_own_socket(const char *box, char ret[PATH_MAX])
{
    struct stat st;
    int r = user_socket_dir(ret);

    if (r != 0)
        return r;
    if (!is_own_directory(ret) && stat(ret, &st) == 0)
        return LB_E_STRANGER;
    return add(ret, "/%s.sock", box);
}

int paths_system_socket(const char *box, char ret[PATH_MAX])
{
    return put(ret, "%s/%s.sock", LB_SYSTEM_RUN_DIR, box);
}

int paths_system_state(const char *box, char ret[PATH_MAX])
{
    return put(ret, "%s/%s", LB_SYSTEM_STATE_DIR, box);
}

/* The name of the box whose socket has this file name; false: it is something else. */
static bool box_of_socket(const char *file, char ret[LB_NAME_MAX + 1])
{
    static const char suffix[] = ".sock";
    size_t len = strlen(file), tail = strlen(suffix);

    if (len <= tail || len - tail > LB_NAME_MAX || strcmp(file + len - tail, suffix) != 0 ||
        !keyname_ok(file, len - tail))
        return false;
    memcpy(ret, file, len - tail);
    ret[len - tail] = '\0';
    return true;
}

static int each_box_in(const char *path, void (*each)(void *arg, const char *box), void *arg)
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    char box[LB_NAME_MAX + 1];

    if (dir == NULL)
        return errno == ENOENT || errno == ENOTDIR ? 0 : LB_E_SYSTEM;
    while ((entry = readdir(dir)) != NULL) {
        if (box_of_socket(entry->d_name, box))
            each(arg, box);
    }
    closedir(dir);
    return 0;
}

int paths_each_box(const char *dir, void (*each)(void *arg, const char *box), void *arg)
{
    char user[PATH_MAX];
    int r = 0;

    if (dir != NULL)
        return each_box_in(dir, each, arg);
    if (geteuid() != 0 && find_user_sockets(user) == 0)
        r = each_box_in(user, each, arg);
    return r != 0 ? r : each_box_in(LB_SYSTEM_RUN_DIR, each, arg);
}
