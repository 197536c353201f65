/* What the filters of system calls share. */
#ifndef LB_DAEMON_SANDBOX_PRIV_H
#define LB_DAEMON_SANDBOX_PRIV_H

#include <sched.h>
#include <seccomp.h>

/* Calls that only an attacker would make, in whichever of a box's processes. */
#define SANDBOX_ATTACKS \
    /* other processes' memory and descriptors */ \
    SCMP_SYS(ptrace), SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev), SCMP_SYS(kcmp), \
    SCMP_SYS(pidfd_getfd), \
    /* the system's shape */ \
    SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root), SCMP_SYS(chroot), SCMP_SYS(move_mount), \
    SCMP_SYS(open_tree), SCMP_SYS(fsopen), SCMP_SYS(fsconfig), SCMP_SYS(fsmount), SCMP_SYS(fspick), SCMP_SYS(setns), \
    SCMP_SYS(unshare), SCMP_SYS(open_by_handle_at), SCMP_SYS(swapon), SCMP_SYS(swapoff), SCMP_SYS(reboot), \
    /* the kernel */ \
    SCMP_SYS(init_module), SCMP_SYS(finit_module), SCMP_SYS(delete_module), SCMP_SYS(kexec_load), \
    SCMP_SYS(kexec_file_load), SCMP_SYS(bpf), SCMP_SYS(perf_event_open), SCMP_SYS(keyctl), SCMP_SYS(add_key), \
    SCMP_SYS(request_key), SCMP_SYS(io_uring_setup), SCMP_SYS(io_uring_enter), SCMP_SYS(io_uring_register), \
    SCMP_SYS(userfaultfd), SCMP_SYS(personality)

/* Flags of clone(2) that make namespaces. A time namespace takes clone3(2), which no filter lets through. */
#define CLONE_SPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | \
                      CLONE_NEWNET)

#endif
