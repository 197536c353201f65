/* What 'enable' and 'disable' do to the files: shown, tried, asked about and written, in this order. */
#ifndef LB_ACTIVATION_CHANGE_H
#define LB_ACTIVATION_CHANGE_H

#include "activation/look.h"

/* What the files are to become. NULL: not there. */
struct change {
    const struct cli *c;
    struct look *l;
    const char *conf, *drop_in, *before;
};

/* The text of a file; NULL: it is not there. */
const char *change_text(const struct conf_file *f);
/* Is this what the file has already? */
bool change_is_same(const struct conf_file *f, const char *text);
bool change_is_dry(const struct change *ch);

/* Shows the difference, on the way to people: standard output is for data where that is JSON. */
void change_show(const struct change *ch);
/* Says how it is now, where that is JSON: {"WHAT": so, "changed": changed, ...}, with the difference. */
void change_print(const struct change *ch, const char *what, bool so, bool changed);
/* Asks on the terminal, but for --yes. LB_E_DENIED: another word. LB_E_SYSTEM, with the cure: there is no terminal. */
LB_MUST_USE int change_ask(const struct change *ch, const char *question, const char *word, struct problem *p);
/* Does OpenSSL start with these texts? See trial_run(). ours: with the provider. */
LB_MUST_USE int change_try(const struct change *ch, const char *conf, const char *drop_in, bool ours, struct problem *p);
/* Can the files be written, unless nothing is to be? */
LB_MUST_USE int change_is_possible(const struct change *ch, struct problem *p);

#endif
