/* store/: keys, chains, seals, schedules and notes in and out; changes that fail whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/group.h"
#include "store/notes.h"
#include "fixture.h"
#include "unit.h"

static void keys_in_and_out(void)
{
    struct fixture f;

    fixture_open(&f);
    fixture_add_key(&f, "zeta", "ed25519", 1, 0);
    fixture_add_key(&f, "alpha", "ed25519", 3, 4);
    fixture_add_key(&f, "Alpha", "ec:P-256", 1, 1);
    fixture_add_key(&f, "rsa", "rsa:2048", 1, 2);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_reopen(&f);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_close(&f);
}

static void keys_are_replaced_and_removed(void)
{
    struct fixture f;
    struct key_record k, none;
    struct problem p;

    fixture_open(&f);
    fixture_add_key(&f, "stays", "ed25519", 2, 2);
    fixture_add_key(&f, "web", "ed25519", 3, 3);
    /* Another set of versions and grants under the same id. */
    k = fixture_make_key(&f, "web", "ed25519", 2, 1);
    for (size_t i = 0; i < 2; i++)
        memcpy(k.versions[i].key_id, f.keys[1].key_id, KEY_ID_SIZE);
    memcpy(k.key_id, f.keys[1].key_id, KEY_ID_SIZE);
    for (size_t i = 0; i < 2; i++) {
        struct version_record fresh = k.versions[i];
        EVP_PKEY *key = NULL;

        free(fresh.spki);
        free(fresh.material);
        OK(backend_sealed_ops.create(f.backend, &k, &fresh, &key, &p));
        EVP_PKEY_free(key);
        k.versions[i] = fresh;
    }
    OK(store_put_key(f.store, &k, &p));
    key_record_clear(&f.keys[1]);
    f.keys[1] = k;
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    /* Renamed: nothing but a name. */
    none = (struct key_record){ .version_count = 0 };
    memcpy(none.key_id, k.key_id, KEY_ID_SIZE);
    memcpy(none.name, k.name, sizeof(none.name));
    OK(store_put_key(f.store, &none, &p));
    key_record_clear(&f.keys[1]);
    f.key_count = 1;
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    /* The name is free again. */
    fixture_add_key(&f, "web", "ed25519", 1, 0);
    fixture_reopen(&f);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_close(&f);
}

static void chains_in_and_out(void)
{
    struct fixture f;
    struct problem p;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 3, 1);
    fixture_add_key(&f, "mail", "ed25519", 1, 0);
    fixture_add_chain(&f, "web", 1, 1);
    fixture_add_chain(&f, "web", 3, LB_CERTS_MAX);
    fixture_add_chain(&f, "mail", 1, 2);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_reopen(&f);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    /* Another one in its place, and none: the others stay. */
    fixture_add_chain(&f, "web", 3, 2);
    version_record_drop_chain(&f.keys[1].versions[0]);
    OK(store_put_key(f.store, &f.keys[1], &p));
    fixture_reopen(&f);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_close(&f);
}

static void chains_out_of_form_are_not_stored(void)
{
    static const struct {
        uint8_t bytes[8];
        size_t len;
    } bad[] = {
        { { 0 }, 0 },                               /* nothing */
        { { 0, 0 }, 2 },                            /* a chain of none */
        { { 0, 1, 0, 0 }, 4 },                      /* an empty certificate */
        { { 0, 1, 0, 2, 'x' }, 5 },                 /* cut off */
        { { 0, 1, 0, 1, 'x', 'y' }, 6 },            /* bytes behind */
        { { 0, LB_CERTS_MAX + 1, 0, 1, 'x' }, 5 },
    };
    struct fixture f;
    struct problem p;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 1, 0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        f.keys[0].versions[0].chain = (uint8_t *)bad[i].bytes;
        f.keys[0].versions[0].chain_len = bad[i].len;
        FAILS(store_put_key(f.store, &f.keys[0], &p), LB_E_VALUE);
        TEXT_IS(p.text, "key 'web' cannot be stored: the chain of its version 1 is none");
    }
    f.keys[0].versions[0].chain = NULL;
    f.keys[0].versions[0].chain_len = 0;
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    fixture_close(&f);
}

static void names_are_taken_once(void)
{
    struct fixture f;
    struct key_record k;
    struct problem p;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 1, 1);
    k = fixture_make_key(&f, "web", "ed25519", 1, 0);
    FAILS(store_put_key(f.store, &k, &p), LB_E_EXISTS);
    TEXT_IS(p.text, "there is a key 'web' already");
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    key_record_clear(&k);
    fixture_close(&f);
}

static void records_out_of_form_are_not_stored(void)
{
    struct fixture f;
    struct key_record k;
    struct version_record v;
    struct problem p;

    fixture_open(&f);
    k = fixture_make_key(&f, "web", "ed25519", 1, 0);
    v = k.versions[0];
    snprintf(k.name, sizeof(k.name), "-web");
    FAILS(store_put_key(f.store, &k, &p), LB_E_NAME);
    TEXT_IS(p.text, "'-web' is not a key name");
    snprintf(k.name, sizeof(k.name), "other");
    FAILS(store_put_key(f.store, &k, &p), LB_E_VALUE);
    TEXT_IS(p.text, "key 'other' cannot be stored: its version 1 is not whole");
    snprintf(k.name, sizeof(k.name), "web");
    k.versions[0].material_len = 0;
    FAILS(store_put_key(f.store, &k, &p), LB_E_VALUE);
    k.versions[0] = v;
    k.versions[0].spki_len = 0;
    FAILS(store_put_key(f.store, &k, &p), LB_E_VALUE);
    k.versions[0] = v;
    k.versions[0].version = 0;
    FAILS(store_put_key(f.store, &k, &p), LB_E_VALUE);
    k.versions[0] = v;
    k.versions[0].state = STATE_LAST + 1;
    FAILS(store_put_key(f.store, &k, &p), LB_E_VALUE);
    k.versions[0] = v;
    k.versions[0].key_id[3] ^= 1;
    FAILS(store_put_key(f.store, &k, &p), LB_E_VALUE);
    k.versions[0] = v;
    k.grant_count = LB_GRANTS_MAX + 1;
    FAILS(store_put_key(f.store, &k, &p), LB_E_TOO_LONG);
    k.grant_count = 0;
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    key_record_clear(&k);
    fixture_close(&f);
}

static bool on_disk(struct fixture *f, const void *bytes, size_t len)
{
    return unit_file_has(f->path, bytes, len) || unit_file_has(unit_path(f->dir, "store.db-wal"), bytes, len);
}

static void material_that_goes_is_overwritten(void)
{
    struct fixture f;
    struct key_record *k, none;
    struct version_record old;
    struct problem p;
    uint8_t first[16], second[16];

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 1, 0);
    k = &f.keys[0];
    memcpy(first, k->versions[0].material + 13, sizeof(first));
    CU_ASSERT_TRUE(on_disk(&f, first, sizeof(first)));
    old = k->versions[0];
    k->versions[0].changed++;
    OK(fixture_rebind(&f, &old, NULL, 0, &k->versions[0], NULL, 0));
    free(old.material);
    memcpy(second, k->versions[0].material + 13, sizeof(second));
    OK(store_put_key(f.store, k, &p));
    CU_ASSERT_FALSE(on_disk(&f, first, sizeof(first)));
    CU_ASSERT_TRUE(on_disk(&f, second, sizeof(second)));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    none = *k;
    none.version_count = 0;
    OK(store_put_key(f.store, &none, &p));
    CU_ASSERT_FALSE(on_disk(&f, second, sizeof(second)));
    CU_ASSERT_FALSE(on_disk(&f, "web", 3));
    fixture_close(&f);
}

static int stop_walk(const struct key_record *k, bool damaged, void *arg)
{
    (void)k;
    (void)damaged;
    ++*(unsigned *)arg;
    return 42;
}

static void walks_can_be_ended(void)
{
    struct fixture f;
    struct problem p;
    unsigned calls = 0;

    fixture_open(&f);
    fixture_add_key(&f, "a", "ed25519", 1, 0);
    fixture_add_key(&f, "b", "ed25519", 1, 0);
    CU_ASSERT_EQUAL(store_each_key(f.store, stop_walk, &calls, &p), 42);
    CU_ASSERT_EQUAL(calls, 1);
    fixture_close(&f);
}

static void seals(void)
{
    struct fixture f;
    struct seal_record more, *list = NULL;
    struct problem p;
    size_t count = 0;
    uint32_t id = 0, third = 0;

    fixture_open(&f);
    OK(store_seals(f.store, &list, &count, &p));
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT_EQUAL(list[0].id, 1);
    TEXT_IS(list[0].label, "first");
    seal_records_free(list, count);
    FAILS(store_remove_seal(f.store, 1, &p), LB_E_LAST_SEAL);
    TEXT_HAS(p.text, "seal 1 is the last");
    TEXT_HAS(p.hint, "seal add");
    FAILS(store_remove_seal(f.store, 77, &p), LB_E_NO_SEAL);
    TEXT_IS(p.text, "the store has no seal 77");
    more = fixture_make_seal(&f, "more");
    OK(store_add_seal(f.store, &more, &id, &p));
    CU_ASSERT_EQUAL(id, 2);
    fixture_reopen(&f);
    OK(store_seals(f.store, &list, &count, &p));
    CU_ASSERT_EQUAL_FATAL(count, 2);
    CU_ASSERT_EQUAL(list[1].kind, more.kind);
    TEXT_IS(list[1].label, "more");
    CU_ASSERT_EQUAL(list[1].created, more.created);
    CU_ASSERT(list[1].params_len == more.params_len && memcmp(list[1].params, more.params, more.params_len) == 0);
    CU_ASSERT(list[1].wrapped_len == more.wrapped_len && memcmp(list[1].wrapped, more.wrapped, more.wrapped_len) == 0);
    seal_records_free(list, count);
    OK(store_remove_seal(f.store, 2, &p));
    CU_ASSERT_FALSE(on_disk(&f, more.wrapped, more.wrapped_len));
    /* A number is never given twice. */
    OK(store_add_seal(f.store, &more, &third, &p));
    CU_ASSERT_EQUAL(third, 3);
    OK(store_remove_seal(f.store, 1, &p));
    FAILS(store_remove_seal(f.store, 3, &p), LB_E_LAST_SEAL);
    for (int i = 1; i < LB_SEALS_MAX; i++)
        OK(store_add_seal(f.store, &more, &id, &p));
    FAILS(store_add_seal(f.store, &more, &id, &p), LB_E_TOO_LONG);
    TEXT_IS(p.text, "the store has 16 seals already");
    free(more.params);
    free(more.wrapped);
    fixture_close(&f);
}

static void a_damaged_seal_does_not_hide_the_others(void)
{
    struct fixture f;
    struct seal_record more, *list = NULL;
    struct problem p;
    size_t count = 0;
    uint32_t id;

    fixture_open(&f);
    more = fixture_make_seal(&f, "more");
    OK(store_add_seal(f.store, &more, &id, &p));
    store_close(f.store);
    unit_sql(f.path, "UPDATE seal SET kind = 99 WHERE id = 1");
    OK(store_open(f.path, &f.store, &p));
    OK(store_seals(f.store, &list, &count, &p));
    CU_ASSERT_EQUAL(p.code, LB_E_DAMAGED);
    TEXT_HAS(p.text, "a seal of the store ");
    CU_ASSERT_EQUAL_FATAL(count, 1);
    CU_ASSERT_EQUAL(list[0].id, 2);
    seal_records_free(list, count);
    FAILS(store_remove_seal(f.store, 2, &p), LB_E_LAST_SEAL);
    free(more.params);
    free(more.wrapped);
    fixture_close(&f);
}

struct looked {
    unsigned count;
    struct version_record first, second; /* without what they point to */
    char former[LB_FORMER_MAX + 1];
    bool damaged;
};

static int look(const struct key_record *k, bool damaged, void *arg)
{
    struct looked *l = arg;

    l->count++;
    l->damaged |= damaged;
    l->first = k->versions[0];
    if (k->version_count > 1)
        l->second = k->versions[1];
    snprintf(l->former, sizeof(l->former), "%s", k->former == NULL ? "" : k->former);
    return 0;
}

/* Rebinding is the vault's: here it is what comes back that matters. */
static void schedules_and_former_names(void)
{
    struct looked l = { 0 };
    struct key_record k;
    struct fixture f;
    struct problem p;

    fixture_open(&f);
    k = fixture_make_key(&f, "web", "ed25519", 2, 0);
    k.versions[1].state_before = k.versions[1].state;
    k.versions[1].state = STATE_DESTROY_SCHEDULED;
    k.versions[1].destroy_at = 0x1122334455;
    k.former = strdup("old shop");
    OK(store_put_key(f.store, &k, &p));
    fixture_reopen(&f);
    OK(store_each_key(f.store, look, &l, &p));
    CU_ASSERT_EQUAL(l.count, 1);
    CU_ASSERT_FALSE(l.damaged);
    CU_ASSERT_EQUAL(l.first.state, STATE_ACTIVE);
    CU_ASSERT_EQUAL(l.first.destroy_at, 0);
    CU_ASSERT_EQUAL(l.second.state, STATE_DESTROY_SCHEDULED);
    CU_ASSERT_EQUAL(l.second.state_before, STATE_ACTIVE);
    CU_ASSERT_EQUAL(l.second.destroy_at, 0x1122334455);
    TEXT_IS(l.former, "old shop");
    /* And gone again. */
    k.versions[1].state = k.versions[1].state_before;
    k.versions[1].state_before = 0;
    k.versions[1].destroy_at = 0;
    free(k.former);
    k.former = NULL;
    OK(store_put_key(f.store, &k, &p));
    OK(store_each_key(f.store, look, &l, &p));
    CU_ASSERT_EQUAL(l.second.state, STATE_ACTIVE);
    CU_ASSERT_EQUAL(l.second.destroy_at, 0);
    TEXT_IS(l.former, "");
    /* A key that is taken away takes them along. */
    k.version_count = 0;
    OK(store_put_key(f.store, &k, &p));
    k.version_count = 2;
    key_record_clear(&k);
    fixture_close(&f);
}

static void schedules_out_of_form(void)
{
    static const struct {
        uint8_t state, before;
        uint64_t at;
        const char *former;
        int code;
    } rows[] = {
        { STATE_DESTROY_SCHEDULED, STATE_ACTIVE, 0, NULL, LB_E_VALUE },
        { STATE_DESTROY_SCHEDULED, 0, 5, NULL, LB_E_VALUE },
        { STATE_DESTROY_SCHEDULED, STATE_DESTROYED, 5, NULL, LB_E_VALUE },
        { STATE_DESTROY_SCHEDULED, STATE_ACTIVE, UINT64_MAX, NULL, LB_E_VALUE },
        { STATE_ACTIVE, STATE_ACTIVE, 0, NULL, LB_E_VALUE },
        { STATE_ACTIVE, 0, 5, NULL, LB_E_VALUE },
        { STATE_ACTIVE, 0, 0, "", LB_E_NAME },
        { STATE_ACTIVE, 0, 0, "b a", LB_E_NAME },
        { STATE_ACTIVE, 0, 0, "a a", LB_E_NAME },
        { STATE_ACTIVE, 0, 0, "a ", LB_E_NAME },
        { STATE_ACTIVE, 0, 0, " a", LB_E_NAME },
        { STATE_ACTIVE, 0, 0, "a  b", LB_E_NAME },
        { STATE_ACTIVE, 0, 0, "a b c d e f g h i j k l m n o p q", LB_E_NAME },
    };
    struct key_record k;
    struct fixture f;
    struct problem p;

    fixture_open(&f);
    k = fixture_make_key(&f, "web", "ed25519", 1, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        k.versions[0].state = rows[i].state;
        k.versions[0].state_before = rows[i].before;
        k.versions[0].destroy_at = rows[i].at;
        k.former = rows[i].former == NULL ? NULL : strdup(rows[i].former);
        CU_ASSERT_EQUAL(store_put_key(f.store, &k, &p), rows[i].code);
        free(k.former);
        k.former = NULL;
    }
    key_record_clear(&k);
    fixture_close(&f);
}

static void count_used(const struct used_note *n, void *arg)
{
    uint64_t *sum = arg;

    *sum += n->used * n->version;
}

static void append(const char *path, void *arg)
{
    char *text = arg;

    sprintf(text + strlen(text), "%s;", path);
}

static void notes(void)
{
    static const struct used_note some[] = { { { 1 }, 1, 5 }, { { 1 }, 2, 7 }, { { 2 }, 1, 11 } },
                                  later = { { 1 }, 1, 6 };
    static const uint8_t id[KEY_ID_SIZE] = { 1 }, other[KEY_ID_SIZE] = { 2 };
    static char text[LB_HANDLES_MAX * 20];
    struct fixture f;
    struct problem p;
    uint64_t sum = 0;

    fixture_open(&f);
    OK(store_put_used(f.store, some, 3, &p));
    CU_ASSERT_TRUE(fixture_log_is_empty(&f));
    OK(store_put_used(f.store, &later, 1, &p));
    OK(store_put_handle(f.store, id, "/b", 1, &p));
    CU_ASSERT_TRUE(fixture_log_is_empty(&f));
    OK(store_put_handle(f.store, id, "/a", 2, &p));
    OK(store_put_handle(f.store, id, "/a", 3, &p));
    OK(store_put_handle(f.store, other, "/c", 3, &p));
    fixture_reopen(&f);
    store_each_used(f.store, count_used, &sum);
    CU_ASSERT_EQUAL(sum, 6 + 14 + 11);
    store_each_handle(f.store, id, append, text);
    TEXT_IS(text, "/a;/b;");
    /* The oldest make room. */
    for (unsigned i = 0; i < LB_HANDLES_MAX - 1; i++) {
        char path[20];

        snprintf(path, sizeof(path), "/x/%03u", i);
        OK(store_put_handle(f.store, id, path, 10 + i, &p));
    }
    text[0] = '\0';
    store_each_handle(f.store, id, append, text);
    CU_ASSERT_TRUE(strncmp(text, "/a;/x/000;", 10) == 0);
    /* What is damaged is left out, and nothing else comes of it. */
    store_close(f.store);
    f.store = NULL;
    unit_sql(f.path, "UPDATE used SET version = -1 WHERE used = 7; UPDATE handle SET path = char(27) WHERE path = '/a'");
    OK(store_open(f.path, &f.store, &p));
    sum = 0;
    store_each_used(f.store, count_used, &sum);
    CU_ASSERT_EQUAL(sum, 6 + 11);
    text[0] = '\0';
    store_each_handle(f.store, id, append, text);
    CU_ASSERT_TRUE(strncmp(text, "/x/000;", 7) == 0);
    fixture_close(&f);
}

/* All keys of one call, or none of them. */
static void several_keys_at_once(void)
{
    struct key_record keys[2];
    struct fixture f;
    struct problem p;

    fixture_open(&f);
    fixture_add_key(&f, "web", "ed25519", 1, 1);
    keys[0] = fixture_make_key(&f, "mail", "ed25519", 1, 2);
    keys[1] = fixture_make_key(&f, "web", "ed25519", 1, 0);
    FAILS(store_put_keys(f.store, keys, 2, &p), LB_E_EXISTS);
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    OK(store_put_keys(f.store, keys, 1, &p));
    f.keys[1] = f.keys[0];
    f.keys[0] = keys[0];
    f.key_count = 2;
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    key_record_clear(&keys[1]);
    fixture_close(&f);
}

/* One that fails after it has deleted rows leaves its own key and the others as they were. */
static void committed_together(void)
{
    struct key_record good, bad;
    struct fixture f;
    struct problem p;

    fixture_open(&f);
    fixture_add_key(&f, "mail", "ed25519", 2, 2);
    fixture_add_key(&f, "web", "ed25519", 1, 1);
    good = fixture_make_key(&f, "alone", "ed25519", 1, 0);
    bad = fixture_make_key(&f, "web", "ed25519", 2, 0);
    memcpy(bad.key_id, f.keys[0].key_id, KEY_ID_SIZE);
    for (size_t i = 0; i < bad.version_count; i++)
        memcpy(bad.versions[i].key_id, f.keys[0].key_id, KEY_ID_SIZE);
    CU_ASSERT_TRUE_FATAL(store_group_begin(f.store));
    FAILS(store_put_key(f.store, &bad, &p), LB_E_EXISTS);
    OK(store_put_key(f.store, &good, &p));
    FAILS(store_put_key(f.store, &bad, &p), LB_E_EXISTS);
    OK(store_group_end(f.store, &p));
    memmove(&f.keys[1], &f.keys[0], 2 * sizeof(f.keys[0]));
    f.keys[0] = good;
    f.key_count = 3;
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    /* Nothing in it, and nothing is under way afterwards. */
    CU_ASSERT_TRUE_FATAL(store_group_begin(f.store));
    OK(store_group_end(f.store, &p));
    OK(store_put_key(f.store, &f.keys[1], &p));
    CU_ASSERT_TRUE(fixture_all_good(&f, f.store));
    key_record_clear(&bad);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    { "keys in and out", keys_in_and_out },
    { "keys are replaced and removed", keys_are_replaced_and_removed },
    { "names are taken once", names_are_taken_once },
    { "records out of form are not stored", records_out_of_form_are_not_stored },
    { "material that goes is overwritten", material_that_goes_is_overwritten },
    { "walks can be ended", walks_can_be_ended },
    { "seals", seals },
    { "a damaged seal does not hide the others", a_damaged_seal_does_not_hide_the_others },
    { "chains in and out", chains_in_and_out },
    { "chains out of form are not stored", chains_out_of_form_are_not_stored },
    { "several keys at once", several_keys_at_once },
    { "committed together", committed_together },
    { "what is scheduled, and former names", schedules_and_former_names },
    { "schedules and former names out of form are not stored", schedules_out_of_form },
    { "what is remembered for people", notes },
    { NULL, NULL },
};
const struct unit_suite suite_store = { "store", tests };
