/* box/stay.c: when a thread stays with a connection, and when it comes back. */
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/socket.h"
#include "box/serve_priv.h"
#include "unit.h"

/* A server without threads, one of its workers, and a connection. */
struct fixed {
    struct server server;
    struct worker worker;
    struct conn conn;
    int caller;
};

static void open_fixed(struct fixed *f)
{
    int pair[2];

    CU_ASSERT_EQUAL_FATAL(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair), 0);
    *f = (struct fixed){ .worker = { .server = &f->server }, .conn = { .fd = pair[0], .class = TURNS_KNOWN },
                         .caller = pair[1] };
    pthread_mutex_init(&f->server.turns_lock, NULL);
    pthread_cond_init(&f->server.place_free, NULL);
    atomic_store(&f->server.idle, 1);
    f->server.parked = 1;
}

static void close_fixed(struct fixed *f)
{
    close(f->conn.fd);
    close(f->caller);
    pthread_cond_destroy(&f->server.place_free);
    pthread_mutex_destroy(&f->server.turns_lock);
}

/* Answers on the connection, until a thread stays with it; how many. 0: none stays, however many there are. */
static unsigned answers(struct fixed *f)
{
    for (unsigned n = 1; n <= 1000; n++) {
        if (stay_with(&f->worker, &f->conn))
            return n;
    }
    return 0;
}

static void busy(void)
{
    struct fixed f;

    open_fixed(&f);
    CU_ASSERT(answers(&f) > 1);
    CU_ASSERT(f.worker.apart);
    CU_ASSERT_EQUAL(f.server.parked, 0);
    CU_ASSERT_EQUAL(f.server.places, 1);
    /* It is there already: no more places are given away. */
    CU_ASSERT(stay_with(&f.worker, &f.conn));
    CU_ASSERT_EQUAL(f.server.places, 1);
    close_fixed(&f);
}

/* In a row: what happened before all threads were busy does not count. */
static void no_thread_to_spare(void)
{
    struct fixed f;
    unsigned n;

    open_fixed(&f);
    n = answers(&f);
    close_fixed(&f);
    open_fixed(&f);
    for (unsigned i = 1; i < n; i++)
        CU_ASSERT(!stay_with(&f.worker, &f.conn));
    atomic_store(&f.server.idle, 0);
    CU_ASSERT(!stay_with(&f.worker, &f.conn));
    atomic_store(&f.server.idle, 1);
    CU_ASSERT_EQUAL(answers(&f), n);
    /* Whoever stays leaves when others wait for a thread: with the request that came, and after an answer. */
    CU_ASSERT(stay_goes_on(&f.worker));
    atomic_store(&f.server.idle, 0);
    CU_ASSERT(!stay_goes_on(&f.worker));
    CU_ASSERT(!stay_with(&f.worker, &f.conn));
    close_fixed(&f);
}

static void nobody_takes_the_place(void)
{
    struct fixed f;

    open_fixed(&f);
    f.server.parked = 0;
    CU_ASSERT_EQUAL(answers(&f), 0);
    CU_ASSERT_EQUAL(f.server.places, 0);
    f.server.parked = 1;
    f.server.ended = true;
    CU_ASSERT_EQUAL(answers(&f), 0);
    close_fixed(&f);
}

static void not_for_all(void)
{
    struct fixed f;

    open_fixed(&f);
    f.conn.class = TURNS_STRANGER;
    CU_ASSERT_EQUAL(answers(&f), 0);
    f.conn.class = TURNS_KNOWN;
    f.worker.changes = true;
    CU_ASSERT_EQUAL(answers(&f), 0);
    close_fixed(&f);
}

/* A connection on which nothing comes is given back. */
static void silence(void)
{
    struct fixed f;
    struct peer peer;
    bool attached;
    char byte;
    size_t len;

    open_fixed(&f);
    CU_ASSERT(answers(&f) > 0);
    FAILS(socket_look(f.conn.fd, &byte, 1, /* dont_wait= */ false, &len, &attached, &peer), LB_E_TIMEOUT);
    close_fixed(&f);
}

static void *come_back(void *arg)
{
    struct worker *w = arg;

    pthread_mutex_lock(&w->server->turns_lock);
    stay_ended(w);
    pthread_mutex_unlock(&w->server->turns_lock);
    return NULL;
}

/* As many serve by turns as before: who comes back waits until another one leaves, or the box stops. */
static void places(void)
{
    struct fixed f;
    struct worker other = { .apart = true };
    pthread_t thread;

    open_fixed(&f);
    f.server.parked = 0;
    other.server = &f.server;
    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, come_back, &other), 0);
    while (answers(&f) == 0)
        ; /* until the other one waits */
    pthread_join(thread, NULL);
    CU_ASSERT(!other.apart);
    CU_ASSERT_EQUAL(f.server.places, 0);
    CU_ASSERT_EQUAL(f.server.parked, 0);

    CU_ASSERT_EQUAL_FATAL(pthread_create(&thread, NULL, come_back, &f.worker), 0);
    pthread_mutex_lock(&f.server.turns_lock);
    f.server.ended = true;
    stay_end_all(&f.server);
    pthread_mutex_unlock(&f.server.turns_lock);
    pthread_join(thread, NULL);
    CU_ASSERT(!f.worker.apart);
    close_fixed(&f);
}

static void counts(void)
{
    CU_ASSERT_EQUAL(stay_threads(2), 2);
    CU_ASSERT(stay_threads(256) < 256);
    CU_ASSERT_EQUAL(server_threads(2), 5);
}

static const struct unit_test tests[] = {
    { "with a busy one", busy },
    { "no thread to spare", no_thread_to_spare },
    { "nobody takes the place", nobody_takes_the_place },
    { "not for all", not_for_all },
    { "silence", silence },
    { "places", places },
    { "counts", counts },
    { NULL, NULL },
};
const struct unit_suite suite_stay = { "stay", tests };
