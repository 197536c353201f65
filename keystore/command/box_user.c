/* The system user of a box: no two boxes have the same one. */
#include "command/box_user.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "base/passwd.h"

#define SYSUSERS_DIR "/etc/sysusers.d"
#define NOLOGIN "/usr/sbin/nologin"

int boxuser_name(const char *box, char ret[BOXUSER_NAME_MAX + 1], struct problem *p)
{
    const int most = BOXUSER_NAME_MAX - (int)strlen(BOXUSER_PREFIX);

    if (strlen(box) > (size_t)most || strchr(box, '.') != NULL) {
        problem_set(p, LB_E_NAME, "no system user can be named after box '%s'", box);
        problem_hint(p, "take a name of at most %d characters without a dot; what to do with a box of that name that is "
                     "there already is in littleboxd(8), One user a box", most);
        return LB_E_NAME;
    }
    snprintf(ret, BOXUSER_NAME_MAX + 1, BOXUSER_PREFIX "%s", box);
    return 0;
}

/* Is the account one of a box? */

static int not_ours(const char *name, struct problem *p)
{
    problem_hint(p, "rename the account '%s', or take another name for the box", name);
    return p->code;
}

/* Is the uid another account's too? Then both are names of one user. The walk overwrites what getpwnam() returned. */
static bool other_with_uid(uid_t uid, const char *name, char ret[64])
{
    const struct passwd *pw;
    bool found = false;

    setpwent();
    while (!found && (pw = getpwent()) != NULL) {
        found = pw->pw_uid == uid && strcmp(pw->pw_name, name) != 0;
        if (found)
            snprintf(ret, 64, "%s", pw->pw_name);
    }
    endpwent();
    return found;
}

/* 0 with ret->uid set; LB_E_NO_KEY without p: there is no such account. */
static int look_up(struct boxuser *ret, struct problem *p)
{
    const struct passwd *pw = getpwnam(ret->name);
    char other[64];

    if (pw == NULL)
        return LB_E_NO_KEY;
    if (pw->pw_uid == 0 || pw->pw_uid >= PASSWD_PEOPLE) {
        problem_set(p, LB_E_EXISTS, "user '%s' is not a box's: its uid %lu is %s", ret->name, (unsigned long)pw->pw_uid,
                    pw->pw_uid == 0 ? "root's" : "one of people's accounts");
        return not_ours(ret->name, p);
    }
    if (passwd_is_login_shell(pw->pw_shell)) {
        problem_set(p, LB_E_EXISTS, "user '%s' is not a box's: it has the login shell '%.100s'", ret->name, pw->pw_shell);
        return not_ours(ret->name, p);
    }
    ret->uid = pw->pw_uid;
    ret->gid = pw->pw_gid;
    if (other_with_uid(ret->uid, ret->name, other)) {
        problem_set(p, LB_E_EXISTS, "user '%s' is not a box's alone: '%s' has the same uid %lu", ret->name, other,
                    (unsigned long)ret->uid);
        return not_ours(ret->name, p);
    }
    return 0;
}

/* Making it */

/* Runs program with its output on standard error. Returns 0, its exit status, or -1 with errno. */
static int run(const char *program, const char *const *argv)
{
    static const char *const env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", "SYSTEMD_LOG_LEVEL=warning", NULL };
    posix_spawn_file_actions_t files;
    int status = -1, e;
    pid_t pid;

    if (posix_spawn_file_actions_init(&files) != 0)
        return -1;
    e = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (e == 0)
        e = posix_spawn_file_actions_adddup2(&files, STDERR_FILENO, STDOUT_FILENO);
    if (e == 0)
        e = posix_spawn(&pid, program, &files, NULL, (char *const *)argv, (char *const *)env);
    posix_spawn_file_actions_destroy(&files);
    errno = e;
    if (e != 0 || waitpid(pid, &status, 0) < 0)
        return -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Writes a line in /etc: a system that makes its users anew at each start then makes this one again. */
static int by_sysusers(const char *program, const char *box, const struct boxuser *user)
{
    char path[sizeof(SYSUSERS_DIR) + BOXUSER_NAME_MAX + 8], text[400];
    const char *const argv[] = { "systemd-sysusers", path, NULL };
    struct problem p = { 0 };
    int r, status;

    if (mkdir(SYSUSERS_DIR, 0755) == 0)
        (void)chmod(SYSUSERS_DIR, 0755);
    snprintf(path, sizeof(path), SYSUSERS_DIR "/%s.conf", user->name);
    snprintf(text, sizeof(text),
             "# Made by 'littlebox box create %s'; sysusers.d(5).\nu %s - \"Key box %s (littlebox)\" - -\n", box,
             user->name, box);
    r = newfile_public(path, /* force= */ false, text, strlen(text), &p);
    if (r != 0 && r != LB_E_EXISTS) {
        fprintf(stderr, "%s\n", p.text);
        return -1;
    }
    status = run(program, argv);
    if (status != 0 && r == 0)
        (void)unlink(path);
    return status;
}

static int by_useradd(const char *program, const char *box, const struct boxuser *user)
{
    char comment[100];
    const bool has_group = getgrnam(user->name) != NULL;
    const char *const argv[] = { "useradd", "--system", "--no-create-home", "--home-dir", "/", "--shell", NOLOGIN, "--comment",
                                 comment, has_group ? "--gid" : "--user-group", has_group ? user->name : "--", user->name,
                                 NULL };

    snprintf(comment, sizeof(comment), "Key box %s (littlebox)", box);
    return run(program, argv);
}

/*
 * The first program that is there makes the user. Programs go by their paths: a PATH inherited through su(1) may lack them,
 * or have others.
 */
static const struct {
    const char *path;
    int (*make)(const char *program, const char *box, const struct boxuser *user);
} makers[] = {
    { "/usr/bin/systemd-sysusers", by_sysusers },
    { "/bin/systemd-sysusers", by_sysusers },
    { "/usr/sbin/useradd", by_useradd },
    { "/sbin/useradd", by_useradd },
};
#define MAKERS (sizeof(makers) / sizeof(makers[0]))

int boxuser_get(const char *box, struct boxuser *ret, struct problem *p)
{
    int r, status;
    size_t i = 0;

    *ret = (struct boxuser){ .made = false };
    r = boxuser_name(box, ret->name, p);
    if (r != 0)
        return r;
    r = look_up(ret, p);
    if (r != LB_E_NO_KEY)
        return r;
    while (i < MAKERS && access(makers[i].path, X_OK) != 0)
        i++;
    if (i == MAKERS) {
        problem_set(p, LB_E_SYSTEM, "cannot make user '%s': there is neither systemd-sysusers nor useradd", ret->name);
        problem_hint(p, "make a system user of that name, without a login shell, and run this again");
        return LB_E_SYSTEM;
    }
    status = makers[i].make(makers[i].path, box, ret);
    /* The program's exit status does not count: what counts is that the user is there, and is one of a box. */
    r = look_up(ret, p);
    if (r == LB_E_NO_KEY) {
        problem_set(p, LB_E_SYSTEM, "%s did not make user '%s' (status %d)", makers[i].path, ret->name, status);
        problem_hint(p, "see what it said; or make a system user of that name, without a login shell, and run this again");
        return LB_E_SYSTEM;
    }
    ret->made = r == 0;
    return r;
}
