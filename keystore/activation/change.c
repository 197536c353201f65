/* What 'enable' and 'disable' do to the files: shown, tried, asked about and written, in this order. */
#include "activation/change.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "activation/text_diff.h"
#include "activation/trial.h"
#include "command/prompt.h"
#include "command/table.h"

const char *change_text(const struct conf_file *f)
{
    return f->there ? f->text : NULL;
}

bool change_is_same(const struct conf_file *f, const char *text)
{
    return f->there ? text != NULL && strcmp(f->text, text) == 0 : text == NULL;
}

bool change_is_dry(const struct change *ch)
{
    return ch->c->options[OPT_DRY_RUN] != NULL;
}

static void print_diff(const struct change *ch, FILE *out)
{
    text_diff(out, ch->l->f.drop_in.path, change_text(&ch->l->f.drop_in), ch->drop_in);
    text_diff(out, ch->l->f.conf.path, change_text(&ch->l->f.conf), ch->conf);
}

void change_print(const struct change *ch, const char *what, bool so, bool changed)
{
    char *diff = NULL;
    size_t size;
    FILE *out;
    struct json j;

    if (!ch->c->json)
        return;
    out = open_memstream(&diff, &size);
    if (out != NULL) {
        print_diff(ch, out);
        fclose(out);
    }
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "openssl_cnf", ch->l->f.conf.path);
    json_bool(&j, what, so);
    json_bool(&j, "changed", changed);
    json_bool(&j, "dry_run", change_is_dry(ch));
    json_string(&j, "drop_in", ch->drop_in == NULL ? NULL : ch->l->f.drop_in.path);
    json_string(&j, "diff", diff);
    json_close(&j, '}');
    json_end(&j);
    free(diff);
}

void change_show(const struct change *ch)
{
    print_diff(ch, ch->c->json ? stderr : stdout);
    fflush(stdout);
}

int change_ask(const struct change *ch, const char *question, const char *word, struct problem *p)
{
    int r = ch->c->options[OPT_YES] != NULL ? 0 : ask_word(question, word, p);

    if (r == LB_E_SYSTEM)
        problem_hint(p, "run it on a terminal, where it asks; in scripts, with --yes; to look only, with --dry-run");
    return r;
}

int change_try(const struct change *ch, const char *conf, const char *drop_in, bool ours, struct problem *p)
{
    const struct trial t = { conf == NULL ? "" : conf, ch->l->f.drop_in.path, drop_in, ours };

    return trial_run(&t, p);
}

int change_is_possible(const struct change *ch, struct problem *p)
{
    return change_is_dry(ch) ? 0 : conf_file_writable(&ch->l->f.conf, p);
}
