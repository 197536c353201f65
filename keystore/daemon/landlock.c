/* Landlock: which files, networks and other processes the process with the keys can reach, by the kernel's word. */
#include "daemon/landlock.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "model/vocabulary.h"

/*
 * The kernel's interface is written out here, because the headers of the building system may be older than the running
 * kernel. Numbers and layouts are those of <linux/landlock.h>, and do not change.
 */
#ifdef SYS_landlock_create_ruleset
#define CREATE SYS_landlock_create_ruleset
#define ADD SYS_landlock_add_rule
#define RESTRICT SYS_landlock_restrict_self
#else /* the same number on all architectures */
#define CREATE 444
#define ADD 445
#define RESTRICT 446
#endif
#define ASK_VERSION 1u
#define PATH_BENEATH 1

enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_READ_FILE = 1 << 2,
    FS_READ_DIR = 1 << 3,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_CHAR = 1 << 6,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_MAKE_SOCK = 1 << 9,
    FS_MAKE_FIFO = 1 << 10,
    FS_MAKE_BLOCK = 1 << 11,
    FS_MAKE_SYM = 1 << 12,
    FS_REFER = 1 << 13,
    FS_TRUNCATE = 1 << 14,
    FS_IOCTL_DEV = 1 << 15,
};
#define FS_OF_ABI_1 (FS_REFER - 1)
/* The rights that a rule for one file may name; the other rights are of directories. */
#define FS_OF_FILES (FS_EXECUTE | FS_WRITE_FILE | FS_READ_FILE | FS_TRUNCATE | FS_IOCTL_DEV)
#define FS_WRITES (FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_CHAR | FS_MAKE_DIR | FS_MAKE_REG | \
                   FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_MAKE_SYM | FS_REFER | FS_TRUNCATE)
#define FS_OF_STORE (FS_READ_FILE | FS_READ_DIR | FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE)
/* What modules may do below their directories. They make no devices. */
#define FS_OF_MODULE (FS_WRITES & ~(FS_MAKE_CHAR | FS_MAKE_BLOCK))

#define NET_ALL 3u   /* bind and connect of TCP */
#define SCOPE_ALL 3u /* abstract sockets, signals */
#define SCOPE_SIGNALS 2u

struct ruleset_attr {
    uint64_t fs, net, scoped;
};
struct path_attr {
    uint64_t allowed;
    int32_t parent;
} __attribute__((packed));

/* Which rights came with which version, and what the log calls them. */
static const struct {
    int abi;
    uint64_t fs, net, scoped;
    const char *what;
} abis[] = {
    { 1, FS_OF_ABI_1, 0, 0, "files" },
    { 2, FS_REFER, 0, 0, "files that move to other directories" },
    { 3, FS_TRUNCATE, 0, 0, "truncating files" },
    { 4, 0, NET_ALL, 0, "TCP" },
    { 5, FS_IOCTL_DEV, 0, 0, "ioctl on devices" },
    { 6, 0, 0, SCOPE_ALL, "abstract sockets and signals" },
};
#define ABIS (sizeof(abis) / sizeof(abis[0]))

int landlock_abi(void)
{
    long abi = syscall(CREATE, NULL, (size_t)0, ASK_VERSION);

    return abi < 0 ? 0 : (int)abi;
}

/* Asks for all that the kernel knows. tell: and logs what it does not know. */
static void known_to_kernel(int abi, struct ruleset_attr *ret, bool tell)
{
    char missing[200] = "";

    *ret = (struct ruleset_attr){ 0 };
    for (size_t i = 0; i < ABIS; i++) {
        size_t len = strlen(missing);

        if (abis[i].abi > abi) {
            snprintf(missing + len, sizeof(missing) - len, "%s%s", len == 0 ? "" : ", ", abis[i].what);
            continue;
        }
        ret->fs |= abis[i].fs;
        ret->net |= abis[i].net;
        ret->scoped |= abis[i].scoped;
    }
    if (!tell)
        return;
    if (abi == 0)
        log_warning("the kernel has no Landlock, or it is off (lsm=): only its permissions and those of the service "
                    "manager say what files a box can reach");
    else if (missing[0] != '\0')
        log_info("the kernel's Landlock (version %d) does not keep a box from: %s", abi, missing);
}

/* What is not there needs no rule. */
static int allow_below(int ruleset, const struct ruleset_attr *attr, const char *path, uint64_t allowed)
{
    struct path_attr rule = { .allowed = allowed & attr->fs, .parent = open(path, O_PATH | O_CLOEXEC) };
    struct stat st;
    int r = 0, saved;

    if (rule.parent < 0)
        return errno == ENOENT || errno == ENOTDIR || errno == EACCES ? 0 : LB_E_SYSTEM;
    if (fstat(rule.parent, &st) < 0)
        r = LB_E_SYSTEM;
    else if (!S_ISDIR(st.st_mode))
        rule.allowed &= FS_OF_FILES;
    if (r == 0 && rule.allowed != 0 && syscall(ADD, ruleset, PATH_BENEATH, &rule, 0) < 0)
        r = LB_E_SYSTEM;
    saved = errno;
    close(rule.parent);
    errno = saved;
    return r;
}

static int allow_directory_of(int ruleset, const struct ruleset_attr *attr, const char *file)
{
    char dir[PATH_MAX];

    if (snprintf(dir, sizeof(dir), "%s", file) >= (int)sizeof(dir))
        return 0; /* nor can it be opened */
    return allow_below(ruleset, attr, dirname(dir), FS_READ_FILE);
}

/*
 * Allows to read the files in the credential's directory, since a credential may be made or replaced while the box runs. If
 * the path is a link, the place where it leads counts.
 */
static int allow_credential(int ruleset, const struct ruleset_attr *attr, const char *file)
{
    char real[PATH_MAX];
    int r = allow_directory_of(ruleset, attr, file);

    if (r == 0 && realpath(file, real) != NULL)
        return allow_directory_of(ruleset, attr, real);
    if (r == 0 && snprintf(real, sizeof(real), "%s", file) < (int)sizeof(real) && access(dirname(real), F_OK) < 0)
        log_warning("the directory %s is not there: a credential in it is read from the next start of the box on",
                    real);
    return r;
}

/* The directory of the dynamic linker, which a program that is executed needs too. "": this program has none. */
static const char *linker_directory(char ret[PATH_MAX])
{
    const void *linker = (const void *)getauxval(AT_BASE);
    Dl_info info;

    if (linker == NULL || dladdr(linker, &info) == 0 || info.dli_fname == NULL || realpath(info.dli_fname, ret) == NULL)
        return "";
    return dirname(ret);
}

/* dirs: with ':' between them. */
static int allow_writes(int ruleset, const struct ruleset_attr *attr, const char *dirs)
{
    char dir[PATH_MAX];
    int r = 0;

    for (;;) {
        size_t len = strcspn(dirs, ":");

        if (len > 0 && snprintf(dir, sizeof(dir), "%.*s", (int)len, dirs) < (int)sizeof(dir))
            r = allow_below(ruleset, attr, dir, FS_OF_MODULE);
        if (r != 0 || dirs[len] == '\0')
            return r;
        dirs += len + 1;
    }
}

/* r: of the rules before. Closes the ruleset in any case. */
static int restrict_self(int ruleset, int r)
{
    int saved;

    if (r == 0 && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 || syscall(RESTRICT, ruleset, 0) < 0))
        r = LB_E_SYSTEM;
    saved = errno;
    close(ruleset);
    errno = saved;
    return r;
}

static int add_rules(int ruleset, const struct ruleset_attr *attr, const struct sandbox_rules *rules)
{
    int r = allow_below(ruleset, attr, rules->state, FS_OF_STORE);

    if (r != 0)
        return r;
    if (rules->module_writes != NULL)
        return allow_writes(ruleset, attr, rules->module_writes);
    r = allow_credential(ruleset, attr, rules->credential);
    /* SQLite's seed. */
    return r == 0 ? allow_below(ruleset, attr, "/dev/urandom", FS_READ_FILE) : r;
}

int landlock_enter_keeper(const char *program)
{
    /* Directories and not the files: an upgrade puts new files there. */
    struct ruleset_attr known, attr = { .fs = FS_EXECUTE | FS_REFER, .scoped = SCOPE_SIGNALS };
    char dir[PATH_MAX], linker[PATH_MAX];
    int abi = landlock_abi(), ruleset, r;

    if (abi == 0)
        return 0;
    known_to_kernel(abi, &known, /* tell= */ false);
    attr.fs &= known.fs;
    attr.scoped &= known.scoped;
    if (snprintf(dir, sizeof(dir), "%s", program) >= (int)sizeof(dir)) {
        errno = ENAMETOOLONG;
        return LB_E_SYSTEM;
    }
    ruleset = (int)syscall(CREATE, &attr, sizeof(attr), 0);
    if (ruleset < 0)
        return LB_E_SYSTEM;
    r = allow_below(ruleset, &attr, dirname(dir), FS_EXECUTE);
    /* Without a rule no file could be moved to another directory, as a token's module may have to. */
    if (r == 0)
        r = allow_below(ruleset, &attr, "/", FS_REFER);
    if (r == 0)
        r = allow_below(ruleset, &attr, linker_directory(linker), FS_EXECUTE);
    return restrict_self(ruleset, r);
}

int landlock_enter(const struct sandbox_rules *rules, unsigned *ret_kept)
{
    struct ruleset_attr attr;
    int abi = landlock_abi(), ruleset, r = 0;

    *ret_kept = 0;
    known_to_kernel(abi, &attr, /* tell= */ true);
    if (abi == 0)
        return 0;
    /*
     * A module reads its own files and the system's libraries, wherever they are. It speaks to its token by network,
     * abstract sockets and devices. It writes only where it is told.
     */
    if (rules != NULL && rules->module_writes != NULL) {
        attr.fs &= FS_WRITES;
        attr.net = 0;
        attr.scoped &= SCOPE_SIGNALS;
    }
    /* An older kernel takes a longer structure if the rest is zero. */
    ruleset = (int)syscall(CREATE, &attr, sizeof(attr), 0);
    if (ruleset < 0)
        return LB_E_SYSTEM;
    if (rules != NULL)
        r = add_rules(ruleset, &attr, rules);
    r = restrict_self(ruleset, r);
    if (r == 0)
        *ret_kept = SANDBOX_FILES | (attr.net != 0 ? SANDBOX_NETWORK : 0) | (attr.scoped != 0 ? SANDBOX_SIGNALS : 0);
    return r;
}
