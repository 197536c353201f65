/*
 * Aims at what reads a store's file: somebody, or a disk, changed a good one, in its bytes or in its rows. Whatever is left
 * opens or is refused; a key that can be used is the key of that name and version, for whom it was granted to; no other
 * name has a key; the others can be listed, shown and changed.
 *
 * An input is any number of: what u8 (enum change) | arguments. Changes of rows come first, whatever their order.
 */
#include <openssl/x509.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../harness/inbox.h"
#include "guard/secret.h"
#include "keys/key_op_priv.h"
#include "protocol/change.h"
#include "protocol/keys.h"
#include "vault/vault_priv.h"
#include "fuzz.h"

enum change {
    CHANGE_BYTE,   /* offset u24 | xor u8 */
    CHANGE_NUMBER, /* table u8 | column u8 | row u8 | number u32 */
    CHANGE_BYTES,  /* table u8 | column u8 | row u8 | place u8 | byte u8 */
    CHANGE_MOVE,   /* table u8 | column u8 | row u8 | from row u8 */
    CHANGE_DELETE, /* table u8 | row u8 */
    CHANGE_CUT,    /* length u24 */
    CHANGE_TEXT,   /* table u8 | column u8 | row u8 | length u8 | text */
    CHANGE_COUNT
};

/* What is in the store before it is changed. */
static const struct {
    const char *name, *type;
    uint16_t ops;    /* of the granted user */
    bool destroyed;
} keys[] = {
    { "web", "ec:P-256", OP_SIGN, false },
    { "ed", "ed25519", OP_SIGN, false },
    { "x", "x25519", OP_DERIVE, false },
    { "admins", "ed448", 0, false },
    { "gone", "ed25519", OP_SIGN, true },
};
#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* Beside what STRICT tables and their checks let through. */
static const struct {
    const char *name, *columns[9];
} tables[] = {
    { "version", { "key_id", "name", "version", "state", "type", "created", "changed", "spki", "material" } },
    { "key", { "key_id", "name", "versions", "grants" } },
    { "grant_", { "key_id", "kind", "id", "ops" } },
    { "chain", { "key_id", "version", "certificates", "digest" } },
    { "seal", { "id", "kind", "label", "created", "params", "wrapped" } },
    { "meta", { "id", "store_id", "created" } },
};
#define TABLES (sizeof(tables) / sizeof(tables[0]))

static struct inbox box;
static uint8_t *snapshot, *changed;
static size_t snapshot_len;
static struct {
    uint8_t spki[LB_SPKI_MAX];
    size_t len;
} publics[KEYS];

static void must(bool good)
{
    if (!good)
        abort();
}

static void add_key(size_t i)
{
    struct vault *v = box.box.vault;
    struct create_request create = { .name = "" };
    struct grant_request grant = { .grant = { SUBJECT_USER, INBOX_GRANTED, keys[i].ops } };
    struct destroy_request destroy = { .version = 0 };
    struct key_info key;
    struct problem p;

    snprintf(create.name, sizeof(create.name), "%s", keys[i].name);
    snprintf(create.type, sizeof(create.type), "%s", keys[i].type);
    snprintf(grant.name, sizeof(grant.name), "%s", keys[i].name);
    snprintf(destroy.name, sizeof(destroy.name), "%s", keys[i].name);
    must(vault_create(v, &create, publics[i].spki, &key, &p) == 0);
    publics[i].len = key.spki.len;
    must(keys[i].ops == 0 || vault_grant(v, &grant, true, &p) == 0);
    must(!keys[i].destroyed || vault_destroy(v, &destroy, &p) == 0);
}

static size_t read_store(uint8_t *to, size_t size)
{
    FILE *f = fopen(box.conf.paths.store, "rb");
    size_t len;

    must(f != NULL);
    len = fread(to, 1, size, f);
    fclose(f);
    must(len > 0 && len < size);
    return len;
}

static void write_store(const uint8_t *from, size_t len)
{
    FILE *f = fopen(box.conf.paths.store, "wb");

    must(f != NULL && fwrite(from, 1, len, f) == len && fclose(f) == 0);
}

#define STORE_MAX (1 << 20)

static void clear(void)
{
    inbox_clear(&box);
    free(snapshot);
    free(changed);
    snapshot = changed = NULL;
}

static void setup(void)
{
    must(secret_setup_libcrypto() == 0);
    inbox_init(&box);
    for (size_t i = 0; i < KEYS; i++)
        add_key(i);
    inbox_close(&box);
    snapshot = malloc(STORE_MAX);
    changed = malloc(STORE_MAX);
    must(snapshot != NULL && changed != NULL);
    snapshot_len = read_store(snapshot, STORE_MAX);
    atexit(clear);
}

/* The input, read from its start to its end; zeros behind it. */
struct input {
    const uint8_t *p;
    size_t left;
};

static unsigned take(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->p++;
}

static unsigned take_u24(struct input *in)
{
    unsigned high = take(in), middle = take(in);

    return high << 16 | middle << 8 | take(in);
}

/* Rows: one statement each. What SQLite or the schema refuses does not happen. */

static void run(sqlite3 *db, const char *sql, const void *text, int len)
{
    sqlite3_stmt *stmt = NULL;

    if (db == NULL)
        return;
    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK) {
        if (text != NULL)
            sqlite3_bind_text(stmt, 1, text, len, SQLITE_STATIC);
        (void)sqlite3_step(stmt);
    }
    sqlite3_finalize(stmt);
}

static void change_row(sqlite3 *db, enum change what, struct input *in)
{
    unsigned t = take(in) % TABLES, columns = 0, row, n;
    const char *table = tables[t].name, *column;
    char sql[400], text[256];

    while (columns < 9 && tables[t].columns[columns] != NULL)
        columns++;
    column = what == CHANGE_DELETE ? "" : tables[t].columns[take(in) % columns];
    row = take(in) % 8;
    switch (what) {
    case CHANGE_NUMBER:
        n = take_u24(in) << 8;
        snprintf(sql, sizeof(sql), "UPDATE %s SET %s = %u WHERE rowid = (SELECT rowid FROM %s LIMIT 1 OFFSET %u)", table,
                 column, n | take(in), table, row);
        run(db, sql, NULL, 0);
        return;
    case CHANGE_BYTES:
        n = take(in);
        snprintf(sql, sizeof(sql),
                 "UPDATE %s SET %s = CAST(substr(%s, 1, %u) || x'%02x' || substr(%s, %u) AS BLOB) WHERE rowid = "
                 "(SELECT rowid FROM %s LIMIT 1 OFFSET %u)",
                 table, column, column, n, take(in), column, n + 2, table, row);
        run(db, sql, NULL, 0);
        return;
    case CHANGE_MOVE:
        snprintf(sql, sizeof(sql),
                 "UPDATE %s SET %s = (SELECT %s FROM %s LIMIT 1 OFFSET %u) WHERE rowid = (SELECT rowid FROM %s LIMIT 1 "
                 "OFFSET %u)",
                 table, column, column, table, take(in) % 8, table, row);
        run(db, sql, NULL, 0);
        return;
    case CHANGE_TEXT:
        n = take(in) % sizeof(text);
        for (unsigned i = 0; i < n; i++)
            text[i] = (char)take(in);
        snprintf(sql, sizeof(sql), "UPDATE %s SET %s = ?1 WHERE rowid = (SELECT rowid FROM %s LIMIT 1 OFFSET %u)", table,
                 column, table, row);
        run(db, sql, text, (int)n);
        return;
    default:
        snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE rowid = (SELECT rowid FROM %s LIMIT 1 OFFSET %u)", table, table,
                 row);
        run(db, sql, NULL, 0);
        return;
    }
}

static bool is_of_rows(enum change what)
{
    return what != CHANGE_BYTE && what != CHANGE_CUT;
}

/* Passes over the arguments of a change of the other kind; makes those of this one. len: of the changed bytes. */
static void change_all(struct input in, sqlite3 *db, size_t *len)
{
    while (in.left > 0) {
        enum change what = take(&in) % CHANGE_COUNT;
        size_t at;

        if (is_of_rows(what)) {
            change_row(db, what, &in);
            continue;
        }
        at = take_u24(&in) % snapshot_len;
        if (what == CHANGE_CUT && len != NULL)
            *len = at < *len ? at : *len;
        else if (what == CHANGE_BYTE && len == NULL)
            (void)take(&in);
        else if (what == CHANGE_BYTE)
            changed[at] ^= (uint8_t)take(&in);
    }
}

static bool changes_rows(struct input in)
{
    bool rows = false;

    while (in.left > 0 && !rows) {
        enum change what = take(&in) % CHANGE_COUNT;

        rows = is_of_rows(what);
        (void)take_u24(&in);
        if (what == CHANGE_BYTE)
            (void)take(&in);
    }
    return rows;
}

static void change_store(struct input in)
{
    size_t len = snapshot_len;
    sqlite3 *db = NULL;

    memcpy(changed, snapshot, snapshot_len);
    if (changes_rows(in)) {
        write_store(snapshot, snapshot_len);
        must(sqlite3_open_v2(box.conf.paths.store, &db, SQLITE_OPEN_READWRITE, NULL) == SQLITE_OK);
        run(db, "PRAGMA locking_mode = EXCLUSIVE", NULL, 0);
        run(db, "PRAGMA ignore_check_constraints = ON", NULL, 0);
        change_all(in, db, NULL);
        must(sqlite3_close(db) == SQLITE_OK);
        len = read_store(changed, STORE_MAX);
        must(len >= snapshot_len);
    }
    /* Without a database rows' changes are passed over. */
    change_all(in, NULL, &len);
    write_store(changed, len);
}

/* Looking */

static size_t known(const char *name)
{
    for (size_t i = 0; i < KEYS; i++) {
        if (strcmp(keys[i].name, name) == 0)
            return i;
    }
    return KEYS;
}

static bool is_key(EVP_PKEY *key, size_t i)
{
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);
    bool same = len > 0 && (size_t)len == publics[i].len && memcmp(der, publics[i].spki, publics[i].len) == 0;

    OPENSSL_free(der);
    return same;
}

static void try_use(const char *name, uint32_t version, const struct caller *who, enum key_op op, bool may)
{
    struct key_ref ref = { .version = version };
    struct used_key key;
    struct problem p = { 0 };
    size_t i = known(name);
    int r;

    snprintf(ref.name, sizeof(ref.name), "%s", name);
    r = vault_use(box.box.vault, &(struct use_wish){ &ref, who, op, 1, { NULL, 0 }, false }, &key, &p);
    if (r != 0) {
        must(p.code == r && p.text[0] != '\0');
        return;
    }
    must(may && i < KEYS && !keys[i].destroyed && version <= 1 && is_key(key.live->key, i));
    livekey_unref(key.live);
}

static void use_all(const char *name)
{
    static const enum key_op ops[] = { OP_SIGN, OP_DECRYPT, OP_DERIVE };
    struct caller admin = inbox_caller(7, 0, 0), stranger = inbox_caller(7, INBOX_STRANGER, INBOX_GROUP),
                  granted = inbox_caller(7, INBOX_GRANTED, INBOX_STRANGER);
    size_t i = known(name);

    for (size_t k = 0; k < sizeof(ops) / sizeof(ops[0]); k++) {
        for (uint32_t version = 0; version < 3; version++) {
            try_use(name, version, &admin, ops[k], true);
            try_use(name, version, &stranger, ops[k], false);
            try_use(name, version, &granted, ops[k], i < KEYS && (keys[i].ops & ops[k]) != 0);
        }
    }
}

/* What an administrator's commands ask for: an answer comes. */
static void ask_admin(uint16_t type, const char *name)
{
    struct caller admin = inbox_caller(7, 0, 0);
    struct grant_request grant = { .grant = { SUBJECT_USER, INBOX_GRANTED + 5, OP_SIGN } };
    struct msg_list list = { .after = "" };
    struct msg_name m = { .name = "" };
    uint8_t packet[256];
    size_t len = 0;
    bool goes_on;
    int r;

    snprintf(m.name, sizeof(m.name), "%s", name);
    snprintf(grant.name, sizeof(grant.name), "%s", name);
    r = type == MSG_SHOW    ? msg_name_encode(type, 1, &m, packet, sizeof(packet), &len)
        : type == MSG_ALLOW ? msg_grant_encode(type, 1, &grant, packet, sizeof(packet), &len)
        : type == MSG_LIST  ? msg_list_encode(type, 1, &list, packet, sizeof(packet), &len)
                            : msg_empty_encode(type, 1, packet, sizeof(packet), &len);
    must(r == 0 && inbox_ask(&box, &admin, packet, len, -1, &goes_on) > 0);
}

static void look(void)
{
    struct vault *v = box.box.vault;
    char names[16][LB_NAME_MAX + 1];
    size_t count = v->ring.count < 16 ? v->ring.count : 16;

    for (size_t i = 0; i < count; i++)
        memcpy(names[i], v->ring.keys[i]->rec.name, sizeof(names[i]));
    for (size_t i = 0; i < count; i++) {
        use_all(names[i]);
        ask_admin(MSG_SHOW, names[i]);
    }
    ask_admin(MSG_LIST, "");
    ask_admin(MSG_SEAL_LIST, "");
    ask_admin(MSG_ALLOW, "web");
    ask_admin(MSG_STATUS, "");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct problem p = { 0 };
    int r;

    if (snapshot == NULL)
        setup();
    change_store((struct input){ data, size > 512 ? 512 : size });
    r = inbox_reopen(&box, &p);
    if (r == 0)
        look();
    else
        must(p.code == r && p.text[0] != '\0');
    inbox_close(&box);
    return 0;
}
