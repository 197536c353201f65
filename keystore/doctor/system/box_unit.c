/* doctor --system: is the unit of a box still as strict as the one that was installed? */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "doctor/system/tree.h"
#include "doctor/units.h"

/* How a value is compared. */
enum kind {
    WORD,    /* one of the words, with blanks between, that are as strict */
    NOTHING, /* empty */
    USER,    /* another user than root */
    PROGRAM, /* a program of that name */
    WITHOUT, /* the word is not in it */
    OTHER,   /* not this word, nor nothing */
    CALLS    /* a list of system calls: not all, and none of those that no box needs */
};

/*
 * What our unit has (daemon/systemd/), as systemctl(1) shows it. FAIL: without it others get at keys, or the box gets rights that
 * it never has. WARN: one bound of several is gone, which some tokens need.
 */
static const struct setting {
    const char *name;
    enum kind kind;
    const char *words;
    enum doctor_verdict verdict;
    const char *lost;
} settings[] = {
    { "User", USER, "", DOCTOR_FAIL, "the box runs as root" },
    { "ExecStart", PROGRAM, "/littleboxd", DOCTOR_FAIL, "another program runs as the box" },
    { "Environment", WITHOUT, "LD_", DOCTOR_FAIL, "the dynamic linker takes what it says into the box" },
    { "NoNewPrivileges", WORD, "yes", DOCTOR_FAIL, "a program with the setuid bit gives the box rights" },
    { "CapabilityBoundingSet", NOTHING, "", DOCTOR_FAIL, "the box can have capabilities" },
    { "AmbientCapabilities", NOTHING, "", DOCTOR_FAIL, "the box has capabilities" },
    { "SystemCallFilter", CALLS, "", DOCTOR_FAIL, "the keeper may make system calls that no box needs" },
    { "LimitCORE", WORD, "0", DOCTOR_FAIL, "the box may leave core files" },
    { "FileDescriptorStoreMax", OTHER, "0", DOCTOR_WARN, "a restart of the service ends all connections" },
    { "LimitMEMLOCK", WORD, "infinity", DOCTOR_WARN, "not all memory of the box may be locked" },
    { "UMask", WORD, "0077 77 077", DOCTOR_WARN, "files of the box may be open to others" },
    { "ProtectSystem", WORD, "strict", DOCTOR_WARN, "the box can write to the system's files, as far as their permissions go" },
    { "ProtectHome", WORD, "yes tmpfs", DOCTOR_WARN, "the box sees home directories" },
    { "PrivateTmp", WORD, "yes disconnected", DOCTOR_WARN, "the box shares /tmp with others" },
    { "PrivateDevices", WORD, "yes", DOCTOR_WARN, "the box sees devices" },
    { "PrivateNetwork", WORD, "yes", DOCTOR_WARN, "the box reaches the network" },
    { "ProtectProc", WORD, "invisible noaccess", DOCTOR_WARN, "the box sees other processes" },
    { "ProtectKernelTunables", WORD, "yes", DOCTOR_WARN, "the box can write to /proc/sys, as far as permissions go" },
    { "ProtectKernelModules", WORD, "yes", DOCTOR_WARN, "the box can load modules of the kernel, if it has the right" },
    { "ProtectKernelLogs", WORD, "yes", DOCTOR_WARN, "the box can read the kernel's log, if it has the right" },
    { "ProtectControlGroups", WORD, "yes strict private", DOCTOR_WARN, "the box can write to control groups" },
    { "ProtectClock", WORD, "yes", DOCTOR_WARN, "the box can set the clock, if it has the right" },
    { "RestrictAddressFamilies", WORD, "AF_UNIX none", DOCTOR_WARN, "the box can make other sockets than AF_UNIX" },
    { "RestrictNamespaces", WORD, "yes", DOCTOR_WARN, "the keeper can make namespaces" },
    { "RestrictSUIDSGID", WORD, "yes", DOCTOR_WARN, "the keeper can make files with the setuid bit" },
    { "LockPersonality", WORD, "yes", DOCTOR_WARN, "the keeper can change how the kernel runs it" },
    { "MemoryDenyWriteExecute", WORD, "yes", DOCTOR_WARN, "the keeper can make code at run time" },
    { "SystemCallArchitectures", WORD, "native", DOCTOR_WARN, "the keeper can make system calls of another architecture" },
};
#define SETTINGS (sizeof(settings) / sizeof(settings[0]))
/* unit_read() reads so many at a time. */
#define TOGETHER 15

static bool is_word(const char *value, const char *words)
{
    while (*words != '\0') {
        size_t n = strcspn(words, " ");

        if (strlen(value) == n && strncmp(value, words, n) == 0)
            return true;
        words += n;
        words += strspn(words, " ");
    }
    return false;
}

/* Files have what somebody wrote; systemctl has "yes". */
static const char *plain(const char *value)
{
    static const char *const yes[] = { "yes", "true", "on", "1", "y", "t" };

    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++) {
        if (strcmp(value, yes[i]) == 0)
            return "yes";
    }
    return value;
}

/* Does a list allow one of these? Without any list all are allowed, and one that begins with '~' says what is not. */
static bool allows_too_much(const struct unit *u)
{
    static const char *const too_much[] = { "ptrace", "mount", "bpf", "kexec_load", "init_module", "@debug", "@mount", "@module",
                                            "@privileged", "@reboot", "@swap", "@raw-io", "@obsolete", "@cpu-emulation", "@clock" };
    char word[40];
    bool first = true;

    for (const char *line = strstr(u->text, "SystemCallFilter="); line != NULL; line = strstr(line, "\nSystemCallFilter=")) {
        const char *value = strchr(line, '=') + 1;
        char list[UNIT_TEXT_MAX];

        line++;
        if (value[0] == '~' && first)
            return true;
        first = false;
        if (value[0] == '~')
            continue;
        snprintf(list, sizeof(list), " %.*s ", (int)strcspn(value, "\n"), value);
        for (size_t i = 0; i < sizeof(too_much) / sizeof(too_much[0]); i++) {
            snprintf(word, sizeof(word), " %s ", too_much[i]);
            if (strstr(list, word) != NULL)
                return true;
        }
    }
    return first;
}

/* As files have it, "/usr/sbin/littleboxd --box ...", and as systemctl shows it, "{ path=/usr/sbin/littleboxd ; argv[]=...". */
static bool is_program(const char *value, const char *end)
{
    const char *path = strstr(value, "path=");
    size_t len, n = strlen(end);

    path = path == NULL ? value : path + strlen("path=");
    path += strspn(path, "@-:+!");
    len = strcspn(path, " ;");
    return path[0] == '/' && len >= n && strncmp(path + len - n, end, n) == 0;
}

static bool holds(const struct setting *s, const struct unit *u, const char *value)
{
    switch (s->kind) {
    case NOTHING:
        return value[0] == '\0';
    case USER:
        return value[0] != '\0' && strcmp(value, "root") != 0 && strcmp(value, "0") != 0;
    case PROGRAM:
        return is_program(value, s->words);
    case WITHOUT:
        return strstr(value, s->words) == NULL;
    case OTHER:
        return value[0] != '\0' && strcmp(value, s->words) != 0;
    case CALLS:
        return !allows_too_much(u);
    default:
        return is_word(plain(value), s->words);
    }
}

/* Reports each setting from first on, up to TOGETHER of them, that is weaker. False: the unit has no file. */
static bool check(struct audit *a, const char *name, size_t first, bool *well)
{
    const char *properties[TOGETHER + 1] = { NULL };
    struct unit *u = malloc(sizeof(*u));
    bool known;
    size_t end = first + TOGETHER < SETTINGS ? first + TOGETHER : SETTINGS;
    char value[400], hint[2 * LB_NAME_MAX + 300];

    if (u == NULL)
        return false;
    for (size_t i = first; i < end; i++)
        properties[i - first] = settings[i].name;
    unit_read(a->here ? NULL : a->d->cli->options[OPT_ROOT], name, properties, u);
    known = u->source != UNIT_UNKNOWN;
    snprintf(hint, sizeof(hint), "see which file says so: systemctl cat %s; take it out, then: systemctl daemon-reload && systemctl "
             "restart %s", name, name);
    for (size_t i = first; known && i < end; i++) {
        const struct setting *s = &settings[i];
        bool is = unit_value(u, s->name, value, sizeof(value));

        if (holds(s, u, value))
            continue;
        *well = false;
        if (s->kind == CALLS)
            doctor_report(a->d, s->verdict, "unit", hint, "%s is weaker than it was installed, by SystemCallFilter=: %s", name, s->lost);
        else
            doctor_report(a->d, s->verdict, "unit", hint, "%s is weaker than it was installed, by %s=%s: %s", name, s->name,
                          is ? value : "", s->lost);
    }
    free(u);
    return known;
}

void audit_box_unit(struct audit *a, const struct audit_box *b)
{
    char name[LB_NAME_MAX + 40];
    bool well = true, known = true;

    snprintf(name, sizeof(name), "littleboxd@%s.service", b->name);
    for (size_t i = 0; known && i < SETTINGS; i += TOGETHER)
        known = check(a, name, i, &well);
    if (!known)
        doctor_report(a->d, DOCTOR_SKIPPED, "unit", NULL, "box '%s' has no unit: nothing is known of what keeps it in bounds", b->name);
    else if (well)
        doctor_report(a->d, DOCTOR_OK, "unit", NULL, "%s keeps the box in bounds as it was installed", name);
}
