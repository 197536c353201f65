/* littlebox create, import. */
#include "command/create.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/change.h"
#include "client/keys.h"
#include "command/box_keys.h"
#include "command/bulk.h"
#include "command/help.h"
#include "command/key_hashes.h"
#include "command/purposes.h"
#include "command/table.h"
#include "guard/secret.h"
#include "model/key_types.h"
#include "model/uri.h"
#include "protocol/keys.h"

void key_print(const struct client *c, const struct key_info *key)
{
    char uri[LB_URI_MAX + 1], created[RFC3339_SIZE];
    struct json j;

    client_uri(c, key->name, 0, uri);
    if (!c->cli->json) {
        puts(uri);
        return;
    }
    rfc3339_text(key->created, created);
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
    struct create_request m = { .name = "" };
    struct problem p = { 0 };
    struct client *c = NULL;
    struct key_info key;
    int status = EXIT_DONE, r = key_name_check(cli->args[0], &p);

    if (r == 0)
        r = keytype_meant(word, m.type, &p);
    if (r == 0)
        r = purpose_option(cli, &m.purposes, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_CREATE, &c, &p);
    if (r == 0) {
        snprintf(m.name, sizeof(m.name), "%s", cli->args[0]);
        r = purpose_refused(cli, ask_create(c->ask, &m, &key, &p), m.purposes, &p);
    }
    if (r == 0)
        key_print(c, &key);
    else
        status = cli_fail(&p);
    client_close(c);
    return status;
}

/* Importing */

/* A destroyed version is passed over: it has nothing left of the key. */
static int refuse_twin(const struct client *c, const struct key_details *show, const struct key_hashes *hashes, struct problem *p)
{
    const char *box = c->cli->box;

    for (unsigned i = 0; i < show->version_count; i++) {
        const struct version_entry *v = &show->versions[i];

        if (key_state_destroyed(v->state) || !keyhashes_have(hashes, v->hash))
            continue;
        if (v->state == STATE_DESTROY_SCHEDULED) {
            problem_set(p, LB_E_EXISTS, "the box has this key already, as '%s', which is to be destroyed", show->name);
            problem_hint(p, "to keep it: littlebox --box %s destroy --cancel %s", box, show->name);
        } else {
            problem_set(p, LB_E_EXISTS, "the box has this key already, as '%s'", show->name);
            problem_hint(p, "its handle, in a new file: littlebox --box %s handle %s --out FILE", box, show->name);
        }
        return LB_E_EXISTS;
    }
    return 0;
}

int key_refuse_twin(struct client *c, EVP_PKEY *key, struct problem *p)
{
    struct key_details *show = malloc(sizeof(*show));
    char (*names)[LB_NAME_MAX + 1] = NULL, after[LB_NAME_MAX + 1] = "";
    struct key_hashes hashes;
    int r = 0;
    struct problem ignored;
    uint16_t count;
    bool more = true;

    if (show == NULL)
        r = problem_set(p, LB_E_NOMEM, "out of memory");
    if (r == 0)
        r = keyhashes_of(key, &hashes, p);
    while (r == 0 && more) {
        r = boxkeys_names(c, after, &names, &count, &more, p);
        for (unsigned i = 0; r == 0 && i < count; i++) {
            /* One that went meanwhile is none. */
            if (ask_show(c->ask, names[i], show, &ignored) == 0)
                r = refuse_twin(c, show, &hashes, p);
            memcpy(after, names[i], sizeof(after));
        }
        free(names);
    }
    free(show);
    return r;
}

int key_import(struct client *c, const char *name, EVP_PKEY *key, struct key_info *ret, struct problem *p)
{
    struct import_request m = { .name = "" };
    uint8_t *der = NULL;
    size_t len = 0;
    int r = keyfile_pkcs8(key, &der, &len, p);

    if (r != 0)
        return r;
    snprintf(m.name, sizeof(m.name), "%s", name);
    m.pkcs8 = (struct bytes){ der, len };
    r = purpose_option(c->cli, &m.purposes, p);
    if (r == 0)
        r = purpose_refused(c->cli, ask_import(c->ask, &m, ret, p), m.purposes, p);
    secret_free(der, LB_PRIVATE_MAX);
    return r;
}

/* What names of key files end with. */
static const char *const endings[] = { ".pem", ".key", ".crt", ".cer", ".der", ".p8", ".pk8", ".p12", ".pfx" };

/* File names that do not say whose key it is. A number may follow, as certbot's archive has it. */
static const char *const generic_files[] = { "privkey", "private",  "privatekey", "private-key", "private_key", "key",
                                             "keyfile", "server",   "server-key", "tls",         "ssl",         "cert",
                                             "certkey", "cert-key", "cert_key",   "host",        "domain",      "fullchain",
                                             "bundle",  "combined", "priv",       "pkey",        "id" };
static const char *const generic_directories[] = { "private", "ssl",  "tls",  "certs", "cert",  "certificates", "keys", "key",
                                                   "pki",     "live", "etc",  "conf",  "config", "archive",     "root", "home",
                                                   "tmp" };

static bool is_one_of(const char *name, size_t len, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strlen(list[i]) == len && strncasecmp(list[i], name, len) == 0)
            return true;
    }
    return false;
}

static bool is_generic(const char *name, size_t len)
{
    while (len > 1 && name[len - 1] >= '0' && name[len - 1] <= '9')
        len--;
    return is_one_of(name, len, generic_files, sizeof(generic_files) / sizeof(generic_files[0]));
}

/* The name of the file's directory, as the path says it. False: that says nothing either. */
static bool name_of_directory(const char *path, char ret[LB_NAME_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    char dir[PATH_MAX], whole[PATH_MAX];
    const char *base;
    size_t len;

    if (snprintf(dir, sizeof(dir), "%.*s", slash == NULL ? 1 : (int)(slash - path), slash == NULL ? "." : path) >=
        (int)sizeof(dir))
        return false;
    base = strrchr(dir, '/') == NULL ? dir : strrchr(dir, '/') + 1;
    if (base[0] == '.' || base[0] == '\0') { /* "." and ".." are no names */
        if (realpath(dir, whole) == NULL)
            return false;
        base = strrchr(whole, '/') + 1;
    }
    len = strlen(base);
    if (!keyname_ok(base, len) ||
        is_one_of(base, len, generic_directories, sizeof(generic_directories) / sizeof(generic_directories[0])))
        return false;
    memcpy(ret, base, len + 1);
    return true;
}

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
    if (is_generic(base, len) && name_of_directory(path, ret))
        return 0;
    if (!keyname_ok(base, len)) {
        problem_set(p, LB_E_NAME, "the file name '%.100s' makes no key name", base);
        problem_hint(p, "give one with --key: %s", LB_NAME_RULE);
        return LB_E_NAME;
    }
    memcpy(ret, base, len);
    ret[len] = '\0';
    return 0;
}

int key_keep_file(const char *path, struct problem *p)
{
    enum keyfile_sight sight = KEYFILE_NOTHING;
    struct handle h = { .type = 0 };
    struct stat st;
    void *data = NULL;
    size_t len = 0;
    char word[2 * PATH_MAX];
    int r;

    /*
     * A link itself is replaced, and what it leads to stays. A file that cannot be read as a key file is no key; whether it
     * can be replaced is found out then.
     */
    if (lstat(path, &st) < 0 || !S_ISREG(st.st_mode) || secret_read_file(path, KEYFILE_MAX, &data, &len) != 0)
        return 0;
    r = keyfile_look(data, len, &sight, &h);
    handle_clear(&h);
    secret_free(data, KEYFILE_MAX);
    if (r != 0)
        return problem_set(p, r, "cannot look at '%s': %s", path, lb_strerror(r));
    if (sight != KEYFILE_PLAIN && sight != KEYFILE_ENCRYPTED)
        return 0;
    problem_set(p, LB_E_EXISTS, "'%s' has a private key in it, which would be lost", path);
    /* An encrypted key may be the only copy: 'adopt' would overwrite it. */
    if (sight == KEYFILE_ENCRYPTED)
        problem_hint(p, "name another file");
    else
        problem_hint(p, "name another file; to move that key into the box: littlebox adopt %.150s", cli_quoted(path, word));
    return LB_E_EXISTS;
}

int key_read_file(const char *path, const char *what, void **ret, size_t *ret_len, struct problem *p)
{
    return key_read_file_into(path, what, KEYFILE_MAX, ret, ret_len, p);
}

int key_read_file_into(const char *path, const char *what, size_t room, void **ret, size_t *ret_len, struct problem *p)
{
    int r = secret_read_file(path, room, ret, ret_len);

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
    const char *path;
    struct problem p = { 0 };
    struct client *c = NULL;
    struct keyfile file = { 0 };
    struct key_info key;
    void *data = NULL;
    size_t len = 0;
    int status = EXIT_DONE, r;

    if (bulk_is_meant(cli))
        return import_bulk(cli);
    if (cli->arg_count < 2)
        return cli_usage_error(cli, "'%s' needs: %s", cli->command->name, cli->command->usage);
    if (cli->arg_count > 2)
        return help_too_many(cli, cli->args[2]);
    path = strcmp(cli->args[1], "-") == 0 ? "/dev/stdin" : cli->args[1];
    /* File and name are in the wrong order. */
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
        r = key_refuse_twin(c, file.key, &p);
    if (r == 0)
        r = key_import(c, cli->args[0], file.key, &key, &p);
    if (r == 0) {
        key_print(c, &key);
        cli_note("the key is still in '%s': keep that where only you get at it", path);
        cli_hint("what programs get in its place: littlebox --box %s handle %s --out FILE", cli->box, cli->args[0]);
    } else {
        status = cli_fail(&p);
    }
    keyfile_clear(&file);
    secret_free(data, KEYFILE_MAX);
    client_close(c);
    secret_wipe_stack();
    return status;
}
