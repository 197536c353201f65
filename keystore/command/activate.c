/* littlebox activate: the next version of a key becomes the current one, with its certificates. */
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/keys.h"
#include "client/life.h"
#include "command/certificates.h"
#include "command/client.h"
#include "command/create.h"
#include "command/roll.h"
#include "command/table.h"
#include "command/times.h"
#include "guard/secret.h"
#include "model/chain.h"

struct activation {
    struct activate_request m;
    struct certificates all;   /* of --chain */
    const char *path;          /* of that; NULL: it was not given */
    uint8_t *buf;              /* for m.chain */
};

/* What a certificate is good for */

static int not_valid(X509 *x, uint64_t at, const char *path, struct problem *p)
{
    time_t when = (time_t)at;
    char name[CHAIN_NAME_SIZE];

    chain_name(X509_get_subject_name(x), name);
    if (X509_cmp_time(X509_get0_notBefore(x), &when) > 0)
        problem_set(p, LB_E_VALUE, "'%s': the certificate of %s is not valid yet", path, name);
    else if (X509_cmp_time(X509_get0_notAfter(x), &when) <= 0)
        problem_set(p, LB_E_VALUE, "'%s': the certificate of %s is not valid any more", path, name);
    else
        return 0;
    problem_hint(p, "is the clock right?");
    return LB_E_VALUE;
}

/* Does the certificate hold for what this name of the former one is? A pattern is asked for as it is. */
static bool holds_for(X509 *x, const GENERAL_NAME *name)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
    bool holds = false;

    for (int i = 0; !holds && i < sk_GENERAL_NAME_num(names); i++)
        holds = GENERAL_NAME_cmp(sk_GENERAL_NAME_value(names, i), (GENERAL_NAME *)name) == 0;
    if (!holds && name->type == GEN_DNS)
        holds = X509_check_host(x, (const char *)ASN1_STRING_get0_data(name->d.dNSName),
                                (size_t)ASN1_STRING_length(name->d.dNSName), 0, NULL) == 1;
    GENERAL_NAMES_free(names);
    return holds;
}

static void name_text(const GENERAL_NAME *name, char *ret, size_t size)
{
    BIO *bio = BIO_new(BIO_s_mem());
    int n = bio == NULL || GENERAL_NAME_print(bio, (GENERAL_NAME *)name) <= 0 ? 0 : BIO_read(bio, ret, (int)size - 1);

    ret[n > 0 ? n : 0] = '\0';
    BIO_free(bio);
}

/* A name that clients ask for and that the new certificate does not have: they would be refused from then on. */
static int check_names(X509 *before, X509 *x, const char *path, struct problem *p)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(before, NID_subject_alt_name, NULL, NULL);
    char text[300];
    int r = 0;

    for (int i = 0; r == 0 && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (holds_for(x, name))
            continue;
        name_text(name, text, sizeof(text));
        r = problem_set(p, LB_E_VALUE, "'%s': the certificate does not have the name '%s', which the current one has", path, text);
        problem_hint(p, "ask for a certificate with all names: littlebox csr makes the request");
    }
    GENERAL_NAMES_free(names);
    return r;
}

/* The certificate of the current version is what the new one is compared with; without one there is nothing to lose. */
static int compare(struct client *c, const struct activation *a, struct problem *p)
{
    struct key_ref current = { .version = 0 };
    struct certificates before = { .count = 0 };
    struct problem ignored;
    struct bytes chain;
    int r = 0;

    memcpy(current.name, a->m.key.name, sizeof(current.name));
    if (ask_chain_of(c->ask, &current, &chain, &ignored) == 0 && certificates_get(chain, &before, &ignored) == 0 &&
        before.count > 0)
        r = check_names(before.at[0], a->all.at[0], a->path, p);
    certificates_clear(&before);
    return r;
}

static int check_chain(struct client *c, const struct activation *a, struct problem *p)
{
    uint64_t at = a->m.at != 0 ? a->m.at : (uint64_t)time(NULL);
    int r = 0;

    if (c->cli->options[OPT_FORCE] != NULL)
        return 0;
    for (unsigned i = 0; r == 0 && i < a->all.count; i++)
        r = not_valid(a->all.at[i], at, a->path, p);
    return r == 0 ? compare(c, a, p) : r;
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
        for (unsigned j = 0; j < a->all.count && !key_state_destroyed(show->versions[i].state); j++) {
            if (is_for(a->all.at[j], &show->versions[i]))
                a->m.key.version = show->versions[i].version;
        }
    }
    free(show);
    if (r != 0 || a->m.key.version != 0)
        return r;
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

    if (r == 0)
        r = certificates_parse(path, (struct bytes){ data, len }, &a->all, p);
    secret_free(data, KEYFILE_MAX);
    if (r == 0 && a->m.key.version == 0)
        r = version_of_chain(c, a, p);
    if (r == 0)
        r = ask_get(c->ask, &a->m.key, &key, p);
    if (r != 0)
        return r;
    a->m.key.version = key.version;
    a->m.key.has_hash = EVP_Q_digest(NULL, "SHA256", NULL, key.spki.p, key.spki.len, a->m.key.hash, NULL) == 1;
    r = certificates_sort(path, &key, &a->all, p);
    if (r == 0)
        r = check_chain(c, a, p);
    return r != 0 ? r : certificates_put(&a->all, a->buf, &a->m.chain, p);
}

static bool has_chain(struct client *c, const struct key_ref *ref, bool *ret_known)
{
    struct problem ignored;
    struct wire_reader r;
    struct bytes chain;
    unsigned count = 0;

    *ret_known = ask_chain_of(c->ask, ref, &chain, &ignored) == 0 && chain_read(chain, &count, &r) == 0;
    return *ret_known && count > 0;
}

/* Without a chain in this line the version may have one already. If it has none and the current one has, all names would be lost. */
static int check_bare(struct client *c, const struct activation *a, struct problem *p)
{
    struct key_ref ref = a->m.key, current = { .version = 0 };
    bool known;

    if (c->cli->options[OPT_FORCE] != NULL)
        return 0;
    if (ref.version == 0)
        ref.version = KEY_VERSION_NEXT;
    memcpy(current.name, ref.name, sizeof(current.name));
    /* What cannot be known, the box says why. */
    if (has_chain(c, &ref, &known) || !known || !has_chain(c, &current, &known))
        return 0;
    problem_set(p, LB_E_VALUE, "that version of key '%s' has no certificate, and the current one has", ref.name);
    problem_hint(p, "with its certificates: littlebox --box %s activate %s --chain FILE", c->cli->box, ref.name);
    return LB_E_VALUE;
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

int cmd_activate(struct cli *cli)
{
    struct activation *a = calloc(1, sizeof(*a));
    struct problem p = { 0 };
    struct client *c = NULL;
    struct life_answer done;
    int r = a == NULL ? problem_set(&p, LB_E_NOMEM, "out of memory") : options(cli, a, &p);

    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = a->path != NULL ? read_chain(c, a, &p) : check_bare(c, a, &p);
    if (r == 0)
        r = ask_activate(c->ask, &a->m, &done, &p);
    if (r == 0)
        r = roll_tell(c, a->m.key.name, &done, &p);
    client_close(c);
    if (a != NULL) {
        certificates_clear(&a->all);
        free(a->buf);
    }
    free(a);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
