/* A vault through its functions: made, locked and opened, keys and seals changed, and changes that are refused. */
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../harness/inbox.h"
#include "model/scheme.h"
#include "model/seal_kinds.h"
#include "vault/vault.h"
#include "unit.h"

#define SECRET(text) { (const uint8_t *)(text), sizeof(text) - 1 }

static const struct bytes first = SECRET(INBOX_CREDENTIAL);
static const struct bytes second = SECRET("another credential, which has more than 32 bytes too");
static const struct bytes wrong = SECRET("one that is wrong, and of more than 32 bytes as well");

static const struct caller *admin(void)
{
    static struct caller who;

    who = inbox_caller(getpid(), 0, 0);
    return &who;
}

static int create(struct vault *v, const char *name, const char *type, struct problem *p)
{
    struct create_request m = { .name = "" };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;

    snprintf(m.name, sizeof(m.name), "%s", name);
    snprintf(m.type, sizeof(m.type), "%s", type);
    return vault_create(v, &m, spki, &key, p);
}

static int grant(struct vault *v, bool allow, const char *name, uint8_t kind, uint32_t id, uint16_t ops, struct problem *p)
{
    struct grant_request m = { .grant = { kind, id, ops } };

    snprintf(m.name, sizeof(m.name), "%s", name);
    return vault_grant(v, &m, allow, p);
}

static int use(struct vault *v, const char *name, const struct caller *who, struct livekey **ret, struct problem *p)
{
    struct key_ref ref = { .version = 0 };
    struct used_key key;
    int r;

    snprintf(ref.name, sizeof(ref.name), "%s", name);
    r = vault_use(v, &(struct use_wish){ &ref, who, OP_SIGN, (uint64_t)time(NULL), { NULL, 0 }, false }, &key, p);
    CU_ASSERT_EQUAL(key.live != NULL, r == 0);
    *ret = key.live;
    return r;
}

static int may_use(struct vault *v, const char *name, uid_t uid, gid_t gid, struct problem *p)
{
    struct caller who = inbox_caller(getpid(), uid, gid);
    struct livekey *live;
    int r = use(v, name, &who, &live, p);

    livekey_unref(live);
    return r;
}

static int unlock(struct vault *v, struct bytes secret, struct problem *p)
{
    return vault_unlock(v, SEAL_CREDENTIAL, secret, p);
}

static enum lock_state lock_of(struct vault *v)
{
    struct vault_summary s;

    vault_summary(v, &s);
    return s.lock;
}

/* "web", of which a tombstone is the first version, with a user and a group and a former name; and "other". */
static void box_with_keys(struct inbox *b)
{
    struct problem p;
    struct vault *v;

    inbox_init(b);
    v = b->box.vault;
    OK(create(v, "web", "ed25519", &p));
    OK(vault_destroy(v, &(struct destroy_request){ .name = "web" }, &p));
    OK(create(v, "web", "ec:P-256", &p));
    OK(grant(v, true, "web", SUBJECT_USER, INBOX_GRANTED, OP_SIGN, &p));
    OK(grant(v, true, "web", SUBJECT_GROUP, INBOX_GROUP, OP_SIGN, &p));
    OK(create(v, "third", "ed25519", &p));
    OK(vault_rename(v, &(struct rename_request){ "third", "other" }, &p));
}

/* What a vault tells of all its keys and seals, as a text */

struct telling {
    struct vault *v;
    char names[8][LB_NAME_MAX + 1];
    size_t count;
    FILE *to;
};

static bool take_key(const struct key_entry *e, void *arg)
{
    struct telling *t = arg;

    CU_ASSERT_FATAL(t->count < COUNT(t->names));
    snprintf(t->names[t->count++], sizeof(t->names[0]), "%s", e->name);
    fprintf(t->to, "%s %s version %u of %u state %u damaged %d created %llu\n", e->name, e->type, e->version, e->versions,
            e->state, e->damaged, (unsigned long long)e->created);
    return true;
}

static void tell_details(struct telling *t, const char *name)
{
    static struct key_details s;
    struct problem p;

    OK(vault_show(t->v, name, &s, &p));
    fprintf(t->to, "%s, formerly '%s'\n", s.name, s.former);
    for (size_t i = 0; i < s.version_count; i++) {
        const struct version_entry *e = &s.versions[i];

        fprintf(t->to, "  version %u state %u damaged %d %s created %llu changed %llu destroy at %llu chain %u hash ", e->version,
                e->state, e->damaged, e->type, (unsigned long long)e->created, (unsigned long long)e->changed,
                (unsigned long long)e->destroy_at, e->certificates);
        for (size_t j = 0; j < LB_HASH_SIZE; j++)
            fprintf(t->to, "%02x", e->hash[j]);
        fprintf(t->to, "\n");
    }
    for (size_t i = 0; i < s.grant_count; i++)
        fprintf(t->to, "  grant %u %u %u\n", s.grants[i].kind, s.grants[i].id, s.grants[i].ops);
}

/* To be freed. */
static char *tell(struct vault *v)
{
    struct seal_info seals[LB_SEALS_MAX];
    struct telling t = { .v = v };
    struct problem p = { 0 };
    char *text = NULL;
    size_t len, count = 0;
    bool more;

    t.to = open_memstream(&text, &len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(t.to);
    OK(vault_list(v, "", admin(), take_key, &t, &more, &p));
    CU_ASSERT_FALSE(more);
    for (size_t i = 0; i < t.count; i++)
        tell_details(&t, t.names[i]);
    OK(vault_seals(v, seals, &count, &p));
    for (size_t i = 0; i < count; i++)
        fprintf(t.to, "seal %u kind %u '%s' %llu\n", seals[i].id, seals[i].kind, seals[i].label,
                (unsigned long long)seals[i].created);
    fclose(t.to);
    return text;
}

/* Making, locking, opening */

static void made_once(void)
{
    struct seal_request seal = { .kind = SEAL_CREDENTIAL, .label = "again", .secret = second };
    struct problem p;
    struct inbox b;
    char *before, *after;

    box_with_keys(&b);
    before = tell(b.box.vault);
    for (unsigned i = 0; i < 2; i++) {
        FAILS(vault_init(b.box.vault, &seal, &p), LB_E_EXISTS);
        TEXT_IS(p.text, "box 'test' has a store already");
        TEXT_IS(p.hint, "its keys: littlebox --box test list");
        OK(inbox_reopen(&b, &p));
    }
    FAILS(unlock(b.box.vault, second, &p), LB_E_SECRET);
    after = tell(b.box.vault);
    TEXT_IS(after, before);
    free(before);
    free(after);
    inbox_clear(&b);
}

/* What is public can be had while it is locked, and nothing else; then everything is as it was. */
static void locked_and_opened(void)
{
    static const struct import_request import = { .name = "new", .pkcs8 = SECRET("no key") };
    static const struct key_ref web = { .name = "web" };
    uint8_t spki[LB_SPKI_MAX], locked[LB_SPKI_MAX];
    struct key_info key, again;
    struct problem p;
    struct inbox b;
    struct vault *v;
    char *before, *after;

    box_with_keys(&b);
    v = b.box.vault;
    OK(may_use(v, "web", INBOX_GRANTED, INBOX_STRANGER, &p));
    OK(vault_get(v, &web, spki, &key, &p));
    before = tell(v);
    vault_lock(v);
    CU_ASSERT_EQUAL(lock_of(v), LOCK_LOCKED);
    FAILS(may_use(v, "web", INBOX_GRANTED, INBOX_STRANGER, &p), LB_E_LOCKED);
    FAILS(may_use(v, "web", INBOX_STRANGER, INBOX_GROUP, &p), LB_E_LOCKED);
    FAILS(may_use(v, "other", 0, 0, &p), LB_E_LOCKED);
    /* Whoever may not use it hears that first. */
    FAILS(may_use(v, "web", INBOX_STRANGER, INBOX_STRANGER, &p), LB_E_DENIED);
    OK(vault_get(v, &web, locked, &again, &p));
    CU_ASSERT(again.spki.len == key.spki.len && memcmp(locked, spki, key.spki.len) == 0 && again.version == 2);
    FAILS(create(v, "new", "ed25519", &p), LB_E_LOCKED);
    FAILS(vault_import(v, &import, spki, &key, &p), LB_E_LOCKED);
    after = tell(v);
    TEXT_IS(after, before);
    free(after);
    /* Twice is no more than once. */
    vault_lock(v);
    OK(unlock(v, first, &p));
    CU_ASSERT_EQUAL(lock_of(v), LOCK_UNLOCKED);
    OK(may_use(v, "web", INBOX_GRANTED, INBOX_STRANGER, &p));
    OK(may_use(v, "third", 0, 0, &p));
    after = tell(v);
    TEXT_IS(after, before);
    free(after);
    free(before);
    inbox_clear(&b);
}

static void wrong_secrets_are_counted(void)
{
    struct problem p;
    struct inbox b;
    struct vault *v;

    box_with_keys(&b);
    v = b.box.vault;
    vault_lock(v);
    CU_ASSERT_EQUAL(vault_wrong_secrets(v), 0);
    for (unsigned i = 1; i <= 3; i++) {
        FAILS(unlock(v, wrong, &p), LB_E_SECRET);
        CU_ASSERT_EQUAL(vault_wrong_secrets(v), i);
        CU_ASSERT_EQUAL(lock_of(v), LOCK_LOCKED);
        FAILS(may_use(v, "other", 0, 0, &p), LB_E_LOCKED);
    }
    OK(unlock(v, first, &p));
    CU_ASSERT_EQUAL(vault_wrong_secrets(v), 0);
    /* One that is wrong closes nothing that is open. */
    FAILS(unlock(v, wrong, &p), LB_E_SECRET);
    CU_ASSERT_EQUAL(vault_wrong_secrets(v), 1);
    CU_ASSERT_EQUAL(lock_of(v), LOCK_UNLOCKED);
    OK(may_use(v, "other", 0, 0, &p));
    inbox_clear(&b);
}

/* Changes */

/* In the order of kind and id, each subject once. */
static const char *grants_of(struct vault *v, const char *name)
{
    static char text[256];
    static struct key_details s;
    struct problem p;
    size_t len = 0;

    OK(vault_show(v, name, &s, &p));
    text[0] = '\0';
    for (size_t i = 0; i < s.grant_count && len < sizeof(text); i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%c%u:%u", i == 0 ? "" : " ",
                                s.grants[i].kind == SUBJECT_USER ? 'u' : 'g', s.grants[i].id, s.grants[i].ops);
    return text;
}

static void grants_come_and_go(void)
{
    const struct principal stranger = inbox_caller(getpid(), INBOX_STRANGER, INBOX_STRANGER).sender;
    struct problem p;
    struct inbox b;
    struct vault *v;
    unsigned changed;

    inbox_init(&b);
    v = b.box.vault;
    OK(create(v, "web", "ed25519", &p));
    TEXT_IS(grants_of(v, "web"), "");
    CU_ASSERT_FALSE(vault_knows(v, &stranger));
    changed = vault_grants_changed(v);
    OK(grant(v, true, "web", SUBJECT_GROUP, 7, OP_SIGN, &p));
    OK(grant(v, true, "web", SUBJECT_USER, INBOX_STRANGER, OP_SIGN, &p));
    OK(grant(v, true, "web", SUBJECT_USER, 9, OP_DERIVE, &p));
    TEXT_IS(grants_of(v, "web"), "u9:4 u3000002:1 g7:1");
    CU_ASSERT_TRUE(vault_knows(v, &stranger));
    CU_ASSERT(vault_grants_changed(v) != changed);
    OK(may_use(v, "web", INBOX_STRANGER, INBOX_STRANGER, &p));
    /* More for somebody is no more entries; what is there already is no change. */
    OK(grant(v, true, "web", SUBJECT_USER, INBOX_STRANGER, OP_DECRYPT, &p));
    OK(grant(v, true, "web", SUBJECT_GROUP, 7, OP_SIGN, &p));
    TEXT_IS(grants_of(v, "web"), "u9:4 u3000002:3 g7:1");
    OK(grant(v, false, "web", SUBJECT_USER, INBOX_STRANGER, OP_SIGN, &p));
    TEXT_IS(grants_of(v, "web"), "u9:4 u3000002:2 g7:1");
    FAILS(may_use(v, "web", INBOX_STRANGER, INBOX_STRANGER, &p), LB_E_DENIED);
    FAILS(grant(v, false, "web", SUBJECT_USER, INBOX_STRANGER, OP_SIGN, &p), LB_E_VALUE);
    TEXT_IS(p.text, "uid 3000002 was not allowed this with key 'web'");
    TEXT_IS(p.hint, "who is allowed what: littlebox --box test show web");
    /* A user is not the group of that number. */
    FAILS(grant(v, false, "web", SUBJECT_GROUP, INBOX_STRANGER, OP_DECRYPT, &p), LB_E_VALUE);
    TEXT_IS(p.text, "gid 3000002 was not allowed this with key 'web'");
    OK(grant(v, false, "web", SUBJECT_USER, INBOX_STRANGER, OP_ALL, &p));
    TEXT_IS(grants_of(v, "web"), "u9:4 g7:1");
    CU_ASSERT_FALSE(vault_knows(v, &stranger));
    OK(inbox_reopen(&b, &p));
    TEXT_IS(grants_of(b.box.vault, "web"), "u9:4 g7:1");
    inbox_clear(&b);
}

static void grants_have_a_limit(void)
{
    static struct key_details s;
    struct problem p;
    struct inbox b;

    inbox_init(&b);
    OK(create(b.box.vault, "web", "ed25519", &p));
    for (unsigned i = 0; i < LB_GRANTS_MAX; i++)
        OK(grant(b.box.vault, true, "web", SUBJECT_USER, INBOX_STRANGER + i, OP_SIGN, &p));
    FAILS(grant(b.box.vault, true, "web", SUBJECT_USER, 5, OP_SIGN, &p), LB_E_TOO_LONG);
    TEXT_IS(p.text, "key 'web' has 256 policy entries, which is the most");
    OK(grant(b.box.vault, true, "web", SUBJECT_USER, INBOX_STRANGER, OP_DECRYPT, &p));
    OK(inbox_reopen(&b, &p));
    OK(vault_show(b.box.vault, "web", &s, &p));
    CU_ASSERT_EQUAL(s.grant_count, LB_GRANTS_MAX);
    OK(may_use(b.box.vault, "web", INBOX_STRANGER + LB_GRANTS_MAX - 1, INBOX_STRANGER, &p));
    FAILS(may_use(b.box.vault, "web", 5, INBOX_STRANGER, &p), LB_E_DENIED);
    inbox_clear(&b);
}

/* A number is never used again: what names the version that is gone finds its tombstone. */
static void destroyed_for_good(void)
{
    static const struct destroy_request one = { "web", 1 }, two = { "web", 2 }, three = { "web", 3 };
    struct key_ref web = { .name = "web" };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;
    struct inbox b;
    struct vault *v;

    box_with_keys(&b);
    v = b.box.vault;
    FAILS(vault_destroy(v, &one, &p), LB_E_DESTROYED);
    TEXT_IS(p.text, "version 1 of key 'web' in box 'test' is destroyed already");
    FAILS(vault_destroy(v, &three, &p), LB_E_NO_VERSION);
    TEXT_IS(p.text, "key 'web' in box 'test' has no version 3");
    FAILS(vault_destroy(v, &(struct destroy_request){ "none", 0 }, &p), LB_E_NO_KEY);
    OK(may_use(v, "web", INBOX_GRANTED, INBOX_STRANGER, &p));
    OK(vault_destroy(v, &two, &p));
    for (unsigned i = 0; i < 2; i++) {
        v = b.box.vault;
        TEXT_IS(grants_of(v, "web"), "");
        FAILS(vault_destroy(v, &(struct destroy_request){ "web", 0 }, &p), LB_E_DESTROYED);
        TEXT_IS(p.text, "key 'web' in box 'test' is destroyed already");
        FAILS(grant(v, true, "web", SUBJECT_USER, INBOX_GRANTED, OP_SIGN, &p), LB_E_DESTROYED);
        FAILS(vault_get(v, &web, spki, &key, &p), LB_E_DESTROYED);
        FAILS(may_use(v, "web", INBOX_GRANTED, INBOX_STRANGER, &p), LB_E_DENIED);
        OK(inbox_reopen(&b, &p));
    }
    v = b.box.vault;
    OK(create(v, "web", "ed25519", &p));
    OK(vault_get(v, &web, spki, &key, &p));
    CU_ASSERT_EQUAL(key.version, 3);
    web.version = 2;
    FAILS(vault_get(v, &web, spki, &key, &p), LB_E_DESTROYED);
    inbox_clear(&b);
}

/* Refused for what it asks, before anything is done. */
static void refuse_by_what_is_asked(struct vault *v)
{
    static const struct import_request import = { .name = "new", .pkcs8 = SECRET("no key") };
    static const struct attach_request attach = { .name = "new", .label = SECRET("new") };
    static const struct chain_request chain = { .name = "web", .chain = SECRET("\0\1\0\2\x30\0") };
    struct seal_request weak = { .kind = SEAL_PASSPHRASE, .label = "weak", .secret = SECRET("short") };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;
    uint32_t version;

    FAILS(create(v, "web", "ed25519", &p), LB_E_EXISTS);
    FAILS(create(v, "third", "ed25519", &p), LB_E_EXISTS);
    CU_ASSERT(create(v, "new", "rsa:16", &p) != 0);
    CU_ASSERT(vault_import(v, &import, spki, &key, &p) != 0);
    FAILS(vault_attach(v, &attach, spki, &key, &p), LB_E_UNSUPPORTED);
    TEXT_IS(p.text, "box 'test' has no token to attach a key of");
    TEXT_IS(p.hint, "BOX.conf: backend = pkcs11; see littlebox.conf(5)");
    FAILS(grant(v, false, "web", SUBJECT_USER, INBOX_STRANGER, OP_SIGN, &p), LB_E_VALUE);
    FAILS(vault_rename(v, &(struct rename_request){ "web", "other" }, &p), LB_E_EXISTS);
    FAILS(vault_destroy(v, &(struct destroy_request){ "web", 9 }, &p), LB_E_NO_VERSION);
    FAILS(vault_cancel_destroy(v, &(struct destroy_request){ "web", 0 }, &p), LB_E_VALUE);
    CU_ASSERT(vault_cert_set(v, &chain, &version, &p) != 0);
    FAILS(vault_seal_add(v, &weak, &p), LB_E_WEAK_SECRET);
    FAILS(vault_seal_remove(v, 77, &p), LB_E_NO_SEAL);
    FAILS(vault_seal_remove(v, 1, &p), LB_E_LAST_SEAL);
}

/* Refused by the store, when all is prepared: somebody else has written to its file. */
static void refuse_by_the_store(struct vault *v)
{
    struct seal_request seal = { .kind = SEAL_CREDENTIAL, .label = "new", .secret = second };
    struct problem p;
    uint64_t at;

    FAILS(create(v, "new", "ed25519", &p), LB_E_STORE);
    FAILS(grant(v, true, "web", SUBJECT_USER, INBOX_STRANGER, OP_SIGN, &p), LB_E_STORE);
    FAILS(grant(v, false, "web", SUBJECT_USER, INBOX_GRANTED, OP_SIGN, &p), LB_E_STORE);
    FAILS(vault_rename(v, &(struct rename_request){ "web", "new" }, &p), LB_E_STORE);
    FAILS(vault_schedule_destroy(v, &(struct destroy_request){ "web", 0 }, &at, &p), LB_E_STORE);
    FAILS(vault_destroy(v, &(struct destroy_request){ "web", 0 }, &p), LB_E_STORE);
    FAILS(vault_seal_add(v, &seal, &p), LB_E_STORE);
}

static void refused_changes_change_nothing(void)
{
    static const struct timespec then[2] = { { .tv_sec = 1000000000 }, { .tv_sec = 1000000000 } };
    struct problem p;
    struct inbox b;
    char *before, *after;

    box_with_keys(&b);
    before = tell(b.box.vault);
    for (unsigned by_store = 0; by_store < 2; by_store++) {
        if (by_store == 1)
            CU_ASSERT_EQUAL_FATAL(utimensat(AT_FDCWD, b.conf.paths.store, then, 0), 0);
        if (by_store == 0)
            refuse_by_what_is_asked(b.box.vault);
        else
            refuse_by_the_store(b.box.vault);
        for (unsigned reopened = 0; reopened < 2; reopened++) {
            after = tell(b.box.vault);
            TEXT_IS(after, before);
            free(after);
            OK(may_use(b.box.vault, "web", INBOX_GRANTED, INBOX_STRANGER, &p));
            OK(may_use(b.box.vault, "web", INBOX_STRANGER, INBOX_GROUP, &p));
            FAILS(may_use(b.box.vault, "web", INBOX_STRANGER, INBOX_STRANGER, &p), LB_E_DENIED);
            OK(may_use(b.box.vault, "third", 0, 0, &p));
            FAILS(may_use(b.box.vault, "new", 0, 0, &p), LB_E_NO_KEY);
            if (reopened == 0)
                OK(inbox_reopen(&b, &p));
        }
    }
    free(before);
    inbox_clear(&b);
}

/* Seals */

static size_t list_seals(struct vault *v, struct seal_info ret[LB_SEALS_MAX])
{
    struct problem p = { 0 };
    size_t count = 0;

    OK(vault_seals(v, ret, &count, &p));
    CU_ASSERT_EQUAL(p.code, 0);
    return count;
}

static void seals_come_and_go(void)
{
    struct seal_request m = { .kind = SEAL_CREDENTIAL, .label = "spare", .secret = second };
    struct seal_info seals[LB_SEALS_MAX];
    uint64_t before = (uint64_t)time(NULL);
    struct problem p;
    struct inbox b;
    struct vault *v;

    inbox_init(&b);
    v = b.box.vault;
    CU_ASSERT_EQUAL(list_seals(v, seals), 1);
    CU_ASSERT(seals[0].id == 1 && seals[0].kind == SEAL_CREDENTIAL && seals[0].created >= before);
    TEXT_IS(seals[0].label, "first");
    OK(vault_seal_add(v, &m, &p));
    CU_ASSERT_EQUAL(list_seals(v, seals), 2);
    CU_ASSERT(seals[1].id == 2 && seals[1].kind == SEAL_CREDENTIAL);
    TEXT_IS(seals[1].label, "spare");
    /* Each opens the same store, listed also while that is locked. */
    OK(create(v, "web", "ed25519", &p));
    vault_lock(v);
    CU_ASSERT_EQUAL(list_seals(v, seals), 2);
    OK(unlock(v, second, &p));
    OK(may_use(v, "web", 0, 0, &p));
    FAILS(vault_seal_remove(v, 3, &p), LB_E_NO_SEAL);
    TEXT_IS(p.hint, "the seals of a box: littlebox --box test seal list");
    OK(vault_seal_remove(v, 1, &p));
    CU_ASSERT_EQUAL(list_seals(v, seals), 1);
    CU_ASSERT_EQUAL(seals[0].id, 2);
    FAILS(vault_seal_remove(v, 2, &p), LB_E_LAST_SEAL);
    TEXT_IS(p.hint, "add another first: littlebox --box test seal add");
    /* The box for a test is opened again with the first one. */
    OK(inbox_reopen(&b, &p));
    v = b.box.vault;
    CU_ASSERT_EQUAL(lock_of(v), LOCK_LOCKED);
    FAILS(unlock(v, first, &p), LB_E_SECRET);
    OK(unlock(v, second, &p));
    OK(may_use(v, "web", 0, 0, &p));
    /* A number is not used again. */
    m.secret = first;
    OK(vault_seal_add(v, &m, &p));
    CU_ASSERT_EQUAL(list_seals(v, seals), 2);
    CU_ASSERT_EQUAL(seals[1].id, 3);
    inbox_clear(&b);
}

/* Threads */

struct users {
    struct vault *v;
    EVP_PKEY *public;
    atomic_uint used, locked, others;
    atomic_bool stop;
};

static bool is_signed(EVP_PKEY *key, const uint8_t *sig, size_t len)
{
    EVP_MD_CTX *ctx = EVP_MD_CTX_new();
    bool good = ctx != NULL && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key) > 0 &&
                EVP_DigestVerify(ctx, sig, len, (const uint8_t *)"text", 4) > 0;

    EVP_MD_CTX_free(ctx);
    return good;
}

static void sign_once(struct users *u)
{
    static const struct sign_request m = { .key.name = "web", .scheme = SCHEME_ED25519, .input = INPUT_TEXT,
                                           .data = SECRET("text") };
    const struct caller who = inbox_caller(getpid(), INBOX_GRANTED, INBOX_STRANGER);
    uint8_t sig[LB_SIGNATURE_MAX];
    struct used_key key;
    struct problem p;
    size_t len = 0;
    int r = vault_use(u->v, &(struct use_wish){ &m.key, &who, OP_SIGN, 1, { NULL, 0 }, false }, &key, &p);

    if (r == LB_E_LOCKED && key.live == NULL)
        atomic_fetch_add(&u->locked, 1);
    else if (r == 0 && keyop_sign(key.live, &m, sig, sizeof(sig), &len, &p) == 0 && is_signed(u->public, sig, len))
        atomic_fetch_add(&u->used, 1);
    else
        atomic_fetch_add(&u->others, 1);
    livekey_unref(key.live);
}

static void *sign_on(void *arg)
{
    struct users *u = arg;

    while (!atomic_load(&u->stop))
        sign_once(u);
    return NULL;
}

/* Until there were so many more, or the count of what must not be rises. */
static void await(const struct users *u, atomic_uint *counter)
{
    unsigned from = atomic_load(counter);

    while (atomic_load(counter) < from + 3 && atomic_load(&u->others) == 0)
        sched_yield();
}

/* Whoever uses a key while the vault is locked and opened has a signature, or hears that it is locked. */
static void used_while_it_is_locked(void)
{
    const struct key_ref web = { .name = "web" };
    uint8_t spki[LB_SPKI_MAX];
    const uint8_t *at = spki;
    struct users u = { .v = NULL };
    struct key_info key;
    pthread_t threads[2];
    struct problem p;
    struct inbox b;

    inbox_init(&b);
    u.v = b.box.vault;
    OK(create(u.v, "web", "ed25519", &p));
    OK(grant(u.v, true, "web", SUBJECT_USER, INBOX_GRANTED, OP_SIGN, &p));
    OK(vault_get(u.v, &web, spki, &key, &p));
    u.public = d2i_PUBKEY(NULL, &at, (long)key.spki.len);
    CU_ASSERT_PTR_NOT_NULL_FATAL(u.public);
    for (size_t i = 0; i < COUNT(threads); i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&threads[i], NULL, sign_on, &u), 0);
    for (unsigned i = 0; i < (unit_is_slow() ? 5 : 50); i++) {
        /* Now and then both at once, without waiting for anybody. */
        if (i % 2 == 0)
            await(&u, &u.used);
        vault_lock(u.v);
        if (i % 2 == 0)
            await(&u, &u.locked);
        OK(unlock(u.v, first, &p));
    }
    atomic_store(&u.stop, true);
    for (size_t i = 0; i < COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    CU_ASSERT_EQUAL(atomic_load(&u.others), 0);
    CU_ASSERT(atomic_load(&u.used) > 0 && atomic_load(&u.locked) > 0);
    OK(may_use(u.v, "web", INBOX_GRANTED, INBOX_STRANGER, &p));
    EVP_PKEY_free(u.public);
    inbox_clear(&b);
}

static const struct unit_test tests[] = {
    { "made once", made_once },
    { "locked and opened", locked_and_opened },
    { "wrong secrets are counted", wrong_secrets_are_counted },
    { "grants come and go", grants_come_and_go },
    { "grants have a limit", grants_have_a_limit },
    { "destroyed for good", destroyed_for_good },
    { "refused changes change nothing", refused_changes_change_nothing },
    { "seals come and go", seals_come_and_go },
    { "used while it is locked", used_while_it_is_locked },
    { NULL, NULL },
};
const struct unit_suite suite_vault = { "vault", tests };
