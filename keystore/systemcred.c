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
static const char *const programs[] = { "/usr/bin/systemd-creds", "/bin/systemd-creds" };

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

static int start(const char *program, const char *path, int out, pid_t *ret)
{
    const char *const argv[] = { "systemd-creds", "decrypt", "--name=littlebox", path, "-", NULL };
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
    const char *program = NULL;
    int fds[2], status = -1, e, r;
    pid_t pid;

    *ret = NULL;
    for (size_t i = 0; program == NULL && i < sizeof(programs) / sizeof(programs[0]); i++)
        program = access(programs[i], X_OK) == 0 ? programs[i] : NULL;
    if (program == NULL)
        return problem_set(p, LB_E_UNSUPPORTED, "there is no systemd-creds to decrypt %s", path);
    if (pipe2(fds, O_CLOEXEC) < 0)
        return problem_set(p, LB_E_SYSTEM, "pipe: %s", strerror(errno));
    e = start(program, path, fds[1], &pid);
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
