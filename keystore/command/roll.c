/* littlebox roll: the next version of a key, and back to the version before. */
#include "command/roll.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/keys.h"
#include "client/life.h"
#include "command/create.h"
#include "command/deploy.h"
#include "command/successor.h"
#include "command/table.h"
#include "command/times.h"
#include "model/key_types.h"
#include "protocol/keys.h"

/* The next version */

struct next {
    struct key_info key;
    char uri[LB_URI_MAX + 1];
    char hash[2 * LB_HASH_SIZE + 1]; /* of the SubjectPublicKeyInfo */
};

static int hash_text(const struct key_info *key, char ret[2 * LB_HASH_SIZE + 1], struct problem *p)
{
    uint8_t hash[LB_HASH_SIZE];

    if (EVP_Q_digest(NULL, "SHA256", NULL, key->spki.p, key->spki.len, hash, NULL) != 1)
        return problem_set(p, LB_E_CRYPTO, "SHA-256 failed");
    for (int i = 0; i < LB_HASH_SIZE; i++)
        snprintf(ret + 2 * i, 3, "%02x", hash[i]);
    return 0;
}

static void print_json(const struct client *c, const struct next *n)
{
    char created[RFC3339_SIZE], tlsa[2 * LB_HASH_SIZE + 8];
    struct json j;

    rfc3339_text(n->key.created, created);
    snprintf(tlsa, sizeof(tlsa), "3 1 1 %s", n->hash);
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "key", n->key.name);
    json_string(&j, "box", c->cli->box);
    json_string(&j, "uri", n->uri);
    json_number(&j, "version", n->key.version);
    json_string(&j, "state", key_state_name(n->key.state));
    json_string(&j, "type", n->key.type);
    json_string(&j, "created", created);
    json_string(&j, "sha256", n->hash);
    json_string(&j, "tlsa", tlsa);
    json_close(&j, '}');
    json_end(&j);
}

/* TLSA: RFC 6698, 2.1: certificate usage 3, selector 1, matching type 1. */
static void print_text(const struct client *c, const struct next *n)
{
    const char *box = c->cli->box;

    cli_line("next         version %u of key '%s' (%s)", n->key.version, n->key.name, n->key.type);
    cli_line("public key   SHA-256 %s", n->hash);
    cli_line("TLSA         3 1 1 %s", n->hash);
    cli_line("request      littlebox --box %s csr %s --next --out %s.csr", box, n->key.name, n->key.name);
    cli_line("then         littlebox --box %s activate %s --chain FILE", box, n->key.name);
}

static int roll(struct cli *cli, struct client *c, struct problem *p)
{
    struct roll_request m = { .name = "" };
    struct next n;
    int r = 0;

    snprintf(m.name, sizeof(m.name), "%s", cli->args[0]);
    if (cli->options[OPT_TYPE] != NULL)
        r = keytype_meant(cli->options[OPT_TYPE], m.type, p);
    if (r == 0)
        r = ask_roll(c->ask, &m, &n.key, p);
    if (r == 0)
        r = hash_text(&n.key, n.hash, p);
    if (r != 0)
        return r;
    client_uri(c, n.key.name, KEY_VERSION_NEXT, n.uri);
    if (cli->json)
        print_json(c, &n);
    else
        print_text(c, &n);
    return 0;
}

/* The current version */

static void tell_json(const struct client *c, const char *key, const struct life_answer *done)
{
    char at[RFC3339_SIZE], until[RFC3339_SIZE];
    struct json j;

    rfc3339_text(done->at, at);
    rfc3339_text(done->until, until);
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "key", key);
    json_string(&j, "box", c->cli->box);
    json_number(&j, "version", done->version);
    json_string(&j, "state", key_state_name(done->state));
    json_bool(&j, "changed", done->changed);
    json_string(&j, "at", at[0] == '\0' ? NULL : at);
    if (done->former != 0)
        json_number(&j, "former", done->former);
    else
        json_null(&j, "former");
    json_string(&j, "until", until[0] == '\0' ? NULL : until);
    json_close(&j, '}');
    json_end(&j);
}

static void tell_former(struct client *c, const char *key, const struct life_answer *done)
{
    char until[RFC3339_SIZE];
    int left = users_left(c, key, done->former);

    rfc3339_text(done->until, until);
    cli_note("version %u signs for those who have it until %s", done->former, until);
    if (left > 0)
        cli_note("%d process%s used version %u and %s there still", left, left == 1 ? "" : "es", done->former,
                 left == 1 ? "is" : "are");
    cli_hint("reload what uses the key; who has which version: littlebox --box %s users %s", c->cli->box, key);
}

static void count_one(const char *file, void *arg)
{
    unsigned *count = arg;

    (void)file;
    (*count)++;
}

/* Nothing that runs commands waits for a time: whoever chose it has to choose who does the rest then. */
static void tell_deployments(struct client *c, const char *key)
{
    unsigned count = 0;

    deploy_each(c, key, /* former= */ NULL, count_one, &count);
    if (count > 0)
        cli_hint("its deployments are not done by themselves then, but by: littlebox --box %s deploy %s", c->cli->box, key);
}

int roll_tell(struct client *c, struct deploying *d, const char *key, const struct life_answer *done, struct problem *p)
{
    char at[RFC3339_SIZE];
    int r = 0;

    if (c->cli->json)
        tell_json(c, key, done);
    rfc3339_text(done->at, at);
    if (done->at != 0)
        cli_note("version %u of key '%s' becomes the current one at %s", done->version, key, at);
    else
        cli_note("version %u of key '%s' is the current one%s", done->version, key, done->changed ? "" : ", as it was");
    if (done->at != 0)
        tell_deployments(c, key);
    else if (d != NULL)
        r = deploy_key(c, d, key, p);
    if (done->former != 0)
        tell_former(c, key, done);
    return r;
}

/*
 * Which version it goes back to (vault/roll.c): of those before the current one that still sign, the one that was current last.
 * 0: nothing is to be looked at, since a planned change is taken back, or the key went back already, or the box refuses.
 */
static uint32_t goes_back_to(const struct key_details *show)
{
    const struct version_entry *v = show->versions, *to = NULL;
    unsigned current = 0;

    while (current < show->version_count && !v[current].current)
        current++;
    for (unsigned i = 0; i < show->version_count; i++) {
        bool signs = v[i].state == STATE_ACTIVE || v[i].state == STATE_SUSPENDED;

        if ((i > current && signs) || (v[i].state == STATE_PRE_ACTIVATION && v[i].life.activate_at != 0))
            return 0;
        if (i < current && v[i].state == STATE_ACTIVE && (to == NULL || v[i].life.activate_at >= to->life.activate_at))
            to = &v[i];
    }
    return current == show->version_count || to == NULL ? 0 : to->version;
}

/* Names are not compared: one goes back because the new ones are wrong. But a certificate that has ended is of no use to anybody. */
static int check_back(struct client *c, const char *name, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    struct successor chain = { .all.count = 0 };
    struct key_ref ref = { .version = 0 };
    int r = show == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : ask_show(c->ask, name, show, p);

    if (r == 0)
        r = ask_lives(c->ask, show, p);
    if (r == 0) {
        snprintf(ref.name, sizeof(ref.name), "%s", show->name);
        ref.version = goes_back_to(show);
        snprintf(chain.what, sizeof(chain.what), "version %u of key '%s'", ref.version, ref.name);
    }
    if (r == 0 && ref.version != 0)
        r = successor_stored(c, &ref, &chain, p);
    if (r == 0)
        r = successor_valid(&chain, (uint64_t)time(NULL), p);
    successor_clear(&chain);
    free(show);
    return r;
}

/* *ret_changed: the box did it, and what failed is a deployment. */
static int back(struct cli *cli, struct client *c, bool *ret_changed, struct problem *p)
{
    struct back_request m = { .drain = LB_DRAIN };
    struct deploying *deploying = NULL;
    struct life_answer done;
    int r = 0;

    snprintf(m.name, sizeof(m.name), "%s", cli->args[0]);
    if (cli->options[OPT_DRAIN] != NULL)
        r = times_duration("--drain", cli->options[OPT_DRAIN], &m.drain, p);
    if (r == 0 && cli->options[OPT_FORCE] == NULL)
        r = check_back(c, m.name, p);
    if (r == 0)
        r = deploy_begin(c, &deploying, p);
    if (r == 0)
        r = ask_back(c->ask, &m, &done, p);
    *ret_changed = r == 0;
    if (r == 0)
        r = roll_tell(c, deploying, m.name, &done, p);
    if (*ret_changed && !done.changed)
        cli_hint("to make another version the current one: littlebox --box %s activate '%s;version=N'", cli->box, m.name);
    deploy_end(deploying);
    return r;
}

int cmd_roll(struct cli *cli)
{
    bool goes_back = cli->options[OPT_BACK] != NULL, changed = false;
    struct problem p = { 0 };
    struct client *c = NULL;
    int r;

    if (goes_back && cli->options[OPT_TYPE] != NULL)
        return cli_usage_error(cli, "--back makes no key: --type does not go with it");
    if (!goes_back && cli->options[OPT_DRAIN] != NULL)
        return cli_usage_error(cli, "'roll' makes the next version, and nothing drains yet: --drain goes with --back, or with 'activate'");
    if (!goes_back && cli->options[OPT_FORCE] != NULL)
        return cli_usage_error(cli, "--force goes with --back");
    r = key_name_check(cli->args[0], &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = goes_back ? back(cli, c, &changed, &p) : roll(cli, c, &p);
    client_close(c);
    if (r == 0)
        return EXIT_DONE;
    return changed ? cli_fail_undone(&p) : cli_fail(&p);
}
