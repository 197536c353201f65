/* doctor --system: is the memory of the process with a box's keys locked, and in no core file? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/system/tree.h"

#define PROC_MAX 8192

/* The number behind a name at the beginning of a line, as in "VmLck:  12 kB". False: it is not there. */
static bool number(const char *text, const char *name, unsigned long long *ret)
{
    const char *line = text;

    while (line != NULL && strncmp(line, name, strlen(name)) != 0) {
        line = strchr(line, '\n');
        line = line == NULL ? NULL : line + 1;
    }
    return line != NULL && sscanf(line + strlen(name), "%llu", ret) == 1;
}

void audit_box_memory(struct audit *a, const struct audit_box *b)
{
    char path[64], status[PROC_MAX], limits[PROC_MAX], hint[LB_NAME_MAX + 200], limit[60] = "no limit";
    unsigned long long locked = 0, swapped = 0, size = 0, core = 0, memlock;

    if (b->pid == 0) {
        doctor_report(a->d, DOCTOR_SKIPPED, "memory", NULL, "box '%s' does not run: nothing is known of its memory", b->name);
        return;
    }
    snprintf(path, sizeof(path), "/proc/%ld/status", (long)b->pid);
    (void)tree_read(a, path, status, sizeof(status));
    snprintf(path, sizeof(path), "/proc/%ld/limits", (long)b->pid);
    if (tree_read(a, path, limits, sizeof(limits)) < 0 || !number(status, "VmLck:", &locked)) {
        doctor_report(a->d, DOCTOR_UNKNOWN, "memory", "run this as root", "only root can look at process %ld of box '%s'",
                      (long)b->pid, b->name);
        return;
    }
    snprintf(hint, sizeof(hint), "LimitMEMLOCK=infinity in its unit, or ulimit -l; then: littlebox --box %s status", b->name);
    if (number(limits, "Max locked memory", &memlock))
        snprintf(limit, sizeof(limit), "a limit of %llu KiB", memlock / 1024);
    if (number(status, "VmSwap:", &swapped) && swapped > 0)
        doctor_report(a->d, DOCTOR_FAIL, "memory", hint, "%llu KiB of the memory of box '%s' (process %ld) are in swap", swapped, b->name,
                      (long)b->pid);
    else if (locked == 0)
        doctor_report(a->d, a->swap_in_clear ? DOCTOR_FAIL : DOCTOR_WARN, "memory", hint,
                      "box '%s' (process %ld) has no locked memory, with %s: its keys can get into swap", b->name, (long)b->pid, limit);
    /* Where the limit allows it, all is locked, what is mapped later too. */
    else if (number(status, "VmSize:", &size) && locked < size / 2)
        doctor_report(a->d, DOCTOR_WARN, "memory", hint,
                      "box '%s' (process %ld) has locked its secrets, and not all of its memory: %llu KiB, with %s", b->name,
                      (long)b->pid, locked, limit);
    else
        doctor_report(a->d, DOCTOR_OK, "memory", NULL, "box '%s' (process %ld) has its memory locked: %llu KiB, with %s", b->name,
                      (long)b->pid, locked, limit);
    if (strstr(limits, "Max core file size") != NULL && (!number(limits, "Max core file size", &core) || core > 0))
        doctor_report(a->d, DOCTOR_FAIL, "core", "restart it; LimitCORE=0 in its unit", "box '%s' (process %ld) may leave core files",
                      b->name, (long)b->pid);
}
