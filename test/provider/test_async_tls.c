/* TLS handshakes inside of ASYNC_JOBs, by the hundred in one thread: under restarts of the box, and given up. */
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "asyncbox.h"
#include "tlspair.h"

#define HANDSHAKES 200

struct crowd {
    struct tls_pair pairs[HANDSHAKES];
    bool done[HANDSHAKES], paused[HANDSHAKES];
    size_t count;
};

static SSL_CTX *server_ctx, *client_ctx;

/* Both ends go on as far as they can. */
static void shake(struct crowd *c, size_t i)
{
    struct tls_pair *p = &c->pairs[i];

    for (int rounds = 0; rounds < 20 && !c->done[i]; rounds++) {
        int k = c->paused[i] ? 0 : SSL_do_handshake(p->client), s;

        NEED(c->paused[i] || k == 1 || SSL_get_error(p->client, k) == SSL_ERROR_WANT_READ);
        s = SSL_do_handshake(p->server);
        c->paused[i] = s != 1 && SSL_get_error(p->server, s) == SSL_ERROR_WANT_ASYNC;
        if (c->paused[i])
            return;
        NEED(s == 1 || SSL_get_error(p->server, s) == SSL_ERROR_WANT_READ);
        c->done[i] = s == 1 && SSL_do_handshake(p->client) == 1;
    }
}

static size_t count_of(const bool *what, size_t count)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        n += what[i];
    return n;
}

static int async_fd(SSL *ssl)
{
    OSSL_ASYNC_FD fd = -1;
    size_t count = 0;

    NEED(SSL_get_all_async_fds(ssl, NULL, &count) == 1 && count == 1);
    NEED(SSL_get_all_async_fds(ssl, &fd, &count) == 1);
    return fd;
}

static void crowd_begin(struct crowd *c, size_t count, int version)
{
    memset(c, 0, sizeof(*c));
    c->count = count;
    for (size_t i = 0; i < count; i++) {
        tls_pair_new(&c->pairs[i], server_ctx, client_ctx, version, "box.example");
        shake(c, i);
    }
}

/* An event loop: those whose descriptors can be read go on. */
static void crowd_finish(struct crowd *c)
{
    while (count_of(c->done, c->count) < c->count) {
        struct pollfd fds[HANDSHAKES];

        for (size_t i = 0; i < c->count; i++) {
            NEED(c->done[i] || c->paused[i]);
            fds[i] = (struct pollfd){ .fd = c->done[i] ? -1 : async_fd(c->pairs[i].server), .events = POLLIN };
        }
        NEED(poll(fds, c->count, HANG_MS) > 0);
        for (size_t i = 0; i < c->count; i++)
            if (fds[i].revents != 0)
                shake(c, i);
    }
}

static void crowd_free(struct crowd *c)
{
    for (size_t i = 0; i < c->count; i++)
        tls_pair_free(&c->pairs[i]);
}

/* One thread has two hundred requests under way, each in a connection of its own. */
static void test_handshakes(void)
{
    static const int versions[] = { TLS1_2_VERSION, TLS1_3_VERSION };
    static struct crowd c;

    for (int v = 0; v < 2; v++) {
        pid_t frozen = boxproc_freeze(&box);

        crowd_begin(&c, HANDSHAKES, versions[v]);
        CU_ASSERT_EQUAL(count_of(c.paused, c.count), HANDSHAKES);
        for (size_t i = 1; i < c.count; i++)
            CU_ASSERT_NOT_EQUAL(async_fd(c.pairs[i].server), async_fd(c.pairs[i - 1].server));
        boxproc_thaw(frozen);
        crowd_finish(&c);
        for (size_t i = 0; i < c.count; i++)
            CU_ASSERT_EQUAL(SSL_get_verify_result(c.pairs[i].client), X509_V_OK);
        CU_ASSERT(tls_talk(&c.pairs[0]));
        crowd_free(&c);
        CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
    }
}

/* The box's child is killed, the whole box is killed, it is replaced: while all of them wait. */
static void test_restarts(void)
{
    static struct crowd c;
    pid_t frozen;

    frozen = boxproc_freeze(&box);
    crowd_begin(&c, HANDSHAKES, TLS1_3_VERSION);
    NEED(kill(frozen, SIGKILL) == 0);
    crowd_finish(&c);
    crowd_free(&c);

    boxproc_freeze(&box);
    crowd_begin(&c, HANDSHAKES, TLS1_2_VERSION);
    boxproc_kill(&box);
    for (size_t i = 0; i < c.count; i++)
        shake(&c, i);
    CU_ASSERT_EQUAL(count_of(c.paused, c.count), HANDSHAKES);
    boxproc_start(&box);
    crowd_finish(&c);
    crowd_free(&c);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
    CU_ASSERT_EQUAL(ERR_peek_error(), 0);
}

static void *run_crowd(void *arg)
{
    struct crowd *c = OPENSSL_zalloc(sizeof(*c));

    (void)arg;
    NEED(c != NULL);
    for (int i = 0; i < 4; i++) {
        crowd_begin(c, 25, i % 2 == 0 ? TLS1_3_VERSION : TLS1_2_VERSION);
        crowd_finish(c);
        crowd_free(c);
    }
    OPENSSL_free(c);
    OPENSSL_thread_stop_ex(libctx);
    return NULL;
}

static void test_threads(void)
{
    pthread_t threads[4];

    for (size_t t = 0; t < 4; t++)
        NEED(pthread_create(&threads[t], NULL, run_crowd, NULL) == 0);
    boxproc_kill_child(&box);
    for (size_t t = 0; t < 4; t++)
        NEED(pthread_join(threads[t], NULL) == 0);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

/* The server drops connections whose jobs wait. */
static void give_up(void)
{
    static struct crowd c;
    unsigned descriptors;
    pid_t frozen;

    CU_ASSERT(signs(libctx, ec, ec_plain));
    frozen = boxproc_freeze(&box);
    descriptors = count_descriptors();
    for (int i = 0; i < 3; i++) {
        crowd_begin(&c, 80, TLS1_3_VERSION);
        CU_ASSERT_EQUAL(count_of(c.paused, c.count), 80);
        /* One has a channel already, and the introducer of this process may come in the place of two descriptors. */
        CU_ASSERT(count_descriptors() >= descriptors + 3 * 80 - 2);
        CU_ASSERT(asyncbox_blocks() > 0);
        crowd_free(&c);
        CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
        CU_ASSERT(count_descriptors() <= descriptors);
    }
    boxproc_thaw(frozen);
    /* No slot is taken for good: as many as there are slots wait again, and their channels stay. */
    descriptors = count_descriptors();
    crowd_begin(&c, HANDSHAKES, TLS1_3_VERSION);
    crowd_finish(&c);
    crowd_free(&c);
    CU_ASSERT(count_descriptors() > descriptors);
    CU_ASSERT_EQUAL(asyncbox_blocks(), 0);
}

static void test_given_up(void)
{
    CU_ASSERT(asyncbox_child(give_up));
}

static void begin(void)
{
    X509 *cert = tls_certificate(libctx, ec, "box.example");

    server_ctx = tls_ctx(libctx, TLS_server_method(), cert, ec);
    client_ctx = tls_ctx(libctx, TLS_client_method(), NULL, NULL);
    tls_trust(client_ctx, cert);
    SSL_CTX_set_mode(server_ctx, SSL_MODE_ASYNC);
    X509_free(cert);
}

static void end(void)
{
    SSL_CTX_free(server_ctx);
    SSL_CTX_free(client_ctx);
}

int main(void)
{
    CU_TestInfo tests[] = {
        { "200 handshakes at once", test_handshakes },
        { "restarts under 200 handshakes", test_restarts },
        { "threads", test_threads },
        { "jobs that are never resumed", test_given_up },
        CU_TEST_INFO_NULL,
    };

    return asyncbox_run("async handshakes", tests, begin, end);
}
