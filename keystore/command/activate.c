/* littlebox activate: the next version of a key becomes the current one, with its certificates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/keys.h"
#include "client/life.h"
#include "command/certificates.h"
#include "command/client.h"
#include "command/create.h"
#include "command/deploy.h"
#include "command/roll.h"
#include "command/successor.h"
#include "command/table.h"
#include "command/times.h"
#include "guard/secret.h"

struct activation {
    struct activate_request m;
    struct successor chain;    /* of --chain; else what the version has */
    const char *path;          /* of --chain; NULL: it was not given */
    uint8_t *buf;              /* for m.chain */
};

/* What the certificates are good for */

static int check(struct client *c, struct activation *a, struct problem *p)
{
    int r;

    if (c->cli->options[OPT_FORCE] != NULL)
        return 0;
    r = successor_valid(&a->chain, a->m.at != 0 ? a->m.at : (uint64_t)time(NULL), p);
    return r == 0 ? successor_names(c, a->m.key.name, &a->chain, p) : r;
}

/* Which version it is about */

static bool is_for(X509 *x, const struct version_entry *v)
{
    uint8_t hash[EVP_MAX_MD_SIZE], *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
    bool same = len > 0 && EVP_Q_digest(NULL, "SHA256", NULL, der, (size_t)len, hash, NULL) == 1 &&
                memcmp(hash, v->hash, LB_HASH_SIZE) == 0;

    OPENSSL_free(der);
    return same;
}

/* The version that one of the certificates is for: so the same line again is about the same version. */
static int version_of_chain(struct client *c, struct activation *a, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    int r = show == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : ask_show(c->ask, a->m.key.name, show, p);

    for (unsigned i = 0; r == 0 && a->m.key.version == 0 && i < show->version_count; i++) {
        for (unsigned j = 0; j < a->chain.all.count && !key_state_destroyed(show->versions[i].state); j++) {
            if (is_for(a->chain.all.at[j], &show->versions[i]))
                a->m.key.version = show->versions[i].version;
        }
    }
    free(show);
    if (r != 0 || a->m.key.version != 0)
        return r;
    a->chain.never = true;
    problem_set(p, LB_E_PUBLIC_KEY, "'%s': no certificate in it is for a version of key '%s'", a->path, a->m.key.name);
    problem_hint(p, "the request for the next version: littlebox --box %s csr %s --next", c->cli->box, a->m.key.name);
    return LB_E_PUBLIC_KEY;
}

static int read_chain(struct client *c, struct activation *a, struct problem *p)
{
    const char *path = strcmp(a->path, "-") == 0 ? "/dev/stdin" : a->path;
    struct key_info key;
    void *data = NULL;
    size_t len = 0;
    int r = key_read_file(path, "file of certificates", &data, &len, p);

    snprintf(a->chain.what, sizeof(a->chain.what), "'%s'", path);
    if (r == 0)
        r = certificates_parse(path, (struct bytes){ data, len }, &a->chain.all, p);
    secret_free(data, KEYFILE_MAX);
    a->chain.never = r == LB_E_VALUE || r == LB_E_TOO_LONG;
    if (r == 0 && a->m.key.version == 0)
        r = version_of_chain(c, a, p);
    if (r == 0)
        r = ask_get(c->ask, &a->m.key, &key, p);
    if (r != 0)
        return r;
    a->m.key.version = key.version;
    a->m.key.has_hash = EVP_Q_digest(NULL, "SHA256", NULL, key.spki.p, key.spki.len, a->m.key.hash, NULL) == 1;
    r = certificates_sort(path, &key, &a->chain.all, p);
    if (r == 0)
        r = check(c, a, p);
    else
        a->chain.never = true;
    return r != 0 ? r : certificates_put(&a->chain.all, a->buf, &a->m.chain, p);
}

static bool is_there(struct client *c, const struct key_ref *ref)
{
    struct problem ignored;
    struct key_info key;

    return ask_get(c->ask, ref, &key, &ignored) == 0;
}

static bool is_current(struct client *c, const struct key_ref *ref)
{
    struct key_ref bare = *ref;
    struct problem ignored;
    struct key_info key;

    bare.version = 0;
    return ref->version != 0 && ask_get(c->ask, &bare, &key, &ignored) == 0 && key.version == ref->version;
}

/*
 * Without a chain in this line the version may have one already, which may be as wrong as one of a file. If it has none and the current
 * one has, all names would be lost.
 */
static int check_bare(struct client *c, struct activation *a, struct problem *p)
{
    struct successor current = { .all.count = 0 };
    struct key_ref ref = a->m.key, bare = a->m.key;
    struct problem ignored;
    bool has;
    int r;

    if (c->cli->options[OPT_FORCE] != NULL || is_current(c, &ref))
        return 0;
    if (ref.version == 0) {
        ref.version = KEY_VERSION_NEXT;
        snprintf(a->chain.what, sizeof(a->chain.what), "the next version of key '%s'", ref.name);
    } else {
        snprintf(a->chain.what, sizeof(a->chain.what), "version %u of key '%s'", ref.version, ref.name);
    }
    r = successor_stored(c, &ref, &a->chain, p);
    if (r != 0 || a->chain.all.count > 0)
        return r != 0 ? r : check(c, a, p);
    bare.version = 0;
    r = successor_stored(c, &bare, &current, &ignored);
    has = r == LB_E_DAMAGED || (r == 0 && current.all.count > 0);
    r = 0;
    if (has && is_there(c, &ref)) {
        r = problem_set(p, LB_E_VALUE, "that version of key '%s' has no certificate, and the current one has", ref.name);
        problem_hint(p, "with its certificates: littlebox --box %s activate %s --chain FILE", c->cli->box, ref.name);
    }
    successor_clear(&current);
    return r;
}

static int options(const struct cli *cli, struct activation *a, struct problem *p)
{
    static const uint8_t none[2] = { 0, 0 };
    int r = client_key_ref(cli->args[0], &a->m.key, p);

    a->m.drain = LB_DRAIN;
    a->m.chain = (struct bytes){ none, sizeof(none) };
    a->path = cli->options[OPT_CHAIN];
    if (r == 0 && cli->options[OPT_DRAIN] != NULL)
        r = times_duration("--drain", cli->options[OPT_DRAIN], &a->m.drain, p);
    if (r == 0 && cli->options[OPT_AT] != NULL)
        r = times_point("--at", cli->options[OPT_AT], &a->m.at, p);
    if (r == 0 && a->path != NULL && (a->buf = malloc(LB_CHAIN_MAX)) == NULL)
        r = problem_set(p, LB_E_NOMEM, "out of memory");
    return r;
}

/* Everything that can be refused is, before the box is asked. */
static int prepare(struct client *c, struct activation *a, struct deploying **ret, struct problem *p)
{
    int r = a->path != NULL ? read_chain(c, a, p) : check_bare(c, a, p);

    return r == 0 && a->m.at == 0 ? deploy_begin(c, ret, p) : r;
}

int cmd_activate(struct cli *cli)
{
    struct activation *a = calloc(1, sizeof(*a));
    struct problem p = { 0 };
    struct client *c = NULL;
    struct deploying *deploying = NULL;
    struct life_answer done;
    bool changed = false, refused = false;
    int r = a == NULL ? problem_set(&p, LB_E_NOMEM, "out of memory") : options(cli, a, &p);

    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0) {
        r = prepare(c, a, &deploying, &p);
        refused = r != 0 && a->chain.never;
    }
    if (r == 0) {
        r = ask_activate(c->ask, &a->m, &done, &p);
        changed = r == 0;
    }
    if (r == 0)
        r = roll_tell(c, deploying, a->m.key.name, &done, &p);
    deploy_end(deploying);
    client_close(c);
    if (a != NULL) {
        successor_clear(&a->chain);
        free(a->buf);
    }
    free(a);
    if (r == 0)
        return EXIT_DONE;
    if (changed)
        return cli_fail_undone(&p);
    (void)cli_fail(&p);
    return refused ? EXIT_REFUSED : EXIT_FAILED;
}
