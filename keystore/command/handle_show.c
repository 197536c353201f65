/* littlebox handle --show: what a handle file names. */
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "command/create.h"
#include "command/handle.h"
#include "command/key_file.h"
#include "command/table.h"
#include "guard/secret.h"
#include "model/key_types.h"
#include "model/limits.h"
#include "model/spki.h"
#include "model/uri.h"

struct shown {
    const char *path;
    const struct handle *handle;
    struct key_uri uri;
    char type[LB_TYPE_MAX + 1];       /* "": the handle does not say */
    char hash[2 * LB_HASH_SIZE + 1]; /* of the public key; "": the same */
};

/* Says what a file is that holds no handle. */
static int refuse(const char *path, enum keyfile_sight sight, struct problem *p)
{
    static const char *const texts[] = {
        [KEYFILE_NOTHING] = "there is no handle and no private key in it",
        [KEYFILE_REFERENCE] = "it is no handle but a reference to a key on a token, as pkcs11-provider writes it",
        [KEYFILE_HANDLE] = "it is a handle", /* not asked for */
        [KEYFILE_DAMAGED] = "it is a damaged handle, or one of a newer littlebox",
        [KEYFILE_ENCRYPTED] = "it is no handle but a private key, encrypted with a passphrase",
        [KEYFILE_PLAIN] = "it is no handle but a private key, in clear",
    };

    problem_set(p, LB_E_NO_KEY, "'%s': %s", path, texts[sight]);
    if (sight == KEYFILE_DAMAGED)
        problem_hint(p, "write a new one beside it: littlebox handle KEY --out FILE");
    return LB_E_NO_KEY;
}

static void describe_key(const struct handle *h, struct shown *ret)
{
    EVP_PKEY *key = spki_key(/* libctx= */ NULL, h->spki, h->spki_len);
    uint8_t hash[SHA256_DIGEST_LENGTH];
    struct problem ignored;

    if (key == NULL || keytype_of(key, ret->type, &ignored) != 0)
        ret->type[0] = '\0';
    EVP_PKEY_free(key);
    if (EVP_Q_digest(NULL, "SHA256", NULL, h->spki, h->spki_len, hash, NULL) != 1)
        return;
    for (size_t i = 0; i < sizeof(hash); i++)
        snprintf(ret->hash + 2 * i, 3, "%02x", hash[i]);
}

static int describe(const char *path, const struct handle *h, struct shown *ret, struct problem *p)
{
    memset(ret, 0, sizeof(*ret));
    ret->path = path;
    ret->handle = h;
    if (h->spki != NULL)
        describe_key(h, ret);
    return uri_parse(h->uri, &ret->uri, p);
}

static const char *or_null(const char *text)
{
    return text[0] == '\0' ? NULL : text;
}

static void print_json(const struct shown *s, bool alone)
{
    struct json j;

    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "file", s->path);
    json_string(&j, "uri", s->handle->uri);
    json_string(&j, "box", s->uri.box[0] == '\0' ? "default" : s->uri.box);
    json_string(&j, "key", s->uri.name);
    if (s->uri.version == 0)
        json_null(&j, "version");
    else
        json_number(&j, "version", s->uri.version);
    json_string(&j, "type", or_null(s->type));
    json_string(&j, "sha256", or_null(s->hash));
    json_bool(&j, "plain_key", !alone);
    json_close(&j, '}');
    json_end(&j);
}

static void print_text(const struct shown *s)
{
    cli_line("handle       %s", s->handle->uri);
    cli_line("box          %s", s->uri.box[0] == '\0' ? "default" : s->uri.box);
    cli_line("key          %s", s->uri.name);
    if (s->uri.version != 0)
        cli_line("version      %u", s->uri.version);
    cli_line("type         %s", s->type[0] == '\0' ? "the handle does not say" : s->type);
    cli_line("public key   %s%s", s->hash[0] == '\0' ? "" : "SHA-256 ", s->hash[0] == '\0' ? "not in it: the box is asked" : s->hash);
}

int handle_show(struct cli *cli)
{
    const char *path = cli->options[OPT_SHOW];
    enum keyfile_sight sight = KEYFILE_NOTHING;
    struct handle h = { .type = 0 };
    struct problem p = { 0 };
    struct shown shown;
    void *data = NULL;
    size_t len = 0;
    int r = key_read_file(path, "handle", &data, &len, &p);

    if (r == 0 && keyfile_look(data, len, &sight, &h) != 0)
        r = problem_set(&p, LB_E_NOMEM, "out of memory");
    if (r == 0)
        r = h.uri[0] == '\0' ? refuse(path, sight, &p) : describe(path, &h, &shown, &p);
    if (r == 0 && cli->json)
        print_json(&shown, sight <= KEYFILE_HANDLE);
    else if (r == 0)
        print_text(&shown);
    if (r == 0 && sight > KEYFILE_DAMAGED)
        cli_note("'%s' holds a private key as well, which is in no box", path);
    handle_clear(&h);
    secret_free(data, KEYFILE_MAX);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
