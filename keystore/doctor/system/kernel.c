/* doctor --system: settings of the kernel that decide who gets at the memory of processes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/system/tree.h"

static const char persist[] = "and in a file of /etc/sysctl.d, so that it stays";

/* A program that changes its user leaves no core file, unless this says so. */
static void check_dumpable(struct audit *a)
{
    char value[16], hint[200];

    if (!tree_word(a, "/proc/sys/fs/suid_dumpable", value, sizeof(value)))
        return;
    snprintf(hint, sizeof(hint), "sysctl -w fs.suid_dumpable=0, %s", persist);
    if (strcmp(value, "1") == 0)
        doctor_report(a->d, DOCTOR_FAIL, "core", hint,
                      "fs.suid_dumpable is 1: programs that change their user, as servers do, leave core files that this user "
                      "can read");
    else
        doctor_report(a->d, DOCTOR_OK, "core", NULL, "fs.suid_dumpable is %s: no core file goes to a user whom a program became",
                      value);
}

void audit_core(struct audit *a)
{
    char pattern[256];

    if (!tree_word(a, "/proc/sys/kernel/core_pattern", pattern, sizeof(pattern))) {
        doctor_report(a->d, DOCTOR_SKIPPED, "core", NULL, "there is no /proc/sys/kernel: nothing is known of core files");
        return;
    }
    /* The limit on core files is for files. A box has none all the same, since it is not dumpable (prctl(2)). */
    if (pattern[0] == '|' || pattern[0] == '@')
        doctor_report(a->d, DOCTOR_WARN, "core", "for servers: Storage=none in coredump.conf(5), or kernel.core_pattern=core",
                      "core files go to a program, whatever limit a process has: %s; boxes make none, servers with their "
                      "session keys do", pattern);
    else
        doctor_report(a->d, DOCTOR_OK, "core", NULL, "core files go to no program, and the limits of processes hold: %s",
                      pattern[0] == '\0' ? "there are none" : pattern);
    check_dumpable(a);
}

void audit_ptrace(struct audit *a)
{
    char value[16], sys[8], hint[200];

    if (!tree_word(a, "/proc/sys/kernel/yama/ptrace_scope", value, sizeof(value))) {
        /* Where there are no settings at all, it is the image of a machine. */
        if (tree_word(a, "/proc/sys/kernel/randomize_va_space", sys, sizeof(sys)))
            doctor_report(a->d, DOCTOR_WARN, "ptrace", NULL,
                          "the kernel has no Yama: processes of one user can read each other's memory, but not a box's");
        else
            doctor_report(a->d, DOCTOR_SKIPPED, "ptrace", NULL, "nothing is known of the kernel's ptrace scope");
        return;
    }
    snprintf(hint, sizeof(hint), "sysctl -w kernel.yama.ptrace_scope=1, %s", persist);
    if (strcmp(value, "0") == 0)
        doctor_report(a->d, DOCTOR_WARN, "ptrace", hint,
                      "kernel.yama.ptrace_scope is 0: processes of one user can read each other's memory, but not a box's");
    else
        doctor_report(a->d, DOCTOR_OK, "ptrace", NULL,
                      "kernel.yama.ptrace_scope is %s: a process cannot read the memory of others of its user", value);
}

void audit_landlock(struct audit *a)
{
    char modules[400];
    const char *at;

    if (!tree_word(a, "/sys/kernel/security/lsm", modules, sizeof(modules))) {
        doctor_report(a->d, DOCTOR_SKIPPED, "landlock", "a box that runs says it: littlebox status",
                      "there is no /sys/kernel/security/lsm: nothing is known of Landlock");
        return;
    }
    at = strstr(modules, "landlock");
    if (at != NULL && (at == modules || at[-1] == ',') && (at[8] == '\0' || at[8] == ','))
        doctor_report(a->d, DOCTOR_OK, "landlock", NULL, "the kernel has Landlock, which keeps boxes from files of others");
    else
        doctor_report(a->d, DOCTOR_WARN, "landlock", "add landlock to what the kernel's lsm= says",
                      "the kernel has no Landlock: only permissions and the unit keep boxes from files of others");
}
