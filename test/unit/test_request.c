/* Requests to a whole box: who may ask for what, in which order a use is refused, what lists tell, and what a lock leaves. */
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../harness/inbox.h"
#include "model/scheme.h"
#include "model/seal_kinds.h"
#include "protocol/keys.h"
#include "protocol/seals.h"
#include "protocol/use.h"
#include "vault/vault_priv.h"
#include "unit.h"

static const struct bytes credential = { (const uint8_t *)INBOX_CREDENTIAL, sizeof(INBOX_CREDENTIAL) - 1 };

/* A box with a key "web" that INBOX_GRANTED may sign with, and "other" that nobody was granted. */
static void box_with_keys(struct inbox *b)
{
    static const char *const names[] = { "web", "other" };
    struct grant_request grant = { .name = "web", .grant = { SUBJECT_USER, INBOX_GRANTED, OP_SIGN } };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;

    inbox_init(b);
    for (size_t i = 0; i < COUNT(names); i++) {
        struct create_request m = { .type = "ed25519" };

        snprintf(m.name, sizeof(m.name), "%s", names[i]);
        OK(vault_create(b->box.vault, &m, spki, &key, &p));
    }
    OK(vault_grant(b->box.vault, &grant, true, &p));
}

static struct caller user(uid_t uid)
{
    return inbox_caller(getpid(), uid, INBOX_STRANGER);
}

/* The answer to a packet: 0, with its body, or the code of an error, with it in *p. */
static int ask(struct inbox *b, uid_t uid, const void *packet, size_t len, struct bytes *ret_body, struct problem *p)
{
    struct caller who = user(uid);
    struct msg_header header;
    bool goes_on;
    size_t got = inbox_ask(b, &who, packet, len, -1, &goes_on);

    CU_ASSERT_FATAL(got > 0);
    OK(msg_split(b->answer, got, &header, ret_body));
    CU_ASSERT_EQUAL(header.id, 7);
    memset(p, 0, sizeof(*p));
    if (header.type != MSG_ERROR)
        return 0;
    OK(msg_error_decode(*ret_body, p));
    return p->code;
}

static int ask_empty(struct inbox *b, uid_t uid, uint16_t type, struct bytes *ret_body, struct problem *p)
{
    uint8_t packet[LB_HEADER_SIZE];
    size_t len;

    OK(msg_empty_encode(type, 7, packet, sizeof(packet), &len));
    return ask(b, uid, packet, len, ret_body, p);
}

/* By this file's own account: another than the box's table. */
static const struct row {
    uint16_t type;
    const char *name; /* as a refusal says it */
    bool admin, change, secret, secret_answer, takes_fd, repeat, slow;
} rows[] = {
    { MSG_SIGN, "sign", false, false, false, false, true, true, false },
    { MSG_DECRYPT, "decrypt", false, false, false, true, false, true, false },
    { MSG_DERIVE, "derive", false, false, false, true, false, true, false },
    { MSG_GET, "get", false, false, false, false, false, true, false },
    { MSG_LIST, "list", false, false, false, false, false, true, false },
    { MSG_SHOW, "show", true, false, false, false, false, true, false },
    { MSG_STATUS, "status", false, false, false, false, false, true, false },
    { MSG_CERT_GET, "get certificates", false, false, false, false, false, true, true },
    { MSG_FIND, "find", false, false, false, false, false, true, true },
    { MSG_TOKEN, "token", false, false, false, false, false, true, false },
    { MSG_TOKEN_LIST, "token list", true, false, false, false, false, true, true },
    { MSG_CERT_FIND, "find certificates", false, false, false, false, false, true, true },
    { MSG_CREATE, "create", true, true, false, false, false, false, true },
    { MSG_IMPORT, "import", true, true, true, false, false, false, true },
    { MSG_DESTROY, "destroy", true, true, false, false, false, false, true },
    { MSG_DESTROY_SCHEDULE, "schedule destruction", true, true, false, false, false, false, false },
    { MSG_DESTROY_CANCEL, "cancel destruction", true, true, false, false, false, false, false },
    { MSG_RENAME, "rename", true, true, false, false, false, false, false },
    { MSG_HANDLE_NOTE, "note a handle", true, true, false, false, false, true, false },
    { MSG_HANDLE_LIST, "list handles", true, true, false, false, false, true, false },
    { MSG_ALLOW, "allow", true, true, false, false, false, false, false },
    { MSG_DENY, "deny", true, true, false, false, false, false, false },
    { MSG_CERT_SET, "set certificates", true, true, false, false, false, false, false },
    { MSG_ATTACH, "attach", true, true, false, false, false, false, true },
    { MSG_INIT, "init", true, true, true, false, false, false, true },
    { MSG_SEAL_LIST, "seal list", true, true, false, false, false, true, false },
    { MSG_SEAL_ADD, "seal add", true, true, true, false, false, false, true },
    { MSG_SEAL_REMOVE, "seal remove", true, true, false, false, false, false, false },
    { MSG_LOCK, "lock", true, true, false, false, false, true, false },
    { MSG_UNLOCK, "unlock", true, true, true, false, false, true, true },
    { MSG_LOGIN, "login", true, true, true, false, false, false, true },
    { MSG_OPENING, "ask what opens the store", true, false, true, false, false, true, false },
};

static const struct row *row_of(uint16_t type)
{
    for (size_t i = 0; i < COUNT(rows); i++) {
        if (rows[i].type == type)
            return &rows[i];
    }
    return NULL;
}

/* Every number there is: a request that is not in the table above needs a row there first. */
static void the_table(void)
{
    for (unsigned type = 0; type <= UINT16_MAX; type++) {
        const struct msg_kind *kind = msg_kind((uint16_t)type);
        const struct row *row = row_of((uint16_t)type);

        if (kind == NULL || row == NULL) {
            CU_ASSERT(kind == NULL && row == NULL && !request_is_handled((uint16_t)type));
            continue;
        }
        TEXT_IS(kind->name, row->name);
        CU_ASSERT_EQUAL(kind->admin, row->admin);
        CU_ASSERT_EQUAL(kind->change, row->change);
        CU_ASSERT_EQUAL(kind->secret, row->secret);
        CU_ASSERT_EQUAL(kind->secret_answer, row->secret_answer);
        CU_ASSERT_EQUAL(kind->takes_fd, row->takes_fd);
        CU_ASSERT_EQUAL(kind->repeat, row->repeat);
        CU_ASSERT_EQUAL(kind->slow, row->slow);
        CU_ASSERT_TRUE(request_is_handled((uint16_t)type));
        CU_ASSERT(kind->asks < BODY_COUNT && kind->answer < BODY_COUNT);
    }
}

/* What only administrators may ask for is refused before its body is looked at, and changes nothing. */
static void administrators_requests(void)
{
    static const uid_t uids[] = { INBOX_STRANGER, INBOX_GRANTED };
    struct problem p;
    struct bytes body;
    struct inbox b;
    char text[100];

    box_with_keys(&b);
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t k = 0; k < COUNT(uids) && rows[i].admin; k++) {
            FAILS(ask_empty(&b, uids[k], rows[i].type, &body, &p), LB_E_DENIED);
            snprintf(text, sizeof(text), "uid %u may not %s in box 'test'", uids[k], rows[i].name);
            TEXT_IS(p.text, text);
            TEXT_IS(p.hint, "ask an administrator of the box, or see 'admin' in littlebox.conf(5)");
        }
    }
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_UNLOCKED);
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->keys), 2);
    CU_ASSERT_EQUAL(atomic_load(&b.box.refusals), 2 * 22);
    /* Where the body is what it is to be, the same administrator is served. */
    OK(ask_empty(&b, 0, MSG_SEAL_LIST, &body, &p));
    inbox_clear(&b);
}

/* Uses */

static int use(struct inbox *b, uid_t uid, enum key_op op, const struct key_ref *ref, struct problem *p)
{
    struct caller who = user(uid);
    struct used_key key;
    int r;

    memset(p, 0, sizeof(*p));
    r = vault_use(b->box.vault, &(struct use_wish){ ref, &who, op, (uint64_t)time(NULL) }, &key, p);
    CU_ASSERT_EQUAL(key.live != NULL, r == 0);
    livekey_unref(key.live);
    return r;
}

static void destroy(struct inbox *b, const char *name)
{
    struct destroy_request m = { .version = 1 };
    struct problem p;

    snprintf(m.name, sizeof(m.name), "%s", name);
    OK(vault_destroy(b->box.vault, &m, &p));
}

static void a_use_is_granted(void)
{
    struct key_ref web = { .name = "web" }, other = { .name = "other" };
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    OK(use(&b, INBOX_GRANTED, OP_SIGN, &web, &p));
    OK(use(&b, 0, OP_SIGN, &web, &p));
    OK(use(&b, 0, OP_DERIVE, &other, &p));
    FAILS(use(&b, INBOX_GRANTED, OP_DECRYPT, &web, &p), LB_E_DENIED);
    TEXT_IS(p.text, "uid 3000001 may not decrypt with key 'web' of box 'test'");
    TEXT_IS(p.hint, "an administrator may run: littlebox --box test allow web --user 3000001 --op decrypt");
    FAILS(use(&b, INBOX_GRANTED, OP_DERIVE, &web, &p), LB_E_DENIED);
    FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &other, &p), LB_E_DENIED);
    FAILS(use(&b, INBOX_STRANGER, OP_SIGN, &web, &p), LB_E_DENIED);
    TEXT_IS(p.text, "uid 3000002 may not sign with key 'web' of box 'test'");
    TEXT_IS(p.hint, "an administrator may run: littlebox --box test allow web --user 3000002");
    inbox_clear(&b);
}

/* It sends as root, on a channel that another user made: as root it would have the right. */
static void the_maker_is_named(void)
{
    const struct maker maker = { { getpid(), INBOX_STRANGER, INBOX_STRANGER }, NULL, 0 };
    const struct caller who = caller_of(&(struct peer){ getpid(), 0, 0 }, &maker);
    struct key_ref web = { .name = "web" };
    struct used_key key;
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    FAILS(vault_use(b.box.vault, &(struct use_wish){ &web, &who, OP_SIGN, 1 }, &key, &p), LB_E_DENIED);
    TEXT_IS(p.text, "uid 3000002 may not sign with key 'web' of box 'test'");
    TEXT_IS(p.hint, "an administrator may run: littlebox --box test allow web --user 3000002");
    inbox_clear(&b);
}

static void without_credentials(void)
{
    struct key_ref web = { .name = "web" };
    struct used_key key;
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    for (int i = 0; i < 2; i++) {
        struct caller who = inbox_caller(0, i == 0 ? INBOX_GRANTED : 0, 0);

        FAILS(vault_use(b.box.vault, &(struct use_wish){ &web, &who, OP_SIGN, 1 }, &key, &p), LB_E_DENIED);
        TEXT_IS(p.text, "the kernel did not tell who asks for key 'web'");
    }
    inbox_clear(&b);
}

/* Each refusal hides those behind it: of a caller without a grant nobody learns a key's state. */
static void in_this_order(void)
{
    struct key_ref none = { .name = "none" }, web = { .name = "web" }, third = { .name = "web", .version = 3 },
                   pinned = { .name = "web", .has_hash = true }, first = { .name = "web", .version = 1 };
    struct boxkey *k;
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    k = keyring_find(&b.box.vault->ring, "web");
    FAILS(use(&b, INBOX_STRANGER, OP_SIGN, &none, &p), LB_E_NO_KEY);
    k->damaged = true;
    FAILS(use(&b, INBOX_STRANGER, OP_SIGN, &web, &p), LB_E_DENIED);
    FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &third, &p), LB_E_DAMAGED);
    k->damaged = false;
    FAILS(use(&b, INBOX_STRANGER, OP_SIGN, &third, &p), LB_E_DENIED);
    FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &third, &p), LB_E_NO_VERSION);
    FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &pinned, &p), LB_E_PUBLIC_KEY);
    memcpy(pinned.hash, k->versions[0].hash, LB_HASH_SIZE);
    OK(use(&b, INBOX_GRANTED, OP_SIGN, &pinned, &p));
    /* One bit of it, in any place. */
    for (size_t i = 0; i < LB_HASH_SIZE; i++) {
        pinned.hash[i] ^= 1;
        FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &pinned, &p), LB_E_PUBLIC_KEY);
        pinned.hash[i] ^= 1;
    }
    pinned.version = 2;
    FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &pinned, &p), LB_E_PUBLIC_KEY);
    k->versions[0].damaged = true;
    FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &web, &p), LB_E_DAMAGED);
    k->versions[0].damaged = false;
    vault_lock(b.box.vault);
    FAILS(use(&b, INBOX_STRANGER, OP_SIGN, &web, &p), LB_E_DENIED);
    FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &third, &p), LB_E_NO_VERSION);
    FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &first, &p), LB_E_LOCKED);
    FAILS(use(&b, 0, OP_SIGN, &web, &p), LB_E_LOCKED);
    inbox_clear(&b);
}

/* A version in any state but one signs for nobody, open or locked. */
static void only_active_versions(void)
{
    struct key_ref web = { .name = "web" }, first = { .name = "web", .version = 1 };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct boxkey *k;
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    k = keyring_find(&b.box.vault->ring, "web");
    OK(vault_get(b.box.vault, &first, spki, &key, &p));
    for (uint8_t state = 1; state <= STATE_LAST; state++) {
        int code = state == STATE_DESTROYED ? LB_E_DESTROYED : LB_E_NOT_ACTIVE;

        if (state == STATE_ACTIVE)
            continue;
        k->rec.versions[0].state = state;
        FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &first, &p), code);
        FAILS(use(&b, 0, OP_SIGN, &web, &p), code);
    }
    k->rec.versions[0].state = STATE_ACTIVE;
    destroy(&b, "web");
    FAILS(use(&b, 0, OP_SIGN, &first, &p), LB_E_DESTROYED);
    /* Nor is its public half given out for a handle. */
    FAILS(vault_get(b.box.vault, &first, spki, &key, &p), LB_E_DESTROYED);
    FAILS(vault_get(b.box.vault, &web, spki, &key, &p), LB_E_DESTROYED);
    inbox_clear(&b);
}

/* Lists */

static unsigned listed(struct inbox *b, uid_t uid)
{
    struct msg_list m = { .after = "" };
    struct wire_reader r;
    uint8_t packet[128];
    struct bytes body;
    struct problem p;
    unsigned count;
    size_t len;

    OK(msg_list_encode(MSG_LIST, 7, &m, packet, sizeof(packet), &len));
    OK(ask(b, uid, packet, len, &body, &p));
    wire_read(&r, body.p, body.len);
    (void)wire_get_bool(&r);
    count = wire_get_u16(&r);
    return count;
}

static unsigned found(struct inbox *b, uid_t uid, const char *object)
{
    struct msg_find m = { .want.a = { [P11_TOKEN] = { true, 4, "test" } } };
    struct found_token found;
    struct wire_reader r;
    uint8_t packet[512];
    struct bytes body;
    struct problem p;
    size_t len;

    if (object != NULL)
        OK(p11uri_set_text(&m.want, P11_OBJECT, object));
    OK(msg_find_encode(MSG_FIND, 7, &m, packet, sizeof(packet), &len));
    OK(ask(b, uid, packet, len, &body, &p));
    wire_read(&r, body.p, body.len);
    msg_found_get(&r, &found);
    CU_ASSERT(found.is_the_token);
    return found.count;
}

static void lists_show_what_one_may_use(void)
{
    struct inbox b;

    box_with_keys(&b);
    CU_ASSERT_EQUAL(listed(&b, 0), 2);
    CU_ASSERT_EQUAL(listed(&b, INBOX_GRANTED), 1);
    CU_ASSERT_EQUAL(listed(&b, INBOX_STRANGER), 0);
    /* A name that one knows is found by everybody, as GET tells its public half; the others are not. */
    CU_ASSERT_EQUAL(found(&b, INBOX_STRANGER, "web"), 1);
    CU_ASSERT_EQUAL(found(&b, 0, NULL), 2);
    CU_ASSERT_EQUAL(found(&b, INBOX_GRANTED, NULL), 1);
    CU_ASSERT_EQUAL(found(&b, INBOX_STRANGER, NULL), 0);
    inbox_clear(&b);
}

/* Locking */

static bool is_mapped(const void *p)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), at = (uintptr_t)p & ~(page - 1);
    unsigned char seen;

    return mincore((void *)at, (size_t)page, &seen) == 0;
}

/* What was the store key's memory is none any more, and no key is open. */
static void a_lock_leaves_nothing(void)
{
    struct key_ref web = { .name = "web" };
    const uint8_t *store_key;
    struct problem p;
    struct bytes body;
    struct inbox b;

    box_with_keys(&b);
    OK(use(&b, INBOX_GRANTED, OP_SIGN, &web, &p));
    OK(backend_sealed_take(b.box.vault->sealer, &store_key));
    CU_ASSERT(is_mapped(store_key));
    backend_sealed_rest(b.box.vault->sealer);
    CU_ASSERT_EQUAL(b.box.vault->ring.opened.count, 2);
    OK(ask_empty(&b, 0, MSG_LOCK, &body, &p));
    CU_ASSERT(!is_mapped(store_key));
    CU_ASSERT_PTR_NULL(b.box.vault->sealer);
    CU_ASSERT_PTR_NULL(b.box.vault->backend);
    CU_ASSERT_EQUAL(b.box.vault->ring.opened.count, 0);
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_LOCKED);
    /* The next child would open the store with its credential otherwise. */
    CU_ASSERT_EQUAL(b.told_locked, 1);
    inbox_clear(&b);
}

/* Changes need an open store, whoever asks. */
static void nothing_changes_while_locked(void)
{
    struct create_request create = { .name = "new", .type = "ed25519" };
    struct grant_request grant = { .name = "web", .grant = { SUBJECT_USER, INBOX_STRANGER, OP_SIGN } };
    struct destroy_request gone = { .name = "web" };
    struct rename_request to = { "web", "shop" };
    uint64_t at;
    struct seal_request seal = { .kind = SEAL_CREDENTIAL, .label = "b", .secret = credential };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;
    struct vault *v;
    struct inbox b;

    box_with_keys(&b);
    v = b.box.vault;
    vault_lock(v);
    FAILS(vault_create(v, &create, spki, &key, &p), LB_E_LOCKED);
    FAILS(vault_grant(v, &grant, true, &p), LB_E_LOCKED);
    FAILS(vault_destroy(v, &gone, &p), LB_E_LOCKED);
    FAILS(vault_schedule_destroy(v, &gone, &at, &p), LB_E_LOCKED);
    FAILS(vault_cancel_destroy(v, &gone, &p), LB_E_LOCKED);
    FAILS(vault_rename(v, &to, &p), LB_E_LOCKED);
    FAILS(vault_seal_add(v, &seal, &p), LB_E_LOCKED);
    FAILS(vault_seal_remove(v, 1, &p), LB_E_LOCKED);
    FAILS(vault_init(v, &seal, &p), LB_E_EXISTS);
    inbox_clear(&b);
}

static double seconds(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* A wrong secret: the box stays locked, the answer comes late, and each further one later. */
static void guessing_is_slow(void)
{
    struct seal_request m = { .kind = SEAL_CREDENTIAL,
                            .secret = { (const uint8_t *)"one that is wrong, of more than 32 bytes", 40 } };
    struct problem p;
    struct bytes body;
    struct inbox b;
    uint8_t packet[256];
    double started;
    uint64_t was;
    size_t len;

    box_with_keys(&b);
    vault_lock(b.box.vault);
    /* Not about to stop. */
    CU_ASSERT_EQUAL(eventfd_read(b.box.stop_fd, &was), 0);
    OK(msg_secret_encode(MSG_UNLOCK, 7, &m, packet, sizeof(packet), &len));
    started = seconds();
    FAILS(ask(&b, 0, packet, len, &body, &p), LB_E_SECRET);
    TEXT_IS(p.text, "no seal of box 'test' opens with this credential");
    CU_ASSERT(seconds() - started >= 0.49);
    started = seconds();
    FAILS(ask(&b, 0, packet, len, &body, &p), LB_E_SECRET);
    CU_ASSERT(seconds() - started >= 0.99);
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_LOCKED);
    m.secret = credential;
    OK(msg_secret_encode(MSG_UNLOCK, 7, &m, packet, sizeof(packet), &len));
    OK(ask(&b, 0, packet, len, &body, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_UNLOCKED);
    CU_ASSERT_EQUAL(b.told_locked, 0);
    inbox_clear(&b);
}

/* A secret that opens one kind of seal is not tried with another, nor is anything left open. */
static void seals_are_of_their_kind(void)
{
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    vault_lock(b.box.vault);
    FAILS(vault_unlock(b.box.vault, SEAL_PASSPHRASE, credential, &p), LB_E_SECRET);
    CU_ASSERT_PTR_NULL(b.box.vault->backend);
    OK(vault_unlock(b.box.vault, SEAL_CREDENTIAL, credential, &p));
    /* Open already: a wrong one is wrong all the same. */
    FAILS(vault_unlock(b.box.vault, SEAL_CREDENTIAL, (struct bytes){ credential.p, credential.len - 1 }, &p),
          LB_E_SECRET);
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_UNLOCKED);
    inbox_clear(&b);
}

static int opening_of(struct inbox *b, struct bytes secret, struct box_opening *ret)
{
    uint8_t packet[1000];
    struct msg_opening_ask m = { secret };
    struct problem p;
    struct bytes body;
    size_t len;
    int r;

    OK(msg_opening_ask_encode(MSG_OPENING, 7, &m, packet, sizeof(packet), &len));
    r = ask(b, 0, packet, len, &body, &p);
    return r != 0 ? r : msg_opening_decode(body, ret);
}

static void put_credential(struct inbox *b, const char *content, mode_t mode)
{
    FILE *f = fopen(b->conf.credential, "w");

    if (f == NULL || fputs(content, f) < 0 || fclose(f) != 0 || chmod(b->conf.credential, mode) < 0)
        abort();
}

/* What the store is open by, and what would open it. It opens nothing, and no passphrase is guessed by it: it does not wait. */
static void what_opens_the_store(void)
{
    static const char phrase[] = "a passphrase of more bytes than a credential has at least";
    static const struct bytes none = { NULL, 0 }, words = { (const uint8_t *)phrase, sizeof(phrase) - 1 };
    struct seal_request seal = { .kind = SEAL_PASSPHRASE, .label = "phrase", .secret = words };
    struct box_opening o;
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    OK(vault_seal_add(b.box.vault, &seal, &p));
    OK(opening_of(&b, none, &o));
    CU_ASSERT_EQUAL(o.how, OPENED_AS_NEW);
    CU_ASSERT_EQUAL(o.kind, SEAL_CREDENTIAL);
    CU_ASSERT_EQUAL(o.seal, 1);
    CU_ASSERT_EQUAL(o.next, NEXT_ABSENT);
    CU_ASSERT_EQUAL(o.next_count, 0);
    TEXT_IS(o.file, "");
    TEXT_IS(o.next_file, b.conf.credential);
    put_credential(&b, INBOX_CREDENTIAL, 0600);
    OK(opening_of(&b, none, &o));
    CU_ASSERT_EQUAL(o.next, NEXT_OPENS);
    CU_ASSERT_EQUAL(o.next_count, 1);
    CU_ASSERT_EQUAL(o.next_seals[0], 1);
    CU_ASSERT_TRUE(atomic_load(&b.box.vault->by_credential));
    CU_ASSERT_EQUAL(chmod(b.conf.credential, 0644), 0);
    OK(opening_of(&b, none, &o));
    CU_ASSERT_EQUAL(o.next, NEXT_REFUSED);
    CU_ASSERT_EQUAL(o.next_count, 0);
    TEXT_HAS(o.why.text, "its mode 0644 lets others");
    CU_ASSERT_FALSE(atomic_load(&b.box.vault->by_credential));
    CU_ASSERT_TRUE(atomic_load(&b.box.vault->credential_refused));
    put_credential(&b, phrase, 0600);
    OK(opening_of(&b, none, &o));
    CU_ASSERT_EQUAL(o.next, NEXT_WRONG);
    OK(opening_of(&b, words, &o));
    CU_ASSERT_EQUAL(o.next, NEXT_WRONG);
    OK(opening_of(&b, credential, &o));
    CU_ASSERT_EQUAL(o.next, NEXT_OPENS);
    /* What the status says is of the file, not of what somebody asked about. */
    CU_ASSERT_FALSE(atomic_load(&b.box.vault->by_credential));
    vault_lock(b.box.vault);
    OK(opening_of(&b, credential, &o));
    CU_ASSERT_EQUAL(o.how, OPENED_NOT);
    CU_ASSERT_EQUAL(o.seal, 0);
    CU_ASSERT_EQUAL(o.next, NEXT_OPENS);
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_LOCKED);
    OK(vault_unlock(b.box.vault, SEAL_PASSPHRASE, words, &p));
    OK(opening_of(&b, none, &o));
    CU_ASSERT_EQUAL(o.how, OPENED_BY_REQUEST);
    CU_ASSERT_EQUAL(o.kind, SEAL_PASSPHRASE);
    CU_ASSERT_EQUAL(o.seal, 2);
    /* Open already: what is tried now is not what opened it. */
    OK(vault_unlock(b.box.vault, SEAL_CREDENTIAL, credential, &p));
    OK(opening_of(&b, none, &o));
    CU_ASSERT_EQUAL(o.seal, 2);
    put_credential(&b, INBOX_CREDENTIAL, 0600);
    vault_lock(b.box.vault);
    vault_try_credential(b.box.vault);
    OK(opening_of(&b, none, &o));
    CU_ASSERT_EQUAL(o.how, OPENED_AT_START);
    TEXT_IS(o.file, b.conf.credential);
    inbox_clear(&b);
}

/* A new key under an old name: nobody is granted it, and the old version stays what it is. */
static void a_name_comes_back_without_grants(void)
{
    struct create_request m = { .name = "web", .type = "ed25519" };
    struct grant_request grant = { .grant = { SUBJECT_USER, INBOX_GRANTED, OP_SIGN } };
    struct key_ref web = { .name = "web" }, first = { .name = "web", .version = 1 };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;
    struct inbox b;

    box_with_keys(&b);
    FAILS(vault_create(b.box.vault, &m, spki, &key, &p), LB_E_EXISTS);
    destroy(&b, "web");
    OK(vault_create(b.box.vault, &m, spki, &key, &p));
    CU_ASSERT_EQUAL(key.version, 2);
    FAILS(use(&b, INBOX_GRANTED, OP_SIGN, &web, &p), LB_E_DENIED);
    OK(use(&b, 0, OP_SIGN, &web, &p));
    FAILS(use(&b, 0, OP_SIGN, &first, &p), LB_E_DESTROYED);
    /* Once more, with a record that still has a grant: a destroyed key's are gone, but nothing is to depend on that. */
    m.name[0] = 'W';
    snprintf(grant.name, sizeof(grant.name), "%s", m.name);
    OK(vault_create(b.box.vault, &m, spki, &key, &p));
    OK(vault_grant(b.box.vault, &grant, true, &p));
    keyring_find(&b.box.vault->ring, "Web")->rec.versions[0].state = STATE_DESTROYED;
    OK(vault_create(b.box.vault, &m, spki, &key, &p));
    CU_ASSERT_EQUAL(keyring_find(&b.box.vault->ring, "Web")->rec.grant_count, 0);
    inbox_clear(&b);
}

/* What comes in a file is for INPUT_FILE, and for whom the key was granted. */
static void a_file_with_a_request(void)
{
    struct sign_request m = { .key.name = "web",
                          .scheme = SCHEME_ED25519,
                          .input = INPUT_TEXT,
                          .data = { (const uint8_t *)"text", 4 } };
    struct caller granted, stranger;
    uint8_t packet[256];
    struct msg_header header;
    struct bytes body;
    struct problem p;
    struct inbox b;
    bool goes_on;
    size_t len, got;

    box_with_keys(&b);
    granted = user(INBOX_GRANTED);
    stranger = user(INBOX_STRANGER);
    OK(msg_sign_encode(MSG_SIGN, 7, &m, packet, sizeof(packet), &len));
    got = inbox_ask(&b, &granted, packet, len, b.keeper, &goes_on);
    OK(msg_split(b.answer, got, &header, &body));
    OK(msg_error_decode(body, &p));
    TEXT_IS(p.text, "a file came with a request that needs none");
    m.input = INPUT_FILE;
    m.data = (struct bytes){ NULL, 0 };
    OK(msg_sign_encode(MSG_SIGN, 7, &m, packet, sizeof(packet), &len));
    got = inbox_ask(&b, &stranger, packet, len, b.keeper, &goes_on);
    OK(msg_split(b.answer, got, &header, &body));
    OK(msg_error_decode(body, &p));
    CU_ASSERT_EQUAL(p.code, LB_E_DENIED);
    got = inbox_ask(&b, &granted, packet, len, b.keeper, &goes_on);
    OK(msg_split(b.answer, got, &header, &body));
    OK(msg_error_decode(body, &p));
    TEXT_IS(p.text, "the text did not come in a sealed memory file");
    /* Nobody else's request takes one. */
    OK(msg_empty_encode(MSG_STATUS, 7, packet, sizeof(packet), &len));
    CU_ASSERT_EQUAL(inbox_ask(&b, &granted, packet, len, b.keeper, &goes_on), 0);
    inbox_clear(&b);
}

/* Changed behind the box's back: seen when it is unlocked, and used by nobody from then on. */
static void changed_rows_are_used_by_nobody(void)
{
    static const struct {
        const char *sql;
        bool at_once; /* seen while reading, before the store is open */
    } changes[] = {
        /* Its one grant for 3000002, for all operations; none, in two ways; and twice. */
        { "UPDATE policy SET entries = x'0001000701002dc6c20001' WHERE length(entries) > 0", false },
        { "UPDATE policy SET entries = x'0001000701002dc6c10007' WHERE length(entries) > 0", false },
        { "DELETE FROM policy WHERE length(entries) > 0", true },
        { "UPDATE policy SET entries = x'' WHERE length(entries) > 0", true },
        { "UPDATE policy SET entries = joined(entries, entries) WHERE length(entries) > 0", true },
        { "UPDATE version SET state = 1 WHERE name = 'web'", false },
        { "UPDATE version SET version = 2 WHERE name = 'web'", false },
        { "UPDATE version SET type = 'ed448' WHERE name = 'web'", false },
        { "UPDATE version SET created = created + 1 WHERE name = 'web'", false },
        { "UPDATE version SET material = (SELECT material FROM version WHERE name = 'other') WHERE name = 'web'", false },
        { "UPDATE version SET spki = (SELECT spki FROM version WHERE name = 'other') WHERE name = 'web'", false },
        { "UPDATE version SET name = 'web2' WHERE name = 'web'; UPDATE key SET name = 'web2' WHERE name = 'web'", false },
    };
    struct key_ref web = { .name = "web" }, renamed = { .name = "web2" }, other = { .name = "other" };
    struct problem p;

    for (size_t i = 0; i < COUNT(changes); i++) {
        struct inbox b;

        box_with_keys(&b);
        inbox_close(&b);
        unit_sql(b.conf.paths.store, changes[i].sql);
        OK(vault_open(&b.vault_settings, &b.box.vault, &p));
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), changes[i].at_once);
        OK(inbox_reopen(&b, &p));
        CU_ASSERT_EQUAL(atomic_load(&b.box.vault->damaged), 1);
        CU_ASSERT(use(&b, INBOX_STRANGER, OP_SIGN, &web, &p) != 0);
        CU_ASSERT(use(&b, INBOX_GRANTED, OP_DECRYPT, &web, &p) != 0);
        CU_ASSERT(use(&b, INBOX_GRANTED, OP_SIGN, &web, &p) != 0);
        CU_ASSERT(use(&b, 0, OP_SIGN, &web, &p) != 0);
        CU_ASSERT(use(&b, 0, OP_SIGN, &renamed, &p) != 0);
        OK(use(&b, 0, OP_SIGN, &other, &p));
        inbox_clear(&b);
    }
}

/* What is no request costs its sender the connection; what is one, and refused, does not. */
static void malformed_bytes_cost_the_connection(void)
{
    static const struct {
        const char *body;
        size_t len;
        int code;
        bool goes_on;
    } bodies[] = {
        { "", 0, LB_E_CUT_OFF, false },                             /* nothing */
        { "\0\3we", 4, LB_E_CUT_OFF, false },                       /* cut off in the name */
        { "\0\3web\0\0\0\0\0!", 11, LB_E_TRAILING, false },         /* a byte too many */
        { "\0\3web\0\0\0\0\2", 10, LB_E_VALUE, false },             /* a truth that is none */
        { "\0\3w/b\0\0\0\0\0", 10, LB_E_NAME, true },               /* no name */
        { "\0\4none\0\0\0\0\0", 11, LB_E_NO_KEY, true },            /* no key */
        { "\1\1", 2, LB_E_TOO_LONG, false },                        /* a name of 257 bytes */
    };
    uint8_t packet[64];
    struct caller who;
    struct inbox b;

    box_with_keys(&b);
    who = user(INBOX_STRANGER);
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct msg_header header;
        struct wire_writer w;
        struct bytes body;
        struct problem p;
        bool goes_on;
        size_t len;

        wire_write(&w, packet, sizeof(packet));
        msg_header_put(&w, MSG_GET, 7);
        wire_put_raw(&w, bodies[i].body, bodies[i].len);
        OK(wire_written(&w, &len));
        len = inbox_ask(&b, &who, packet, len, -1, &goes_on);
        OK(msg_split(b.answer, len, &header, &body));
        CU_ASSERT_EQUAL(header.type, MSG_ERROR);
        OK(msg_error_decode(body, &p));
        CU_ASSERT_EQUAL(p.code, bodies[i].code);
        CU_ASSERT_EQUAL(goes_on, bodies[i].goes_on);
    }
    inbox_clear(&b);
}

static const struct unit_test tests[] = {
    { "the table of requests", the_table },
    { "administrators' requests", administrators_requests },
    { "a use is granted by key and operation", a_use_is_granted },
    { "the end of a channel that lacks the grant is named", the_maker_is_named },
    { "nobody without credentials", without_credentials },
    { "refusals come in this order", in_this_order },
    { "only active versions are used", only_active_versions },
    { "lists show what one may use", lists_show_what_one_may_use },
    { "a lock leaves nothing", a_lock_leaves_nothing },
    { "nothing changes while locked", nothing_changes_while_locked },
    { "guessing is slow", guessing_is_slow },
    { "seals are of their kind", seals_are_of_their_kind },
    { "what opens the store", what_opens_the_store },
    { "a name comes back without grants", a_name_comes_back_without_grants },
    { "a file with a request", a_file_with_a_request },
    { "changed rows are used by nobody", changed_rows_are_used_by_nobody },
    { "malformed bytes cost the connection", malformed_bytes_cost_the_connection },
    { NULL, NULL },
};
const struct unit_suite suite_request = { "request", tests };
