/* May these certificates come after those of a key's current version? */
#include "command/successor.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/keys.h"
#include "model/chain.h"

void successor_clear(struct successor *s)
{
    certificates_clear(&s->all);
}

/* Is there no such version, or nothing that the caller may know of it? */
static bool is_absent(int r)
{
    return r == LB_E_NO_KEY || r == LB_E_NO_VERSION || r == LB_E_NOT_ACTIVE || r == LB_E_DESTROYED || r == LB_E_DENIED;
}

/* Where there is no chain there may be what is left of one (store/STORE.md). */
static int check_damaged(struct client *c, const struct key_ref *ref, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    struct key_info key;
    int r = show == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : ask_get(c->ask, ref, &key, p);
    uint32_t version = r == 0 ? key.version : 0;

    if (r == 0)
        r = ask_show(c->ask, ref->name, show, p);
    for (unsigned i = 0; r == 0 && i < show->version_count; i++) {
        if (show->versions[i].version != version || !show->versions[i].chain_damaged)
            continue;
        r = problem_set(p, LB_E_DAMAGED, "the certificates of version %u of key '%s' are damaged", version, ref->name);
        problem_hint(p, "give them to the box again: littlebox --box %s cert set '%s;version=%u' FILE", c->cli->box, ref->name, version);
    }
    free(show);
    return r;
}

int successor_stored(struct client *c, const struct key_ref *ref, struct successor *ret, struct problem *p)
{
    struct bytes chain;
    int r = ask_chain_of(c->ask, ref, &chain, p);

    if (r == 0)
        r = certificates_get(chain, &ret->all, p);
    if (r == 0 && ret->all.count == 0)
        r = check_damaged(c, ref, p);
    return is_absent(r) ? 0 : r;
}

/* When */

static int not_valid(struct successor *s, X509 *x, uint64_t at, struct problem *p)
{
    time_t when = (time_t)at;
    char name[CHAIN_NAME_SIZE];

    chain_name(X509_get_subject_name(x), name);
    s->never = X509_cmp_time(X509_get0_notAfter(x), &when) <= 0;
    if (X509_cmp_time(X509_get0_notBefore(x), &when) > 0)
        problem_set(p, LB_E_VALUE, "%s: the certificate of %s is not valid yet", s->what, name);
    else if (s->never)
        problem_set(p, LB_E_VALUE, "%s: the certificate of %s is not valid any more", s->what, name);
    else
        return 0;
    problem_hint(p, "is the clock right?");
    return LB_E_VALUE;
}

int successor_valid(struct successor *s, uint64_t at, struct problem *p)
{
    int r = 0;

    for (unsigned i = 0; r == 0 && i < s->all.count; i++)
        r = not_valid(s, s->all.at[i], at, p);
    return r;
}

/* Names */

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
static int check_names(X509 *before, struct successor *s, struct problem *p)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(before, NID_subject_alt_name, NULL, NULL);
    char text[300];
    int r = 0;

    for (int i = 0; r == 0 && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);

        if (holds_for(s->all.at[0], name))
            continue;
        name_text(name, text, sizeof(text));
        s->never = true;
        r = problem_set(p, LB_E_VALUE, "%s: the certificate does not have the name '%s', which the current one has", s->what, text);
        problem_hint(p, "ask for a certificate with all names: littlebox csr makes the request");
    }
    GENERAL_NAMES_free(names);
    return r;
}

/* The certificate of the current version is what the new one is compared with; without one there is nothing to lose. */
int successor_names(struct client *c, const char *key, struct successor *s, struct problem *p)
{
    struct successor before = { .all.count = 0 };
    struct key_ref current = { .version = 0 };
    struct problem why = { 0 };
    int r = 0;

    snprintf(current.name, sizeof(current.name), "%s", key);
    if (successor_stored(c, &current, &before, &why) != 0)
        cli_note("nobody knows which names the current certificate has: %s", why.text);
    else if (before.all.count > 0 && s->all.count > 0)
        r = check_names(before.all.at[0], s, p);
    successor_clear(&before);
    return r;
}
