/* The credential that systemd keeps encrypted for the unit of a box (systemd.exec(5), LoadCredentialEncrypted=). */
#include "systemcred.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "message.h"
#include "secret.h"
#include "socket.h"

/* In the order in which systemd looks. */
static const char *const stores[] = { "/etc/credstore.encrypted", "/run/credstore.encrypted",
                                      "/usr/local/lib/credstore.encrypted", "/usr/lib/credstore.encrypted" };

/* By its path: a PATH inherited through su(1) may have another one. */
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

/* What it prints goes to out, what it complains of nowhere. 0 or errno. */
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
    problem_hint(p, "see what it says: systemd-creds decrypt --name=littlebox %.150s /dev/null", path);
    return LB_E_SECRET;
}

/* A line of a unit, of systemd.exec(5): LoadCredential=ID:PATH and its kin, where PATH may be a name in the stores. */
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

bool systemcred_elsewhere(const char *box)
{
    char unit[LB_NAME_MAX + 30], line[2048];
    const char *const argv[] = { "systemctl", "--no-pager", "cat", unit, NULL };
    const char *program = find_program(managers);
    bool found = false, told = false;
    int fds[2], e;
    pid_t pid;
    FILE *f;

    snprintf(unit, sizeof(unit), "littleboxd@%s.service", box);
    if (program == NULL || pipe2(fds, O_CLOEXEC) < 0)
        return true;
    e = start(program, argv, fds[1], &pid);
    socket_close(fds[1]);
    f = fdopen(fds[0], "r");
    while (e == 0 && f != NULL && fgets(line, sizeof(line), f) != NULL) {
        told = true;
        found = found || is_elsewhere(line);
    }
    if (f != NULL)
        fclose(f);
    else
        socket_close(fds[0]);
    if (e == 0)
        (void)waitpid(pid, NULL, 0);
    return found || !told;
}
