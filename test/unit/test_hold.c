/* token/: a token that is held back is not started; one that is locked is never held back. */
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/fair_lock.h"
#include "token/parts_priv.h"
#include "token/token.h"
#include "unit.h"

/* Nothing here waits for it. */
#define AN_HOUR 3600000

/* A module that cannot be started, and says how often somebody tried. */
static unsigned starts;

static CK_RV start(void *args)
{
    (void)args;
    starts++;
    return CKR_DEVICE_ERROR;
}

static CK_FUNCTION_LIST module = { .version = { 2, 40 }, .C_Initialize = start };

/* What the connector's thread did. */
static unsigned connects;
static sem_t settled;

static void connect_it(void *arg)
{
    struct p11_token *t = arg;
    struct problem p;

    connects++;
    CU_ASSERT(p11_connection_make(&t->connection, &p) != 0);
}

static void is_settled(void)
{
    sem_post(&settled);
}

static const struct p11_listener *const nobody[] = { NULL };

/* A token of that module, as far as a hold goes. It is locked, as a new one is. */
static struct p11_token *token_new(void)
{
    static const struct p11conf conf = { .module = "of this test" };
    struct p11_token *t = calloc(1, sizeof(*t));

    starts = connects = 0;
    CU_ASSERT_PTR_NOT_NULL_FATAL(t);
    CU_ASSERT_EQUAL_FATAL(sem_init(&settled, 0, 0), 0);
    t->conf = t->connection.conf = t->connection.module.conf = &conf;
    t->connection.token = t->connection.control.token = t;
    t->connection.listeners = nobody;
    t->connection.locked = true;
    t->connection.module.f = t->connection.control.call.f = &module;
    OK(fairlock_init(&t->connection.lock));
    OK(p11_login_init(&t->connection.login, &conf, ""));
    p11_connector_init(&t->connector, connect_it, t);
    return t;
}

static void token_free(struct p11_token *t)
{
    p11_connector_clear(&t->connector);
    p11_connection_clear(&t->connection);
    sem_destroy(&settled);
    free(t);
}

/* Who wants it is told why, and the module is left alone, until somebody locks and unlocks the box. */
static void held_back(void)
{
    struct p11_token *t = token_new();
    struct problem p;

    p11_token_lock(t, false);
    p11_token_hold(t, 6, AN_HOUR, is_settled);
    for (int i = 0; i < 2; i++) {
        FAILS(p11_connection_make(&t->connection, &p), LB_E_TOKEN);
        TEXT_IS(p.text, "the module of the token has ended 6 processes of this box in a row when it was started");
        TEXT_IS(p.hint, "the log says how each ended; it is started again 3600.0 s after the last time");
    }
    CU_ASSERT_EQUAL(starts, 0);
    /* The thread waits too. Locking ends that wait, and the module is not started by it. */
    CU_ASSERT(t->connector.hold_until > p11_now_ms());
    p11_token_connect_soon(t);
    p11_token_lock(t, true);
    CU_ASSERT_EQUAL(sem_wait(&settled), 0);
    CU_ASSERT_EQUAL(starts, 0);
    p11_token_lock(t, false);
    FAILS(p11_connection_make(&t->connection, &p), LB_E_TOKEN);
    CU_ASSERT_EQUAL(starts, 1);
    token_free(t);
}

/* A person unlocks it, and has it at once: the module is started, and the thread does not wait. */
static void locked_is_not_held_back(void)
{
    struct p11_token *t = token_new();
    struct problem p;

    p11_token_hold(t, 6, AN_HOUR, is_settled);
    CU_ASSERT_EQUAL(t->connection.problem.code, 0);
    CU_ASSERT_EQUAL(t->connection.retry_at, 0);
    FAILS(p11_connection_make(&t->connection, &p), LB_E_LOCKED);
    CU_ASSERT_EQUAL(starts, 0);
    CU_ASSERT_EQUAL_FATAL(t->connector.hold_until, 0);
    p11_token_connect_soon(t);
    CU_ASSERT_EQUAL(sem_wait(&settled), 0);
    CU_ASSERT_EQUAL(connects, 1);
    CU_ASSERT_EQUAL(starts, 0);
    p11_token_lock(t, false);
    FAILS(p11_connection_make(&t->connection, &p), LB_E_TOKEN);
    CU_ASSERT_EQUAL(starts, 1);
    TEXT_HAS(p.text, "C_Initialize");
    token_free(t);
}

/* Nothing was lost: nothing is held. */
static void without_a_pause(void)
{
    struct p11_token *t = token_new();

    p11_token_lock(t, false);
    p11_token_hold(t, 1, 0, is_settled);
    CU_ASSERT_EQUAL_FATAL(t->connector.hold_until, 0);
    p11_token_connect_soon(t);
    CU_ASSERT_EQUAL(sem_wait(&settled), 0);
    CU_ASSERT_EQUAL(connects, 1);
    CU_ASSERT_EQUAL(starts, 1);
    token_free(t);
}

static const struct unit_test tests[] = {
    { "a module that ends processes is held back", held_back },
    { "a token that is locked is not held back", locked_is_not_held_back },
    { "without a pause nothing is held", without_a_pause },
    { NULL, NULL },
};
const struct unit_suite suite_hold = { "hold", tests };
