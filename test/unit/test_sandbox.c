/* sandbox.c and landlock.c: what each kind of process can still do, and how it ends when it tries more. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/sched.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "daemon/keeper_sandbox.h"
#include "daemon/landlock.h"
#include "daemon/sandbox.h"
#include "model/vocabulary.h"
#include "unit.h"

/* Ends the process; the others are errno, or 0. */
#define DIES (-SIGSYS)
/* Another row says it. */
#define LEFT_OUT 9999

static char state[256], credentials[256], writes[256], elsewhere[256];

static const char *in(const char *dir, const char *name)
{
    static char path[2][512];
    static unsigned next;

    next ^= 1;
    snprintf(path[next], sizeof(path[0]), "%s/%s", dir, name);
    return path[next];
}

/* errno of a call that failed. */
static int result(long r)
{
    return r < 0 ? errno : 0;
}
#define CALL(...) result(syscall(__VA_ARGS__))

static int opens(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);

    return result(fd);
}

/* Files */
static int read_store(void) { return opens(in(state, "file"), O_RDONLY); }
static int write_store(void) { return opens(in(state, "file"), O_RDWR | O_TRUNC); }
static int create_in_store(void) { return opens(in(state, "new"), O_RDWR | O_CREAT | O_EXCL); }
static int list_store(void) { return opens(state, O_RDONLY | O_DIRECTORY); }
static int unlink_in_store(void) { return result(unlink(in(state, "file"))); }
static int rename_in_store(void) { return result(rename(in(state, "file"), in(state, "other"))); }
static int read_credential(void) { return opens(in(credentials, "file"), O_RDONLY); }
static int list_credentials(void) { return opens(credentials, O_RDONLY | O_DIRECTORY); }
static int write_credential(void) { return opens(in(credentials, "file"), O_WRONLY); }
static int unlink_credential(void) { return result(unlink(in(credentials, "file"))); }
static int create_credential(void) { return opens(in(credentials, "new"), O_WRONLY | O_CREAT); }
static int read_elsewhere(void) { return opens(in(elsewhere, "file"), O_RDONLY); }
static int read_passwd(void) { return opens("/etc/passwd", O_RDONLY); }
static int read_proc(void) { return opens("/proc/version", O_RDONLY); }
static int read_random(void) { return opens("/dev/urandom", O_RDONLY); }
static int write_elsewhere(void) { return opens(in(elsewhere, "file"), O_WRONLY); }
static int truncate_elsewhere(void) { return opens(in(elsewhere, "file"), O_RDONLY | O_TRUNC); }
static int create_elsewhere(void) { return opens(in(elsewhere, "new"), O_WRONLY | O_CREAT); }
static int unlink_elsewhere(void) { return result(unlink(in(elsewhere, "file"))); }
static int move_out(void) { return result(rename(in(state, "file"), in(elsewhere, "stolen"))); }
static int create_in_writes(void) { return opens(in(writes, "new"), O_WRONLY | O_CREAT); }
static int mkdir_in_writes(void) { return result(mkdir(in(writes, "dir"), 0700)); }
static int symlink_in_writes(void) { return result(symlink("/etc/shadow", in(writes, "link"))); }
static int mkdir_elsewhere(void) { return result(mkdir(in(elsewhere, "dir"), 0700)); }
static int device_in_writes(void) { return result(mknod(in(writes, "null"), S_IFCHR | 0600, 0x103)); }

/* Other processes */
static int kill_parent(void) { return CALL(SYS_kill, getppid(), 0); }
static int tkill_parent(void) { return CALL(SYS_tkill, getppid(), 0); }
static int tgkill_parent(void) { return CALL(SYS_tgkill, getppid(), getppid(), 0); }
static int tgkill_self(void) { return CALL(SYS_tgkill, getpid(), (int)syscall(SYS_gettid), 0); }
static int queue_to_parent(void) { return CALL(SYS_rt_sigqueueinfo, getppid(), 0, NULL); }
static int pidfd_of_parent(void) { return CALL(SYS_pidfd_open, getppid(), 0); }
static int pidfd_signal(void) { return CALL(SYS_pidfd_send_signal, 0, 0, NULL, 0); }
static int pidfd_steal(void) { return CALL(SYS_pidfd_getfd, 0, 0, 0); }
static int trace_parent(void) { return CALL(SYS_ptrace, PTRACE_ATTACH, getppid(), 0, 0); }
static int read_parent(void) { return CALL(SYS_process_vm_readv, getppid(), NULL, 0, NULL, 0, 0); }
static int write_parent(void) { return CALL(SYS_process_vm_writev, getppid(), NULL, 0, NULL, 0, 0); }
static int compare_parent(void) { return CALL(SYS_kcmp, getppid(), getpid(), 0, 0, 0); }
static int own_limit(void) { struct rlimit l; return CALL(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, &l); }
static int own_limit_by_pid(void) { struct rlimit l; return CALL(SYS_prlimit64, getpid(), RLIMIT_NOFILE, NULL, &l); }
static int parents_limit(void) { struct rlimit l; return CALL(SYS_prlimit64, getppid(), RLIMIT_NOFILE, NULL, &l); }
static int set_own_limit(void) { struct rlimit l = { 9, 9 }; return CALL(SYS_prlimit64, 0, RLIMIT_NOFILE, &l, NULL); }
static int signals_to_parent(void) { return result(fcntl(STDIN_FILENO, F_SETOWN, getppid())); }
static int flags_of_fd(void) { return result(fcntl(STDIN_FILENO, F_GETFL)); }

static int abort_oneself(void)
{
    abort();
}

static int kill_own_child(void)
{
    int status = 0;
    pid_t child = fork();

    if (child < 0)
        return errno;
    if (child == 0) {
        for (;;)
            poll(NULL, 0, -1);
    }
    if (kill(child, SIGKILL) < 0 || waitpid(child, &status, 0) != child)
        return errno;
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL ? 0 : EINVAL;
}

/* Programs, threads, who one is */
static int exec_program(void)
{
    static char *const argv[] = { (char *)"true", NULL };

    return CALL(SYS_execve, "/bin/true", argv, NULL);
}
static int exec_descriptor(void) { return CALL(SYS_execveat, 0, "", NULL, NULL, AT_EMPTY_PATH); }
static int fork_process(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);

    if (child == 0)
        _exit(0);
    return result(child);
}
static int fork_spaces(void)
{
    pid_t child = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, 0, 0, 0, 0);

    if (child == 0)
        _exit(0);
    return result(child);
}
static int allow_tracer(void) { return result(prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY, 0, 0, 0)); }
static int type_there(void) { return result(ioctl(STDIN_FILENO, TIOCSTI, "x")); }
static int clone_spaces(void) { return CALL(SYS_clone, CLONE_THREAD | CLONE_NEWUSER, 0, 0, 0, 0); }
static int clone_3(void) { return CALL(SYS_clone3, NULL, 0); }
static int share_not(void) { return CALL(SYS_unshare, CLONE_NEWNS); }
static int set_space(void) { return CALL(SYS_setns, 0, 0); }
static void *nothing(void *arg) { return arg; }
static int start_thread(void)
{
    pthread_t thread;
    int r = pthread_create(&thread, NULL, nothing, NULL);

    return r != 0 ? r : pthread_join(thread, NULL);
}
static void *leave(void *arg) { pthread_exit(arg); }
static int leave_thread(void)
{
    pthread_t thread;
    int r = pthread_create(&thread, NULL, leave, NULL);

    return r != 0 ? r : pthread_join(thread, NULL);
}
static int set_user(void) { return CALL(SYS_setuid, getuid()); }
static int set_users(void) { return CALL(SYS_setresuid, -1, -1, -1); }
static int set_group(void) { return CALL(SYS_setgid, getgid()); }
static int set_groups(void) { return CALL(SYS_setgroups, 0, NULL); }
static int set_capabilities(void) { return CALL(SYS_capset, NULL, NULL); }
static int become_dumpable(void) { return result(prctl(PR_SET_DUMPABLE, 1)); }
static int name_oneself(void) { return result(prctl(PR_SET_NAME, "x")); }
static int tie_to_parent(void) { return result(prctl(PR_SET_PDEATHSIG, SIGKILL)); }

/* Sockets, devices */
static int make_socket(void) { return CALL(SYS_socket, AF_UNIX, SOCK_STREAM, 0); }
static int make_packet_socket(void) { return CALL(SYS_socket, AF_INET, SOCK_DGRAM, 0); }
static int connect_socket(void) { return CALL(SYS_connect, 0, NULL, 0) == ENOTSOCK ? 0 : errno; }
static int bind_socket(void) { return CALL(SYS_bind, 0, NULL, 0) == ENOTSOCK ? 0 : errno; }
static int pair(void) { int fds[2]; return CALL(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET, 0, fds); }
static int pair_of_network(void) { int fds[2]; return CALL(SYS_socketpair, AF_TIPC, SOCK_SEQPACKET, 0, fds); }
static int listen_socket(void) { return CALL(SYS_listen, 0, 1); }
static int control_device(void) { int n; return CALL(SYS_ioctl, STDIN_FILENO, FIONREAD, &n); }

/* Memory */
static int map(int protection)
{
    return mmap(NULL, 4096, protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? errno : 0;
}
static int map_data(void) { return map(PROT_READ | PROT_WRITE); }
static int map_code(void) { return map(PROT_READ | PROT_EXEC); }
static int protect(int protection)
{
    void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? ENOMEM : result(mprotect(p, 4096, protection));
}
static int protect_data(void) { return protect(PROT_READ); }
static int protect_code(void) { return protect(PROT_READ | PROT_EXEC); }
static int look_at_pages(void)
{
    unsigned char seen;
    void *p = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return p == MAP_FAILED ? ENOMEM : CALL(SYS_mincore, p, 4096, &seen);
}
static int protect_key(void) { return CALL(SYS_pkey_mprotect, NULL, 0, PROT_EXEC, -1); }
static int memory_file(void) { return CALL(SYS_memfd_create, "x", 0); }
static int others_memory(void) { return CALL(SYS_userfaultfd, 0); }

/* The system */
static int mount_it(void) { return CALL(SYS_mount, "none", elsewhere, "tmpfs", 0, NULL); }
static int unmount(void) { return CALL(SYS_umount2, elsewhere, 0); }
static int pivot(void) { return CALL(SYS_pivot_root, elsewhere, elsewhere); }
static int change_root(void) { return CALL(SYS_chroot, elsewhere); }
static int new_mount(void) { return CALL(SYS_fsopen, "tmpfs", 0); }
static int move_a_mount(void) { return CALL(SYS_move_mount, -1, "", -1, "", 0); }
static int open_handle(void) { return CALL(SYS_open_by_handle_at, -1, NULL, 0); }
static int load_module(void) { return CALL(SYS_init_module, NULL, 0, ""); }
static int load_module_file(void) { return CALL(SYS_finit_module, -1, "", 0); }
static int load_kernel(void) { return CALL(SYS_kexec_load, 0, 0, NULL, 0); }
static int load_program(void) { return CALL(SYS_bpf, 0, NULL, 0); }
static int measure(void) { return CALL(SYS_perf_event_open, NULL, 0, -1, -1, 0); }
static int key_ring(void) { return CALL(SYS_keyctl, 0, 0, 0, 0, 0); }
static int add_key(void) { return CALL(SYS_add_key, NULL, NULL, NULL, 0, 0); }
static int ask_key(void) { return CALL(SYS_request_key, NULL, NULL, NULL, 0); }
static int ring(void) { return CALL(SYS_io_uring_setup, 1, NULL); }
static int enter_ring(void) { return CALL(SYS_io_uring_enter, 0, 0, 0, 0, NULL, 0); }
static int be_old(void) { return CALL(SYS_personality, 0xffffffff); }
static int swap(void) { return CALL(SYS_swapon, "", 0); }
static int restart(void) { return CALL(SYS_reboot, 0, 0, 0, NULL); }
static int another_filter(void) { return CALL(SYS_seccomp, 0, 0, NULL); }
static int advise_others(void) { return CALL(SYS_process_madvise, -1, NULL, 0, 0, 0); }
static int host_name(void) { return CALL(SYS_sethostname, "x", 1); }
static int clock_set(void) { return CALL(SYS_clock_settime, 0, NULL); }

/* kind: what to be when trying. */
enum kind { SEALED, MODULE, USHER, KEEPER, KINDS };

static const struct row {
    const char *name;
    int (*probe)(void);
    int expected[KINDS];
    int abi; /* of Landlock, that it takes; 0: it is the filter's */
} rows[] = {
    { "read the store", read_store, { 0, 0, EPERM, 0 }, 0 },
    { "write the store", write_store, { 0, 0, EPERM, 0 }, 0 },
    { "make a file in the store", create_in_store, { 0, 0, EPERM, 0 }, 0 },
    { "list the store", list_store, { 0, 0, EPERM, LEFT_OUT }, 0 },
    { "unlink in the store", unlink_in_store, { 0, 0, EPERM, LEFT_OUT }, 0 },
    { "rename in the store", rename_in_store, { 0, 0, EPERM, 0 }, 0 },
    { "read the credential", read_credential, { 0, 0, EPERM, 0 }, 0 },
    { "read random bytes", read_random, { 0, 0, EPERM, LEFT_OUT }, 0 },
    { "list the credentials", list_credentials, { EACCES, 0, EPERM, LEFT_OUT }, 1 },
    { "write the credential", write_credential, { EACCES, EACCES, EPERM, LEFT_OUT }, 1 },
    { "unlink the credential", unlink_credential, { EACCES, EACCES, EPERM, LEFT_OUT }, 1 },
    { "make a credential", create_credential, { EACCES, EACCES, EPERM, LEFT_OUT }, 1 },
    { "read elsewhere", read_elsewhere, { EACCES, 0, EPERM, 0 }, 1 },
    { "read /etc/passwd", read_passwd, { EACCES, 0, EPERM, LEFT_OUT }, 1 },
    { "read in /proc", read_proc, { EACCES, 0, EPERM, LEFT_OUT }, 1 },
    { "write elsewhere", write_elsewhere, { EACCES, EACCES, EPERM, 0 }, 1 },
    { "truncate elsewhere", truncate_elsewhere, { EACCES, EACCES, EPERM, LEFT_OUT }, 3 },
    { "create elsewhere", create_elsewhere, { EACCES, EACCES, EPERM, LEFT_OUT }, 1 },
    { "unlink elsewhere", unlink_elsewhere, { EACCES, EACCES, EPERM, 0 }, 1 },
    { "move a file out", move_out, { EACCES, EACCES, EPERM, 0 }, 2 },
    { "create where the module writes", create_in_writes, { EACCES, 0, EPERM, LEFT_OUT }, 1 },
    { "make a directory there", mkdir_in_writes, { EPERM, 0, EPERM, LEFT_OUT }, 0 },
    { "make a link there", symlink_in_writes, { EPERM, 0, EPERM, LEFT_OUT }, 0 },
    { "make a directory elsewhere", mkdir_elsewhere, { EPERM, EACCES, EPERM, LEFT_OUT }, 1 },
    { "make a device", device_in_writes, { EPERM, EPERM, EPERM, EPERM }, 0 },

    { "kill the parent", kill_parent, { DIES, EPERM, LEFT_OUT, LEFT_OUT }, 0 },
    { "kill the parent, by Landlock", kill_parent, { LEFT_OUT, LEFT_OUT, EPERM, EPERM }, 6 },
    { "tkill the parent", tkill_parent, { DIES, EPERM, EPERM, LEFT_OUT }, 0 },
    { "tgkill the parent", tgkill_parent, { EPERM, EPERM, LEFT_OUT, LEFT_OUT }, 0 },
    { "tgkill the parent, by Landlock", tgkill_parent, { LEFT_OUT, LEFT_OUT, EPERM, EPERM }, 6 },
    { "tgkill oneself", tgkill_self, { 0, 0, 0, 0 }, 0 },
    { "queue a signal", queue_to_parent, { DIES, EPERM, EPERM, LEFT_OUT }, 0 },
    { "abort", abort_oneself, { -SIGABRT, -SIGABRT, -SIGABRT, -SIGABRT }, 0 },
    { "fork and kill", kill_own_child, { DIES, EAGAIN, 0, 0 }, 0 },
    { "pidfd_open", pidfd_of_parent, { DIES, EPERM, EPERM, EPERM }, 0 },
    { "pidfd_send_signal", pidfd_signal, { DIES, EPERM, EPERM, LEFT_OUT }, 0 },
    { "pidfd_getfd", pidfd_steal, { DIES, DIES, DIES, EPERM }, 0 },
    { "ptrace", trace_parent, { DIES, DIES, DIES, EPERM }, 0 },
    { "process_vm_readv", read_parent, { DIES, DIES, DIES, EPERM }, 0 },
    { "process_vm_writev", write_parent, { DIES, DIES, DIES, EPERM }, 0 },
    { "kcmp", compare_parent, { DIES, DIES, DIES, EPERM }, 0 },
    { "look at one's own limit", own_limit, { 0, 0, 0, 0 }, 0 },
    { "look at it by one's number", own_limit_by_pid, { 0, 0, EPERM, LEFT_OUT }, 0 },
    { "look at another's limit", parents_limit, { EPERM, EPERM, EPERM, LEFT_OUT }, 0 },
    { "set one's own limit", set_own_limit, { EPERM, EPERM, 0, 0 }, 0 },
    { "have signals sent", signals_to_parent, { EPERM, EPERM, EPERM, LEFT_OUT }, 0 },
    { "flags of a descriptor", flags_of_fd, { 0, 0, 0, LEFT_OUT }, 0 },

    { "execve", exec_program, { DIES, DIES, DIES, LEFT_OUT }, 0 },
    { "execveat", exec_descriptor, { DIES, DIES, DIES, LEFT_OUT }, 0 },
    { "execve, by Landlock", exec_program, { LEFT_OUT, LEFT_OUT, LEFT_OUT, EACCES }, 1 },
    { "a process with a user namespace", fork_spaces, { DIES, EAGAIN, EPERM, EPERM }, 0 },
    { "allow a tracer", allow_tracer, { EPERM, EPERM, EPERM, EPERM }, 0 },
    { "type at a terminal", type_there, { EPERM, LEFT_OUT, EPERM, EPERM }, 0 },
    { "fork", fork_process, { DIES, EAGAIN, 0, 0 }, 0 },
    { "a thread with a user namespace", clone_spaces, { EPERM, EPERM, EPERM, EPERM }, 0 },
    { "clone3", clone_3, { ENOSYS, ENOSYS, ENOSYS, ENOSYS }, 0 },
    { "unshare", share_not, { DIES, DIES, DIES, EPERM }, 0 },
    { "setns", set_space, { DIES, DIES, DIES, EPERM }, 0 },
    { "a thread", start_thread, { 0, 0, EPERM, 0 }, 0 },
    { "a thread that leaves", leave_thread, { 0, 0, EPERM, LEFT_OUT }, 0 },
    { "setuid", set_user, { DIES, EPERM, EPERM, LEFT_OUT }, 0 },
    { "setresuid", set_users, { DIES, EPERM, EPERM, LEFT_OUT }, 0 },
    { "setgid", set_group, { DIES, EPERM, EPERM, LEFT_OUT }, 0 },
    { "setgroups", set_groups, { DIES, EPERM, EPERM, LEFT_OUT }, 0 },
    { "capset", set_capabilities, { DIES, EPERM, EPERM, LEFT_OUT }, 0 },
    { "become dumpable", become_dumpable, { EPERM, EPERM, EPERM, EPERM }, 0 },
    { "name oneself", name_oneself, { 0, 0, 0, 0 }, 0 },
    { "PR_SET_PDEATHSIG", tie_to_parent, { EPERM, EPERM, 0, 0 }, 0 },

    { "socket", make_socket, { DIES, 0, EPERM, 0 }, 0 },
    { "socket of the network", make_packet_socket, { DIES, 0, EPERM, LEFT_OUT }, 0 },
    { "connect", connect_socket, { DIES, 0, EPERM, 0 }, 0 },
    { "bind", bind_socket, { DIES, 0, EPERM, 0 }, 0 },
    { "socketpair", pair, { DIES, 0, 0, 0 }, 0 },
    { "socketpair of another family", pair_of_network, { DIES, EAFNOSUPPORT, EPERM, LEFT_OUT }, 0 },
    { "listen", listen_socket, { DIES, DIES, DIES, LEFT_OUT }, 0 },
    { "ioctl", control_device, { EPERM, 0, EPERM, 0 }, 0 },

    { "memory for data", map_data, { 0, 0, 0, 0 }, 0 },
    { "memory for code", map_code, { EPERM, 0, EPERM, 0 }, 0 },
    { "make memory read-only", protect_data, { 0, 0, 0, LEFT_OUT }, 0 },
    { "make memory code", protect_code, { EPERM, 0, EPERM, 0 }, 0 },
    { "see which pages of a file others have read", look_at_pages, { EPERM, 0, EPERM, LEFT_OUT }, 0 },
    { "pkey_mprotect", protect_key, { DIES, EPERM, EPERM, LEFT_OUT }, 0 },
    { "memfd_create", memory_file, { DIES, 0, EPERM, 0 }, 0 },
    { "userfaultfd", others_memory, { DIES, DIES, DIES, EPERM }, 0 },

    { "mount", mount_it, { DIES, DIES, DIES, EPERM }, 0 },
    { "umount2", unmount, { DIES, DIES, DIES, EPERM }, 0 },
    { "pivot_root", pivot, { DIES, DIES, DIES, EPERM }, 0 },
    { "chroot", change_root, { DIES, DIES, DIES, EPERM }, 0 },
    { "fsopen", new_mount, { DIES, DIES, DIES, EPERM }, 0 },
    { "move_mount", move_a_mount, { DIES, DIES, DIES, EPERM }, 0 },
    { "open_by_handle_at", open_handle, { DIES, DIES, DIES, EPERM }, 0 },
    { "init_module", load_module, { DIES, DIES, DIES, EPERM }, 0 },
    { "finit_module", load_module_file, { DIES, DIES, DIES, EPERM }, 0 },
    { "kexec_load", load_kernel, { DIES, DIES, DIES, EPERM }, 0 },
    { "bpf", load_program, { DIES, DIES, DIES, EPERM }, 0 },
    { "perf_event_open", measure, { DIES, DIES, DIES, EPERM }, 0 },
    { "keyctl", key_ring, { DIES, DIES, DIES, EPERM }, 0 },
    { "add_key", add_key, { DIES, DIES, DIES, EPERM }, 0 },
    { "request_key", ask_key, { DIES, DIES, DIES, EPERM }, 0 },
    { "io_uring_setup", ring, { DIES, DIES, DIES, EPERM }, 0 },
    { "io_uring_enter", enter_ring, { DIES, DIES, DIES, EPERM }, 0 },
    { "personality", be_old, { DIES, DIES, DIES, EPERM }, 0 },
    { "swapon", swap, { DIES, DIES, DIES, EPERM }, 0 },
    { "reboot", restart, { DIES, DIES, DIES, EPERM }, 0 },
    { "seccomp", another_filter, { EPERM, EPERM, EPERM, LEFT_OUT }, 0 },
    { "process_madvise", advise_others, { EPERM, EPERM, EPERM, EPERM }, 0 },
    { "sethostname", host_name, { EPERM, EPERM, EPERM, EPERM }, 0 },
    { "clock_settime", clock_set, { EPERM, EPERM, EPERM, EPERM }, 0 },
};

static char *base;

static void make_dirs(void)
{
    static char *const dirs[] = { state, credentials, writes, elsewhere };
    static const char *const names[] = { "state", "etc", "tokens", "elsewhere" };

    base = unit_dir_new();
    for (size_t i = 0; i < COUNT(dirs); i++) {
        snprintf(dirs[i], sizeof(state), "%s/%s", base, names[i]);
        if (mkdir(dirs[i], 0700) == 0)
            unit_write_file(in(dirs[i], "file"), "x", 1);
    }
}

/* Each probe finds what the last one may have changed as it was. */
static void mend_dirs(void)
{
    static char *const dirs[] = { state, credentials, writes, elsewhere };
    static const char *const made[] = { "new", "other", "stolen", "link", "null" };

    for (size_t i = 0; i < COUNT(dirs); i++) {
        for (size_t j = 0; j < COUNT(made); j++)
            (void)unlink(in(dirs[i], made[j]));
        (void)rmdir(in(dirs[i], "dir"));
        unit_write_file(in(dirs[i], "file"), "x", 1);
    }
}

static int enter(enum kind kind, unsigned *ret_kept)
{
    const struct sandbox_rules rules = {
        .state = state,
        .credential = in(credentials, "box.credential"),
        .module_writes = kind == MODULE ? writes : NULL,
    };

    /* What the log says of an older kernel is not for the one who reads the tests. */
    log_open("test", LOG_LEVEL_ERROR);
    *ret_kept = 0;
    if (kind == KEEPER)
        return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ? LB_E_SYSTEM : keeper_sandbox_enter(in(state, "littleboxd"));
    return kind == USHER ? sandbox_enter_usher() : sandbox_enter(&rules, ret_kept);
}

/* What became of it: the probe's result, or minus the signal. */
static int try(enum kind kind, int (*probe)(void))
{
    int status = 0, pipe_fds[2];
    pid_t child;

    /* Something of no consequence as standard input. */
    if (pipe(pipe_fds) < 0)
        return -1000;
    child = fork();
    if (child == 0) {
        unsigned kept;

        dup2(pipe_fds[0], STDIN_FILENO);
        if (prctl(PR_SET_DUMPABLE, 0) < 0 || enter(kind, &kept) != 0)
            _exit(255);
        _exit(probe());
    }
    close(pipe_fds[0]);
    close(pipe_fds[1]);
    if (child < 0 || waitpid(child, &status, 0) != child)
        return -1000;
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void try_all(enum kind kind)
{
    int abi = landlock_abi();

    if (unit_is_slow()) /* valgrind and sanitizers make calls of their own */
        return;
    make_dirs();
    for (size_t i = 0; i < COUNT(rows); i++) {
        int got;

        /* Where Landlock has a part in it, it has to be there. */
        if (rows[i].abi > abi || rows[i].expected[kind] == LEFT_OUT)
            continue;
        got = try(kind, rows[i].probe);
        if (got != rows[i].expected[kind])
            fprintf(stderr, "%s: %d, expected %d\n", rows[i].name, got, rows[i].expected[kind]);
        CU_ASSERT_EQUAL(got, rows[i].expected[kind]);
        mend_dirs();
    }
    unit_dir_remove(base);
}

static void sealed(void)
{
    try_all(SEALED);
}

static void module(void)
{
    try_all(MODULE);
}

static void usher(void)
{
    try_all(USHER);
}

static void keeper(void)
{
    try_all(KEEPER);
}

/* Landlock alone, without the filter that forbids the calls in the first place. */

static int local_port(int *ret_fd)
{
    struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t len = sizeof(address);

    *ret_fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (*ret_fd < 0 || bind(*ret_fd, (struct sockaddr *)&address, sizeof(address)) < 0 || listen(*ret_fd, 4) < 0 ||
        getsockname(*ret_fd, (struct sockaddr *)&address, &len) < 0)
        return -1;
    return address.sin_port;
}

static int abstract_listener(struct sockaddr_un *ret, socklen_t *ret_len)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                           (size_t)sprintf(ret->sun_path + 1, "littlebox-test-%d", (int)getpid()));
    return fd >= 0 && bind(fd, (struct sockaddr *)ret, *ret_len) == 0 && listen(fd, 4) == 0 ? fd : -1;
}

static int connects(int family, const void *address, socklen_t len)
{
    return result(connect(socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), address, len));
}

static void landlock_alone(void)
{
    struct sockaddr_in tcp = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    int abi = landlock_abi(), tcp_fd, port = local_port(&tcp_fd), abstract_fd, status;
    unsigned expected = abi == 0 ? 0 : SANDBOX_FILES;
    struct sockaddr_un abstract;
    socklen_t abstract_len;
    pid_t child;

    if (unit_is_slow())
        return;
    expected |= abi >= 4 ? SANDBOX_NETWORK : 0;
    expected |= abi >= 6 ? SANDBOX_SIGNALS : 0;
    tcp.sin_port = (in_port_t)port;
    abstract_fd = abstract_listener(&abstract, &abstract_len);
    CU_ASSERT(port >= 0 && abstract_fd >= 0);
    /* The control: without it all of these work. */
    CU_ASSERT_EQUAL(connects(AF_INET, &tcp, sizeof(tcp)), 0);
    CU_ASSERT_EQUAL(connects(AF_UNIX, &abstract, abstract_len), 0);
    for (int with_module = 0; with_module < 2; with_module++) {
        make_dirs();
        child = fork();
        if (child == 0) {
            const struct sandbox_rules rules = { state, in(credentials, "c"), with_module ? writes : NULL };
            unsigned kept, wanted = with_module ? expected & ~(unsigned)SANDBOX_NETWORK : expected;
            int bad = 0;

            log_open("test", LOG_LEVEL_ERROR);
            if (landlock_enter(&rules, &kept) != 0)
                _exit(100);
            bad |= kept != wanted ? 1 : 0;
            bad |= abi >= 4 && connects(AF_INET, &tcp, sizeof(tcp)) != (with_module ? 0 : EACCES) ? 2 : 0;
            bad |= abi >= 6 && connects(AF_UNIX, &abstract, abstract_len) != (with_module ? 0 : EPERM) ? 4 : 0;
            bad |= abi >= 6 && result(kill(getppid(), 0)) != EPERM ? 8 : 0;
            _exit(bad);
        }
        CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
        CU_ASSERT_EQUAL(status, 0);
        unit_dir_remove(base);
    }
    close(tcp_fd);
    close(abstract_fd);
}

/* A credential that is a link: where it leads is read too. */
static void linked_credential(void)
{
    int status = 0;
    pid_t child;

    if (unit_is_slow())
        return;
    make_dirs();
    CU_ASSERT_EQUAL(symlink(in(elsewhere, "file"), in(credentials, "link")), 0);
    child = fork();
    if (child == 0) {
        const struct sandbox_rules rules = { state, in(credentials, "link"), NULL };
        unsigned kept;

        log_open("test", LOG_LEVEL_ERROR);
        if (sandbox_enter(&rules, &kept) != 0)
            _exit(255);
        _exit(opens(in(credentials, "link"), O_RDONLY));
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    unit_dir_remove(base);
}

/* All programs that a box runs are in one directory; a second time nothing is added, which a kernel would refuse at last. */
static void keeper_programs(void)
{
    char path[300], *argv[] = { path, NULL };
    int status = 0;
    pid_t child;

    if (unit_is_slow())
        return;
    make_dirs();
    snprintf(path, sizeof(path), "cp /bin/true %s", in(state, "true"));
    CU_ASSERT_EQUAL(system(path), 0);
    snprintf(path, sizeof(path), "%s", in(state, "true"));
    child = fork();
    if (child == 0) {
        log_open("test", LOG_LEVEL_ERROR);
        if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
            _exit(254);
        for (int i = 0; i < 20; i++) {
            if (keeper_sandbox_enter(in(state, "littleboxd")) != 0)
                _exit(255);
        }
        execv(path, argv);
        _exit(253);
    }
    CU_ASSERT_EQUAL(waitpid(child, &status, 0), child);
    CU_ASSERT_EQUAL(status, 0);
    unit_dir_remove(base);
}

static const struct unit_test tests[] = {
    { "a box with a sealed store", sealed },
    { "a box with a module", module },
    { "the usher", usher },
    { "the keeper", keeper },
    { "the keeper's programs", keeper_programs },
    { "Landlock alone", landlock_alone },
    { "a credential that is a link", linked_credential },
    { NULL, NULL },
};

const struct unit_suite suite_sandbox = { "sandbox", tests };
