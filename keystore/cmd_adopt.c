/* littlebox adopt: moves a key from its file into the box and leaves the handle in its place. */
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "adopt_file.h"
#include "cmd_key.h"
#include "handle.h"
#include "proof.h"
#include "secret.h"
#include "servers.h"
#include "table.h"

/* The content of the new file in the form of the old one: *ret belongs to the BIO. */
static int make_handle(const struct client *c, const struct msg_key *key, enum keyfile_form form, BIO *bio,
                       struct bytes *ret, struct problem *p)
{
    struct handle h = { .type = handle_type_of(key->spki.p, key->spki.len),
                        .spki = (uint8_t *)key->spki.p,
                        .spki_len = key->spki.len };
    uint8_t *der = NULL;
    char *data;
    size_t len;
    long n;
    int r;

    client_uri(c, key->name, 0, h.uri);
    if (form == KEYFILE_PEM) {
        r = handle_to_pem(&h, bio);
    } else {
        r = handle_to_der(&h, &der, &len);
        if (r == 0 && BIO_write(bio, der, (int)len) != (int)len)
            r = LB_E_NOMEM;
        OPENSSL_free(der);
    }
    n = r == 0 ? BIO_get_mem_data(bio, &data) : 0;
    if (r == 0 && n <= 0)
        r = LB_E_NOMEM;
    if (r != 0)
        return problem_set(p, r, "cannot make the handle: %s", lb_strerror(r));
    *ret = (struct bytes){ (const uint8_t *)data, (size_t)n };
    return 0;
}

/* The key in the box is the key in the file, and the box can use it. */
static int prove(struct client *c, const struct msg_key *key, EVP_PKEY *expected, struct problem *p)
{
    const uint8_t *der = key->spki.p;
    EVP_PKEY *public = d2i_PUBKEY(NULL, &der, (long)key->spki.len);
    int r = 0;

    if (public == NULL || EVP_PKEY_eq(public, expected) != 1)
        r = problem_set(p, LB_E_PUBLIC_KEY, "the box has another public key than the file");
    EVP_PKEY_free(public);
    return r != 0 ? r : proof_make(c, key->name, key->version, expected, p);
}

/* Everything after the import. *ret_placed: the file was replaced, so the box has the only key. */
static int move_key(struct client *c, struct adopt_file *f, const struct keyfile *file, const struct msg_key *key,
                    bool *ret_placed, struct problem *p)
{
    BIO *bio = BIO_new(BIO_s_mem());
    struct bytes handle = { NULL, 0 };
    int r = bio == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : 0;

    *ret_placed = false;
    if (r == 0)
        r = make_handle(c, key, file->form, bio, &handle, p);
    /* The proof overwrites the answer that key's public half is in, so the handle comes first. */
    if (r == 0)
        r = prove(c, key, file->key, p);
    if (r == 0) {
        const struct bytes parts[] = { { f->data, file->start }, handle, { f->data + file->end, f->size - file->end } };

        r = adopt_replace(f, parts, 3, ret_placed, p);
    }
    BIO_free(bio);
    return r;
}

/* The file is as it was, so the box shall be as it was. */
static void roll_back(struct client *c, const struct adopt_file *f, const char *name, uint32_t version)
{
    struct msg_destroy m = { .version = version };
    struct problem p = { 0 };

    snprintf(m.name, sizeof(m.name), "%s", name);
    if (client_destroy(c, &m, &p) == 0) {
        cli_note("'%s' is unchanged, and the box has destroyed its copy of the key again", f->path);
        return;
    }
    cli_note("'%s' is unchanged, but the box keeps its copy of the key as '%s' version %u: %s", f->path, name, version,
             p.text);
}

static void tell_limits(const struct adopt_file *f, bool scrubbed)
{
    if (scrubbed)
        cli_note("the old content of '%s' was overwritten", f->path);
    cli_note("copies of it may remain: backups, snapshots, the file system's journal, an SSD's spare blocks,");
    cli_note("an editor's or a tool's copy; a program that runs has the key until it reads the file again");
    cli_note("if somebody may have had a copy, make a new key and a new certificate instead");
}

static void print_adopted(const struct client *c, const struct adopt_file *f, const char *name, const char *type,
                          uint32_t version, bool scrubbed)
{
    char uri[LB_URI_MAX + 1];
    struct json j;

    client_uri(c, name, 0, uri);
    if (!c->cli->json) {
        puts(uri);
        return;
    }
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "file", f->path);
    json_string(&j, "key", name);
    json_string(&j, "uri", uri);
    json_string(&j, "type", type);
    json_number(&j, "version", version);
    json_bool(&j, "adopted", true);
    json_bool(&j, "overwritten", scrubbed);
    json_close(&j, '}');
    json_end(&j);
}

static int is_handle_already(const struct cli *cli, const struct adopt_file *f, const struct keyfile *file)
{
    struct json j;

    cli_note("'%s' is a handle already, to %s: nothing to do", f->path, file->handle.uri);
    if (cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '{');
        json_string(&j, "file", f->path);
        json_string(&j, "uri", file->handle.uri);
        json_bool(&j, "adopted", false);
        json_close(&j, '}');
        json_end(&j);
    }
    return 0;
}

/* An interrupted command would leave the key in both places: a signal waits until it is in one. */
static void hold_signals(void)
{
    static const int signals[] = { SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGTSTP, SIGTTOU, SIGTTIN, SIGALRM, SIGUSR1,
                                   SIGUSR2, SIGXFSZ, SIGXCPU, SIGVTALRM, SIGPROF };
    sigset_t set;

    sigemptyset(&set);
    for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
        sigaddset(&set, signals[i]);
    sigprocmask(SIG_BLOCK, &set, NULL);
}

static int adopt(struct cli *cli, const char *name, struct adopt_file *f, const struct keyfile *file,
                 struct problem *p)
{
    struct client *c = NULL;
    struct msg_key key = { .version = 0 };
    struct problem scrub = { 0 };
    bool placed = false, scrubbed;
    int r = client_open(cli, CLIENT_READY, &c, p);

    if (r == 0)
        r = adopt_prepare(f, p);
    if (r != 0)
        goto out;
    hold_signals();
    r = key_import(c, name, file->key, &key, p);
    if (r != 0)
        goto out;
    r = move_key(c, f, file, &key, &placed, p);
    if (!placed) {
        roll_back(c, f, name, key.version);
        goto out;
    }
    scrubbed = adopt_scrub(f, &scrub) == 0;
    if (!scrubbed)
        cli_note("%s", scrub.text);
    print_adopted(c, f, name, key.type, key.version, scrubbed);
    tell_limits(f, scrubbed);
out:
    client_close(c);
    return r;
}

/* A program that cannot use the handle would be without its key, and the key cannot be taken out of the box again. */
static int check_program(struct cli *cli, const struct keyfile *file, struct problem *p)
{
    const struct server *s = server_unable(cli->args[0], EVP_PKEY_is_a(file->key, "RSA") || EVP_PKEY_is_a(file->key, "RSA-PSS"));

    if (s == NULL)
        return 0;
    if (cli->options[OPT_FORCE] != NULL) {
        cli_note("warning: '%s' is a key of %s, which can use no handle: %s", cli->args[0], s->name, s->unable);
        return 0;
    }
    problem_set(p, LB_E_UNSUPPORTED, "'%.150s' is a key of %s, which can use no handle: %s", cli->args[0], s->name, s->unable);
    problem_hint(p, "%s; if it no longer uses this file: --force", s->instead);
    return LB_E_UNSUPPORTED;
}

int cmd_adopt(struct cli *cli)
{
    char name[LB_NAME_MAX + 1] = "";
    struct adopt_file f;
    struct keyfile file = { 0 };
    struct problem p = { 0 };
    int r = adopt_open(cli->args[0], &f, &p);

    if (r == 0)
        r = keyfile_parse(cli, cli->args[0], f.data, f.size, &file, &p);
    if (r == 0 && file.is_handle) {
        r = is_handle_already(cli, &f, &file);
        goto out;
    }
    if (r == 0 && cli->options[OPT_KEY] != NULL) {
        r = key_name_check(cli->options[OPT_KEY], &p);
        snprintf(name, sizeof(name), "%s", cli->options[OPT_KEY]);
    } else if (r == 0) {
        r = key_name_of_file(cli->args[0], name, &p);
    }
    if (r == 0 && file.form == KEYFILE_PKCS12) {
        r = problem_set(&p, LB_E_UNSUPPORTED, "'%s' is PKCS#12, which cannot hold a handle", cli->args[0]);
        problem_hint(&p, "littlebox import %s %.100s, then: littlebox handle %s --out FILE", name, cli->args[0], name);
    }
    if (r == 0)
        r = check_program(cli, &file, &p);
    if (r == 0)
        r = adopt(cli, name, &f, &file, &p);
out:
    keyfile_clear(&file);
    adopt_close(&f);
    secret_wipe_stack();
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
