/* littlebox create, import, destroy. */
#include "cmd_key.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "ask.h"
#include "keytype.h"
#include "secret.h"
#include "table.h"
#include "uri.h"

void key_print(const struct client *c, const struct msg_key *key)
{
    char uri[LB_URI_MAX + 1], created[TIME_TEXT_SIZE];
    struct json j;

    client_uri(c, key->name, 0, uri);
    if (!c->cli->json) {
        puts(uri);
        return;
    }
    time_text(key->created, created);
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "key", key->name);
    json_string(&j, "box", c->cli->box);
    json_string(&j, "uri", uri);
    json_string(&j, "type", key->type);
    json_number(&j, "version", key->version);
    json_string(&j, "state", key_state_name(key->state));
    json_string(&j, "created", created);
    json_close(&j, '}');
    json_end(&j);
}

int key_name_check(const char *name, struct problem *p)
{
    if (keyname_ok(name, strlen(name)))
        return 0;
    problem_set(p, LB_E_NAME, "'%.100s' is not a key name", name);
    if (strncasecmp(name, LB_URI_SCHEME ":", strlen(LB_URI_SCHEME) + 1) == 0)
        problem_hint(p, "that is a URI: the name is what is behind the ':'");
    else if (strchr(name, ';') != NULL)
        problem_hint(p, "this is about a key with all of its versions: %.*s", (int)strcspn(name, ";"), name);
    else
        problem_hint(p, "a key name is %s", LB_NAME_RULE);
    return LB_E_NAME;
}

int cmd_create(struct cli *cli)
{
    const char *word = cli->options[OPT_TYPE] == NULL ? KEYTYPE_DEFAULT : cli->options[OPT_TYPE];
    struct msg_create m = { .name = "" };
    struct problem p = { 0 };
    struct client *c = NULL;
    struct msg_key key;
    int status = EXIT_DONE, r = key_name_check(cli->args[0], &p);

    if (r == 0)
        r = keytype_meant(word, m.type, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0) {
        snprintf(m.name, sizeof(m.name), "%s", cli->args[0]);
        r = client_create(c, &m, &key, &p);
    }
    if (r == 0)
        key_print(c, &key);
    else
        status = cli_fail(&p);
    client_close(c);
    return status;
}

/* Importing */

int key_import(struct client *c, const char *name, EVP_PKEY *key, struct msg_key *ret, struct problem *p)
{
    struct msg_import m = { .name = "" };
    uint8_t *der = NULL;
    size_t len = 0;
    int r = keyfile_pkcs8(key, &der, &len, p);

    if (r != 0)
        return r;
    snprintf(m.name, sizeof(m.name), "%s", name);
    m.pkcs8 = (struct bytes){ der, len };
    r = client_import(c, &m, ret, p);
    secret_free(der, LB_PRIVATE_MAX);
    return r;
}

/* What names of key files end with. */
static const char *const endings[] = { ".pem", ".key", ".crt", ".cer", ".der", ".p8", ".pk8", ".p12", ".pfx" };

int key_name_of_file(const char *path, char ret[LB_NAME_MAX + 1], struct problem *p)
{
    const char *base = strrchr(path, '/') == NULL ? path : strrchr(path, '/') + 1;
    size_t len = strlen(base);
    bool cut = true;

    while (cut) {
        cut = false;
        for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
            size_t n = strlen(endings[i]);

            if (len > n && memcmp(base + len - n, endings[i], n) == 0) {
                len -= n;
                cut = true;
            }
        }
    }
    if (!keyname_ok(base, len)) {
        problem_set(p, LB_E_NAME, "the file name '%.100s' makes no key name", base);
        problem_hint(p, "give one with --key: %s", LB_NAME_RULE);
        return LB_E_NAME;
    }
    memcpy(ret, base, len);
    ret[len] = '\0';
    return 0;
}

int key_read_file(const char *path, const char *what, void **ret, size_t *ret_len, struct problem *p)
{
    int r = secret_read_file(path, KEYFILE_MAX, ret, ret_len);

    switch (r) {
    case 0:
        return 0;
    case LB_E_SYSTEM:
        return problem_set(p, r, "cannot read '%s': %s", path, errno == ENODATA ? "it is empty" : strerror(errno));
    case LB_E_TOO_LONG:
        return problem_set(p, r, "'%s' is longer than %d bytes: that is no %s", path, KEYFILE_MAX, what);
    default:
        return secret_no_memory(p);
    }
}

int cmd_import(struct cli *cli)
{
    const char *path = strcmp(cli->args[1], "-") == 0 ? "/dev/stdin" : cli->args[1];
    struct problem p = { 0 };
    struct client *c = NULL;
    struct keyfile file = { 0 };
    struct msg_key key;
    void *data = NULL;
    size_t len = 0;
    int status = EXIT_DONE, r;

    /* The file and the name in the wrong order. */
    if (access(path, F_OK) != 0 && access(cli->args[0], F_OK) == 0) {
        char cure[300];

        snprintf(cure, sizeof(cure), "the name of the key comes first: littlebox import %s %s", cli->args[1], cli->args[0]);
        return cli_usage_hint(cure, "there is no file '%s'", cli->args[1]);
    }
    r = key_name_check(cli->args[0], &p);
    if (r == 0)
        r = key_read_file(path, "key file", &data, &len, &p);
    if (r == 0)
        r = keyfile_parse(cli, path, data, len, &file, &p);
    if (r == 0 && file.is_handle) {
        r = problem_set(&p, LB_E_UNSUPPORTED, "'%s' is a handle already, to %s: there is no key in it", path,
                        file.handle.uri);
    }
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = key_import(c, cli->args[0], file.key, &key, &p);
    if (r == 0) {
        key_print(c, &key);
        cli_note("the key is still in '%s': remove it, or keep it where only you get at it", path);
    } else {
        status = cli_fail(&p);
    }
    keyfile_clear(&file);
    secret_free(data, KEYFILE_MAX);
    client_close(c);
    secret_wipe_stack();
    return status;
}

/* Destroying */

static int confirm(struct client *c, const struct key_ref *ref, struct problem *p)
{
    struct msg_show *show = malloc(sizeof(*show));
    char question[200], version[24] = "";
    int r = LB_E_NOMEM;

    if (show == NULL)
        return problem_set(p, r, "out of memory");
    /* So that nobody confirms the destruction of something that is not there. */
    r = client_show(c, ref->name, show, p);
    free(show);
    if (r != 0)
        return r;
    if (ref->version != 0)
        snprintf(version, sizeof(version), "version %u of ", ref->version);
    snprintf(question, sizeof(question), "this destroys %skey '%s' for good; type the key name", version, ref->name);
    return ask_word(question, ref->name, p);
}

int cmd_destroy(struct cli *cli)
{
    struct msg_destroy m = { .name = "" };
    struct problem p = { 0 };
    struct client *c = NULL;
    struct key_ref ref;
    struct json j;
    int r = client_key_ref(cli->args[0], &ref, &p);

    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0 && cli->options[OPT_YES] == NULL)
        r = confirm(c, &ref, &p);
    if (r == 0) {
        memcpy(m.name, ref.name, sizeof(m.name));
        m.version = ref.version;
        r = client_destroy(c, &m, &p);
    }
    if (r == 0 && cli->json) {
        json_start(&j, stdout);
        json_open(&j, NULL, '{');
        json_string(&j, "destroyed", ref.name);
        if (ref.version == 0)
            json_null(&j, "version");
        else
            json_number(&j, "version", ref.version);
        json_close(&j, '}');
        json_end(&j);
    }
    client_close(c);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
