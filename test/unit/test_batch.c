/* Changes that are committed together: nothing of them is seen or answered before, and all are lost together or none. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../harness/inbox.h"
#include "box/batch.h"
#include "protocol/change.h"
#include "store/group.h"
#include "store/schema.h"
#include "vault/vault_priv.h"
#include "unit.h"

#define ANSWERS_MAX 80

struct fixed {
    struct inbox inbox;
    struct batch *batch;
    uint8_t packet[4096];
    struct {
        uintptr_t conn;
        struct problem problem; /* code 0: it was done */
    } answers[ANSWERS_MAX];
    size_t count;
    uintptr_t asked;
};

static void take_answer(void *arg, void *conn, const struct request *rq, bool goes_on)
{
    struct fixed *f = arg;
    struct msg_header header;
    struct bytes body;

    CU_ASSERT_FATAL(f->count < ANSWERS_MAX);
    CU_ASSERT_TRUE(goes_on);
    f->answers[f->count].conn = (uintptr_t)conn;
    OK(msg_split(rq->answer, rq->answer_len, &header, &body));
    if (header.type == MSG_ERROR)
        OK(msg_error_decode(body, &f->answers[f->count].problem));
    f->count++;
}

static struct fixed *begin(void)
{
    struct fixed *f = calloc(1, sizeof(*f));

    CU_ASSERT_PTR_NOT_NULL_FATAL(f);
    inbox_init(&f->inbox);
    OK(batch_new(&f->inbox.box, take_answer, f, &f->batch));
    return f;
}

static void end(struct fixed *f)
{
    batch_free(f->batch);
    inbox_clear(&f->inbox);
    free(f);
}

static void forget(struct fixed *f)
{
    memset(f->answers, 0, sizeof(f->answers));
    f->count = 0;
    f->asked = 0;
}

/* The packet is used up when this returns: a batch must not need it any more. */
static void run_as(struct fixed *f, uid_t uid, size_t len)
{
    struct request rq = { .box = &f->inbox.box, .who = inbox_caller(getpid(), uid, uid), .fd = -1,
                          .answer = f->inbox.answer, .size = LB_PACKET_MAX };

    OK(msg_split(f->packet, len, &rq.header, &rq.body));
    batch_run(f->batch, msg_kind(rq.header.type), &rq, (void *)++f->asked);
    memset(f->packet, 0xa5, sizeof(f->packet));
}

static void run(struct fixed *f, size_t len)
{
    run_as(f, getuid(), len);
}

#define PACKET(f) (f)->packet, sizeof((f)->packet), &len

static size_t creation(struct fixed *f, const char *name, const char *type)
{
    struct create_request m = { .name = "" };
    size_t len = 0;

    snprintf(m.name, sizeof(m.name), "%s", name);
    snprintf(m.type, sizeof(m.type), "%s", type);
    OK(msg_create_encode(MSG_CREATE, 7, &m, PACKET(f)));
    return len;
}

static void create(struct fixed *f, const char *name)
{
    run(f, creation(f, name, "ed25519"));
}

static void allow(struct fixed *f, const char *name, uint32_t uid)
{
    struct grant_request m = { .grant = { SUBJECT_USER, uid, OP_SIGN } };
    size_t len = 0;

    snprintf(m.name, sizeof(m.name), "%s", name);
    OK(msg_grant_encode(MSG_ALLOW, 7, &m, PACKET(f)));
    run(f, len);
}

static void rename_key(struct fixed *f, const char *from, const char *to)
{
    struct rename_request m = { .name = "" };
    size_t len = 0;

    snprintf(m.name, sizeof(m.name), "%s", from);
    snprintf(m.to, sizeof(m.to), "%s", to);
    OK(msg_rename_encode(MSG_RENAME, 7, &m, PACKET(f)));
    run(f, len);
}

static void ask_empty(struct fixed *f, uint16_t type)
{
    size_t len = 0;

    OK(msg_empty_encode(type, 7, PACKET(f)));
    run(f, len);
}

static unsigned keys(struct fixed *f)
{
    struct vault_summary s;

    vault_summary(f->inbox.box.vault, &s);
    CU_ASSERT_EQUAL(s.damaged, 0);
    return s.keys;
}

static unsigned grants(struct fixed *f, const char *name)
{
    static struct key_details s;
    struct problem p;

    return vault_show(f->inbox.box.vault, name, &s, &p) == 0 ? s.grant_count : 0;
}

/* What the answers were, in their order: their codes. */
static void answered(struct fixed *f, const int *codes, size_t count)
{
    CU_ASSERT_EQUAL_FATAL(f->count, count);
    for (size_t i = 0; i < count; i++) {
        CU_ASSERT_EQUAL(f->answers[i].conn, i + 1);
        OK(f->answers[i].problem.code - codes[i]);
    }
}

static void reopen(struct fixed *f)
{
    struct problem p;

    OK(inbox_reopen(&f->inbox, &p));
}

static sqlite3 *database(struct fixed *f)
{
    return f->inbox.box.vault->store->db;
}

/* Commits that SQLite made. */
static int count_commit(void *arg)
{
    ++*(unsigned *)arg;
    return 0;
}

static int refuse_commit(void *arg)
{
    (void)arg;
    return 1;
}

/* They are in one commit; one that fails leaves the others; the answers come in the order of the questions. */
static void together(void)
{
    static const int codes[] = { 0, LB_E_NO_KEY, 0, LB_E_KEY_TYPE, LB_E_DENIED, 0 };
    struct fixed *f = begin();
    unsigned commits = 0;

    create(f, "first");
    batch_end(f->batch);
    forget(f);
    sqlite3_commit_hook(database(f), count_commit, &commits);
    allow(f, "first", 4711);
    allow(f, "none", 4711);
    create(f, "second");
    run(f, creation(f, "third", "nothing"));
    run_as(f, INBOX_STRANGER, creation(f, "fourth", "ed25519"));
    create(f, "fifth");
    CU_ASSERT_EQUAL(f->count, 0);
    CU_ASSERT_EQUAL(commits, 0);
    CU_ASSERT_EQUAL(keys(f), 1);
    CU_ASSERT_EQUAL(grants(f, "first"), 0);
    batch_end(f->batch);
    CU_ASSERT_EQUAL(commits, 1);
    answered(f, codes, COUNT(codes));
    CU_ASSERT_FALSE(batch_goes_on(f->batch));
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(keys(f), 3);
        CU_ASSERT_EQUAL(grants(f, "first"), 1);
        reopen(f);
    }
    end(f);
}

/* Changes of one name see each other, as if each had been made alone. */
static void names_again(void)
{
    static const int codes[] = { 0, 0, LB_E_EXISTS, 0, LB_E_EXISTS, LB_E_EXISTS, 0, 0, LB_E_EXISTS, 0 };
    struct fixed *f = begin();

    create(f, "a");
    allow(f, "a", 4711);
    create(f, "a");
    rename_key(f, "a", "b");
    create(f, "a");
    allow(f, "a", 4712);
    create(f, "c");
    allow(f, "b", 4712);
    rename_key(f, "c", "b");
    rename_key(f, "c", "d");
    batch_end(f->batch);
    answered(f, codes, COUNT(codes));
    TEXT_HAS(f->answers[2].problem.text, "exists already");
    TEXT_HAS(f->answers[4].problem.text, "former name");
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(keys(f), 2);
        CU_ASSERT_EQUAL(grants(f, "b"), 2);
        reopen(f);
    }
    end(f);
}

/* No commit: every change is refused, and the box is as before. */
static void commit_fails(void)
{
    static const int codes[] = { LB_E_STORE, LB_E_NO_KEY, LB_E_STORE, LB_E_DENIED };
    struct fixed *f = begin();

    create(f, "first");
    batch_end(f->batch);
    forget(f);
    sqlite3_commit_hook(database(f), refuse_commit, NULL);
    allow(f, "first", 4711);
    allow(f, "none", 4711);
    create(f, "second");
    run_as(f, INBOX_STRANGER, creation(f, "fourth", "ed25519"));
    batch_end(f->batch);
    answered(f, codes, COUNT(codes));
    TEXT_HAS(f->answers[0].problem.text, "cannot write to the store");
    sqlite3_commit_hook(database(f), NULL, NULL);
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(keys(f), 1);
        CU_ASSERT_EQUAL(grants(f, "first"), 0);
        reopen(f);
    }
    forget(f);
    create(f, "second");
    batch_end(f->batch);
    CU_ASSERT_EQUAL(f->answers[0].problem.code, 0);
    CU_ASSERT_EQUAL(keys(f), 2);
    end(f);
}

/* Interrupts the statement with which the next version is written: SQLite gives up the whole transaction then. */
static int interrupt(unsigned what, void *db, void *stmt, void *sql)
{
    (void)what;
    (void)sql;
    if (strncmp(sqlite3_sql(stmt), "INSERT INTO version", 19) == 0)
        sqlite3_interrupt(db);
    return 0;
}

/* A change that takes those before it along: they are refused too, and so is what comes behind. */
static void transaction_is_lost(void)
{
    static const int codes[] = { LB_E_STORE, LB_E_STORE, LB_E_STORE };
    struct fixed *f = begin();

    create(f, "first");
    batch_end(f->batch);
    forget(f);
    create(f, "second");
    sqlite3_trace_v2(database(f), SQLITE_TRACE_STMT, interrupt, database(f));
    allow(f, "first", 4711);
    sqlite3_trace_v2(database(f), 0, NULL, NULL);
    CU_ASSERT_TRUE(sqlite3_get_autocommit(database(f)));
    create(f, "third");
    batch_end(f->batch);
    answered(f, codes, COUNT(codes));
    for (unsigned i = 0; i < 2; i++) {
        CU_ASSERT_EQUAL(keys(f), 1);
        CU_ASSERT_EQUAL(grants(f, "first"), 0);
        reopen(f);
    }
    end(f);
}

/* What is no row of a key ends the batch before it. So does a key that takes long to make. */
static void made_alone(void)
{
    static const int codes[] = { 0, 0, LB_E_LOCKED, 0 };
    struct fixed *f = begin();

    create(f, "first");
    ask_empty(f, MSG_LOCK);
    CU_ASSERT_EQUAL(f->count, 2);
    create(f, "second");
    ask_empty(f, MSG_SEAL_LIST);
    answered(f, codes, COUNT(codes));
    end(f);

    f = begin();
    create(f, "first");
    run(f, creation(f, "second", "rsa:2048"));
    CU_ASSERT_EQUAL(f->count, 1);
    batch_end(f->batch);
    CU_ASSERT_EQUAL(f->count, 2);
    CU_ASSERT_EQUAL(keys(f), 2);
    end(f);
}

/* A batch has an end, however many changes wait. */
static void bounded(void)
{
    struct fixed *f = begin();
    unsigned taken = 0;
    char name[16];

    do {
        snprintf(name, sizeof(name), "k%u", taken);
        create(f, name);
        taken++;
    } while (batch_goes_on(f->batch));
    CU_ASSERT(taken <= BATCH_MAX);
    CU_ASSERT_EQUAL(f->count, 0);
    batch_end(f->batch);
    CU_ASSERT_EQUAL(f->count, taken);
    CU_ASSERT_EQUAL(keys(f), taken);
    end(f);
}

/* A store whose next change brings its schema up is changed all the same. */
static void old_schema(void)
{
    struct fixed *f = begin();

    f->inbox.box.vault->store->schema--;
    CU_ASSERT_FALSE(store_group_begin(f->inbox.box.vault->store));
    f->inbox.box.vault->store->schema++;
    create(f, "first");
    batch_end(f->batch);
    CU_ASSERT_EQUAL(keys(f), 1);
    end(f);
}

/* Two stores are not mixed: a seal is not changed in the transaction of keys. */
static void nothing_else(void)
{
    struct seal_request seal = { .kind = 1, .label = "more",
                                 .secret = { (const uint8_t *)INBOX_CREDENTIAL "x", sizeof(INBOX_CREDENTIAL) } };
    struct fixed *f = begin();
    struct problem p;

    create(f, "first");
    CU_ASSERT_NOT_EQUAL(vault_seal_add(f->inbox.box.vault, &seal, &p), 0);
    batch_end(f->batch);
    CU_ASSERT_EQUAL(f->answers[0].problem.code, 0);
    end(f);
}

static const struct unit_test tests[] = {
    { "together", together },
    { "names again", names_again },
    { "commit fails", commit_fails },
    { "transaction is lost", transaction_is_lost },
    { "made alone", made_alone },
    { "bounded", bounded },
    { "old schema", old_schema },
    { "nothing else", nothing_else },
    { NULL, NULL },
};
const struct unit_suite suite_batch = { "batch", tests };
