/* littlebox openssl status: which openssl.cnf, by whose lines, and whether OpenSSL starts with it. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "activation/openssl.h"
#include "command/table.h"
#include "doctor/probe.h"

/* Why programs do not get the provider. 0: they do. */
static int find_fault(const struct cli *c, const struct look *l, const char *module, struct problem *p)
{
    const char *given = c->options[OPT_FILE] == NULL ? "" : c->options[OPT_FILE];
    char word[2 * PATH_MAX];
    const char *conf = l->f.conf.path, *drop_in = l->f.drop_in.path;
    int r;

    if (l->now.error[0] != '\0') {
        problem_set(p, LB_E_CONFIG, "OpenSSL reads %s, and: %s", conf, l->now.error);
        problem_hint(p, "correct it; what is wrong with that line says: openssl version -d");
        return LB_E_CONFIG;
    }
    if (!l->now.littlebox_active) {
        if (l->included && !l->f.drop_in.there)
            problem_set(p, LB_E_CONFIG, "%s includes %s, which is not there", conf, drop_in);
        else if (l->included)
            problem_set(p, LB_E_CONFIG, "%s includes %s, and its other lines do not let that count", conf, drop_in);
        else if (l->drop_in_ours)
            problem_set(p, LB_E_CONFIG, "%s is not what 'enable' left: it includes %s no more", conf, drop_in);
        else if (!l->f.conf.there)
            problem_set(p, LB_E_CONFIG, "%s is not there", conf);
        else
            problem_set(p, LB_E_CONFIG, "nothing in %s activates the provider", conf);
        problem_hint(p, "littlebox openssl enable%s%s", given[0] == '\0' ? "" : " --file ", given[0] == '\0' ? "" : cli_quoted(given, word));
        return LB_E_CONFIG;
    }
    if (!look_is_active(&l->now)) {
        problem_set(p, LB_E_CONFIG, "%s activates the provider 'littlebox' without 'default', which is not there then", conf);
        problem_hint(p, "the lines to add: littlebox doctor");
        return LB_E_CONFIG;
    }
    if (access(module, R_OK) < 0) {
        problem_set(p, LB_E_CONFIG, "no provider module at %s: %s", module, strerror(errno));
        problem_hint(p, "install it there, or say where it is: littlebox openssl enable --module FILE");
        return LB_E_CONFIG;
    }
    r = doctor_probe(&l->now, "", /* handle= */ NULL, /* worker= */ NULL, p, /* ret_public= */ NULL);
    if (r != 0 && p->hint[0] == '\0')
        problem_hint(p, "littlebox doctor");
    return r;
}

/* Whose lines activate it; NULL: nobody's. */
static const char *by(const struct look *l)
{
    if (!l->now.littlebox_active)
        return NULL;
    return l->included && !l->bare.littlebox_active ? "drop-in" : "file";
}

static void print_json(const struct look *l, const char *module, const struct problem *p)
{
    struct json j;

    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "openssl_cnf", l->f.conf.path);
    json_bool(&j, "active", look_is_active(&l->now));
    json_bool(&j, "default_active", l->now.default_active);
    json_string(&j, "by", by(l));
    json_string(&j, "drop_in", l->drop_in_ours ? l->f.drop_in.path : NULL);
    json_string(&j, "module", l->now.littlebox_active ? module : NULL);
    json_bool(&j, "works", p->code == 0);
    json_string(&j, "problem", p->code == 0 ? NULL : p->text);
    json_string(&j, "hint", p->hint[0] == '\0' ? NULL : p->hint);
    json_close(&j, '}');
    json_end(&j);
}

int openssl_status(const struct cli *c, struct look *l, struct problem *p)
{
    struct problem fault = { 0 };
    char module[PATH_MAX];
    const char *whose = by(l);
    int r;

    (void)p;
    doctor_module_path(&l->now, /* given= */ NULL, module);
    r = find_fault(c, l, module, &fault);
    if (c->json) {
        print_json(l, module, &fault);
        return r == 0 ? EXIT_DONE : EXIT_FAILED;
    }
    cli_line("openssl.cnf  %s%s", l->f.conf.path, l->f.why);
    if (whose == NULL)
        cli_line("littlebox    not activated");
    else if (strcmp(whose, "drop-in") == 0)
        cli_line("littlebox    activated by %s, which 'littlebox openssl enable' wrote", l->f.drop_in.path);
    else
        cli_line("littlebox    activated by lines of openssl.cnf itself");
    if (whose != NULL) {
        cli_line("default      %s", look_is_active(&l->now) ? "activated" : "not activated");
        cli_line("module       %s", module);
    }
    if (r == 0) {
        cli_line("programs     start with it");
        return EXIT_DONE;
    }
    return cli_fail(&fault);
}
