/* doctor: the process of a server, and the unit that it runs in. */
#include "doctor/running.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "doctor/config.h"
#include "doctor/processes.h"
#include "doctor/units.h"

/* The unit's name without ".service", for systemctl(1) on a shell's line: such names may have backslashes in them. */
static const char *unit_word_of(const char *unit, char ret[2 * PATH_MAX])
{
    char name[RUNNING_UNIT_SIZE];

    snprintf(name, sizeof(name), "%.*s", (int)(strlen(unit) - strlen(".service")), unit);
    if (cli_quoted(name, ret) == name)
        snprintf(ret, 2 * PATH_MAX, "%s", name);
    return ret;
}

/* The socket of the system's box, or of the box that the command line names. */
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

static bool same_file(const char *a, const char *b)
{
    struct stat s, t;

    return strcmp(a, b) == 0 || (stat(a, &s) == 0 && stat(b, &t) == 0 && s.st_dev == t.st_dev && s.st_ino == t.st_ino);
}

static bool below(const char *root, const char *path, char ret[PATH_MAX])
{
    return snprintf(ret, PATH_MAX, "%s%s", root == NULL ? "" : root, path) < PATH_MAX;
}

bool doctor_unit_conf(const struct cli *cli, const struct server_program *server, char ret[PATH_MAX])
{
    static const char *const properties[] = { UNIT_ENVIRONMENT, NULL };
    const char *root = cli->options[OPT_ROOT], *given = cli->options[OPT_CONFIG];
    struct unit *u = calloc(1, sizeof(*u));
    char conf[PATH_MAX];
    bool found = false;

    /* Another configuration than the usual one is not that unit's. */
    if (u != NULL && server->unit != NULL && (given == NULL || strcmp(given, server->config) == 0)) {
        unit_read(root, server->unit, properties, u);
        found = unit_variable(root, u, "OPENSSL_CONF", conf, sizeof(conf)) && below(root, conf, ret);
    }
    free(u);
    return found;
}

/*
 * Does the unit's server read the openssl.cnf that this report is about? False: no, and that was reported. The unit is asked and
 * not the process, since many programs write their title over their environment.
 */
static bool check_conf(struct doctor *d, const struct server_program *server, const char *name, const struct unit *u,
                       const struct running *r, bool runs)
{
    const char *root = d->cli->options[OPT_ROOT];
    char conf[PATH_MAX], path[PATH_MAX], hint[5 * PATH_MAX], word[2 * PATH_MAX], unit[2 * PATH_MAX];
    const char *short_name = unit_word_of(name, unit);

    if (unit_variable(root, u, "OPENSSL_CONF", conf, sizeof(conf))) {
        if (same_file(conf, d->conf.path) || (below(root, conf, path) && same_file(path, d->conf.path)))
            return true;
        snprintf(hint, sizeof(hint), "OPENSSL_CONF=%s littlebox doctor --server %s", cli_quoted(conf, word),
                 server->name);
        doctor_report(d, DOCTOR_FAIL, "openssl.cnf", hint, "%s has OPENSSL_CONF=%s, and this report is about %s", name,
                      conf, d->conf.path);
        return false;
    }
    doctor_conf_default(path);
    /* Files say nothing of how a machine without systemd starts its servers. What has the provider has a way to it. */
    if ((u->source != UNIT_SYSTEMD && root == NULL) || (runs && r->readable && r->has_module) ||
        same_file(path, d->conf.path))
        return true;
    snprintf(hint, sizeof(hint), "systemctl edit %s: [Service], Environment=OPENSSL_CONF=%s%s%s", short_name,
             d->conf.path, runs ? "; then: systemctl restart " : "", runs ? short_name : "");
    doctor_report(d, DOCTOR_FAIL, "openssl.cnf", hint, "%s has no OPENSSL_CONF, and this report is about %s", name,
                  d->conf.path);
    return false;
}

/* conf_ok: if the server were started now, it would read the openssl.cnf of this report. */
static void check_process(struct doctor *d, const struct server_program *server, const char *socket, const struct running *r,
                          bool conf_ok)
{
    char hint[2 * PATH_MAX + 100], name[100], word[2 * PATH_MAX];

    snprintf(name, sizeof(name), "%s (process %ld)", server->name, (long)r->pid);
    if (!r->readable) {
        doctor_report(d, DOCTOR_UNKNOWN, "process", "run this as root",
                      "%s runs; only root can see if it has the provider in its memory", name);
        return;
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
        return;
    }
    /* A restart does not help then: with a handle in its configuration the server ends at its start. */
    if (!conf_ok)
        return;
    if (r->unit[0] != '\0')
        snprintf(hint, sizeof(hint), "restart it once: systemctl restart %s", unit_word_of(r->unit, word));
    else
        snprintf(hint, sizeof(hint), "restart it once; a reload is not enough");
    doctor_report(d, DOCTOR_FAIL, "process", hint,
                  "%s runs without the provider in its memory, as it read openssl.cnf when it was started: a reload reads "
                  "no handle, and it goes on with the keys and certificates that it has", name);
}

/* False: the unit's server does not read the openssl.cnf of this report. */
static bool check_unit(struct doctor *d, const struct server_program *server, const char *name, const char *socket,
                       const struct running *r, bool runs)
{
    static const char *const properties[] = { "RestrictAddressFamilies", "BindPaths", "BindReadOnlyPaths", UNIT_ENVIRONMENT,
                                              NULL };
    struct unit *u = calloc(1, sizeof(*u));
    char list[200], word[PATH_MAX], hint[2 * RUNNING_UNIT_SIZE + 400];
    char buffer[2 * PATH_MAX];
    const char *short_name = unit_word_of(name, buffer);
    bool conf_ok;

    if (u == NULL)
        return true;
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
    conf_ok = u->source == UNIT_UNKNOWN || check_conf(d, server, name, u, r, runs);
    free(u);
    return conf_ok;
}

void doctor_running(struct doctor *d, const struct server_program *server, const char *config, bool usual, const uid_t *user)
{
    struct running *r = calloc(1, sizeof(*r));
    char socket[PATH_MAX];
    const char *unit = usual ? server->unit : NULL;
    bool runs, conf_ok = true;

    if (r == NULL)
        return;
    socket_path(d, socket);
    d->about.server = server->name;
    /* Without the provider in openssl.cnf no process has it, and that was said. */
    runs = d->cli->options[OPT_ROOT] == NULL && d->conf.littlebox_active &&
           running_find(server, config, usual, user, file_name(d->module), socket, r);
    if (runs && r->unit[0] != '\0')
        unit = r->unit;
    if (unit != NULL)
        conf_ok = check_unit(d, server, unit, socket, r, runs);
    if (runs)
        check_process(d, server, socket, r, conf_ok);
    d->about.server = NULL;
    free(r);
}
