/* doctor --system: may what is in memory be written to a disk in clear? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "doctor/system/tree.h"

/* Devices below devices: LVM on LUKS on RAID on partitions. */
#define DEPTH_MAX 8
#define SWAPS_MAX 8192

/* From the worst to the best. */
enum where { CLEAR, UNKNOWN, ENCRYPTED, MEMORY };

static enum where device(const struct audit *a, const char *sys, int depth);

/* All of the devices that this one is made of must be encrypted. */
static enum where slaves(const struct audit *a, const char *sys, int depth)
{
    char path[PATH_MAX];
    const struct dirent *e;
    enum where ret = CLEAR;
    unsigned count = 0;
    DIR *dir;

    snprintf(path, sizeof(path), "%s/slaves", sys);
    dir = tree_opendir(a, path);
    while (dir != NULL && (e = readdir(dir)) != NULL) {
        char slave[PATH_MAX];
        enum where one;

        if (e->d_name[0] == '.')
            continue;
        snprintf(slave, sizeof(slave), "/sys/class/block/%s", e->d_name);
        one = depth >= DEPTH_MAX ? UNKNOWN : device(a, slave, depth + 1);
        if (count++ == 0 || one < ret)
            ret = one;
    }
    if (dir != NULL)
        closedir(dir);
    return ret;
}

/* By the uuid that cryptsetup(8) gives a device; it makes others too, which prove what is on a disk and hide nothing. */
static bool is_encryption(const char *uuid)
{
    static const char *const others[] = { "CRYPT-VERITY-", "CRYPT-INTEGRITY-" };

    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strncmp(uuid, others[i], strlen(others[i])) == 0)
            return false;
    }
    return strncmp(uuid, "CRYPT-", strlen("CRYPT-")) == 0;
}

/* sys: the directory of a block device in sysfs. */
static enum where device(const struct audit *a, const char *sys, int depth)
{
    const char *name = strrchr(sys, '/') + 1;
    char path[PATH_MAX], text[PATH_MAX];
    struct stat st;

    if (!tree_stat(a, sys, &st))
        return UNKNOWN;
    snprintf(path, sizeof(path), "%s/dm/uuid", sys);
    if (tree_word(a, path, text, sizeof(text)) && is_encryption(text))
        return ENCRYPTED;
    if (strncmp(name, "zram", strlen("zram")) == 0) {
        snprintf(path, sizeof(path), "%s/backing_dev", sys);
        if (!tree_word(a, path, text, sizeof(text)) || strcmp(text, "none") == 0)
            return MEMORY;
        /* It writes what it has no use for to that device. */
        name = strrchr(text, '/') == NULL ? text : strrchr(text, '/') + 1;
        snprintf(path, sizeof(path), "/sys/class/block/%.200s", name);
        return depth >= DEPTH_MAX ? UNKNOWN : device(a, path, depth + 1);
    }
    return slaves(a, sys, depth);
}

/* A line of /proc/swaps: the name of a device, or a file. */
static enum where find_where(const struct audit *a, const char *file)
{
    char sys[PATH_MAX];
    struct stat st;
    bool there = tree_stat(a, file, &st);
    dev_t dev;

    if (strncmp(file, "/dev/", strlen("/dev/")) == 0 && (!there || !S_ISBLK(st.st_mode))) {
        snprintf(sys, sizeof(sys), "/sys/class/block/%.200s", strrchr(file, '/') + 1);
        return device(a, sys, 0);
    }
    if (!there)
        return UNKNOWN;
    dev = S_ISBLK(st.st_mode) ? st.st_rdev : st.st_dev;
    snprintf(sys, sizeof(sys), "/sys/dev/block/%u:%u", major(dev), minor(dev));
    /* A zram device is known by its name. */
    if (S_ISBLK(st.st_mode) && strncmp(strrchr(file, '/') + 1, "zram", strlen("zram")) == 0)
        snprintf(sys, sizeof(sys), "/sys/class/block/%.200s", strrchr(file, '/') + 1);
    return device(a, sys, 0);
}

/* Has an administrator forbidden it? */
static bool hibernation_is_masked(const struct audit *a)
{
    static const char *const links[] = { "/etc/systemd/system/hibernate.target", "/etc/systemd/system/sleep.target" };
    char target[PATH_MAX];

    for (size_t i = 0; i < sizeof(links) / sizeof(links[0]); i++) {
        if (tree_readlink(a, links[i], target) && strcmp(target, "/dev/null") == 0)
            return true;
    }
    return false;
}

/* Can this machine hibernate? Then all memory goes to swap, also what is locked. */
static bool hibernates(const struct audit *a)
{
    char states[200], disk[200];

    return !hibernation_is_masked(a) && tree_word(a, "/sys/power/state", states, sizeof(states)) && strstr(states, "disk") != NULL &&
           tree_word(a, "/sys/power/disk", disk, sizeof(disk)) && strstr(disk, "[disabled]") == NULL;
}

/* "\040" and the like stand for bytes (proc(5)). */
static void unescape(char *s)
{
    char *to = s;

    for (; *s != '\0'; s++) {
        if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' && s[3] >= '0' && s[3] <= '7') {
            *to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + s[3] - '0');
            s += 3;
        } else {
            *to++ = *s;
        }
    }
    *to = '\0';
}

static void tell(struct audit *a, const char *file, enum where where)
{
    static const char forbid[] = "encrypt it, or forbid hibernation: systemctl mask hibernate.target";
    static const char cure[] = "encrypt it (crypttab(5): a new key at each start, 'swap,cipher=aes-xts-plain64,size=256'), or do without: swapoff";
    bool hibernation = hibernates(a);

    switch (where) {
    case ENCRYPTED:
        doctor_report(a->d, DOCTOR_OK, "swap", NULL, "swap on %s is encrypted (dm-crypt)", file);
        return;
    case MEMORY:
        doctor_report(a->d, DOCTOR_OK, "swap", NULL, "swap on %s stays in memory", file);
        return;
    case UNKNOWN:
        doctor_report(a->d, DOCTOR_WARN, "swap", cure, "swap on %s: whether it is encrypted cannot be found out", file);
        break;
    case CLEAR:
        if (hibernation)
            doctor_report(a->d, DOCTOR_FAIL, "swap", forbid,
                          "swap on %s is not encrypted, and this machine can hibernate: then all memory is written there, "
                          "that of boxes too", file);
        else
            doctor_report(a->d, DOCTOR_WARN, "swap", cure,
                          "swap on %s is not encrypted: boxes lock their memory, servers with their session keys do not", file);
        break;
    }
    a->swap_in_clear = true;
}

/* zswap is not asked about: it is a cache in front of a swap device, and what it drops goes there. */
void audit_swap(struct audit *a)
{
    char text[SWAPS_MAX], *save = NULL, *line;
    unsigned count = 0;

    if (tree_read(a, "/proc/swaps", text, sizeof(text)) < 0) {
        doctor_report(a->d, DOCTOR_SKIPPED, "swap", NULL, "there is no /proc/swaps: nothing is known of swap");
        return;
    }
    line = strtok_r(text, "\n", &save); /* the header */
    while (line != NULL && (line = strtok_r(NULL, "\n", &save)) != NULL) {
        line[strcspn(line, " \t")] = '\0';
        unescape(line);
        if (line[0] != '/')
            continue;
        count++;
        tell(a, line, find_where(a, line));
    }
    if (count == 0)
        doctor_report(a->d, DOCTOR_OK, "swap", NULL, "there is no swap");
}
