/* A store with keys in it, for the suites that look at stores and backends. */
#include "fixture.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "model/seal_kinds.h"
#include "unit.h"

struct seal_record fixture_make_seal(struct fixture *f, const char *label)
{
    char credential[128];
    struct seal_record seal;

    snprintf(credential, sizeof(credential), "%s and enough more to be 32 bytes long", label);
    OK(seal_wrap(f->id, SEAL_CREDENTIAL, label, (struct bytes){ (uint8_t *)credential, strlen(credential) },
                 f->store_key, &seal));
    return seal;
}

void fixture_open(struct fixture *f)
{
    struct seal_record seal;
    struct problem p;

    memset(f, 0, sizeof(*f));
    f->dir = unit_dir_new();
    snprintf(f->path, sizeof(f->path), "%s/store.db", f->dir);
    memset(f->id, 0x1d, sizeof(f->id));
    memset(f->store_key, 0x55, sizeof(f->store_key));
    seal = fixture_make_seal(f, "first");
    OK(store_create(f->path, f->id, &seal, &f->store, &p));
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->store);
    OK(backend_sealed_new(f->id, f->store_key, &f->backend));
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->backend);
    free(seal.params);
    free(seal.wrapped);
}

void fixture_reopen(struct fixture *f)
{
    struct problem p = { 0 };

    store_close(f->store);
    f->store = NULL;
    OK(store_open(f->path, &f->store, &p));
    TEXT_IS(p.text, "");
    CU_ASSERT_PTR_NOT_NULL_FATAL(f->store);
}

void fixture_close(struct fixture *f)
{
    store_close(f->store);
    backend_sealed_free(f->backend);
    for (size_t i = 0; i < f->key_count; i++)
        key_record_clear(&f->keys[i]);
    unit_dir_remove(f->dir);
}

void fixture_in_child(struct fixture *f)
{
    backend_sealed_free(f->backend);
    OK(backend_sealed_new(f->id, f->store_key, &f->backend));
}

struct key_record fixture_make_key(struct fixture *f, const char *name, const char *type, size_t versions,
                                   size_t grants)
{
    static uint8_t next_id;
    struct key_record k = { .version_count = versions, .grant_count = grants };
    struct problem p;

    /* Zeros are no key's. */
    next_id += next_id == UINT8_MAX ? 2 : 1;
    memset(k.key_id, next_id, sizeof(k.key_id));
    snprintf(k.name, sizeof(k.name), "%s", name);
    k.versions = calloc(versions + 1, sizeof(*k.versions));
    k.grants = calloc(grants + 1, sizeof(*k.grants));
    for (size_t i = 0; i < grants; i++)
        k.grants[i] = (struct grant){ i % 2 == 0 ? SUBJECT_USER : SUBJECT_GROUP, 1000 + (uint32_t)i, OP_SIGN };
    if (grants > 1) {
        /* By kind, then id. */
        k.grants[grants > 2 ? 1 : 0].kind = SUBJECT_USER;
        for (size_t i = 1; i < grants; i++)
            k.grants[i].kind = i * 2 < grants ? SUBJECT_USER : SUBJECT_GROUP;
    }
    for (size_t i = 0; i < versions; i++) {
        struct version_record *v = &k.versions[i];
        EVP_PKEY *key = NULL;

        memcpy(v->key_id, k.key_id, KEY_ID_SIZE);
        memcpy(v->name, k.name, sizeof(v->name));
        snprintf(v->type, sizeof(v->type), "%s", type);
        v->version = (uint32_t)i + 1;
        v->state = STATE_ACTIVE;
        v->created = 1700000000 + i;
        v->changed = 1700000100 + i;
        OK(backend_sealed_ops.create(f->backend, &k, v, &key, &p));
        EVP_PKEY_free(key);
    }
    return k;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct key_record *)a)->name, ((const struct key_record *)b)->name);
}

void fixture_add_key(struct fixture *f, const char *name, const char *type, size_t versions, size_t grants)
{
    struct key_record k = fixture_make_key(f, name, type, versions, grants);
    struct problem p = { 0 };

    CU_ASSERT_FATAL(f->key_count < FIXTURE_KEYS_MAX);
    OK(store_put_key(f->store, &k, &p));
    TEXT_IS(p.text, "");
    f->keys[f->key_count++] = k;
    qsort(f->keys, f->key_count, sizeof(f->keys[0]), by_name);
}

void fixture_add_chain(struct fixture *f, const char *name, uint32_t version, unsigned n)
{
    uint8_t *chain = malloc(LB_CHAIN_MAX);
    struct version_record *v = NULL;
    struct key_record *k = NULL;
    struct wire_writer w;
    struct problem p;
    char text[64];

    for (size_t i = 0; i < f->key_count; i++)
        k = strcmp(f->keys[i].name, name) == 0 ? &f->keys[i] : k;
    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    v = &k->versions[version - 1];
    wire_write(&w, chain, LB_CHAIN_MAX);
    wire_put_u16(&w, (uint16_t)n);
    for (unsigned i = 0; i < n; i++) {
        snprintf(text, sizeof(text), "certificate %u of %s version %u", i, name, version);
        wire_put_str(&w, text);
    }
    free(v->chain);
    v->chain = chain;
    OK(wire_written(&w, &v->chain_len));
    OK(k->old_form ? store_put_chains(f->store, k, &p) : store_put_key(f->store, k, &p));
}

void fixture_schedule(struct fixture *f, const char *name, uint64_t at, const char *former)
{
    struct key_record *k = NULL, old;
    struct problem p;

    for (size_t i = 0; i < f->key_count; i++)
        k = strcmp(f->keys[i].name, name) == 0 ? &f->keys[i] : k;
    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    old = *k;
    old.versions = calloc(k->version_count, sizeof(*old.versions));
    memcpy(old.versions, k->versions, k->version_count * sizeof(*old.versions));
    k->former = strdup(former);
    for (size_t i = 0; i < k->version_count; i++) {
        k->versions[i].state_before = k->versions[i].state;
        k->versions[i].state = STATE_DESTROY_SCHEDULED;
        k->versions[i].destroy_at = at;
    }
    for (size_t i = 0; i < k->version_count; i++) {
        OK(backend_sealed_ops.rebind(f->backend, &old, &old.versions[i], k, &k->versions[i]));
        free(old.versions[i].material);
    }
    free(old.versions);
    OK(store_put_key(f->store, k, &p));
}

struct key_record fixture_key_of(const struct version_record *v, const struct grant *grants, size_t count)
{
    return (struct key_record){ .grants = (struct grant *)grants, .grant_count = count,
                                .versions = (struct version_record *)v, .version_count = 1 };
}

int fixture_rebind(struct fixture *f, const struct version_record *old, const struct grant *old_grants, size_t old_count,
                   struct version_record *v, const struct grant *grants, size_t count)
{
    const struct key_record from = fixture_key_of(old, old_grants, old_count), to = fixture_key_of(v, grants, count);

    return backend_sealed_ops.rebind(f->backend, &from, old, &to, v);
}

/* Stores of before schema 4 */

static void run(sqlite3 *db, const char *sql, const struct key_record *k, const void *value, int len, sqlite3_int64 a,
                sqlite3_int64 b, sqlite3_int64 c)
{
    sqlite3_stmt *stmt = NULL;

    CU_ASSERT_EQUAL_FATAL(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL), SQLITE_OK);
    (void)sqlite3_bind_blob(stmt, 1, k->key_id, KEY_ID_SIZE, SQLITE_STATIC);
    (void)sqlite3_bind_blob(stmt, 2, value, len, SQLITE_STATIC);
    (void)sqlite3_bind_int64(stmt, 3, a);
    (void)sqlite3_bind_int64(stmt, 4, b);
    (void)sqlite3_bind_int64(stmt, 5, c);
    CU_ASSERT_EQUAL(sqlite3_step(stmt), SQLITE_DONE);
    sqlite3_finalize(stmt);
}

/* The rows as that code wrote them. */
static void write_old(sqlite3 *db, const struct key_record *k)
{
    for (size_t i = 0; i < k->version_count; i++) {
        const struct version_record *v = &k->versions[i];

        run(db, "UPDATE version SET material = ?2 WHERE key_id = ?1 AND version = ?3", k, v->material, (int)v->material_len,
            v->version, 0, 0);
        if (v->destroy_at != 0)
            run(db, "INSERT INTO schedule VALUES (?1, ?3, ?4)", k, NULL, 0, v->version, (sqlite3_int64)v->destroy_at, 0);
    }
    for (size_t i = 0; i < k->grant_count; i++)
        run(db, "INSERT INTO grant_ VALUES (?1, ?3, ?4, ?5)", k, NULL, 0, k->grants[i].kind, k->grants[i].id,
            k->grants[i].ops);
    if (k->former != NULL)
        run(db, "INSERT INTO former VALUES (?1, CAST(?2 AS TEXT))", k, k->former, (int)strlen(k->former), 0, 0, 0);
}

struct key_record fixture_bind_old(struct backend_sealed *b, const struct key_record *k)
{
    struct key_record old = *k;

    old.old_form = true;
    old.versions = calloc(k->version_count + 1, sizeof(*old.versions));
    memcpy(old.versions, k->versions, k->version_count * sizeof(*old.versions));
    for (size_t i = 0; i < k->version_count; i++)
        OK(backend_sealed_ops.rebind(b, k, &k->versions[i], &old, &old.versions[i]));
    return old;
}

void fixture_write_old(const char *path, const struct key_record *keys, size_t count)
{
    sqlite3 *db = NULL;

    CU_ASSERT_EQUAL_FATAL(sqlite3_open(path, &db), SQLITE_OK);
    for (size_t i = 0; i < count; i++)
        write_old(db, &keys[i]);
    CU_ASSERT_EQUAL(sqlite3_exec(db, "DROP TABLE policy; PRAGMA user_version = 3", NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

void fixture_make_old(struct fixture *f)
{
    store_close(f->store);
    f->store = NULL;
    for (size_t i = 0; i < f->key_count; i++) {
        struct key_record *k = &f->keys[i], old = fixture_bind_old(f->backend, k);

        for (size_t j = 0; j < k->version_count; j++)
            free(k->versions[j].material);
        free(k->versions);
        *k = old;
    }
    fixture_write_old(f->path, f->keys, f->key_count);
}

/* Comparing */

static bool same_version(const struct version_record *a, const struct version_record *b)
{
    return memcmp(a->key_id, b->key_id, KEY_ID_SIZE) == 0 && strcmp(a->name, b->name) == 0 &&
           a->version == b->version && a->state == b->state && a->state_before == b->state_before &&
           a->destroy_at == b->destroy_at && strcmp(a->type, b->type) == 0 &&
           a->created == b->created && a->changed == b->changed && a->spki_len == b->spki_len &&
           memcmp(a->spki, b->spki, a->spki_len) == 0 && a->material_len == b->material_len &&
           memcmp(a->material, b->material, a->material_len) == 0;
}

static bool same_key(const struct key_record *a, const struct key_record *b)
{
    if (strcmp(a->name, b->name) != 0 || memcmp(a->key_id, b->key_id, KEY_ID_SIZE) != 0 ||
        a->version_count != b->version_count || a->grant_count != b->grant_count)
        return false;
    if ((a->former == NULL) != (b->former == NULL) || (a->former != NULL && strcmp(a->former, b->former) != 0) ||
        a->others_len != b->others_len || (a->others_len > 0 && memcmp(a->others, b->others, a->others_len) != 0) ||
        a->unknown != b->unknown || a->old_form != b->old_form)
        return false;
    for (size_t i = 0; i < a->grant_count; i++) {
        const struct grant *g = &a->grants[i], *h = &b->grants[i];

        if (g->kind != h->kind || g->id != h->id || g->ops != h->ops)
            return false;
    }
    for (size_t i = 0; i < a->version_count; i++) {
        if (!same_version(&a->versions[i], &b->versions[i]))
            return false;
    }
    return true;
}

/* -1: there is another chain than there was; else how many are not there any more. */
static int compare_chains(const struct key_record *is, const struct key_record *was)
{
    int lost = 0;

    for (size_t i = 0; i < is->version_count; i++) {
        const struct version_record *a = &is->versions[i], *b = &was->versions[i];

        if (a->chain == NULL)
            lost += b->chain != NULL;
        else if (b->chain == NULL || a->chain_len != b->chain_len || memcmp(a->chain, b->chain, a->chain_len) != 0)
            return -1;
    }
    return lost;
}

static bool all_open(struct fixture *f, const struct key_record *k)
{
    for (size_t i = 0; i < k->version_count; i++) {
        EVP_PKEY *key = NULL;

        if (backend_sealed_ops.open(f->backend, k, &k->versions[i], &key) != 0)
            return false;
        EVP_PKEY_free(key);
    }
    return k->version_count > 0;
}

struct walk {
    struct fixture *f;
    struct inspection *ret;
    char last[LB_NAME_MAX + 1];
};

static int look(const struct key_record *k, bool damaged, void *arg)
{
    struct walk *w = arg;
    enum found found = damaged || !all_open(w->f, k) ? FOUND_DAMAGED : FOUND_WRONG;

    /* In order, and each name once. */
    CU_ASSERT(strcmp(w->last, k->name) < 0);
    memcpy(w->last, k->name, sizeof(w->last));
    for (size_t i = 0; i < w->f->key_count; i++) {
        if (strcmp(w->f->keys[i].name, k->name) != 0)
            continue;
        if (found == FOUND_WRONG && same_key(k, &w->f->keys[i])) {
            int lost = compare_chains(k, &w->f->keys[i]);

            found = lost < 0 ? FOUND_WRONG : FOUND_GOOD;
            w->ret->chains_lost[i] = lost < 0 ? 0 : (size_t)lost;
        }
        for (size_t j = 0; j < k->version_count; j++)
            w->ret->chains_told += k->versions[j].chain_damaged;
        w->ret->found[i] = found;
        return 0;
    }
    if (found == FOUND_DAMAGED)
        w->ret->strangers++;
    else
        w->ret->impostors++;
    return 0;
}

void fixture_compare(struct fixture *f, struct store *store, struct inspection *ret)
{
    struct walk w = { .f = f, .ret = ret };

    memset(ret, 0, sizeof(*ret));
    ret->walked = store_each_key(store, look, &w, &ret->problem);
}

void fixture_inspect(struct fixture *f, struct inspection *ret)
{
    struct store *store = NULL;
    struct problem p = { 0 };
    int r = store_open(f->path, &store, &p);

    memset(ret, 0, sizeof(*ret));
    if (r == 0)
        fixture_compare(f, store, ret);
    else
        ret->problem = p;
    ret->opened = r;
    store_close(store);
}

bool fixture_log_is_empty(const struct fixture *f)
{
    struct stat st;

    return stat(unit_path(f->dir, "store.db-wal"), &st) < 0 || st.st_size == 0;
}

bool fixture_all_good(struct fixture *f, struct store *store)
{
    struct inspection i;
    bool good = true;

    fixture_compare(f, store, &i);
    for (size_t k = 0; k < f->key_count; k++)
        good = good && i.found[k] == FOUND_GOOD && i.chains_lost[k] == 0;
    good = good && i.chains_told == 0 && i.walked == 0 && i.problem.code == 0 && i.strangers == 0 && i.impostors == 0;
    if (!good)
        fprintf(stderr, "\nwalk %d (%s) found %d %d, %zu strangers, %zu impostors\n", i.walked, i.problem.text,
                i.found[0], i.found[1], i.strangers, i.impostors);
    return good;
}
