/* doctor: the process of a server, and the unit that it runs in. */
#include "doctor_running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "running.h"
#include "units.h"

/* "nginx", as systemctl(1) and a shell take it: names of units have backslashes in them. */
static const char *unit_word_of(const char *unit, char ret[2 * PATH_MAX])
{
    char name[RUNNING_UNIT_SIZE];

    snprintf(name, sizeof(name), "%.*s", (int)(strlen(unit) - strlen(".service")), unit);
    if (cli_quoted(name, ret) == name)
        snprintf(ret, 2 * PATH_MAX, "%s", name);
    return ret;
}

/* The system's, or that of the box which the command line names. */
static void socket_path(const struct doctor *d, char ret[PATH_MAX])
{
    const char *configured = d->conf.directory[0] == '/' ? d->conf.directory : LB_SYSTEM_RUN_DIR;
    const char *dir = d->directory != NULL ? d->directory : configured;

    if (snprintf(ret, PATH_MAX, "%s/%s.sock", dir, d->box) >= PATH_MAX)
        ret[0] = '\0';
}

static const char *file_name(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash == NULL ? path : slash + 1;
}

/* name: of the server or of its unit. */
static void report_mount(struct doctor *d, const char *name, const char *socket)
{
    char dir[PATH_MAX], hint[2 * PATH_MAX];

    snprintf(dir, sizeof(dir), "%.*s", (int)(file_name(socket) - socket - 1), socket);
    snprintf(hint, sizeof(hint), "mount the directory in its place: %s", dir);
    doctor_report(d, DOCTOR_FAIL, "mount", hint,
                  "%s has %s mounted by itself: it is dead there once the box or its socket unit has been started again",
                  name, socket);
}

static void report_conf(struct doctor *d, const char *name, const char *conf)
{
    char hint[2 * PATH_MAX + 100], word[2 * PATH_MAX];

    if (strcmp(conf, d->conf.path) == 0)
        return;
    snprintf(hint, sizeof(hint), "OPENSSL_CONF=%s littlebox doctor", cli_quoted(conf, word));
    doctor_report(d, DOCTOR_FAIL, "openssl.cnf", hint, "%s has OPENSSL_CONF=%s, and this report is about %s", name, conf,
                  d->conf.path);
}

/* True: it runs. */
static bool check_process(struct doctor *d, const struct server *server, const char *config, bool usual,
                          const uid_t *user, const char *socket, struct running *r)
{
    char hint[PATH_MAX + 100], name[100], word[2 * PATH_MAX];

    if (!running_find(server, config, usual, user, file_name(d->module), socket, r))
        return false;
    snprintf(name, sizeof(name), "%s (process %ld)", server->name, (long)r->pid);
    if (!r->readable) {
        doctor_report(d, DOCTOR_UNKNOWN, "process", "run this as root",
                      "%s runs; only root can see if it has the provider in its memory", name);
        return true;
    }
    if (r->lost_socket)
        report_mount(d, name, socket);
    if (r->no_socket) {
        snprintf(hint, sizeof(hint), "restart it; if its unit hides the directory, let it in: BindPaths=%.*s in a drop-in",
                 (int)(file_name(socket) - socket - 1), socket);
        doctor_report(d, DOCTOR_FAIL, "mount", hint,
                      "%s does not see the socket of the box in its mounts, or sees an old one: %s", name, socket);
    }
    if (r->has_module) {
        doctor_report(d, DOCTOR_OK, "process", NULL, "%s runs with the provider in its memory", name);
        return true;
    }
    if (r->unit[0] != '\0')
        snprintf(hint, sizeof(hint), "restart it once: systemctl restart %s", unit_word_of(r->unit, word));
    else
        snprintf(hint, sizeof(hint), "restart it once; a reload is not enough");
    doctor_report(d, DOCTOR_FAIL, "process", hint,
                  "%s runs without the provider in its memory, as it read openssl.cnf when it was started: a reload reads "
                  "no handle, and it goes on with the keys and certificates that it has", name);
    return true;
}

static void check_unit(struct doctor *d, const char *name, const char *socket, bool runs)
{
    static const char *const properties[] = { "RestrictAddressFamilies", "BindPaths", "BindReadOnlyPaths", "Environment",
                                              NULL };
    struct unit *u = calloc(1, sizeof(*u));
    char list[200], word[PATH_MAX], hint[2 * RUNNING_UNIT_SIZE + 400];
    char buffer[2 * PATH_MAX];
    const char *short_name = unit_word_of(name, buffer);

    if (u == NULL)
        return;
    unit_read(d->cli->options[OPT_ROOT], name, properties, u);
    if (u->source != UNIT_UNKNOWN && !unit_allows_unix(u)) {
        (void)unit_value(u, "RestrictAddressFamilies", list, sizeof(list));
        if (list[0] == '\0')
            snprintf(list, sizeof(list), "none");
        if (list[0] == '~')
            snprintf(hint, sizeof(hint), "take AF_UNIX out of that; then: systemctl daemon-reload && systemctl restart %s",
                     short_name);
        else
            snprintf(hint, sizeof(hint), "systemctl edit %s: [Service], RestrictAddressFamilies=AF_UNIX, which adds to "
                     "the list; then: systemctl restart %s", short_name, short_name);
        doctor_report(d, DOCTOR_FAIL, "unit", hint,
                      "%s keeps the server from sockets of AF_UNIX (RestrictAddressFamilies=%s), so it reaches no box", name,
                      list);
    }
    /* What runs was looked at itself. */
    if (!runs && (unit_word(u, "BindPaths", socket, /* path= */ true, word, sizeof(word)) ||
                  unit_word(u, "BindReadOnlyPaths", socket, /* path= */ true, word, sizeof(word))))
        report_mount(d, name, socket);
    /* Not by the process: many write their title over their environment. */
    if (unit_word(u, "Environment", "OPENSSL_CONF=", /* path= */ false, word, sizeof(word)))
        report_conf(d, name, word + strlen("OPENSSL_CONF="));
    free(u);
}

void doctor_running(struct doctor *d, const struct server *server, const char *config, bool usual, const uid_t *user)
{
    struct running *r = calloc(1, sizeof(*r));
    char socket[PATH_MAX];
    const char *unit = usual ? server->unit : NULL;
    bool runs;

    if (r == NULL)
        return;
    socket_path(d, socket);
    d->about.server = server->name;
    /* Without it in openssl.cnf no process has it, and that was said. */
    runs = d->cli->options[OPT_ROOT] == NULL && d->conf.littlebox_active &&
           check_process(d, server, config, usual, user, socket, r);
    if (runs && r->unit[0] != '\0')
        unit = r->unit;
    if (unit != NULL)
        check_unit(d, unit, socket, runs);
    d->about.server = NULL;
    free(r);
}
