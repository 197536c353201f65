/* vault/keyring.c, vault/key_index.c, vault/key_walk.c: what keys are found by follows each change, and a change comes in between readers. */
#include "vault/keyring.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "keys/make_key.h"
#include "policy/policy.h"
#include "vault/key_walk.h"
#include "unit.h"

/* A text of kinds and ids: "u1 g2". */
static size_t grants_of(const char *text, struct grant *ret, size_t most)
{
    size_t count = 0;

    while (*text != '\0' && count < most) {
        char *end;

        ret[count] = (struct grant){ *text == 'u' ? SUBJECT_USER : SUBJECT_GROUP, 0, OP_SIGN };
        ret[count++].id = (uint32_t)strtoul(text + 1, &end, 10);
        text = *end == ' ' ? end + 1 : end;
    }
    qsort(ret, count, sizeof(*ret), grant_compare);
    return count;
}

static struct boxkey *new_key(const char *name, size_t versions, const char *grants)
{
    struct version_record v[4] = { { .version = 0 } };
    struct grant g[8];
    struct key_record rec = { .versions = v, .version_count = versions, .grants = g };
    struct boxkey *k;

    snprintf(rec.name, sizeof(rec.name), "%s", name);
    rec.grant_count = grants_of(grants, g, COUNT(g));
    for (size_t i = 0; i < versions; i++) {
        snprintf(v[i].name, sizeof(v[i].name), "%s", name);
        v[i].version = (uint32_t)i + 1;
        v[i].state = STATE_ACTIVE;
    }
    k = boxkey_new(&rec);
    CU_ASSERT_PTR_NOT_NULL_FATAL(k);
    return k;
}

/* Version i is open, and the token calls it that; NULL: it has no such attribute. */
static void set_object(struct boxkey *k, size_t i, const char *label, const char *id)
{
    struct p11uri object = { .a = { { .set = false } } };
    struct problem p;
    EVP_PKEY *key = NULL;

    OK(keytype_generate("ed25519", &key, &p));
    if (label != NULL)
        OK(p11uri_set_text(&object, P11_OBJECT, label));
    if (id != NULL)
        OK(p11uri_set_text(&object, P11_ID, id));
    k->versions[i].live = livekey_new(key);
    OK(livekey_set_object(k->versions[i].live, &object));
}

static struct boxkey *put(struct keyring *r, struct boxkey *old, struct boxkey *k)
{
    OK(keyring_put(r, old, k));
    return k;
}

static const char *names(struct keywalk *w)
{
    static char text[200];
    const struct boxkey *k;

    text[0] = '\0';
    while ((k = keywalk_next(w)) != NULL)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", text[0] == '\0' ? "" : " ", k->rec.name);
    keywalk_clear(w);
    return text;
}

/* Of a caller of that uid and gid, and of a supplementary group if it is not 0. */
static const char *granted_after(const struct keyring *r, const char *after, uid_t uid, gid_t gid, gid_t group)
{
    struct principal ids = { .peer = { .uid = uid, .gid = gid }, .groups = &group, .group_count = group != 0 };
    struct keywalk w;

    OK(keywalk_granted(r, after, &ids, &w));
    return names(&w);
}

static const char *granted(const struct keyring *r, uid_t uid, gid_t gid, gid_t group)
{
    return granted_after(r, "", uid, gid, group);
}

static const char *objects(const struct keyring *r, const char *label, const char *id)
{
    struct p11uri want = { .a = { { .set = false } } };
    struct keywalk w;

    if (label != NULL)
        OK(p11uri_set_text(&want, P11_OBJECT, label));
    if (id != NULL)
        OK(p11uri_set_text(&want, P11_ID, id));
    OK(keywalk_objects(r, &want.a[P11_OBJECT], &want.a[P11_ID], &w));
    return names(&w);
}

static void grants_find_keys(void)
{
    struct principal nobody = { .nobody = true, .peer.uid = 1 };
    struct keyring r;
    struct keywalk w;
    struct boxkey *b;

    OK(keyring_init(&r, 0));
    TEXT_IS(granted(&r, 1, 1, 0), "");
    put(&r, NULL, new_key("c", 1, "u1 g7"));
    b = put(&r, NULL, new_key("b", 1, "u1 u2 g7"));
    put(&r, NULL, new_key("a", 1, "g8"));
    put(&r, NULL, new_key("d", 1, ""));
    TEXT_IS(granted(&r, 1, 1, 0), "b c");
    TEXT_IS(granted(&r, 2, 2, 0), "b");
    TEXT_IS(granted(&r, 7, 1, 0), ""); /* a group is no user */
    TEXT_IS(granted(&r, 3, 7, 0), "b c");
    TEXT_IS(granted(&r, 3, 3, 7), "b c");
    TEXT_IS(granted(&r, 1, 7, 8), "a b c"); /* by name and each once, however often it is granted */
    TEXT_IS(granted_after(&r, "a", 1, 7, 8), "b c");
    TEXT_IS(granted_after(&r, "bb", 1, 7, 8), "c");
    TEXT_IS(granted_after(&r, "c", 1, 7, 8), "");
    OK(keywalk_granted(&r, "", &nobody, &w));
    TEXT_IS(names(&w), "");
    OK(keywalk_all(&r, "", &w));
    TEXT_IS(names(&w), "a b c d");
    OK(keywalk_all(&r, "b", &w));
    TEXT_IS(names(&w), "c d");
    /* Allowed to one more, denied to one, and destroyed, which leaves nobody. */
    b = put(&r, b, new_key("b", 1, "u1 u2 u3 g7"));
    TEXT_IS(granted(&r, 3, 3, 0), "b");
    b = put(&r, b, new_key("b", 1, "u2 u3 g7"));
    TEXT_IS(granted(&r, 1, 1, 0), "c");
    TEXT_IS(granted(&r, 2, 2, 0), "b");
    b = put(&r, b, new_key("b", 1, ""));
    TEXT_IS(granted(&r, 2, 2, 0), "");
    TEXT_IS(granted(&r, 3, 3, 7), "c");
    put(&r, b, new_key("b", 2, "u9"));
    TEXT_IS(granted(&r, 9, 9, 0), "b");
    keyring_clear(&r);
}

/* Records that were changed in the store: two of one name, a grant that is there twice, a key that is damaged. */
static void damaged_records_are_found_like_others(void)
{
    struct boxkey *first = new_key("a", 1, "u1 u1"), *second = new_key("a", 1, "u1 g2"), *next;
    struct keyring r;

    OK(keyring_init(&r, 0));
    first->damaged = true;
    put(&r, NULL, first);
    put(&r, NULL, second);
    CU_ASSERT_PTR_EQUAL(keyring_find(&r, "a"), second);
    TEXT_IS(granted(&r, 1, 1, 0), "a a");
    TEXT_IS(granted(&r, 1, 2, 0), "a a");
    TEXT_IS(granted(&r, 3, 2, 0), "a");
    next = put(&r, first, new_key("a", 1, "u5"));
    TEXT_IS(granted(&r, 1, 1, 0), "a");
    TEXT_IS(granted(&r, 5, 5, 0), "a");
    put(&r, second, new_key("a", 1, ""));
    TEXT_IS(granted(&r, 1, 2, 0), "");
    put(&r, next, new_key("a", 1, ""));
    TEXT_IS(granted(&r, 5, 5, 0), "");
    CU_ASSERT_EQUAL(r.granted.terms, 0);
    keyring_clear(&r);
}

/* Whether who may do what is another is known by a number. */
static void changes_of_grants_are_counted(void)
{
    struct keyring r;
    struct boxkey *k;
    unsigned before;

    OK(keyring_init(&r, 0));
    before = atomic_load(&r.grants_changed);
    CU_ASSERT_NOT_EQUAL(before, 0);
    k = put(&r, NULL, new_key("a", 1, ""));
    CU_ASSERT_EQUAL(atomic_load(&r.grants_changed), before);
    k = put(&r, k, new_key("a", 1, "u1"));
    CU_ASSERT_EQUAL(atomic_load(&r.grants_changed), ++before);
    k = put(&r, k, new_key("a", 2, "u1"));
    CU_ASSERT_EQUAL(atomic_load(&r.grants_changed), before);
    k = put(&r, k, new_key("a", 2, "u2"));
    CU_ASSERT_EQUAL(atomic_load(&r.grants_changed), ++before);
    put(&r, k, new_key("a", 2, ""));
    CU_ASSERT_EQUAL(atomic_load(&r.grants_changed), ++before);
    keyring_clear(&r);
}

static void objects_find_keys(void)
{
    struct boxkey *a = new_key("a", 2, ""), *b = new_key("b", 1, ""), *c = new_key("c", 1, ""), *next;
    struct keyring r;

    OK(keyring_init(&r, 0));
    set_object(a, 0, "web", "01");
    set_object(a, 1, "web", "02");
    set_object(b, 0, "web", NULL);
    put(&r, NULL, a);
    put(&r, NULL, b);
    put(&r, NULL, c);
    TEXT_IS(objects(&r, "web", NULL), "a b");
    TEXT_IS(objects(&r, NULL, "01"), "a");
    TEXT_IS(objects(&r, NULL, "02"), "a");
    TEXT_IS(objects(&r, "web", "02"), "a");
    TEXT_IS(objects(&r, "web", "03"), "");
    TEXT_IS(objects(&r, "01", NULL), ""); /* a label is no id */
    TEXT_IS(objects(&r, "we", "b01"), "");
    /* Opened when the box is unlocked. */
    set_object(c, 0, "mail", "03");
    next = new_key("never in the ring", 1, "");
    next->versions[0].live = c->versions[0].live;
    c->versions[0].live = NULL;
    OK(keyring_seen(&r, c, 0, /* damaged= */ false, next->versions[0].live));
    next->versions[0].live = NULL;
    boxkey_free(next);
    CU_ASSERT_PTR_NOT_NULL(c->versions[0].live);
    TEXT_IS(objects(&r, "mail", NULL), "c");
    OK(keyring_seen(&r, c, 0, /* damaged= */ true, /* live= */ NULL));
    CU_ASSERT(boxkey_is_damaged(c));
    OK(keyring_seen(&r, c, 0, /* damaged= */ false, /* live= */ NULL));
    CU_ASSERT_FALSE(boxkey_is_damaged(c));
    /* One version is destroyed: the other goes on with its key. */
    next = new_key("a", 2, "u1");
    next->versions[1].live = opened_use(&r.opened, &a->versions[1]);
    a = put(&r, a, next);
    TEXT_IS(objects(&r, NULL, "01"), "");
    TEXT_IS(objects(&r, NULL, "02"), "a");
    TEXT_IS(objects(&r, "web", NULL), "a b");
    a = put(&r, a, new_key("a", 2, ""));
    TEXT_IS(objects(&r, "web", NULL), "b");
    TEXT_IS(objects(&r, "web", "02"), "");
    /* Locked. */
    keyring_close_all(&r);
    TEXT_IS(objects(&r, "web", NULL), "");
    TEXT_IS(objects(&r, NULL, "03"), "");
    keyring_clear(&r);
}

/* The first name of each of 1,000, and none that is not there. */
static void many_terms_are_told_apart(void)
{
    char name[20];
    struct keyring r;

    OK(keyring_init(&r, 0));
    for (unsigned i = 0; i < 1000; i++) {
        char grants[20];

        snprintf(name, sizeof(name), "k%03u", (i * 7) % 1000);
        snprintf(grants, sizeof(grants), "u%u g9", 5000 + (i * 7) % 1000);
        put(&r, NULL, new_key(name, 1, grants));
    }
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "k%03u", i);
        TEXT_IS(granted(&r, 5000 + i, 1, 0), name);
        TEXT_IS(granted(&r, 6000 + i, 1, 0), "");
    }
    TEXT_IS(granted_after(&r, "k997", 1, 9, 0), "k998 k999");
    for (unsigned i = 0; i < 1000; i++) {
        snprintf(name, sizeof(name), "k%03u", i);
        put(&r, keyring_find(&r, name), new_key(name, 1, ""));
    }
    CU_ASSERT_EQUAL(r.granted.terms, 0);
    TEXT_IS(granted(&r, 5000, 9, 0), "");
    keyring_clear(&r);
}

static void *change(void *arg)
{
    struct keyring *r = arg;

    put(r, NULL, new_key("late", 1, ""));
    return r;
}

/* Whoever comes to read while a change waits, waits behind it: so readers without end do not keep it out. */
static void a_change_is_not_kept_out(void)
{
    struct timespec pause = { .tv_nsec = 1000000 };
    bool waits = false;
    struct keyring r;
    pthread_t changer;

    OK(keyring_init(&r, 0));
    pthread_rwlock_rdlock(&r.lock);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&changer, NULL, change, &r), 0);
    for (unsigned i = 0; i < 20000 && !waits; i++) {
        waits = pthread_rwlock_tryrdlock(&r.lock) != 0;
        if (!waits) {
            pthread_rwlock_unlock(&r.lock);
            nanosleep(&pause, NULL);
        }
    }
    CU_ASSERT(waits);
    pthread_rwlock_unlock(&r.lock);
    pthread_join(changer, NULL);
    CU_ASSERT_PTR_NOT_NULL(keyring_find(&r, "late"));
    keyring_clear(&r);
}

static const struct unit_test tests[] = {
    { "grants find keys", grants_find_keys },
    { "damaged records are found like others", damaged_records_are_found_like_others },
    { "changes of grants are counted", changes_of_grants_are_counted },
    { "objects find keys", objects_find_keys },
    { "many terms are told apart", many_terms_are_told_apart },
    { "a change is not kept out", a_change_is_not_kept_out },
    { NULL, NULL },
};
const struct unit_suite suite_keyring = { "keyring", tests };
