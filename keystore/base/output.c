/* A program's standard descriptors: what was printed has arrived, or the exit status says that it has not. */
#include "base/output.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdio_ext.h>
#include <string.h>
#include <unistd.h>

/* A broken pipe ends the program, unless it was started with SIGPIPE ignored: then it is an error like any other. */
static bool pipes_end_it;

bool output_start(void)
{
    static const int modes[] = { O_RDONLY, O_RDONLY, O_RDWR };
    struct sigaction was;

    for (int fd = 0; fd <= STDERR_FILENO; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", modes[fd]) != fd)
            return false;
    }
    pipes_end_it = sigaction(SIGPIPE, /* act= */ NULL, &was) == 0 && was.sa_handler == SIG_DFL;
    signal(SIGPIPE, SIG_IGN);
    return true;
}

int output_end(const char *program, int status)
{
    const bool pending = __fpending(stdout) > 0, failed = ferror(stdout) != 0;

    errno = 0;
    /* A closed descriptor is no error if nothing was printed. */
    if ((fclose(stdout) == 0 || (errno == EBADF && !pending)) && !failed)
        return status;
    if (errno == EPIPE && pipes_end_it) {
        signal(SIGPIPE, SIG_DFL);
        raise(SIGPIPE);
    }
    if (errno == 0)
        fprintf(stderr, "%s: cannot write the output\n", program);
    else
        fprintf(stderr, "%s: cannot write the output: %s\n", program, strerror(errno));
    return status == 0 ? 1 : status;
}
