/* Which version of a key is the current one, around a change of another kind that may choose one. */
#include "command/current.h"

#include <stdlib.h>

#include "client/keys.h"
#include "client/life.h"
#include "command/deploy.h"

int current_of(struct client *c, const char *key, uint32_t *ret, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    int r = show == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : ask_show(c->ask, key, show, p);

    *ret = 0;
    if (r == 0)
        r = ask_lives(c->ask, show, p);
    for (unsigned i = 0; r == 0 && i < show->version_count; i++) {
        if (show->versions[i].current)
            *ret = show->versions[i].version;
    }
    free(show);
    return r == LB_E_NO_KEY || r == LB_E_DESTROYED ? 0 : r;
}

int current_follow(struct client *c, const char *key, uint32_t before, uint32_t now, struct problem *p)
{
    struct deploying *deploying = NULL;
    int r;

    if (now == before)
        return 0;
    if (now == 0) {
        cli_note("key '%s' has no current version now", key);
        return 0;
    }
    cli_note("version %u of key '%s' is the current one now", now, key);
    r = deploy_begin(c, &deploying, p);
    if (r == LB_E_TIMEOUT)
        problem_hint(p, "when that command has ended: littlebox --box %s deploy %s", c->cli->box, key);
    if (r == 0)
        r = deploy_key(c, deploying, key, p);
    deploy_end(deploying);
    return r;
}
