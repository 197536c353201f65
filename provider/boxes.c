/* The boxes of a provider: found as its settings say. */
#include "boxes.h"

#include "client/boxes.h"
#include "provctx.h"
#include "wait.h"

static const struct box_words words = {
    .owners = LB_OWNERS_SETTING,
    .timeout = "littlebox-timeout in openssl.cnf",
    .directory = "littlebox-directory",
};

/* Those in force; or what is wrong with them. */
static int get_config(const struct provctx *prov, struct box_config *ret, struct problem *p)
{
    const struct settings *s = settings_in_force(&prov->settings);

    if (s->bad.code != 0)
        *p = s->bad;
    *ret = (struct box_config){
        .directory = s->directory,
        .box = s->box,
        .timeout_ms = s->timeout_ms,
        .users = &s->users,
        .waiter = &wait_jobs,
        .words = &words,
    };
    return s->bad.code;
}

int provider_box(struct provctx *prov, const char *name, struct box **ret, struct problem *p)
{
    struct box_config config;
    int r = get_config(prov, &config, p);

    return r != 0 ? r : boxes_find(&prov->boxes, &config, name, ret, p);
}

int provider_visit(struct provctx *prov, const char *name, struct box **ret, struct problem *p)
{
    struct box_config config;
    int r = get_config(prov, &config, p);

    return r != 0 ? r : boxes_visit(&prov->boxes, &config, name, ret, p);
}

int provider_box_names(struct provctx *prov, char (**ret)[LB_NAME_MAX + 1], size_t *ret_count, struct problem *p)
{
    struct box_config config;
    int r = get_config(prov, &config, p);

    return r != 0 ? r : boxes_names(&prov->boxes, &config, ret, ret_count, p);
}
