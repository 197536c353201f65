/* paths.c: where the files of a box are, in each of the three layouts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/passwd.h"
#include "model/paths.h"
#include "model/place.h"
#include "unit.h"

static void one_directory(void)
{
    struct dirs d;
    struct box_paths b;
    char cwd[PATH_MAX], expected[PATH_MAX + 16];

    OK(dirs_find("/srv/box//", DIRS_DEFAULT, &d));
    TEXT_IS(d.config, "/srv/box");
    TEXT_IS(d.state, "/srv/box");
    TEXT_IS(d.run, "/srv/box");
    OK(box_paths(&d, "web", &b));
    TEXT_IS(b.config, "/srv/box/web.conf");
    TEXT_IS(b.credential, "/srv/box/web.credential");
    TEXT_IS(b.state, "/srv/box/web");
    TEXT_IS(b.store, "/srv/box/web/store.db");
    TEXT_IS(b.socket, "/srv/box/web.sock");
    OK(dirs_find("/", DIRS_DEFAULT, &d));
    TEXT_IS(d.state, "/");
    OK(dirs_find("a/b", DIRS_SYSTEM, &d));
    CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(cwd, sizeof(cwd)));
    snprintf(expected, sizeof(expected), "%s/a/b", cwd);
    TEXT_IS(d.run, expected);
    FAILS(dirs_find("", DIRS_DEFAULT, &d), LB_E_CONFIG);
}

static void the_system(void)
{
    struct dirs d;

    OK(dirs_find(NULL, DIRS_SYSTEM, &d));
    TEXT_IS(d.config, LB_SYSTEM_CONFIG_DIR);
    TEXT_IS(d.state, LB_SYSTEM_STATE_DIR);
    TEXT_IS(d.run, LB_SYSTEM_RUN_DIR);
    if (geteuid() == 0) {
        OK(dirs_find(NULL, DIRS_DEFAULT, &d));
        TEXT_IS(d.state, LB_SYSTEM_STATE_DIR);
    }
}

static void a_user(void)
{
    struct dirs d;

    setenv("HOME", "/home/u", 1);
    setenv("XDG_CONFIG_HOME", "/x/config", 1);
    setenv("XDG_STATE_HOME", "/x/state", 1);
    setenv("XDG_RUNTIME_DIR", "/x/run", 1);
    OK(dirs_find(NULL, DIRS_USER, &d));
    TEXT_IS(d.config, "/x/config/littlebox");
    TEXT_IS(d.state, "/x/state/littlebox");
    TEXT_IS(d.run, "/x/run/littlebox");
    /* Relative ones are to be ignored. */
    setenv("XDG_CONFIG_HOME", "config", 1);
    unsetenv("XDG_STATE_HOME");
    OK(dirs_find(NULL, DIRS_USER, &d));
    TEXT_IS(d.config, "/home/u/.config/littlebox");
    TEXT_IS(d.state, "/home/u/.local/state/littlebox");
    unsetenv("XDG_CONFIG_HOME");
    unsetenv("XDG_RUNTIME_DIR");
}

static void too_long(void)
{
    struct dirs d;
    struct box_paths b;
    char *dir = malloc(PATH_MAX + 1);

    memset(dir, 'd', PATH_MAX);
    dir[0] = '/';
    dir[PATH_MAX] = '\0';
    FAILS(dirs_find(dir, DIRS_DEFAULT, &d), LB_E_TOO_LONG);
    /* Fits, but not with a file in it. */
    dir[PATH_MAX - 4] = '\0';
    OK(dirs_find(dir, DIRS_DEFAULT, &d));
    FAILS(box_paths(&d, "web", &b), LB_E_TOO_LONG);
    free(dir);
}

static int put_socket(const char *path)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    snprintf(addr.sun_path, sizeof(addr.sun_path), "%s", path);
    CU_ASSERT_EQUAL_FATAL(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
    return fd;
}

/* Where a name leads: the place, and the socket below dir; NULL: the system's. code: what it is refused with. */
static bool finds(const char *dir, int code, enum place place, const char *expected)
{
    char found[PATH_MAX];
    struct problem p;
    enum place is;
    int r = place_find("web", &is, found, &p);

    if (r != 0 || code != 0)
        return r == code;
    return is == place &&
           strcmp(found, expected != NULL ? unit_path(dir, expected) : LB_SYSTEM_RUN_DIR "/web.sock") == 0;
}

/* As the user who is nobody, where there is a choice. */
static bool finds_as_nobody(const char *dir, int code, enum place place, const char *expected)
{
    int status = -1;
    pid_t pid = fork();

    if (pid == 0)
        _exit((geteuid() != 0 || setuid(65534) == 0) && finds(dir, code, place, expected) ? 0 : 1);
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static void to_nobody(const char *path)
{
    if (geteuid() == 0)
        CU_ASSERT_EQUAL(chown(path, 65534, 65534), 0);
}

/*
 * The user's own box if he has made one, and the system's otherwise; always that for root. Whether a box answers, and what
 * lies about in the directories of sockets, changes nothing in it.
 */
static void which_box(void)
{
    static const char own[] = "littlebox/web.sock", state[] = "state/littlebox/web";
    char *dir = unit_dir_new();
    bool root = geteuid() == 0;
    int fd = -1;

    CU_ASSERT_EQUAL(chmod(dir, 0755), 0);
    setenv("XDG_RUNTIME_DIR", dir, 1);
    setenv("XDG_STATE_HOME", unit_path(dir, "state"), 1);
    mkdir(unit_path(dir, "littlebox"), 0755);
    mkdir(unit_path(dir, "state"), 0755);
    mkdir(unit_path(dir, "state/littlebox"), 0755);
    to_nobody(unit_path(dir, "littlebox"));
    CU_ASSERT(finds_as_nobody(dir, 0, PLACE_SYSTEM, NULL));
    /* A socket of a box whose directory is not there: the key would be another one as soon as it is gone. */
    fd = put_socket(unit_path(dir, own));
    CU_ASSERT(finds_as_nobody(dir, LB_E_CONFIG, PLACE_OWN, NULL));
    /* Unless it is no directory of one's own: then it is nothing that concerns one. */
    CU_ASSERT_EQUAL(chmod(unit_path(dir, "littlebox"), 0775), 0);
    CU_ASSERT(finds_as_nobody(dir, 0, PLACE_SYSTEM, NULL));
    CU_ASSERT_EQUAL(chmod(unit_path(dir, "littlebox"), 0755), 0);
    /* It was made: it is meant, with its socket and without. */
    mkdir(unit_path(dir, state), 0700);
    if (root) {
        CU_ASSERT(finds_as_nobody(dir, LB_E_CONFIG, PLACE_OWN, NULL)); /* by another user */
        CU_ASSERT(finds(dir, 0, PLACE_SYSTEM, NULL));
    }
    to_nobody(unit_path(dir, state));
    CU_ASSERT(finds_as_nobody(dir, 0, PLACE_OWN, own));
    CU_ASSERT(finds(dir, 0, root ? PLACE_SYSTEM : PLACE_OWN, root ? NULL : own));
    CU_ASSERT_EQUAL(unlink(unit_path(dir, own)), 0);
    CU_ASSERT(finds_as_nobody(dir, 0, PLACE_OWN, own));
    CU_ASSERT_EQUAL(symlink("../elsewhere", unit_path(dir, own)), 0);
    CU_ASSERT(finds_as_nobody(dir, LB_E_CONFIG, PLACE_OWN, NULL));
    CU_ASSERT_EQUAL(unlink(unit_path(dir, own)), 0);
    CU_ASSERT_EQUAL(chmod(unit_path(dir, "littlebox"), 0775), 0);
    CU_ASSERT(finds_as_nobody(dir, LB_E_STRANGER, PLACE_OWN, NULL));
    CU_ASSERT_EQUAL(rmdir(unit_path(dir, "littlebox")), 0);
    CU_ASSERT(finds_as_nobody(dir, 0, PLACE_OWN, own));
    unsetenv("XDG_RUNTIME_DIR");
    unsetenv("XDG_STATE_HOME");
    close(fd);
    unit_dir_remove(dir);
}

/* Accounts with which nobody logs in are none of people's. */
static void people(void)
{
    char name[64];
    bool person = true;

    CU_ASSERT(passwd_is_login_shell("/bin/sh"));
    CU_ASSERT(passwd_is_login_shell(""));
    CU_ASSERT(!passwd_is_login_shell("/usr/sbin/nologin"));
    CU_ASSERT(!passwd_is_login_shell("/bin/false"));
    OK(passwd_is_person(0, &person, name));
    CU_ASSERT(!person);
    TEXT_IS(name, "root");
    person = true;
    OK(passwd_is_person(4000000001U, &person, name));
    CU_ASSERT(!person);
    TEXT_IS(name, "4000000001");
}

static const struct unit_test tests[] = {
    { "one directory", one_directory },
    { "the system", the_system },
    { "a user", a_user },
    { "too long", too_long },
    { "which box", which_box },
    { "people", people },
    { NULL, NULL },
};
const struct unit_suite suite_paths = { "paths", tests };
