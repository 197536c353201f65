/* littlebox doctor: finds out why it does not work. */
#include <errno.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id_map.h"
#include "client/status.h"
#include "command/client.h"
#include "doctor/box.h"
#include "doctor/handle.h"
#include "doctor/next_start.h"
#include "doctor/openssl.h"
#include "doctor/probe.h"
#include "doctor/report.h"
#include "doctor/running.h"
#include "doctor/server.h"
#include "doctor/servers/servers.h"

/* The checks, in the order in which a server depends on what they look at. */

static void check_conf(struct doctor *d)
{
    const struct doctor_conf *c = &d->conf;
    const char *from = secure_getenv("OPENSSL_CONF") != NULL ? " (OPENSSL_CONF; a server may run without it)" : "";
    char of_unit[400];

    if (d->conf_unit != NULL) {
        snprintf(of_unit, sizeof(of_unit), " (OPENSSL_CONF of %s)", d->conf_unit);
        from = of_unit;
    }

    if (c->error[0] != '\0')
        doctor_report(d, DOCTOR_FAIL, "openssl.cnf", "OpenSSL reads the file that OPENSSL_CONF names, or this one",
                      "cannot read %s: %s", c->path, c->error);
    else
        doctor_report(d, DOCTOR_OK, "openssl.cnf", NULL, "openssl.cnf is %s%s", c->path, from);
}

static void check_module(struct doctor *d)
{
    char hint[PATH_MAX + 100];

    if (access(d->module, R_OK) == 0) {
        doctor_report(d, DOCTOR_OK, "module", NULL, "the provider module is %s", d->module);
        return;
    }
    snprintf(hint, sizeof(hint), "install it there, or say where it is with --module PATH");
    doctor_report(d, DOCTOR_FAIL, "module", hint, "no provider module at %s: %s", d->module, strerror(errno));
}

/* Does the provider look where the box of this command line is? */
static void check_directory(struct doctor *d)
{
    const char *configured = d->conf.directory;

    if (!d->conf.littlebox_active || d->directory == NULL)
        return;
    if (strcmp(configured, d->directory) == 0)
        doctor_report(d, DOCTOR_OK, "directory", NULL, "the provider looks for boxes in %s", configured);
    else
        doctor_report(d, DOCTOR_FAIL, "directory", "add the lines below",
                      "the provider looks for boxes in %s, not in %s",
                      configured[0] == '\0' ? "the usual places" : configured, d->directory);
}

/* Does the provider accept the box of the users whom this command line names? */
static void check_users(struct doctor *d)
{
    const char *configured = d->conf.users;

    if (!d->conf.littlebox_active || (d->users == NULL && configured[0] == '\0'))
        return;
    if (d->users == NULL || strcmp(configured, d->users) == 0)
        doctor_report(d, DOCTOR_OK, "users", NULL, "the provider accepts boxes of %s, beside root's and the program's own",
                      configured);
    else
        doctor_report(d, DOCTOR_FAIL, "users", "add the lines below",
                      "the provider accepts boxes of %s, not of %s", configured[0] == '\0' ? "root and the program's user"
                                                                                      : configured, d->users);
}

/* The socket that the provider would use. */
static int socket_path(const struct doctor *d, enum place *ret_place, char ret[PATH_MAX], struct problem *p)
{
    const char *dir = d->directory != NULL ? d->directory : d->conf.directory;

    if (dir[0] == '\0')
        return place_find(d->box, ret_place, ret, p);
    *ret_place = PLACE_DIRECTORY;
    return snprintf(ret, PATH_MAX, "%s/%s.sock", dir, d->box) < PATH_MAX
               ? 0
               : problem_set(p, LB_E_TOO_LONG, "%.200s: the path is too long", dir);
}

/* Can the box tell its callers apart? */
static void check_namespace(struct doctor *d, const struct box_status *s)
{
    const struct idmap map = { s->users_mapped, s->groups_mapped, s->overflow_uid, s->overflow_gid };
    struct problem p = { 0 };
    char text[200];

    if (!idmap_tell(&map, text, sizeof(text)))
        return;
    if (idmap_hint(&map, s->uid, &p))
        doctor_report(d, DOCTOR_FAIL, "namespace", p.hint, "box '%s' does not know who asks: to it this is uid %u", s->box,
                      s->uid);
    else
        doctor_report(d, DOCTOR_OK, "namespace", NULL, "box '%s': %s", s->box, text);
}

static void check_box_state(struct doctor *d, struct client *c, enum place place)
{
    const struct passwd *pw = getpwuid(geteuid());
    char cure[LB_NAME_MAX + 40], list[LB_NAME_MAX + 40];
    struct problem p = { 0 };
    struct box_status s;

    if (ask_status(c->ask, &s, &p) != 0) {
        if (!doctor_box_failed(d, c->paths.socket))
            doctor_report(d, DOCTOR_FAIL, "box", p.hint, "%s", p.text);
        return;
    }
    doctor_report(d, DOCTOR_OK, "socket", NULL, "%s answers at %s, asked as user %s (uid %lu)", place_whose(place),
                  c->paths.socket, pw == NULL ? "?" : pw->pw_name, (unsigned long)geteuid());
    doctor_box_place(d, c->paths.socket);
    doctor_box_lasts(d, c->paths.socket);
    snprintf(cure, sizeof(cure), "run: littlebox --box %s unlock", s.box);
    snprintf(list, sizeof(list), "see: littlebox --box %s list", s.box);
    if (s.lock == LOCK_UNLOCKED)
        doctor_report(d, DOCTOR_OK, "unlocked", NULL, "box '%s' is unlocked and has %u key%s", s.box, s.keys,
                      s.keys == 1 ? "" : "s");
    else if (s.lock == LOCK_LOCKED)
        doctor_report(d, DOCTOR_FAIL, "unlocked", cure, "box '%s' is locked", s.box);
    else if (client_no_store(c, &p) != 0)
        doctor_report(d, DOCTOR_FAIL, "unlocked", p.hint, "%s", p.text);
    check_namespace(d, &s);
    doctor_box_process(d, c, &s);
    if (s.credential == CREDENTIAL_REFUSED)
        doctor_report(d, DOCTOR_FAIL, "credential",
                      "the box's log says what is wrong with the file: journalctl -u 'littleboxd@*' -g credential",
                      "box '%s' has a credential that it refuses: it does not open itself", s.box);
    doctor_next_start(d, c);
    if (s.damaged != 0)
        doctor_report(d, DOCTOR_FAIL, "records", list, "%u keys of box '%s' are damaged", s.damaged,
                      s.box);
}

static void check_box(struct doctor *d)
{
    const char *users = d->users != NULL ? d->users : d->conf.users[0] != '\0' ? d->conf.users : NULL;
    struct cli cli = *d->cli;
    struct problem p = { 0 };
    struct client *c = NULL;
    char path[PATH_MAX];
    enum place place;
    int r = socket_path(d, &place, path, &p);

    /* The box of the handle, whose name the line may not have: cures name it, and its files are looked for. */
    cli.box = d->box;
    if (r == 0)
        r = client_open_at(&cli, path, users, LB_OWNERS_SETTING, &c, &p);
    if (r != 0) {
        if (r != LB_E_NO_BOX || !doctor_box_failed(d, path))
            doctor_report(d, DOCTOR_FAIL, "socket", p.hint, "%s", p.text[0] == '\0' ? lb_strerror(r) : p.text);
        if (r == LB_E_NO_BOX && place_has_system(d->box))
            doctor_box_lasts(d, path);
        return;
    }
    check_box_state(d, c, place);
    client_close(c);
}

/* Finds the worker of --user, for whom the handle is tried. False: it is not known, and that was reported. */
static bool find_user(struct doctor *d, struct doctor_worker *ret)
{
    const char *name = d->cli->options[OPT_USER];

    if (geteuid() != 0) {
        doctor_report(d, DOCTOR_UNKNOWN, "user", "run this as root", "only root can find out what works for %s", name);
        return false;
    }
    if (doctor_worker_find(name, /* group= */ "", /* bare= */ false, ret) == NULL)
        return true;
    doctor_report(d, DOCTOR_UNKNOWN, "user", NULL, "there is no user '%s' here", name);
    return false;
}

static void check_signature(struct doctor *d)
{
    static const struct {
        int code;
        const char *hint;
    } cures[] = {
        { LB_E_NO_KEY, "see which keys there are: littlebox list" },
        { LB_E_UNSUPPORTED, "move it into the box: littlebox adopt FILE" },
    };
    const char *handle = d->cli->options[OPT_HANDLE], *user = d->cli->options[OPT_USER], *hint = NULL;
    struct doctor_worker *worker = user == NULL ? NULL : calloc(1, sizeof(*worker));
    struct problem p = { 0 };
    int r;

    if (user != NULL && (worker == NULL || !find_user(d, worker)))
        goto out;
    r = doctor_probe(&d->conf, d->lines, handle, worker, &p, /* ret_public= */ NULL);
    for (size_t i = 0; i < sizeof(cures) / sizeof(cures[0]); i++)
        hint = cures[i].code == r ? cures[i].hint : hint;
    hint = !d->conf_ok ? "first mend what is said of openssl.cnf above" : p.hint[0] != '\0' ? p.hint : hint;
    if (r == 0 || r == LB_E_NO_KEY || r == LB_E_UNSUPPORTED || r == LB_E_CRYPTO)
        doctor_report(d, DOCTOR_OK, "provider", NULL, "OpenSSL loads the provider%s",
                      d->lines[0] == '\0' ? "" : " once the lines below are there");
    else if (!doctor_reason_above(d, &p))
        doctor_report(d, DOCTOR_FAIL, "provider", p.hint, "%s", p.text);
    if (handle == NULL && d->cli->options[OPT_SERVER] != NULL)
        goto out;
    doctor_about_handle(d, handle);
    d->about.user = user;
    if (handle == NULL)
        doctor_report(d, DOCTOR_SKIPPED, "signature", "give a key: --handle littlebox:KEY, or a handle file",
                      "no test signature");
    else if (r == 0)
        doctor_report(d, DOCTOR_OK, "signature", NULL, "a test %s with %s%s%s verifies", p.text, handle,
                      user == NULL ? "" : " by ", user == NULL ? "" : user);
    else
        doctor_report(d, DOCTOR_FAIL, "signature", hint, "no test signature with %s%s%s: %s", handle,
                      user == NULL ? "" : " by ", user == NULL ? "" : user, p.text);
    d->about = (struct doctor_about){ .server = NULL };
    /* A handle that works for root may not work for those whom it is for. */
    if (handle != NULL && r == 0 && user == NULL && geteuid() == 0)
        doctor_handle_servers(d, handle);
out:
    free(worker);
}

static void print_lines(struct doctor *d)
{
    if (d->cli->json) {
        json_close(&d->json, ']');
        json_bool(&d->json, "ok", !d->failed);
        json_string(&d->json, "openssl_cnf", d->conf.path);
        json_string(&d->json, "append", d->lines);
        json_close(&d->json, '}');
        json_end(&d->json);
    } else if (d->lines[0] != '\0') {
        putchar('\n');
        cli_line("append this to %s:", d->conf.path);
        printf("\n%s", d->lines);
    }
}

/* Takes the openssl.cnf that the server's unit names, unless the caller has an OPENSSL_CONF of his own. */
static void follow_unit(struct doctor *d)
{
    const struct server_program *server = d->cli->options[OPT_SERVER] == NULL ? NULL : server_find(d->cli->options[OPT_SERVER]);
    char path[PATH_MAX];

    if (server != NULL && getenv("OPENSSL_CONF") == NULL && doctor_unit_conf(d->cli, server, path) &&
        setenv("OPENSSL_CONF", path, /* overwrite= */ 1) == 0)
        d->conf_unit = server->unit;
}

int cmd_doctor(struct cli *cli)
{
    const char *given = cli->options[OPT_MODULE], *server = cli->options[OPT_SERVER];
    struct doctor *d;
    struct problem p = { 0 };
    struct dirs dirs = { .run = "" };
    bool settings_ok;
    int status = EXIT_FAILED;

    /* Of a server or a handle, --system says no more than whose box it is. */
    if (cli->system && server == NULL && cli->options[OPT_HANDLE] == NULL && cli->options[OPT_USER] == NULL &&
        cli->options[OPT_CONFIG] == NULL)
        return cmd_doctor_system(cli);
    if (!doctor_server_ok(cli))
        return EXIT_USAGE;
    d = calloc(1, sizeof(*d));
    if (d == NULL) {
        problem_set(&p, LB_E_NOMEM, "out of memory");
        return cli_fail(&p);
    }
    d->cli = cli;
    /* This process only looks. What the configuration does happens in the probe's process. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    follow_unit(d);
    doctor_conf_read(&d->conf);
    doctor_module_path(&d->conf, given, d->module);
    d->module_line = given == NULL ? NULL : d->module;
    if (cli->dir != NULL) {
        if (dirs_find(cli->dir, DIRS_DEFAULT, &dirs) != 0) {
            problem_set(&p, LB_E_CONFIG, "--dir '%.100s' is no directory", cli->dir);
            cli_fail(&p);
            goto out;
        }
        d->directory = dirs.run;
    }
    if (cli->options[OPT_HANDLE] != NULL)
        doctor_handle_key(cli->options[OPT_HANDLE], d->box, d->key);
    if (d->box[0] == '\0')
        snprintf(d->box, sizeof(d->box), "%s",
                 strcmp(cli->box, "default") != 0 || d->conf.box[0] == '\0' ? cli->box : d->conf.box);
    d->users = cli->users;
    doctor_conf_lines(&d->conf, d->module_line, d->directory, d->users, d->lines);
    if (cli->json) {
        json_start(&d->json, stdout);
        json_open(&d->json, NULL, '{');
        json_open(&d->json, "checks", '[');
    }
    check_conf(d);
    check_module(d);
    d->conf_failed = d->failed;
    doctor_activated(d);
    d->conf_ok = doctor_properties_ok(d);
    settings_ok = doctor_settings_ok(d);
    d->conf_ok = d->conf_ok && settings_ok;
    check_directory(d);
    check_users(d);
    /* Not with --server alone: a server's handles name their boxes, and each of these is asked. */
    if (settings_ok && (server == NULL || cli->options[OPT_HANDLE] != NULL))
        check_box(d);
    check_signature(d);
    if (server != NULL)
        doctor_server(d);
    print_lines(d);
    status = d->failed ? EXIT_FAILED : EXIT_DONE;
out:
    free(d);
    return status;
}
