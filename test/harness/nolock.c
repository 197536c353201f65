/*
 * Starts a program for which the system locks no memory, as in a container whose filter refuses mlock(2).
 *
 * nolock PROGRAM [ARGUMENT...]
 */
#include <errno.h>
#include <seccomp.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    static const int calls[] = { SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(mlockall) };
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    int r = filter == NULL ? -ENOMEM : 0;

    if (argc < 2) {
        fputs("usage: nolock PROGRAM [ARGUMENT...]\n", stderr);
        return 2;
    }
    for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]) && r == 0; i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), calls[i], 0);
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    if (r != 0) {
        fprintf(stderr, "nolock: no filter: %s\n", strerror(-r));
        return 1;
    }
    execvp(argv[1], argv + 1);
    perror(argv[1]);
    return 1;
}
