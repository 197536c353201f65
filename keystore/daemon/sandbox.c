/* What the process that holds keys can still do: its system calls (seccomp), and what they reach (Landlock). */
#include "daemon/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/landlock.h"
#include "daemon/sandbox_priv.h"
#include "model/vocabulary.h"

/* What serving, SQLite, libcrypto, Argon2's threads, the C library's allocator and the log need. */
static const int allowed[] = {
    /* descriptors */
    SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(readv), SCMP_SYS(writev), SCMP_SYS(pread64), SCMP_SYS(pwrite64),
    SCMP_SYS(close), SCMP_SYS(lseek), SCMP_SYS(dup),
    /* files of the store and the credential */
    SCMP_SYS(open), SCMP_SYS(openat), SCMP_SYS(stat), SCMP_SYS(fstat), SCMP_SYS(lstat), SCMP_SYS(newfstatat),
    SCMP_SYS(statx), SCMP_SYS(fstatfs), SCMP_SYS(statfs), SCMP_SYS(access), SCMP_SYS(faccessat), SCMP_SYS(faccessat2),
    SCMP_SYS(readlink), SCMP_SYS(readlinkat), SCMP_SYS(getcwd), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
    SCMP_SYS(rename), SCMP_SYS(renameat), SCMP_SYS(renameat2), SCMP_SYS(ftruncate), SCMP_SYS(fallocate),
    SCMP_SYS(fsync), SCMP_SYS(fdatasync), SCMP_SYS(fchmod), SCMP_SYS(fchown), SCMP_SYS(getdents64), SCMP_SYS(fgetxattr),
    /* memory */
    SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(brk),
    SCMP_SYS(mlock), SCMP_SYS(mlock2), SCMP_SYS(munlock), SCMP_SYS(membarrier),
    /* channels that exist */
    SCMP_SYS(accept4), SCMP_SYS(recvmsg), SCMP_SYS(sendmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendto),
    SCMP_SYS(getsockopt), SCMP_SYS(setsockopt), SCMP_SYS(shutdown),
    /* waiting */
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(epoll_ctl), SCMP_SYS(epoll_wait), SCMP_SYS(epoll_pwait),
    SCMP_SYS(epoll_pwait2), SCMP_SYS(futex), SCMP_SYS(nanosleep), SCMP_SYS(clock_nanosleep),
    /* threads and signals */
    SCMP_SYS(set_robust_list), SCMP_SYS(rseq), SCMP_SYS(sched_yield), SCMP_SYS(sched_getaffinity), SCMP_SYS(gettid),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(sigaltstack),
    SCMP_SYS(restart_syscall), SCMP_SYS(exit), SCMP_SYS(exit_group),
    /* asking */
    SCMP_SYS(getpid), SCMP_SYS(getuid), SCMP_SYS(geteuid), SCMP_SYS(getgid), SCMP_SYS(getegid), SCMP_SYS(getrandom),
    SCMP_SYS(clock_gettime), SCMP_SYS(clock_getres), SCMP_SYS(gettimeofday), SCMP_SYS(time), SCMP_SYS(uname),
    SCMP_SYS(sysinfo), SCMP_SYS(getrlimit), SCMP_SYS(getrusage), SCMP_SYS(umask),
};

/*
 * What PKCS#11 modules need as well: sockets to daemons and HSMs, devices (USB, TPM), directories of tokens, and locks of
 * several processes.
 */
static const int allowed_module[] = {
    /* libraries and generated code */
    SCMP_SYS(mmap), SCMP_SYS(mprotect),
    /* sockets, made and connected, but not listening */
    SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind), SCMP_SYS(getsockname),
    SCMP_SYS(getpeername), SCMP_SYS(sendmmsg), SCMP_SYS(recvmmsg),
    /* devices */
    SCMP_SYS(ioctl),
    /* files of tokens */
    SCMP_SYS(mkdir), SCMP_SYS(mkdirat), SCMP_SYS(rmdir), SCMP_SYS(chmod), SCMP_SYS(fchmodat), SCMP_SYS(link),
    SCMP_SYS(linkat), SCMP_SYS(symlink), SCMP_SYS(getdents), SCMP_SYS(truncate), SCMP_SYS(chdir), SCMP_SYS(dup2),
    SCMP_SYS(dup3), SCMP_SYS(sendfile), SCMP_SYS(copy_file_range), SCMP_SYS(inotify_init1),
    SCMP_SYS(inotify_add_watch), SCMP_SYS(inotify_rm_watch), SCMP_SYS(pwritev), SCMP_SYS(preadv), SCMP_SYS(flock),
    SCMP_SYS(utimensat), SCMP_SYS(fadvise64), SCMP_SYS(msync), SCMP_SYS(mincore),
    /* waiting and telling one's threads */
    SCMP_SYS(select), SCMP_SYS(pselect6), SCMP_SYS(pipe), SCMP_SYS(pipe2), SCMP_SYS(eventfd2),
    SCMP_SYS(timerfd_create), SCMP_SYS(timerfd_settime), SCMP_SYS(timerfd_gettime), SCMP_SYS(epoll_create),
    SCMP_SYS(epoll_create1), SCMP_SYS(signalfd4), SCMP_SYS(memfd_create),
    /* System V's shared memory and semaphores, by which some HSMs' daemons are spoken to */
    SCMP_SYS(shmget), SCMP_SYS(shmat), SCMP_SYS(shmdt), SCMP_SYS(shmctl), SCMP_SYS(semget), SCMP_SYS(semop),
    SCMP_SYS(semctl), SCMP_SYS(semtimedop),
    /* asking */
    SCMP_SYS(getppid), SCMP_SYS(getpgrp), SCMP_SYS(getgroups), SCMP_SYS(getresuid), SCMP_SYS(getresgid),
    SCMP_SYS(times), SCMP_SYS(sched_getscheduler), SCMP_SYS(sched_getparam), SCMP_SYS(getpriority),
    SCMP_SYS(getcpu),
};

/* Calls that only an attacker would make here. */
static const int fatal[] = {
    /* programs */
    SCMP_SYS(execve), SCMP_SYS(execveat),
    /* strangers */
    SCMP_SYS(listen),
    SANDBOX_ATTACKS,
};

/* Calls that are fatal without a module. With a module they are allowed or refused. */
static const int fatal_without_module[] = {
    SCMP_SYS(fork), SCMP_SYS(vfork), SCMP_SYS(socket), SCMP_SYS(socketpair), SCMP_SYS(connect), SCMP_SYS(bind),
    /* signals to others */
    SCMP_SYS(kill), SCMP_SYS(tkill), SCMP_SYS(rt_sigqueueinfo), SCMP_SYS(rt_tgsigqueueinfo), SCMP_SYS(pidfd_open),
    SCMP_SYS(pidfd_send_signal),
    /* being somebody else */
    SCMP_SYS(setuid), SCMP_SYS(setgid), SCMP_SYS(setreuid), SCMP_SYS(setregid), SCMP_SYS(setresuid),
    SCMP_SYS(setresgid), SCMP_SYS(setfsuid), SCMP_SYS(setfsgid), SCMP_SYS(setgroups), SCMP_SYS(capset),
    /* code that is no file */
    SCMP_SYS(memfd_create), SCMP_SYS(pkey_mprotect), SCMP_SYS(remap_file_pages),
};

/* What the usher needs of descriptors, processes, signals and memory. */
static const int allowed_usher[] = {
    SCMP_SYS(recvmsg), SCMP_SYS(recvfrom), SCMP_SYS(sendmsg), SCMP_SYS(getsockopt), SCMP_SYS(setsockopt),
    SCMP_SYS(getpeername), SCMP_SYS(shutdown), SCMP_SYS(close), SCMP_SYS(close_range), SCMP_SYS(pipe), SCMP_SYS(pipe2),
    SCMP_SYS(poll), SCMP_SYS(ppoll), SCMP_SYS(read), SCMP_SYS(write), SCMP_SYS(fstat),
    SCMP_SYS(fork), SCMP_SYS(wait4), SCMP_SYS(waitid), SCMP_SYS(kill), SCMP_SYS(tgkill), SCMP_SYS(exit),
    SCMP_SYS(exit_group), SCMP_SYS(getpid), SCMP_SYS(getppid), SCMP_SYS(gettid),
    SCMP_SYS(rt_sigaction), SCMP_SYS(rt_sigprocmask), SCMP_SYS(rt_sigreturn), SCMP_SYS(rt_sigpending),
    SCMP_SYS(rt_sigtimedwait), SCMP_SYS(rt_sigsuspend), SCMP_SYS(signalfd4), SCMP_SYS(restart_syscall),
    SCMP_SYS(alarm), SCMP_SYS(setitimer), SCMP_SYS(getitimer), SCMP_SYS(timer_create), SCMP_SYS(timer_settime),
    SCMP_SYS(timer_delete), SCMP_SYS(clock_gettime), SCMP_SYS(gettimeofday), SCMP_SYS(time),
    SCMP_SYS(brk), SCMP_SYS(munmap), SCMP_SYS(mremap), SCMP_SYS(madvise), SCMP_SYS(futex), SCMP_SYS(set_robust_list),
    SCMP_SYS(rseq), SCMP_SYS(getrandom),
};

/* Locks, flags and copies of descriptors, but not F_SETOWN: it sends signals to processes of one's choice. */
static const unsigned allowed_fcntl[] = {
    F_DUPFD, F_DUPFD_CLOEXEC, F_GETFD, F_SETFD, F_GETFL, F_SETFL, F_GETLK, F_SETLK, F_SETLKW,
    36 /* F_OFD_GETLK */, 37 /* F_OFD_SETLK */, 38 /* F_OFD_SETLKW */, 1033 /* F_ADD_SEALS */, 1034 /* F_GET_SEALS */,
};
/* Sets names, and nothing that would undo the hardening. */
static const unsigned allowed_prctl[] = { PR_SET_NAME, 0x53564d41 /* PR_SET_VMA, as the allocator names its memory */ };
static const unsigned allowed_prctl_usher[] = { PR_SET_NAME, PR_SET_PDEATHSIG, 0x53564d41 /* PR_SET_VMA */ };

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int add_list(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = seccomp_rule_add(filter, action, calls[i], 0);
    return r;
}

/* Allows one call with each of these values as that argument. */
static int allow_values(scmp_filter_ctx filter, int call, unsigned argument, const unsigned *values, size_t count)
{
    int r = 0;

    for (size_t i = 0; r == 0 && i < count; i++)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 1, SCMP_CMP(argument, SCMP_CMP_EQ, values[i], 0));
    return r;
}

/* Allows memory that cannot be run: neither when it is new nor later. */
static int allow_data_memory(scmp_filter_ctx filter)
{
    int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1, SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));

    return r != 0 ? r : seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
                                         SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

/* Allows signals to one's own threads (abort() sends one), and to look at one's own limits. */
static int allow_own_process(scmp_filter_ctx filter)
{
    scmp_datum_t self = (scmp_datum_t)getpid();
    int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1, SCMP_A0(SCMP_CMP_EQ, self, 0));

    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, 0, 0),
                             SCMP_A2(SCMP_CMP_EQ, 0, 0));
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2, SCMP_A0(SCMP_CMP_EQ, self, 0),
                             SCMP_A2(SCMP_CMP_EQ, 0, 0));
    return r;
}

/* Allows threads, but no processes, and no thread with namespaces of its own. */
static int allow_threads(scmp_filter_ctx filter, bool with_module)
{
    int r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_SPACES, CLONE_THREAD));

    /* A module that wants a process of its own is refused one, and may do without. */
    return r != 0 ? r : seccomp_rule_add(filter, with_module ? SCMP_ACT_ERRNO(EAGAIN) : SCMP_ACT_KILL_PROCESS,
                                         SCMP_SYS(clone), 1, SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
}

static int add_shared_rules(scmp_filter_ctx filter)
{
    int r = add_list(filter, SCMP_ACT_KILL_PROCESS, fatal, COUNT(fatal));

    if (r == 0)
        r = allow_values(filter, SCMP_SYS(fcntl), 1, allowed_fcntl, COUNT(allowed_fcntl));
    /* No filter can see the flags of clone3. If clone3 is absent, the C library falls back to clone. */
    return r != 0 ? r : seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
}

static int add_box_rules(scmp_filter_ctx filter, bool with_module)
{
    int r = add_list(filter, SCMP_ACT_ALLOW, allowed, COUNT(allowed));

    if (r == 0)
        r = add_shared_rules(filter);
    if (r == 0 && with_module)
        r = add_list(filter, SCMP_ACT_ALLOW, allowed_module, COUNT(allowed_module));
    else if (r == 0)
        r = add_list(filter, SCMP_ACT_KILL_PROCESS, fatal_without_module, COUNT(fatal_without_module));
    if (r == 0 && !with_module)
        r = allow_data_memory(filter);
    if (r == 0)
        r = allow_own_process(filter);
    if (r == 0)
        r = allow_threads(filter, with_module);
    return r != 0 ? r : allow_values(filter, SCMP_SYS(prctl), 0, allowed_prctl, COUNT(allowed_prctl));
}

static int add_usher_rules(scmp_filter_ctx filter)
{
    int r = add_list(filter, SCMP_ACT_ALLOW, allowed_usher, COUNT(allowed_usher));

    if (r == 0)
        r = add_shared_rules(filter);
    if (r == 0)
        r = allow_data_memory(filter);
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 1, SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0));
    /* One's own limits. */
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1, SCMP_A0(SCMP_CMP_EQ, 0, 0));
    /* Newer C libraries call this for fstat(3). */
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(newfstatat), 1,
                             SCMP_A3(SCMP_CMP_MASKED_EQ, AT_EMPTY_PATH, AT_EMPTY_PATH));
    /* Allows processes with memory of their own, but no threads. */
    if (r == 0)
        r = seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
                             SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | CLONE_VM | CLONE_FILES | CLONE_SPACES, 0));
    return r != 0 ? r : allow_values(filter, SCMP_SYS(prctl), 0, allowed_prctl_usher, COUNT(allowed_prctl_usher));
}

/* A filter without rules: every call fails with EPERM. NULL with errno. */
static scmp_filter_ctx new_filter(void)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
    int r = filter == NULL ? -ENOMEM : 0;

    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_NNP, 1);
    /* The filter is for all threads, so that one that was started too early is not outside. */
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
    /* A tree costs a few steps at each system call. A plain filter of a hundred rules is walked whole. */
    if (r == 0)
        r = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (r == 0)
        return filter;
    seccomp_release(filter);
    errno = -r;
    return NULL;
}

static int load(scmp_filter_ctx filter, int r)
{
    if (r == 0)
        r = seccomp_load(filter);
    seccomp_release(filter);
    if (r == 0)
        return 0;
    errno = -r;
    return LB_E_SYSTEM;
}

static void *leave(void *arg)
{
    pthread_exit(arg);
}

/*
 * Ends a thread once, as Argon2's threads end: pthread_exit() has the C library load libgcc_s. Later that could not be
 * opened or mapped.
 */
static int load_unwinder(void)
{
    pthread_t thread;
    int r = pthread_create(&thread, NULL, leave, NULL);

    if (r == 0)
        r = pthread_join(thread, NULL);
    errno = r;
    return r == 0 ? 0 : LB_E_SYSTEM;
}

int sandbox_enter(const struct sandbox_rules *rules, unsigned *ret)
{
    bool with_module = rules->module_writes != NULL;
    scmp_filter_ctx filter;
    int r = load_unwinder();

    /* Landlock goes first, since the filter does not allow its calls. */
    if (r == 0)
        r = landlock_enter(rules, ret);
    if (r != 0)
        return r;
    filter = new_filter();
    r = filter == NULL ? LB_E_SYSTEM : load(filter, add_box_rules(filter, with_module));
    *ret |= r == 0 ? SANDBOX_CALLS : 0;
    return r;
}

int sandbox_enter_usher(void)
{
    unsigned kept;
    scmp_filter_ctx filter;
    int r = landlock_enter(NULL, &kept);

    if (r != 0)
        return r;
    filter = new_filter();
    return filter == NULL ? LB_E_SYSTEM : load(filter, add_usher_rules(filter));
}
