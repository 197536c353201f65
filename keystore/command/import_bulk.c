/* littlebox import of many files. */
#include <string.h>

#include "command/bulk.h"
#include "command/create.h"
#include "guard/secret.h"

static int import_key(struct bulk *b, struct client *c, struct bulk_file *f, EVP_PKEY *key, struct problem *p)
{
    struct key_hashes hashes;
    struct boxkeys_twin twin;
    struct key_info info;
    int r = keyhashes_of(key, &hashes, p);

    if (r == 0)
        r = boxkeys_claim(b->keys, &hashes, f->name, &twin, p);
    if (r < 0)
        return r;
    if (r == CLAIM_NEW) {
        r = key_import(c, f->name, key, &info, p);
        if (r != 0) {
            boxkeys_unclaim(b->keys, &hashes, f->name);
            return r;
        }
        memcpy(f->type, info.type, sizeof(f->type));
        f->version = info.version;
        f->result = BULK_DONE;
        return 0;
    }
    if (r == CLAIM_HAS) {
        memcpy(f->name, twin.name, sizeof(f->name));
        f->result = BULK_ALREADY;
        return 0;
    }
    return boxkeys_refuse(c, r, f->name, &twin, p);
}

static int import_one(struct bulk *b, struct client *c, struct bulk_file *f, struct problem *p)
{
    struct keyfile file = { 0 };
    void *data = NULL;
    size_t len = 0, room = keyfile_room(f->path);
    int r = key_read_file_into(f->path, "key file", room, &data, &len, p);

    if (r == 0)
        r = keyfile_parse(c->cli, f->path, data, len, &file, p);
    if (r == 0 && file.is_handle) {
        r = problem_set(p, LB_E_UNSUPPORTED, "'%s' is a handle already, to %s: there is no key in it", f->path,
                        file.handle.uri);
    }
    if (r == 0)
        r = key_name_of_file(f->path, f->name, p);
    if (r == LB_E_NAME)
        problem_hint(p, "import it by itself, under a name that you give");
    if (r == 0)
        r = import_key(b, c, f, file.key, p);
    keyfile_clear(&file);
    secret_free(data, room);
    return r;
}

int import_bulk(const struct cli *cli)
{
    struct cli quiet = *cli;
    struct bulk b = { .cli = &quiet, .doing = "importing", .done = "imported", .one = import_one };
    struct bulk_list l = { NULL, 0, 0 };
    struct client *c = NULL;
    struct problem p = { 0 };
    int r, status = bulk_usage(cli);

    if (status != 0)
        return status;
    quiet.asks_nobody = true;
    r = bulk_collect(cli, &l, &p);
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &c, &p);
    if (r == 0)
        r = boxkeys_load(c, &b.keys, &p);
    if (r == 0) {
        status = bulk_run(&b, c, &l);
        if (!cli->json && b.did > 0)
            cli_note("the keys are still in their files: keep those where only you get at them");
    } else {
        status = cli_fail(&p);
    }
    boxkeys_free(b.keys);
    bulk_clear(&l);
    client_close(c);
    return status;
}
