/* littlebox openssl disable: what 'enable' did is taken out again, and nothing else. */
#include <stdio.h>

#include "activation/change.h"
#include "activation/openssl.h"
#include "command/known_handles.h"

static void tell_handle(const struct named_key *k, void *arg)
{
    unsigned *count = arg;

    if (k->sight != KEYFILE_HANDLE)
        return;
    cli_note("%s uses a handle: %s", k->server->name, k->path != NULL ? k->path : k->uri);
    (*count)++;
}

/* How many handles servers' configurations name. */
static unsigned tell_handles(void)
{
    unsigned count = 0;

    for (const struct server_program *s = servers; s->name != NULL; s++) {
        if (servers_each_key(s, /* main= */ NULL, tell_handle, /* trouble= */ NULL, &count) != 0)
            cli_note("not every key file of %s could be looked at: only root sees all", s->name);
    }
    return count;
}

/* Refuses to take away what the rest of openssl.cnf relies on, as on 'default' beside a provider that was added since. */
static int try_disabled(const struct change *ch, struct problem *p)
{
    struct problem found = { 0 }, with = { 0 };
    int r = change_try(ch, ch->conf, /* drop_in= */ NULL, /* ours= */ false, &found);

    if (r == 0)
        return 0;
    if (change_try(ch, change_text(&ch->l->f.conf), change_text(&ch->l->f.drop_in), /* ours= */ false, &with) != 0) {
        cli_note("OpenSSL does not start with %s, neither with these lines nor without: %s", ch->l->f.conf.path, found.text);
        return 0;
    }
    problem_set(p, r, "OpenSSL would not start without these lines, so nothing is changed: %.300s", found.text);
    problem_hint(p, "first make %.120s do without them: it has to activate 'default' itself if it activates other providers",
                 ch->l->f.conf.path);
    return r;
}

/* openssl.cnf first: what it names is there as long as it names it. */
static int write_disabled(const struct change *ch, struct problem *p)
{
    struct conf_files *f = &ch->l->f;
    bool placed;
    int r = change_is_same(&f->conf, ch->conf) ? 0 : conf_file_put(&f->conf, &f->conf, ch->conf, &placed, p);

    if (r == 0 && !change_is_same(&f->drop_in, ch->drop_in))
        r = conf_file_put(&f->drop_in, &f->drop_in, ch->drop_in, &placed, p);
    if (r == 0)
        r = conf_file_put(&f->before, &f->before, /* text= */ NULL, &placed, p);
    return r;
}

static int disable(struct change *ch, struct problem *p)
{
    struct look *l = ch->l;
    char question[PATH_MAX + 100];
    unsigned handles;
    int r = try_disabled(ch, p);

    if (r == 0)
        r = change_is_possible(ch, p);
    if (r != 0)
        return r;
    change_show(ch);
    handles = tell_handles();
    if (change_is_dry(ch)) {
        cli_note("nothing is changed");
        change_print(ch, "disabled", /* so= */ false, /* changed= */ false);
        return 0;
    }
    snprintf(question, sizeof(question), "programs that read %s get the provider no more; type 'yes'", l->f.conf.path);
    r = change_ask(ch, question, "yes", p);
    if (r == 0 && handles > 0)
        r = change_ask(ch, "these servers cannot read their handles after their next start; type 'disable'", "disable", p);
    if (r == 0)
        r = write_disabled(ch, p);
    if (r != 0)
        return r;
    cli_note("the provider is disabled in %s", l->f.conf.path);
    if (l->bare.littlebox_active)
        cli_note("lines of %s itself activate it still", l->f.conf.path);
    change_print(ch, "disabled", /* so= */ true, /* changed= */ true);
    return 0;
}

int openssl_disable(const struct cli *c, struct look *l, struct problem *p)
{
    struct change ch = { .c = c, .l = l, .conf = l->bare_text };

    /* What a killed 'enable' left is taken away too, a copy alone among it. */
    if (!l->included && !l->drop_in_ours && !l->f.before.there) {
        ch.conf = change_text(&l->f.conf);
        ch.drop_in = change_text(&l->f.drop_in);
        if (!l->bare.littlebox_active) {
            cli_note("the provider is not enabled in %s: nothing to do", l->f.conf.path);
            change_print(&ch, "disabled", /* so= */ true, /* changed= */ false);
            return EXIT_DONE;
        }
        problem_set(p, LB_E_CONFIG, "%s activates the provider by lines of its own, which nobody but their writer takes out",
                    l->f.conf.path);
        problem_hint(p, "take section [%s] and its name in [%s] out by hand", l->bare.littlebox_section, l->bare.providers);
        return EXIT_FAILED;
    }
    /* Where there was no openssl.cnf before, there is none again. */
    if (!l->f.conf.there || (l->included && l->bare_text[0] == '\0' && !l->f.before.there))
        ch.conf = NULL;
    /* Another's file stays, though nothing includes it any more. */
    if (!l->drop_in_ours)
        ch.drop_in = change_text(&l->f.drop_in);
    return disable(&ch, p) == 0 ? EXIT_DONE : EXIT_FAILED;
}
