/* littlebox doctor: finds out why it does not work. */
#include <errno.h>
#include <openssl/crypto.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "doctor.h"
#include "table.h"

/* One run: what it is about, and what it found so far. */
struct doctor {
    const struct cli *cli;
    struct json json;
    bool failed;
    struct doctor_conf conf;
    char module[PATH_MAX];
    const char *module_line;     /* for 'module =', NULL: OpenSSL finds it by its name */
    const char *directory;       /* for 'littlebox-directory =', NULL: the usual places */
    char box[LB_NAME_MAX + 1];   /* the box that is asked */
    char lines[DOCTOR_LINES_MAX];
};

enum verdict { VERDICT_OK, VERDICT_FAIL, VERDICT_SKIPPED };

static void report(struct doctor *d, enum verdict v, const char *check, const char *hint, const char *fmt, ...)
    LB_PRINTF(5, 6);

static void report(struct doctor *d, enum verdict v, const char *check, const char *hint, const char *fmt, ...)
{
    static const struct {
        const char *text, *json;
    } verdicts[] = { { "ok  ", "ok" }, { "FAIL", "fail" }, { "--  ", "skipped" } };
    char text[PATH_MAX + 400];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    d->failed = d->failed || v == VERDICT_FAIL;
    if (hint != NULL && hint[0] == '\0')
        hint = NULL;
    if (d->cli->json) {
        json_open(&d->json, NULL, '{');
        json_string(&d->json, "check", check);
        json_string(&d->json, "result", verdicts[v].json);
        json_string(&d->json, "text", text);
        json_string(&d->json, "hint", hint);
        json_close(&d->json, '}');
        return;
    }
    printf("%s  %s\n", verdicts[v].text, text);
    if (hint != NULL)
        printf("      hint: %s\n", hint);
}

/* The checks, in the order in which a server comes by. */

static void check_conf(struct doctor *d)
{
    const struct doctor_conf *c = &d->conf;
    const char *from = getenv("OPENSSL_CONF") != NULL ? " (OPENSSL_CONF; a server may run without it)" : "";

    if (c->error[0] != '\0')
        report(d, VERDICT_FAIL, "openssl.cnf", "OpenSSL reads the file that OPENSSL_CONF names, or this one",
               "cannot read %s: %s", c->path, c->error);
    else
        report(d, VERDICT_OK, "openssl.cnf", NULL, "openssl.cnf is %s%s", c->path, from);
}

static void check_module(struct doctor *d)
{
    char hint[PATH_MAX + 100];

    if (access(d->module, R_OK) == 0) {
        report(d, VERDICT_OK, "module", NULL, "the provider module is %s", d->module);
        return;
    }
    snprintf(hint, sizeof(hint), "install it there, or say where it is with --module PATH");
    report(d, VERDICT_FAIL, "module", hint, "no provider module at %s: %s", d->module, strerror(errno));
}

static void check_activated(struct doctor *d)
{
    const struct doctor_conf *c = &d->conf;

    if (c->littlebox_active)
        report(d, VERDICT_OK, "littlebox activated", NULL, "openssl.cnf activates the provider 'littlebox'");
    else
        report(d, VERDICT_FAIL, "littlebox activated", "add the lines below",
               "openssl.cnf does not activate the provider 'littlebox'");
    if (c->default_active)
        report(d, VERDICT_OK, "default activated", NULL, "openssl.cnf activates the provider 'default'");
    else
        report(d, VERDICT_FAIL, "default activated", "add the lines below",
               "openssl.cnf does not activate the provider 'default', which others push out");
}

/* Does the provider look where the box of this command line is? */
static void check_directory(struct doctor *d)
{
    const char *configured = d->conf.directory;

    if (!d->conf.littlebox_active || d->directory == NULL)
        return;
    if (strcmp(configured, d->directory) == 0)
        report(d, VERDICT_OK, "directory", NULL, "the provider looks for boxes in %s", configured);
    else
        report(d, VERDICT_FAIL, "directory", "add the lines below", "the provider looks for boxes in %s, not in %s",
               configured[0] == '\0' ? "the usual places" : configured, d->directory);
}

/* The socket that the provider would use. */
static int socket_path(const struct doctor *d, char ret[PATH_MAX])
{
    const char *dir = d->directory != NULL ? d->directory : d->conf.directory;

    if (dir[0] == '\0')
        return paths_find_socket(d->box, ret);
    return snprintf(ret, PATH_MAX, "%s/%s.sock", dir, d->box) >= PATH_MAX ? LB_E_TOO_LONG : 0;
}

static void check_box_state(struct doctor *d, struct client *c)
{
    struct problem p = { 0 };
    struct msg_status s;

    if (client_status(c, &s, &p) != 0) {
        report(d, VERDICT_FAIL, "box", p.hint, "%s", p.text);
        return;
    }
    if (s.lock == LOCK_UNLOCKED)
        report(d, VERDICT_OK, "unlocked", NULL, "box '%s' is unlocked and has %u key%s", s.box, s.keys,
               s.keys == 1 ? "" : "s");
    else
        report(d, VERDICT_FAIL, "unlocked", s.lock == LOCK_LOCKED ? "run: littlebox unlock" : "run: littlebox init",
               s.lock == LOCK_LOCKED ? "box '%s' is locked" : "box '%s' has no store yet", s.box);
    if (s.damaged != 0)
        report(d, VERDICT_FAIL, "records", "see: littlebox list", "%u keys of box '%s' are damaged", s.damaged, s.box);
}

static void check_box(struct doctor *d)
{
    const struct passwd *pw = getpwuid(geteuid());
    struct problem p = { 0 };
    struct client *c = NULL;
    char path[PATH_MAX];
    int r = socket_path(d, path);

    if (r == 0)
        r = client_open_at(d->cli, path, &c, &p);
    if (r != 0) {
        report(d, VERDICT_FAIL, "socket", p.hint, "%s", p.text[0] == '\0' ? lb_strerror(r) : p.text);
        return;
    }
    report(d, VERDICT_OK, "socket", NULL, "a box answers at %s, asked as user %s (uid %lu)", path,
           pw == NULL ? "?" : pw->pw_name, (unsigned long)geteuid());
    check_box_state(d, c);
    client_close(c);
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
    const char *handle = d->cli->options[OPT_HANDLE], *hint = NULL;
    struct problem p;
    int r = doctor_probe(&d->conf, d->lines, handle, &p);

    for (size_t i = 0; i < sizeof(cures) / sizeof(cures[0]); i++)
        hint = cures[i].code == r ? cures[i].hint : hint;
    if (r == 0 || r == LB_E_NO_KEY || r == LB_E_UNSUPPORTED || r == LB_E_CRYPTO)
        report(d, VERDICT_OK, "provider", NULL, "OpenSSL loads the provider%s",
               d->lines[0] == '\0' ? "" : " once the lines below are there");
    else
        report(d, VERDICT_FAIL, "provider", NULL, "%s", p.text);
    if (handle == NULL)
        report(d, VERDICT_SKIPPED, "signature", "give a key: --handle littlebox:KEY, or a handle file",
               "no test signature");
    else if (r == 0)
        report(d, VERDICT_OK, "signature", NULL, "a test %s with %s verifies", p.text, handle);
    else
        report(d, VERDICT_FAIL, "signature", hint, "no test signature with %s: %s", handle, p.text);
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
        printf("\nappend this to %s:\n\n%s", d->conf.path, d->lines);
    }
}

int cmd_doctor(struct cli *cli)
{
    const char *given = cli->options[OPT_MODULE];
    struct doctor *d = calloc(1, sizeof(*d));
    struct problem p = { 0 };
    struct dirs dirs = { .run = "" };
    int status = EXIT_FAILED;

    if (d == NULL) {
        problem_set(&p, LB_E_NOMEM, "out of memory");
        return cli_fail(&p);
    }
    d->cli = cli;
    /* This process only looks; what the configuration does happens in the probe's. */
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
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
        doctor_handle_box(cli->options[OPT_HANDLE], d->box);
    if (d->box[0] == '\0')
        snprintf(d->box, sizeof(d->box), "%s",
                 strcmp(cli->box, "default") != 0 || d->conf.box[0] == '\0' ? cli->box : d->conf.box);
    doctor_conf_lines(&d->conf, d->module_line, d->directory, d->lines);
    if (cli->json) {
        json_start(&d->json, stdout);
        json_open(&d->json, NULL, '{');
        json_open(&d->json, "checks", '[');
    }
    check_conf(d);
    check_module(d);
    check_activated(d);
    check_directory(d);
    check_box(d);
    check_signature(d);
    print_lines(d);
    status = d->failed ? EXIT_FAILED : EXIT_DONE;
out:
    free(d);
    return status;
}
