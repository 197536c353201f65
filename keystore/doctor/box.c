/* doctor: what keeps a box from answering, or will, and what the box itself cannot tell. */
#include "doctor/box.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/status.h"
#include "doctor/journal.h"
#include "doctor/processes.h"
#include "doctor/units.h"
#include "model/keeper_words.h"

/* Only the system's boxes are systemd's; --root has unit files of its own. */
static bool is_of_systemd(const struct doctor *d, const char *path)
{
    size_t len = strlen(LB_SYSTEM_RUN_DIR);

    return d->cli->options[OPT_ROOT] != NULL || (strncmp(path, LB_SYSTEM_RUN_DIR, len) == 0 && path[len] == '/');
}

static void unit_of(const struct doctor *d, const char *kind, const char *const properties[], struct unit *ret)
{
    char name[LB_NAME_MAX + 40];

    snprintf(name, sizeof(name), "littleboxd@%s.%s", d->box, kind);
    unit_read(d->cli->options[OPT_ROOT], name, properties, ret);
}

/*
 * Reports a socket that is a mount of its own. It is the socket of the time when it was mounted, while systemd and a box
 * make a new one at each start.
 */
static bool report_mounted(struct doctor *d, const char *path)
{
    char hint[PATH_MAX + 100], dir[PATH_MAX];
    char *slash;

    if (!running_is_mounted(0, path))
        return false;
    snprintf(dir, sizeof(dir), "%s", path);
    slash = strrchr(dir, '/');
    if (slash != NULL)
        *slash = '\0';
    snprintf(hint, sizeof(hint), "mount the directory in its place: %s", dir);
    doctor_report(d, DOCTOR_FAIL, "mount", hint,
                  "%s is mounted by itself: it is dead once the box or its socket unit has been started again", path);
    return true;
}

/* Tells what a service ended with, if systemd knows. */
static void tell_failure(struct doctor *d, const struct unit *service, const char *result)
{
    /* Lines that say less: the keeper knows only that its child ended. The child said before why. */
    static const char *const keepers[] = { KEEPER_SAYS_ENDED, KEEPER_SAYS_AGAIN, NULL };
    char name[LB_NAME_MAX + 40], words[2000], status[32], hint[2 * LB_NAME_MAX + 300], text[200] = "";

    snprintf(name, sizeof(name), "littleboxd@%s.service", d->box);
    if (unit_value(service, "ExecMainStatus", status, sizeof(status)) && strcmp(status, "0") != 0)
        snprintf(text, sizeof(text), " with status %s", status);
    if (!journal_last_words(name, keepers, words, sizeof(words)))
        snprintf(words, sizeof(words), "journalctl -u %s says why", name);
    snprintf(hint, sizeof(hint),
             "mend that, then: systemctl reset-failed 'littleboxd@%s.*' && systemctl start littleboxd@%s.socket", d->box,
             d->box);
    doctor_report(d, DOCTOR_FAIL, "unit", hint, "box '%s' failed when it was started (%s%s), and is not started again: %s",
                  d->box, result, text, words);
}

bool doctor_box_failed(struct doctor *d, const char *path)
{
    static const char *const properties[] = { "ActiveState", "Result", "ExecMainStatus", NULL };
    struct unit *units = calloc(2, sizeof(*units));
    char result[100] = "";
    bool failed = false, told = report_mounted(d, path);

    if (units == NULL || told || !is_of_systemd(d, path))
        goto out;
    unit_of(d, "service", properties, &units[0]);
    unit_of(d, "socket", properties, &units[1]);
    for (int i = 0; i < 2 && !failed; i++) {
        failed = unit_is(&units[i], "ActiveState", "failed");
        if (failed)
            (void)unit_value(&units[i], "Result", result, sizeof(result));
    }
    if (failed)
        tell_failure(d, &units[0], result[0] == '\0' ? "failed" : result);
out:
    free(units);
    return told || failed;
}

void doctor_box_place(struct doctor *d, const char *path)
{
    static const char *const properties[] = { "AcceptFileDescriptors", NULL };
    static const char *const no[] = { "no", "false", "off", "0", "n", "f" };
    struct unit *u = calloc(1, sizeof(*u));
    char value[16], hint[2 * LB_NAME_MAX + 300];

    (void)report_mounted(d, path);
    if (u == NULL || !is_of_systemd(d, path))
        goto out;
    unit_of(d, "socket", properties, u);
    if (!unit_value(u, "AcceptFileDescriptors", value, sizeof(value)))
        goto out;
    for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++) {
        if (strcmp(value, no[i]) != 0)
            continue;
        snprintf(hint, sizeof(hint), "systemctl edit littleboxd@%s.socket: [Socket], AcceptFileDescriptors=yes; then: "
                 "systemctl restart littleboxd@%s.socket", d->box, d->box);
        doctor_report(d, DOCTOR_FAIL, "unit", hint,
                      "the socket of box '%s' takes no descriptors (AcceptFileDescriptors=no): workers in a chroot reach no "
                      "box, and others have to find it by its path", d->box);
    }
out:
    free(u);
}

void doctor_box_lasts(struct doctor *d, const char *path)
{
    static const char *const lasting[] = { "enabled", "alias", "generated", UNIT_WANTED };
    static const char *const kinds[] = { "socket", "service" };
    const char *root = d->cli->options[OPT_ROOT];
    char names[2][LB_NAME_MAX + 40], words[2][100], hint[4 * LB_NAME_MAX + 200];
    const char *const own[] = { names[0], names[1], NULL };
    bool masked;

    if (!is_of_systemd(d, path))
        return;
    for (int i = 0; i < 2; i++)
        snprintf(names[i], sizeof(names[i]), "littleboxd@%s.%s", d->box, kinds[i]);
    for (int i = 0; i < 2; i++) {
        bool known = unit_enablement(root, names[i], own, words[i], sizeof(words[i]));

        for (size_t k = 0; known && k < sizeof(lasting) / sizeof(lasting[0]); k++) {
            if (strcmp(words[i], lasting[k]) == 0)
                return;
        }
    }
    /* Without its socket unit the box is for somebody else to start. */
    if (words[0][0] == '\0')
        return;
    masked = strncmp(words[0], "masked", strlen("masked")) == 0;
    snprintf(hint, sizeof(hint), "%s%s%ssystemctl enable --now %s", masked ? "systemctl unmask " : "",
             masked ? names[0] : "", masked ? " && " : "", names[0]);
    doctor_report(d, DOCTOR_FAIL, "enabled", hint,
                  "box '%s' is not there after the next start of this machine: %s is %s", d->box, names[0], words[0]);
}

void doctor_box_process(struct doctor *d, struct client *c, const struct box_status *s)
{
    struct box_status again;
    struct problem p = { 0 };
    char hint[LB_NAME_MAX + 200];
    struct peer peer = { .pid = 0 };

    /* The box's process has no number for a caller in a namespace of its own. */
    if (line_peer(&c->line, &peer, &p) != 0 || peer.pid <= 0 || (uint32_t)peer.pid == s->pid)
        return;
    /* The process may have been replaced in between. */
    if (ask_status(c->ask, &again, &p) != 0 || again.pid != s->pid)
        return;
    snprintf(hint, sizeof(hint), "run it without one: in a unit PrivatePIDs=no, then: systemctl restart littleboxd@%s",
             s->box);
    doctor_report(d, DOCTOR_FAIL, "namespace", hint,
                  "box '%s' is in a PID namespace of its own (it is process %u to itself, %ld here): it cannot see who its "
                  "callers are, and refuses them", s->box, s->pid, (long)peer.pid);
}
