/* What systemd has for the unit of a box: its user, and the credential that it keeps encrypted (systemd.exec(5)). */
#include "command/system_credential.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket.h"
#include "guard/secret.h"
#include "model/limits.h"

/* In the order in which systemd looks. */
static const char *const stores[] = { "/etc/credstore.encrypted", "/run/credstore.encrypted",
                                      "/usr/local/lib/credstore.encrypted", "/usr/lib/credstore.encrypted" };

/* By their paths: a PATH inherited through su(1) may have another program. */
static const char *const decrypters[2] = { "/usr/bin/systemd-creds", "/bin/systemd-creds" };
static const char *const managers[2] = { "/usr/bin/systemctl", "/bin/systemctl" };

bool systemcred_find(const char *box, char ret[PATH_MAX])
{
    /* As sd_booted(3) tells it. */
    if (access("/run/systemd/system", F_OK) != 0)
        return false;
    for (size_t i = 0; i < sizeof(stores) / sizeof(stores[0]); i++) {
        snprintf(ret, PATH_MAX, "%s/littlebox.%s", stores[i], box);
        if (access(ret, F_OK) == 0)
            return true;
    }
    ret[0] = '\0';
    return false;
}

static const char *find_program(const char *const paths[2])
{
    return access(paths[0], X_OK) == 0 ? paths[0] : access(paths[1], X_OK) == 0 ? paths[1] : NULL;
}

/* Starts program. Its output goes to out, its complaints nowhere. 0 or errno. */
static int start(const char *program, const char *const *argv, int out, pid_t *ret)
{
    static const char *const env[] = { "PATH=/usr/bin:/bin", "LC_ALL=C", "SYSTEMD_LOG_LEVEL=crit", NULL };
    posix_spawn_file_actions_t files;
    int e = posix_spawn_file_actions_init(&files);

    if (e != 0)
        return e;
    e = posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    if (e == 0)
        e = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    if (e == 0)
        e = posix_spawn_file_actions_addopen(&files, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
    if (e == 0)
        e = posix_spawn(ret, program, &files, NULL, (char *const *)argv, (char *const *)env);
    posix_spawn_file_actions_destroy(&files);
    return e;
}

int systemcred_read(const char *path, void **ret, size_t *ret_len, struct problem *p)
{
    const char *const argv[] = { "systemd-creds", "decrypt", "--name=littlebox", path, "-", NULL };
    const char *program = find_program(decrypters);
    int fds[2], status = -1, e, r;
    pid_t pid;

    *ret = NULL;
    if (program == NULL)
        return problem_set(p, LB_E_UNSUPPORTED, "there is no systemd-creds to decrypt %s", path);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return problem_set(p, LB_E_SYSTEM, "pipe: %s", strerror(errno));
    e = start(program, argv, fds[1], &pid);
    socket_close(fds[1]);
    r = e == 0 ? secret_read_fd(fds[0], LB_SECRET_MAX, ret, ret_len) : 0;
    socket_close(fds[0]);
    if (e != 0)
        return problem_set(p, LB_E_SYSTEM, "%s: %s", program, strerror(e));
    (void)waitpid(pid, &status, 0);
    if (r == LB_E_NOMEM)
        return secret_no_memory(p);
    if (r == 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    secret_free(*ret, LB_SECRET_MAX);
    *ret = NULL;
    problem_set(p, LB_E_SECRET, "systemd cannot decrypt %s, and will not start the box", path);
    problem_hint(p, "see what it says: systemd-creds decrypt --name=littlebox %s /dev/null", path);
    return LB_E_SECRET;
}

/*
 * Does this line of a unit take the credential from elsewhere? It is LoadCredential=ID:PATH (systemd.exec(5)) or its kin. A
 * PATH that is a name means the stores, which are not elsewhere.
 */
static bool is_elsewhere(const char *line)
{
    static const char id[] = "littlebox";
    const char *value = strchr(line, '=');

    if (value == NULL || (strncmp(line, "LoadCredential", 14) != 0 && strncmp(line, "SetCredential", 13) != 0))
        return false;
    value += 1 + strspn(value + 1, " \t");
    if (strncmp(value, id, sizeof(id) - 1) != 0 || value[sizeof(id) - 1] != ':')
        return false;
    return line[0] == 'S' || value[sizeof(id)] == '/';
}

/* What systemctl(1) says of the unit of a box, line by line. */
struct asked {
    FILE *lines; /* NULL: nothing */
    pid_t pid;
};

static void ask_systemctl(const char *verb, const char *option, const char *box, struct asked *ret)
{
    char unit[LB_NAME_MAX + 30];
    const char *const argv[] = { "systemctl", "--no-pager", verb, option, unit, NULL };
    const char *program = find_program(managers);
    int fds[2], e;

    *ret = (struct asked){ NULL, 0 };
    snprintf(unit, sizeof(unit), "littleboxd@%s.service", box);
    if (program == NULL || pipe2(fds, O_CLOEXEC) < 0)
        return;
    e = start(program, argv, fds[1], &ret->pid);
    socket_close(fds[1]);
    ret->lines = e == 0 ? fdopen(fds[0], "r") : NULL;
    if (ret->lines == NULL)
        socket_close(fds[0]);
    if (e != 0)
        ret->pid = 0;
}

static void asked_end(struct asked *a)
{
    if (a->lines != NULL)
        fclose(a->lines);
    if (a->pid != 0)
        (void)waitpid(a->pid, NULL, 0);
}

bool systemcred_elsewhere(const char *box)
{
    bool found = false, told = false;
    char line[2048];
    struct asked a;

    ask_systemctl("cat", "--full", box, &a);
    while (a.lines != NULL && fgets(line, sizeof(line), a.lines) != NULL) {
        told = true;
        found = found || is_elsewhere(line);
    }
    asked_end(&a);
    return found || !told;
}

bool systemcred_user(const char *box, char *ret, size_t size)
{
    char line[300] = "";
    struct asked a;

    /* As sd_booted(3) tells it. */
    if (access("/run/systemd/system", F_OK) != 0)
        return false;
    ask_systemctl("show", "--property=User", box, &a);
    if (a.lines != NULL && fgets(line, sizeof(line), a.lines) == NULL)
        line[0] = '\0';
    asked_end(&a);
    line[strcspn(line, "\n")] = '\0';
    return strncmp(line, "User=", 5) == 0 && line[5] != '\0' && (size_t)snprintf(ret, size, "%s", line + 5) < size;
}
