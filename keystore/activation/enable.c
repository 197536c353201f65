/* littlebox openssl enable: the provider for all programs that read an openssl.cnf. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "activation/change.h"
#include "activation/edit.h"
#include "activation/openssl.h"
#include "client/owner.h"
#include "model/paths.h"

/* Somebody has activated it in openssl.cnf itself: that is theirs. */
static int by_hand(struct change *ch, struct problem *p)
{
    const struct look *l = ch->l;

    if (!look_is_active(&l->bare)) {
        problem_set(p, LB_E_CONFIG, "%s has lines of its own that activate the provider 'littlebox' without 'default', which is not "
                    "there then: nothing is changed", l->f.conf.path);
        problem_hint(p, "the lines to add: littlebox doctor");
        return LB_E_CONFIG;
    }
    if (ch->c->options[OPT_MODULE] != NULL || ch->c->users != NULL || ch->c->dir != NULL) {
        problem_set(p, LB_E_CONFIG, "%s activates the provider by lines of its own: nothing is changed", l->f.conf.path);
        problem_hint(p, "change section [%s] there, or take it out and run this again", l->bare.littlebox_section);
        return LB_E_CONFIG;
    }
    cli_note("%s activates the provider already, by lines of its own: nothing is changed", l->f.conf.path);
    ch->conf = change_text(&l->f.conf);
    ch->drop_in = change_text(&l->f.drop_in);
    change_print(ch, "enabled", /* so= */ true, /* changed= */ false);
    return 0;
}

static int given_settings(const struct cli *c, struct edit_settings *s, struct problem *p)
{
    const char *module = c->options[OPT_MODULE];
    struct owner_list list;
    struct dirs dirs;
    int r;

    if (module != NULL && realpath(module, s->module) == NULL) {
        problem_set(p, LB_E_CONFIG, "no provider module at %s: %s", module, strerror(errno));
        problem_hint(p, "install it there, or say where it is with --module PATH");
        return LB_E_CONFIG;
    }
    if (c->dir != NULL) {
        r = dirs_find(c->dir, DIRS_DEFAULT, &dirs);
        if (r != 0)
            return problem_set(p, LB_E_CONFIG, "--dir '%.100s': %s", c->dir, lb_strerror(r));
        snprintf(s->directory, sizeof(s->directory), "%s", dirs.run);
    }
    if (!conf_path_ok(s->module) || !conf_path_ok(s->directory)) {
        problem_set(p, LB_E_CONFIG, "'%.200s' is a path that no openssl.cnf can name", conf_path_ok(s->module) ? s->directory
                                                                                                       : s->module);
        problem_hint(p, "it may have letters, digits and /._-,:@%%+");
        return LB_E_CONFIG;
    }
    if (c->users == NULL)
        return 0;
    r = owner_list_parse(c->users, LB_OWNERS_OPTION, &list, p);
    if (r == 0 && snprintf(s->users, sizeof(s->users), "%s", c->users) >= (int)sizeof(s->users))
        r = problem_set(p, LB_E_TOO_LONG, LB_OWNERS_OPTION ": too long");
    return r;
}

/* The drop-in as it is to be. What was given before stays, and so does what somebody wrote into it, until something is given. */
static int make_drop_in(const struct change *ch, char **ret, struct problem *p)
{
    const struct cli *c = ch->c;
    struct look *l = ch->l;
    struct edit_settings s = { "", "", "" };
    int r;

    *ret = NULL;
    if (l->f.drop_in.there && !l->drop_in_ours) {
        problem_set(p, LB_E_EXISTS, "'%s' is there, and not by 'littlebox openssl enable'", l->f.drop_in.path);
        problem_hint(p, "give it another name: this one is needed");
        return LB_E_EXISTS;
    }
    if (l->drop_in_ours)
        edit_settings_read(l->f.drop_in.text, &s);
    r = given_settings(c, &s, p);
    if (r != 0)
        return r;
    if (l->included && l->drop_in_ours && look_is_active(&l->now) && c->options[OPT_MODULE] == NULL && c->users == NULL &&
        c->dir == NULL)
        *ret = strdup(l->f.drop_in.text);
    else
        *ret = edit_drop_in(l->f.conf.path, &l->bare, &s, /* alone= */ l->bare_text[0] == '\0');
    return *ret == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;
}

/* The module that the drop-in means must be there: OpenSSL passes over one that is not, and says nothing. */
static int check_module(const struct change *ch, struct problem *p)
{
    struct doctor_conf conf = ch->l->bare;
    struct edit_settings s;
    char module[PATH_MAX];

    edit_settings_read(ch->drop_in, &s);
    if (s.module[0] != '\0')
        snprintf(conf.module, sizeof(conf.module), "%s", s.module);
    doctor_module_path(&conf, /* given= */ NULL, module);
    if (access(module, R_OK) == 0)
        return 0;
    problem_set(p, LB_E_CONFIG, "no provider module at %s: %s; nothing is changed", module, strerror(errno));
    problem_hint(p, "install it there, or say where it is with --module PATH");
    return LB_E_CONFIG;
}

static int try_enabled(const struct change *ch, struct problem *p)
{
    struct problem found = { 0 }, without = { 0 };
    int r = check_module(ch, p);

    if (r != 0)
        return r;
    r = change_try(ch, ch->conf, ch->drop_in, /* ours= */ true, &found);
    if (r == 0)
        return 0;
    problem_set(p, r, "OpenSSL would not start with it, so nothing is changed: %.300s", found.text);
    if (change_try(ch, ch->l->bare_text, /* drop_in= */ NULL, /* ours= */ false, &without) != 0)
        problem_hint(p, "it does not with %s as it is either: mend that first", ch->l->f.conf.path);
    else if (found.hint[0] != '\0')
        problem_hint(p, "%s", found.hint);
    else
        problem_hint(p, "what the lines do: --dry-run; what is wrong with the module: littlebox doctor");
    return r;
}

/* In the order in which an end at any time leaves what works: nothing names the first two files before the third does. */
static int write_enabled(const struct change *ch, struct problem *p)
{
    struct conf_files *f = &ch->l->f;
    bool copied = false, made = false, placed = false;
    int r = ch->l->included ? 0 : conf_file_put(&f->before, &f->conf, ch->before, &copied, p);

    if (r == 0 && !change_is_same(&f->drop_in, ch->drop_in))
        r = conf_file_put(&f->drop_in, &f->drop_in, ch->drop_in, &made, p);
    if (r == 0 && !change_is_same(&f->conf, ch->conf))
        r = conf_file_put(&f->conf, &f->conf, ch->conf, &placed, p);
    if (r == 0 || placed || ch->l->included)
        return r;
    if (made && !f->drop_in.there)
        (void)unlink(f->drop_in.path);
    if (copied && !f->before.there)
        (void)unlink(f->before.path);
    return r;
}

static int enable(struct change *ch, struct problem *p)
{
    struct look *l = ch->l;
    char question[PATH_MAX + 100];
    bool same = change_is_same(&l->f.conf, ch->conf) && change_is_same(&l->f.drop_in, ch->drop_in), dry = change_is_dry(ch);
    int r = try_enabled(ch, p);

    if (r == 0 && !same)
        r = change_is_possible(ch, p);
    if (r != 0)
        return r;
    if (same) {
        cli_note("the provider is enabled in %s already: nothing to do", l->f.conf.path);
        change_print(ch, "enabled", /* so= */ true, /* changed= */ false);
        return 0;
    }
    change_show(ch);
    if (dry) {
        cli_note("OpenSSL starts with it; nothing is changed");
        change_print(ch, "enabled", look_is_active(&l->now), /* changed= */ false);
        return 0;
    }
    snprintf(question, sizeof(question), "all programs that read %s get the provider; type 'yes'", l->f.conf.path);
    r = change_ask(ch, question, "yes", p);
    if (r == 0)
        r = write_enabled(ch, p);
    if (r != 0)
        return r;
    cli_note("the provider is enabled in %s", l->f.conf.path);
    cli_hint("programs read it when they start: restart once the servers that are to use handles");
    change_print(ch, "enabled", /* so= */ true, /* changed= */ true);
    return 0;
}

int openssl_enable(const struct cli *c, struct look *l, struct problem *p)
{
    struct change ch = { .c = c, .l = l, .before = change_text(&l->f.conf) };
    char *conf = NULL, *drop_in = NULL;
    int r;

    if (l->bare.error[0] != '\0') {
        problem_set(p, LB_E_CONFIG, "%s: %s", l->f.conf.path, l->bare.error);
        problem_hint(p, "correct it first: no program gets anything from it");
        return EXIT_FAILED;
    }
    if (l->bare.littlebox_active)
        return by_hand(&ch, p) == 0 ? EXIT_DONE : EXIT_FAILED;
    r = make_drop_in(&ch, &drop_in, p);
    if (r == 0) {
        conf = l->included ? strdup(l->f.conf.text) : edit_put_in(l->f.conf.there ? l->f.conf.text : "", l->f.drop_in.path);
        if (conf == NULL)
            r = problem_set(p, LB_E_NOMEM, "out of memory");
    }
    ch.conf = conf;
    ch.drop_in = drop_in;
    if (r == 0)
        r = enable(&ch, p);
    free(conf);
    free(drop_in);
    return r == 0 ? EXIT_DONE : EXIT_FAILED;
}
