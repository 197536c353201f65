/* Boxes that answer nonsense, hang up or say nothing: what the provider makes of it. */
#include <openssl/err.h>
#include <openssl/store.h>
#include <openssl/x509.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/socket.h"
#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/use.h"
#include "crypto.h"
#include "suite.h"

#define WAIT_MS 300000
/* Of the callers of boxes that never give a usable answer. */
#define PATIENCE_MS 400

/* Writes the answer to a request; its length, or one of these. */
#define SILENCE 0
#define HANG_UP SIZE_MAX
typedef size_t answer_fn(const struct msg_header *request, uint8_t *packet);

static EVP_PKEY *plain; /* the public half of the only key */

/* Answers */

/* A packet of that type, with body behind the header. */
static size_t packet_of(uint16_t type, uint32_t id, const void *body, size_t body_len, uint8_t *packet)
{
    struct wire_writer w;
    size_t len = 0;

    wire_write(&w, packet, LB_PACKET_MAX);
    msg_header_put(&w, type, id);
    wire_put_raw(&w, body, body_len);
    NEED(wire_written(&w, &len) == 0);
    return len;
}

static size_t answer_key(const struct msg_header *request, uint8_t *packet)
{
    struct key_info m = { .box = "default", .name = "p256", .type = "ec:P-256", .version = 1, .state = STATE_ACTIVE };
    uint8_t *der = NULL;
    int der_len = i2d_PUBKEY(plain, &der);
    size_t len = 0;

    NEED(der_len > 0);
    m.spki = (struct bytes){ der, (size_t)der_len };
    NEED(msg_key_encode(request->type | MSG_ANSWER, request->id, &m, packet, LB_PACKET_MAX, &len) == 0);
    OPENSSL_free(der);
    return len;
}

static size_t answer_garbage(const struct msg_header *request, uint8_t *packet)
{
    (void)request;
    memcpy(packet, "what?", 5);
    return 5;
}

/* The answer to a question that does not exist. */
static size_t answer_other(const struct msg_header *request, uint8_t *packet)
{
    return packet_of(MSG_ANSWER | 0x77, request->id, "", 0, packet);
}

/* A body that ends where its first field should go on. */
static size_t answer_cut(const struct msg_header *request, uint8_t *packet)
{
    return packet_of(request->type | MSG_ANSWER, request->id, "\0", 1, packet);
}

static size_t answer_cut_error(const struct msg_header *request, uint8_t *packet)
{
    return packet_of(MSG_ERROR, request->id, "\0", 1, packet);
}

static size_t signature_of(size_t sig_len, const struct msg_header *request, uint8_t *packet)
{
    static const uint8_t sig[LB_SIGNATURE_MAX];
    struct bytes m = { sig, sig_len };
    size_t len = 0;

    NEED(msg_bytes_encode(request->type | MSG_ANSWER, request->id, &m, packet, LB_PACKET_MAX, &len) == 0);
    return len;
}

static size_t answer_empty_signature(const struct msg_header *request, uint8_t *packet)
{
    return signature_of(0, request, packet);
}

/* More than the key's signatures ever have. */
static size_t answer_long_signature(const struct msg_header *request, uint8_t *packet)
{
    return signature_of(200, request, packet);
}

/* More than there is room for. */
static size_t answer_longer_signature(const struct msg_header *request, uint8_t *packet)
{
    return signature_of(2048, request, packet);
}

/* "No more, and here are two names", of which there is none. */
static size_t answer_short_list(const struct msg_header *request, uint8_t *packet)
{
    return packet_of(request->type | MSG_ANSWER, request->id, "\0\0\2", 3, packet);
}

static size_t found(const struct msg_header *request, unsigned says, unsigned count, uint8_t *packet)
{
    struct found_token m = { .token = "pkcs11:token=a%20token", .is_the_token = true, .count = (uint16_t)says };
    struct wire_writer w;
    size_t len = 0;

    wire_write(&w, packet, LB_PACKET_MAX);
    msg_header_put(&w, request->type | MSG_ANSWER, request->id);
    msg_found_put(&w, &m);
    for (unsigned i = 1; i <= count; i++) {
        struct found_object e = { .name = "web", .version = i, .type = "ec:P-256" };
        uint8_t id[2] = { 0, (uint8_t)i };

        NEED(p11uri_set_text(&e.object, P11_OBJECT, "my web;key") == 0 && p11uri_set(&e.object, P11_ID, id, 2) == 0);
        msg_found_entry_put(&w, &e);
    }
    NEED(wire_written(&w, &len) == 0);
    return len;
}

static size_t answer_two_objects(const struct msg_header *request, uint8_t *packet)
{
    return found(request, 2, 2, packet);
}

/* It says more objects than it has. */
static size_t answer_short_found(const struct msg_header *request, uint8_t *packet)
{
    return found(request, 2, 1, packet);
}

static size_t answer_long_found(const struct msg_header *request, uint8_t *packet)
{
    return found(request, 1, 2, packet);
}

static size_t say_nothing(const struct msg_header *request, uint8_t *packet)
{
    (void)request;
    (void)packet;
    return SILENCE;
}

/* The keeper's next child says so before it reads what its predecessor left. */
static size_t restart(const struct msg_header *request, uint8_t *packet)
{
    (void)request;
    return packet_of(MSG_RESET, 0, "", 0, packet);
}

static size_t hang_up(const struct msg_header *request, uint8_t *packet)
{
    (void)request;
    (void)packet;
    return HANG_UP;
}

/* The box */

struct fake {
    int listener;
    uint16_t type; /* of the requests to answer wrongly; GET is answered rightly otherwise */
    answer_fn *answer;
    unsigned answered; /* of that type */
};

/* Until the caller or the answer closes the channel. */
static void serve(struct fake *f, int fd)
{
    static uint8_t packet[LB_PACKET_MAX];
    struct msg_header header;
    struct bytes body;
    size_t len = 0;

    while (socket_receive(fd, packet, sizeof(packet), /* dont_wait= */ false, &len, /* ret_fd= */ NULL,
                          /* ret_peer= */ NULL) == 0) {
        NEED(msg_split(packet, len, &header, &body) == 0);
        NEED(header.type == f->type || header.type == MSG_GET);
        if (header.type == f->type) {
            f->answered++;
            len = f->answer(&header, packet);
        } else {
            len = answer_key(&header, packet);
        }
        if (len == HANG_UP)
            return;
        if (len != SILENCE)
            NEED(socket_send(fd, packet, len, /* fd= */ -1, /* dont_wait= */ false) == 0);
    }
}

/* What a box gives for a descriptor that was handed in: one end of a channel; the other one is returned. */
static int introduce(int fd)
{
    uint8_t packet[LB_HEADER_SIZE];
    size_t len = 0;
    int pair[2];

    NEED(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) == 0);
    NEED(socket_set_timeout(pair[0], WAIT_MS) == 0);
    NEED(msg_empty_encode(MSG_CHANNEL | MSG_ANSWER, 0, packet, sizeof(packet), &len) == 0);
    NEED(socket_send(fd, packet, len, pair[1], /* dont_wait= */ false) == 0);
    socket_close(pair[1]);
    return pair[0];
}

/* One caller, from its connection to its end. */
static void *run(void *arg)
{
    static uint8_t packet[LB_PACKET_MAX];
    struct fake *f = arg;
    struct pollfd p = { .fd = f->listener, .events = POLLIN };
    int introducer, channel, fd = -1;
    size_t len = 0;

    /* Accepting does not wait: that is how a box listens. */
    NEED(poll(&p, 1, WAIT_MS) == 1);
    introducer = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC);
    NEED(introducer >= 0 && socket_set_timeout(introducer, WAIT_MS) == 0);
    while (socket_receive(introducer, packet, sizeof(packet), /* dont_wait= */ false, &len, &fd,
                          /* ret_peer= */ NULL) == 0) {
        NEED(fd >= 0);
        channel = introduce(fd);
        serve(f, channel);
        socket_close(channel);
        socket_close(fd);
    }
    socket_close(introducer);
    return NULL;
}

/* Callers */

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool gets(OSSL_LIB_CTX *libctx)
{
    EVP_PKEY *key = load_uri(libctx, "littlebox:p256", 0);

    EVP_PKEY_free(key);
    return key != NULL;
}

static bool signs_abc(OSSL_LIB_CTX *libctx)
{
    EVP_PKEY *key = load_key(libctx, "p256");
    uint8_t sig[256];
    size_t len = sign_text(libctx, key, NULL, "abc", 3, sig, sizeof(sig));

    EVP_PKEY_free(key);
    return len > 0;
}

static bool creates(OSSL_LIB_CTX *libctx)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(libctx, "ED25519", "provider=littlebox");
    EVP_PKEY *key = NULL;
    bool made;

    NEED(ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0);
    NEED(EVP_PKEY_CTX_ctrl_str(ctx, "littlebox_uri", "littlebox:new") > 0);
    made = EVP_PKEY_keygen(ctx, &key) > 0;
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    return made;
}

static bool opens(OSSL_LIB_CTX *libctx, const char *uri)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(uri, libctx, NULL, NULL, NULL, NULL, NULL, NULL);
    OSSL_STORE_INFO *info;
    bool any;

    NEED(store != NULL);
    info = OSSL_STORE_load(store);
    any = info != NULL;
    CU_ASSERT(OSSL_STORE_eof(store));
    OSSL_STORE_INFO_free(info);
    OSSL_STORE_close(store);
    return any;
}

static bool lists(OSSL_LIB_CTX *libctx)
{
    return opens(libctx, "littlebox:");
}

static bool finds(OSSL_LIB_CTX *libctx)
{
    return opens(libctx, "pkcs11:object=my%20web%3Bkey");
}

#define NO_ANSWER "box 'default' sent something that is no answer"
#define MALFORMED "box 'default' sent a malformed answer"
#define LOOK      "; hint: key 'new' may have been made: look with 'littlebox --box default list'"
#define CURE      "; hint: does the littleboxd that runs belong to the littlebox that is installed? restart it"

static const struct {
    uint16_t type;
    bool (*ask)(OSSL_LIB_CTX *libctx);
    answer_fn *answer;
    bool waits; /* the caller only gives up when its time is over */
    const char *text;
} cases[] = {
    { MSG_GET, gets, answer_garbage, false, NO_ANSWER CURE },
    { MSG_GET, gets, answer_other, false, NO_ANSWER CURE },
    { MSG_GET, gets, answer_cut_error, false, NO_ANSWER CURE },
    { MSG_GET, gets, answer_cut, false, MALFORMED CURE },
    { MSG_SIGN, signs_abc, answer_garbage, false, NO_ANSWER CURE },
    { MSG_SIGN, signs_abc, answer_other, false, NO_ANSWER CURE },
    { MSG_SIGN, signs_abc, answer_cut_error, false, NO_ANSWER CURE },
    { MSG_SIGN, signs_abc, answer_cut, false, MALFORMED CURE },
    { MSG_SIGN, signs_abc, answer_empty_signature, false, MALFORMED CURE },
    { MSG_SIGN, signs_abc, answer_long_signature, false, MALFORMED CURE },
    { MSG_SIGN, signs_abc, answer_longer_signature, false, NO_ANSWER CURE },
    { MSG_LIST, lists, answer_garbage, false, NO_ANSWER CURE },
    { MSG_LIST, lists, answer_cut, false, MALFORMED CURE },
    { MSG_LIST, lists, answer_short_list, false, "the box sent a malformed list of keys" },
    { MSG_FIND, finds, answer_garbage, false, "no box has the token of 'pkcs11:object=my%20web%3Bkey': " NO_ANSWER },
    { MSG_FIND, finds, answer_cut, false, MALFORMED },
    { MSG_FIND, finds, answer_short_found, false, "box 'default' sent a malformed list of objects" },
    { MSG_FIND, finds, answer_long_found, false, "box 'default' sent a malformed list of objects" },
    { MSG_FIND, finds, say_nothing, true, "box 'default' did not answer within 400 ms" },
    { MSG_FIND, finds, hang_up, true, "box 'default' closed the connection" },
    { MSG_FIND, finds, answer_two_objects, false,
      "'pkcs11:object=my%20web%3Bkey' fits several keys: littlebox://default/web;version=1 "
      "(object=my%20web%3Bkey;id=%00%01), littlebox://default/web;version=2 (object=my%20web%3Bkey;id=%00%02); hint: say which" },
    { MSG_GET, gets, say_nothing, true,
      "box 'default' did not answer within 400 ms; hint: look at the box's log; littlebox-timeout in openssl.cnf sets the "
      "limit" },
    { MSG_SIGN, signs_abc, say_nothing, true, "box 'default' did not answer within 400 ms" },
    { MSG_LIST, lists, say_nothing, true, "box 'default' did not answer within 400 ms" },
    { MSG_GET, gets, hang_up, true, "box 'default' closed the connection; hint: look at the box's log" },
    { MSG_SIGN, signs_abc, hang_up, true, "box 'default' closed the connection; hint: look at the box's log" },
    /* A change is never sent twice. */
    { MSG_CREATE, creates, restart, false, "box 'default' was restarted while it worked on this" LOOK },
    { MSG_CREATE, creates, hang_up, false, "box 'default' closed the connection" LOOK },
    { MSG_CREATE, creates, say_nothing, true, "box 'default' did not answer within 4000 ms" LOOK },
    { MSG_CREATE, creates, answer_garbage, false, NO_ANSWER LOOK },
    { MSG_CREATE, creates, answer_cut, false, MALFORMED LOOK },
    { MSG_CREATE, creates, answer_key, false,
      "box 'default' made a key of another type than ed25519; hint: the box has made the key: look with 'littlebox --box default "
      "show new'" },
};

static void test_answers(void)
{
    char dir[] = "/tmp/littlebox-test-XXXXXX", path[64], settings[64];

    NEED(mkdtemp(dir) != NULL);
    snprintf(path, sizeof(path), "%s/default.sock", dir);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct fake f = { .listener = -1, .type = cases[i].type, .answer = cases[i].answer };
        unsigned failed = CU_get_number_of_failures();
        OSSL_LIB_CTX *libctx;
        pthread_t thread;
        uint64_t begin;

        NEED(socket_listen(path, 0600, &f.listener) == 0);
        NEED(pthread_create(&thread, NULL, run, &f) == 0);
        /* Where nothing but the answer ends the wait, all the time in the world; a text in time is the test. */
        snprintf(settings, sizeof(settings), "littlebox-timeout = %d", cases[i].waits ? PATIENCE_MS : WAIT_MS);
        libctx = new_libctx(dir, /* littlebox_first= */ true, settings);
        begin = now_ms();
        CU_ASSERT(!cases[i].ask(libctx));
        CU_ASSERT_EQUAL(now_ms() - begin >= PATIENCE_MS && cases[i].waits, cases[i].waits);
        CU_ASSERT(littlebox_says(cases[i].text));
        /* Ends the connection, and with it the thread. */
        OSSL_LIB_CTX_free(libctx);
        NEED(pthread_join(thread, NULL) == 0);
        CU_ASSERT(f.answered > 0);
        /* One bad answer is one question; one that hangs up is asked again, but for a change. */
        if (cases[i].answer != hang_up || cases[i].type == MSG_CREATE)
            CU_ASSERT_EQUAL(f.answered, 1);
        socket_close(f.listener);
        if (CU_get_number_of_failures() != failed)
            fprintf(stderr, "\nfailed for case %zu: %s\n", i, cases[i].text);
        ERR_clear_error();
    }
    unlink(path);
    NEED(rmdir(dir) == 0);
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "what boxes say that are none", test_answers },
        CU_TEST_INFO_NULL,
    };
    int status;

    plain = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    NEED(plain != NULL);
    status = run_suite("answers", tests);
    EVP_PKEY_free(plain);
    return status;
}
