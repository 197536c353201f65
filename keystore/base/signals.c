/* Signals as a descriptor, for a process that waits with poll. */
#include "base/signals.h"

#include <signal.h>
#include <sys/signalfd.h>

int signals_open(const int *signals, size_t count)
{
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < count; i++)
        sigaddset(&set, signals[i]);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0)
        return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}
