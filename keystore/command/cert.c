/* littlebox cert: the certificates that go with a key. */
#include "command/cert.h"

#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "client/change.h"
#include "client/keys.h"
#include "command/certificates.h"
#include "command/create.h"
#include "guard/secret.h"
#include "model/chain.h"

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

static void time_of(const ASN1_TIME *t, char ret[RFC3339_SIZE])
{
    struct tm tm;

    ret[0] = '\0';
    if (ASN1_TIME_to_tm(t, &tm) == 1 && strftime(ret, RFC3339_SIZE, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        ret[0] = '\0';
}

static void json_certificate(struct json *j, X509 *x, const char *pem)
{
    char text[CHAIN_NAME_SIZE], when[RFC3339_SIZE], hash[2 * LB_HASH_SIZE + 1];
    uint8_t digest[EVP_MAX_MD_SIZE] = { 0 };
    BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
    char *hex = serial == NULL ? NULL : BN_bn2hex(serial);

    json_open(j, NULL, '{');
    chain_name(X509_get_subject_name(x), text);
    json_string(j, "subject", text);
    chain_name(X509_get_issuer_name(x), text);
    json_string(j, "issuer", text);
    json_string(j, "serial", hex);
    time_of(X509_get0_notBefore(x), when);
    json_string(j, "not_before", when);
    time_of(X509_get0_notAfter(x), when);
    json_string(j, "not_after", when);
    if (X509_digest(x, EVP_sha256(), digest, NULL) > 0) {
        for (int i = 0; i < LB_HASH_SIZE; i++)
            snprintf(hash + 2 * i, 3, "%02x", digest[i]);
        json_string(j, "sha256", hash);
    }
    json_string(j, "certificate", pem);
    json_close(j, '}');
    OPENSSL_free(hex);
    BN_free(serial);
}

/* The certificate as a string, to be freed with free(). */
static char *pem_of(X509 *x)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL, *pem = NULL;
    long len;

    if (bio != NULL && PEM_write_bio_X509(bio, x) && (len = BIO_get_mem_data(bio, &data)) > 0)
        pem = strndup(data, (size_t)len);
    BIO_free(bio);
    return pem;
}

static int print_chain(struct client *c, const struct key_info *key, const struct certificates *all, const char *path,
                       struct problem *p)
{
    struct json j;

    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "key", key->name);
    json_string(&j, "box", c->cli->box);
    json_number(&j, "version", key->version);
    json_string(&j, "file", path);
    json_open(&j, "certificates", '[');
    for (unsigned i = 0; i < all->count; i++) {
        char *pem = pem_of(all->at[i]);

        if (pem == NULL)
            return out_of_memory(p);
        json_certificate(&j, all->at[i], pem);
        free(pem);
    }
    json_close(&j, ']');
    json_close(&j, '}');
    json_end(&j);
    return 0;
}

static const struct column overview_columns[] = {
    { "VERSION", "version", CELL_NUMBER },     { "CERTIFICATE", "subject", CELL_STRING },
    { "ISSUER", "issuer", CELL_STRING },       { "UNTIL", "not_after", CELL_STRING },
    { "CHAIN", "certificates", CELL_NUMBER },  { "DAMAGED", "damaged", CELL_BOOL },
};
#define OVERVIEW_COLUMNS (sizeof(overview_columns) / sizeof(overview_columns[0]))

static int add_version(struct client *c, const char *name, const struct version_entry *v, struct table *t,
                       struct problem *p)
{
    struct key_ref ref = { .version = v->version };
    char number[12], count[12], subject[CHAIN_NAME_SIZE] = "", issuer[CHAIN_NAME_SIZE] = "", until[RFC3339_SIZE] = "";
    const char *cells[OVERVIEW_COLUMNS] = { number, subject, issuer, until, count, v->chain_damaged ? "yes" : "no" };
    struct certificates all = { .count = 0 };
    struct bytes chain;
    int r = 0;

    snprintf(ref.name, sizeof(ref.name), "%s", name);
    snprintf(number, sizeof(number), "%u", v->version);
    snprintf(count, sizeof(count), "%u", v->certificates);
    if (v->certificates > 0) {
        r = ask_chain_of(c->ask, &ref, &chain, p);
        if (r == 0)
            r = certificates_get(chain, &all, p);
    }
    if (r == 0 && all.count > 0) {
        chain_name(X509_get_subject_name(all.at[0]), subject);
        chain_name(X509_get_issuer_name(all.at[0]), issuer);
        time_of(X509_get0_notAfter(all.at[0]), until);
    }
    certificates_clear(&all);
    if (r == 0 && table_add(t, cells) != 0)
        r = out_of_memory(p);
    return r;
}

int cert_overview(struct client *c, const struct key_details *show, uint32_t only, struct table **ret, struct problem *p)
{
    struct table *t = table_new(overview_columns, OVERVIEW_COLUMNS);
    int r = t == NULL ? out_of_memory(p) : 0;

    for (unsigned i = 0; r == 0 && i < show->version_count; i++) {
        const struct version_entry *v = &show->versions[i];

        /* Nothing is told of a damaged version. */
        if ((only == 0 || v->version == only) && (v->certificates > 0 || v->chain_damaged) && !v->damaged)
            r = add_version(c, show->name, v, t, p);
    }
    *ret = t;
    return r;
}

int cert_until(struct client *c, const struct key_ref *ref, char ret[RFC3339_SIZE], struct problem *p)
{
    struct certificates all = { .count = 0 };
    struct bytes chain;
    int r = ask_chain_of(c->ask, ref, &chain, p);

    if (r == 0)
        r = certificates_get(chain, &all, p);
    if (r == 0 && all.count == 0)
        r = LB_E_VALUE;
    if (r == 0)
        time_of(X509_get0_notAfter(all.at[0]), ret);
    certificates_clear(&all);
    return r;
}

/* set, get, remove */

static int cert_set(struct client *c, const struct key_ref *ref, const char *file, struct problem *p)
{
    const char *path = strcmp(file, "-") == 0 ? "/dev/stdin" : file;
    struct certificates all = { .count = 0 };
    struct chain_request m = { .name = "" };
    uint8_t *buf = malloc(LB_CHAIN_MAX);
    struct key_info key;
    void *data = NULL;
    size_t len = 0;
    int r = buf == NULL ? out_of_memory(p) : key_read_file(path, "file of certificates", &data, &len, p);

    if (r == 0)
        r = certificates_parse(path, (struct bytes){ data, len }, &all, p);
    secret_free(data, KEYFILE_MAX);
    if (r == 0)
        r = ask_get(c->ask, ref, &key, p);
    if (r == 0)
        r = certificates_sort(path, &key, &all, p);
    if (r == 0)
        r = certificates_put(&all, buf, &m.chain, p);
    if (r == 0) {
        memcpy(m.name, ref->name, sizeof(m.name));
        /* That one: the active one may be another by now. */
        m.version = key.version;
        r = ask_set_chain(c->ask, &m, p);
    }
    if (r == 0 && c->cli->json)
        r = print_chain(c, &key, &all, /* path= */ NULL, p);
    certificates_clear(&all);
    free(buf);
    return r;
}

int cert_none(const struct client *c, const struct key_info *key, struct problem *p)
{
    problem_set(p, LB_E_VALUE, "version %u of key '%s' in box '%s' has no certificate", key->version, key->name,
                c->cli->box);
    problem_hint(p, "set one: littlebox --box %s cert set %s FILE", c->cli->box, key->name);
    return LB_E_VALUE;
}

static int write_pem(struct client *c, const struct certificates *all, const char *path, struct problem *p)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *data = NULL;
    long len = 0;
    int r = bio == NULL ? out_of_memory(p) : certificates_write(all, bio, p);

    if (r == 0)
        len = BIO_get_mem_data(bio, &data);
    if (r == 0 && path != NULL)
        r = c->cli->options[OPT_FORCE] == NULL ? 0 : key_keep_file(path, p);
    if (r == 0 && path != NULL)
        r = newfile_public(path, c->cli->options[OPT_FORCE] != NULL, data, (size_t)len, p);
    else if (r == 0 && !c->cli->json)
        fwrite(data, 1, (size_t)len, stdout);
    BIO_free(bio);
    return r;
}

static int cert_get(struct client *c, const struct key_ref *ref, const char *file, struct problem *p)
{
    const char *path = c->cli->options[OPT_OUT];
    struct certificates all = { .count = 0 };
    struct key_ref exact = *ref;
    struct key_info key;
    struct bytes chain;
    int r = ask_get(c->ask, ref, &key, p);

    (void)file;
    if (r == 0) {
        exact.version = key.version;
        r = ask_chain_of(c->ask, &exact, &chain, p);
    }
    if (r == 0)
        r = certificates_get(chain, &all, p);
    if (r == 0 && all.count == 0)
        r = cert_none(c, &key, p);
    if (r == 0)
        r = write_pem(c, &all, path, p);
    if (r == 0 && c->cli->json)
        r = print_chain(c, &key, &all, path, p);
    certificates_clear(&all);
    return r;
}

static int cert_remove(struct client *c, const struct key_ref *ref, const char *file, struct problem *p)
{
    static const uint8_t none[2] = { 0, 0 };
    struct chain_request m = { .version = ref->version, .chain = { none, sizeof(none) } };
    struct json j;
    int r;

    (void)file;
    memcpy(m.name, ref->name, sizeof(m.name));
    r = ask_set_chain(c->ask, &m, p);
    if (r == 0 && c->cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '{');
        json_string(&j, "removed", ref->name);
        if (ref->version == 0)
            json_null(&j, "version");
        else
            json_number(&j, "version", ref->version);
        json_close(&j, '}');
        json_end(&j);
    }
    return r;
}

int cmd_cert(struct cli *cli)
{
    static const struct {
        const char *name;
        size_t args;
        bool writes;
        int (*run)(struct client *c, const struct key_ref *ref, const char *file, struct problem *p);
    } verbs[] = { { "set", 3, false, cert_set }, { "get", 2, true, cert_get }, { "remove", 2, false, cert_remove } };
    struct problem p = { 0 };
    struct client *c = NULL;
    struct key_ref ref;
    size_t i = 0;
    int r;

    while (i < 3 && strcmp(verbs[i].name, cli->args[0]) != 0)
        i++;
    if (i == 3)
        return cli_usage_error(cli, "unknown 'cert %s': there are set, get and remove", cli->args[0]);
    if (cli->arg_count == 3 && verbs[i].writes) {
        char cure[300];

        snprintf(cure, sizeof(cure), "littlebox cert %s %s --out %s", verbs[i].name, cli->args[1], cli->args[2]);
        return cli_usage_hint(cure, "'cert %s' needs a key alone", verbs[i].name);
    }
    if (cli->arg_count != verbs[i].args)
        return cli_usage_error(cli, verbs[i].args == 3 ? "'cert %s' needs a key and a file" : "'cert %s' needs a key alone",
                               verbs[i].name);
    if (!verbs[i].writes && (cli->options[OPT_OUT] != NULL || cli->options[OPT_FORCE] != NULL))
        return cli_usage_error(cli, "'cert %s' writes no file: --out and --force go with get", verbs[i].name);
    if (cli->options[OPT_FORCE] != NULL && cli->options[OPT_OUT] == NULL)
        return cli_usage_error(cli, "--force needs --out FILE");
    r = client_key_ref(cli->args[1], &ref, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = verbs[i].run(c, &ref, cli->args[2], &p);
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
