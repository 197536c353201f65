/* What a lock leaves of a box, what it forbids, and what opens the store again. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "model/seal_kinds.h"
#include "protocol/seals.h"
#include "vault/vault_priv.h"
#include "asking.h"
#include "unit.h"

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

    asking_box(&b);
    OK(asking_use(&b, INBOX_GRANTED, OP_SIGN, &web, &p));
    OK(backend_sealed_take(b.box.vault->sealer, &store_key));
    CU_ASSERT(is_mapped(store_key));
    backend_sealed_rest(b.box.vault->sealer);
    CU_ASSERT_EQUAL(b.box.vault->ring.opened.count, 2);
    OK(asking_empty(&b, 0, MSG_LOCK, &body, &p));
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
    struct seal_request seal = { .kind = SEAL_CREDENTIAL, .label = "b", .secret = asking_credential };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;
    struct problem p;
    struct vault *v;
    struct inbox b;

    asking_box(&b);
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

    asking_box(&b);
    vault_lock(b.box.vault);
    /* Not about to stop. */
    CU_ASSERT_EQUAL(eventfd_read(b.box.stop_fd, &was), 0);
    OK(msg_secret_encode(MSG_UNLOCK, 7, &m, packet, sizeof(packet), &len));
    started = seconds();
    FAILS(asking_packet(&b, 0, packet, len, &body, &p), LB_E_SECRET);
    TEXT_IS(p.text, "no seal of box 'test' opens with this credential");
    CU_ASSERT(seconds() - started >= 0.49);
    started = seconds();
    FAILS(asking_packet(&b, 0, packet, len, &body, &p), LB_E_SECRET);
    CU_ASSERT(seconds() - started >= 0.99);
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_LOCKED);
    m.secret = asking_credential;
    OK(msg_secret_encode(MSG_UNLOCK, 7, &m, packet, sizeof(packet), &len));
    OK(asking_packet(&b, 0, packet, len, &body, &p));
    CU_ASSERT_EQUAL(atomic_load(&b.box.vault->lock), LOCK_UNLOCKED);
    CU_ASSERT_EQUAL(b.told_locked, 0);
    inbox_clear(&b);
}

/* A secret that opens one kind of seal is not tried with another, nor is anything left open. */
static void seals_are_of_their_kind(void)
{
    struct problem p;
    struct inbox b;

    asking_box(&b);
    vault_lock(b.box.vault);
    FAILS(vault_unlock(b.box.vault, SEAL_PASSPHRASE, asking_credential, &p), LB_E_SECRET);
    CU_ASSERT_PTR_NULL(b.box.vault->backend);
    OK(vault_unlock(b.box.vault, SEAL_CREDENTIAL, asking_credential, &p));
    /* Open already: a wrong one is wrong all the same. */
    FAILS(vault_unlock(b.box.vault, SEAL_CREDENTIAL, (struct bytes){ asking_credential.p, asking_credential.len - 1 }, &p),
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
    r = asking_packet(b, 0, packet, len, &body, &p);
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

    asking_box(&b);
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
    OK(opening_of(&b, asking_credential, &o));
    CU_ASSERT_EQUAL(o.next, NEXT_OPENS);
    /* What the status says is of the file, not of what somebody asked about. */
    CU_ASSERT_FALSE(atomic_load(&b.box.vault->by_credential));
    vault_lock(b.box.vault);
    OK(opening_of(&b, asking_credential, &o));
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
    OK(vault_unlock(b.box.vault, SEAL_CREDENTIAL, asking_credential, &p));
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

static const struct unit_test tests[] = {
    { "a lock leaves nothing", a_lock_leaves_nothing },
    { "nothing changes while locked", nothing_changes_while_locked },
    { "guessing is slow", guessing_is_slow },
    { "seals are of their kind", seals_are_of_their_kind },
    { "what opens the store", what_opens_the_store },
    { NULL, NULL },
};
const struct unit_suite suite_locking = { "locking", tests };
