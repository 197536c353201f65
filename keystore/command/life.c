/* littlebox suspend, resume, deactivate, compromise: the life of a version. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/keys.h"
#include "client/life.h"
#include "command/client.h"
#include "command/current.h"
#include "command/table.h"

static int reason_of(const struct cli *cli, uint8_t *ret, struct problem *p)
{
    const char *word = cli->options[OPT_REASON];
    unsigned reason = word == NULL ? REASON_NONE : life_reason_by_name(word);
    char all[200] = "";

    *ret = (uint8_t)reason;
    if (word == NULL || reason != REASON_NONE)
        return 0;
    for (unsigned i = 1; i <= REASON_LAST; i++)
        snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i == 1 ? "" : ", ", life_reason_name(i));
    problem_set(p, LB_E_VALUE, "'%.60s' is no reason", word);
    problem_hint(p, "reasons are %s", all);
    return LB_E_VALUE;
}

/* current: which version is the current one now; 0: none. */
static void tell(const struct client *c, const char *key, const struct life_answer *done, uint32_t current)
{
    struct json j;

    if (c->cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '{');
        json_string(&j, "key", key);
        json_string(&j, "box", c->cli->box);
        json_number(&j, "version", done->version);
        json_string(&j, "state", key_state_name(done->state));
        json_bool(&j, "changed", done->changed);
        if (current != 0)
            json_number(&j, "current", current);
        else
            json_null(&j, "current");
        json_close(&j, '}');
        json_end(&j);
    }
    cli_note("version %u of key '%s' is %s%s", done->version, key, key_state_name(done->state), done->changed ? "" : ", as it was");
    if (done->state == STATE_SUSPENDED)
        cli_hint("it does nothing until: littlebox --box %s resume '%s;version=%u'", c->cli->box, key, done->version);
}

/*
 * What cannot be taken back wants its version named, where there is a choice: the same line a second time would be about another
 * version, since the current one is another then.
 */
static int pin(struct client *c, struct key_ref *ref, enum life_event event, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    struct key_info key;
    unsigned there = 0;
    int r = show == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : ask_show(c->ask, ref->name, show, p);

    for (unsigned i = 0; r == 0 && i < show->version_count; i++)
        there += !key_state_ending(show->versions[i].state);
    free(show);
    if (r == 0 && there > 1 && (event == EVENT_DEACTIVATE || event == EVENT_COMPROMISE)) {
        problem_set(p, LB_E_VALUE, "key '%s' in box '%s' has several versions: to %s one, name it", ref->name, c->cli->box,
                    life_event_name(event));
        problem_hint(p, "its versions: littlebox --box %s show %s", c->cli->box, ref->name);
        return LB_E_VALUE;
    }
    if (r == 0)
        r = ask_get(c->ask, ref, &key, p);
    if (r == 0)
        ref->version = key.version;
    return r;
}

static int change(struct cli *cli, enum life_event event)
{
    struct state_request m = { .event = (uint8_t)event };
    struct life_answer done;
    struct problem p = { 0 };
    struct client *c = NULL;
    uint32_t before = 0, now = 0;
    bool changed = false;
    int r = client_key_ref(cli->args[0], &m.key, &p);

    if (r == 0)
        r = reason_of(cli, &m.reason, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0 && m.key.version == 0)
        r = pin(c, &m.key, event, &p);
    if (r == 0)
        r = current_of(c, m.key.name, &before, &p);
    if (r == 0) {
        r = ask_state(c->ask, &m, &done, &p);
        changed = r == 0;
    }
    if (r == 0)
        r = current_of(c, m.key.name, &now, &p);
    if (changed)
        tell(c, m.key.name, &done, now);
    if (r == 0)
        r = current_follow(c, m.key.name, before, now, &p);
    client_close(c);
    if (r == 0)
        return EXIT_DONE;
    return changed ? cli_fail_undone(&p) : cli_fail(&p);
}

int cmd_suspend(struct cli *cli)
{
    return change(cli, EVENT_SUSPEND);
}

int cmd_resume(struct cli *cli)
{
    return change(cli, EVENT_RESUME);
}

int cmd_deactivate(struct cli *cli)
{
    return change(cli, EVENT_DEACTIVATE);
}

int cmd_compromise(struct cli *cli)
{
    return change(cli, EVENT_COMPROMISE);
}
