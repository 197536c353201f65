/* littlebox handle: what a program has instead of a private key. */
#include <openssl/bio.h>
#include <stdio.h>

#include "base/atomic_file.h"
#include "client/keys.h"
#include "command/client.h"
#include "command/create.h"
#include "command/handle.h"
#include "command/table.h"
#include "model/handle.h"
#include "model/uri.h"

int handle_write(const char *uri, struct bytes spki, BIO *out, struct problem *p)
{
    struct handle h = { .type = handle_type_of(spki.p, spki.len), .spki = (uint8_t *)spki.p, .spki_len = spki.len };
    int r;

    if (h.type == 0)
        return problem_set(p, LB_E_UNSUPPORTED, "there are no handle files for this type of key");
    snprintf(h.uri, sizeof(h.uri), "%s", uri);
    r = handle_to_pem(&h, out); /* the public key stays the caller's */
    return r == 0 ? 0 : problem_set(p, r, "cannot make the handle: %s", lb_strerror(r));
}

static void print_json(const char *uri, const struct key_info *key, const char *path, const char *pem)
{
    struct json j;

    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "key", key->name);
    json_string(&j, "uri", uri);
    json_number(&j, "version", key->version);
    json_string(&j, "file", path);
    json_string(&j, "handle", pem);
    json_close(&j, '}');
    json_end(&j);
}

static int make_handle(struct cli *cli)
{
    const char *path = cli->options[OPT_OUT];
    BIO *bio;
    char uri[LB_URI_MAX + 1], *pem = NULL;
    struct problem p = { 0 };
    struct client *c = NULL;
    struct key_info key;
    struct key_ref ref;
    long len = 0;
    int r;

    if (path == NULL && cli->options[OPT_FORCE] != NULL)
        return cli_usage_error(cli, "--force needs --out FILE");
    bio = BIO_new(BIO_s_mem());
    r = bio == NULL ? problem_set(&p, LB_E_NOMEM, "out of memory") : client_key_ref(cli->args[0], &ref, &p);

    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = ask_get(c->ask, &ref, &key, &p);
    if (r == 0) {
        client_uri(c, ref.name, ref.version, uri);
        r = handle_write(uri, key.spki, bio, &p);
    }
    if (r == 0)
        len = BIO_write(bio, "", 1) == 1 ? BIO_get_mem_data(bio, &pem) - 1 : -1;
    if (r == 0 && len < 0)
        r = problem_set(&p, LB_E_NOMEM, "out of memory");
    if (r == 0 && path != NULL && cli->options[OPT_FORCE] != NULL)
        r = key_keep_file(path, &p);
    if (r == 0 && path != NULL)
        r = newfile_public(path, cli->options[OPT_FORCE] != NULL, pem, (size_t)len, &p);
    if (r == 0 && cli->json)
        print_json(uri, &key, path, pem);
    else if (r == 0 && path == NULL)
        fputs(pem, stdout);
    if (r == 0 && path != NULL)
        client_note_handle(c, ref.name, path);
    BIO_free(bio);
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}

int cmd_handle(struct cli *cli)
{
    bool show = cli->options[OPT_SHOW] != NULL, list = cli->options[OPT_LIST] != NULL;

    if (show + list + (cli->arg_count > 0) != 1)
        return cli_usage_error(cli, "'handle' needs: %s", cli->command->usage);
    if ((show || list) && (cli->options[OPT_OUT] != NULL || cli->options[OPT_FORCE] != NULL))
        return cli_usage_error(cli, "'handle --%s' writes no file", show ? "show" : "list");
    return show ? handle_show(cli) : list ? handle_list(cli) : make_handle(cli);
}
