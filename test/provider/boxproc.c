/* A real littleboxd for a test: started in a directory of its own, set up over its socket, gone when the test ends. */
#include "boxproc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket.h"
#include "client/channel.h"
#include "client/clock.h"
#include "model/seal_kinds.h"
#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/life.h"
#include "protocol/seals.h"
#include "protocol/status.h"
#include "protocol/use.h"

#define READY_TIMEOUT_MS 300000
#define ANSWER_TIMEOUT_MS 300000
#define CREDENTIAL_SIZE 32
#define BOXES_MAX 4

/* For exit(): a test that fails must not leave a daemon behind. */
static struct boxproc *running[BOXES_MAX];
static pid_t owner;

void boxproc_show_errors(void)
{
    ERR_print_errors_fp(stderr);
}

static void free_all(void)
{
    if (getpid() != owner)
        return; /* a fork of the test */
    for (size_t i = 0; i < BOXES_MAX; i++) {
        if (running[i] != NULL)
            boxproc_free(running[i]);
    }
}

static void credential_path(const struct boxproc *b, char ret[256])
{
    snprintf(ret, 256, "%s/%s.credential", b->dir, b->name);
}

static int notify_socket(const struct boxproc *b, struct sockaddr_un *ret)
{
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    NEED(fd >= 0);
    *ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
    snprintf(ret->sun_path, sizeof(ret->sun_path), "%s/notify", b->dir);
    unlink(ret->sun_path);
    NEED(bind(fd, (struct sockaddr *)ret, sizeof(*ret)) == 0);
    return fd;
}

static void wait_ready(int fd)
{
    struct pollfd p = { .fd = fd, .events = POLLIN };
    char text[512];
    ssize_t n;

    do {
        NEED(poll(&p, 1, READY_TIMEOUT_MS) == 1);
        n = recv(fd, text, sizeof(text) - 1, 0);
        NEED(n >= 0);
        text[n] = '\0';
    } while (strstr(text, "READY=1") == NULL);
}

static void run_daemon(const struct boxproc *b, const char *notify)
{
    const char *build = getenv("LITTLEBOX_BUILD");
    char program[4096], log[256];
    int fd;

    snprintf(program, sizeof(program), "%s/littleboxd", build == NULL ? "." : build);
    snprintf(log, sizeof(log), "%s/log", b->dir);
    fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd >= 0)
        dup2(fd, STDERR_FILENO);
    /* Whatever becomes of the test, its box goes with it. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setenv("NOTIFY_SOCKET", notify, 1);
    execl(program, program, "--box", b->name, "--dir", b->dir, (char *)NULL);
    fprintf(stderr, "%s: %s\n", program, strerror(errno));
    _exit(127);
}

void boxproc_start(struct boxproc *b)
{
    struct sockaddr_un notify;
    int fd = notify_socket(b, &notify);

    NEED(b->keeper == 0);
    b->keeper = fork();
    NEED(b->keeper >= 0);
    if (b->keeper == 0)
        run_daemon(b, notify.sun_path);
    wait_ready(fd);
    close(fd);
    unlink(notify.sun_path);
}

/* One request on a connection of its own: 0, or what the box says against it. */
static int try_call(struct boxproc *b, uint16_t type, const void *request, size_t len, void *answer,
                    struct bytes *ret_body, struct problem *p)
{
    uint16_t got = 0;
    int fd = -1, r;

    NEED(socket_connect(b->socket, &fd) == 0);
    NEED(socket_set_timeout(fd, ANSWER_TIMEOUT_MS) == 0);
    do
        r = channel_call(fd, 1, now_ms() + ANSWER_TIMEOUT_MS, request, len, /* attached= */ -1, answer, LB_PACKET_MAX, &got,
                         ret_body);
    while (r == LB_E_RESET);
    NEED(r == 0);
    close(fd);
    if (got == MSG_ERROR) {
        NEED(msg_error_decode(*ret_body, p) == 0);
        return p->code;
    }
    NEED(got == (type | MSG_ANSWER));
    return 0;
}

/* The same, and the box must answer it with success. */
static void call(struct boxproc *b, uint16_t type, const void *request, size_t len, void *answer,
                 struct bytes *ret_body)
{
    struct problem p;
    int r = try_call(b, type, request, len, answer, ret_body, &p);

    if (r != 0)
        fprintf(stderr, "box '%s' refuses: %s: %s\n", b->name, p.text, p.hint);
    NEED(r == 0);
}

static uint8_t request[LB_PACKET_MAX], answer[LB_PACKET_MAX];

static void initialise(struct boxproc *b, const uint8_t *credential)
{
    struct seal_request m = { .kind = SEAL_CREDENTIAL, .label = "test", .secret = { credential, CREDENTIAL_SIZE } };
    struct bytes body;
    size_t len;

    NEED(msg_secret_encode(MSG_INIT, 1, &m, request, sizeof(request), &len) == 0);
    call(b, MSG_INIT, request, len, answer, &body);
}

static void make(struct boxproc *b)
{
    uint8_t credential[CREDENTIAL_SIZE];
    const char *conf = getenv("LITTLEBOX_BOX_CONF");
    char path[256];
    size_t slot = 0;
    FILE *f;

    snprintf(b->socket, sizeof(b->socket), "%s/%s.sock", b->dir, b->name);
    while (slot < BOXES_MAX && running[slot] != NULL)
        slot++;
    NEED(slot < BOXES_MAX);
    running[slot] = b;
    if (owner == 0)
        atexit(free_all);
    owner = getpid();

    /* As littleboxd wants it of a box whose sockets are for everybody. */
    snprintf(path, sizeof(path), "%s/%s.conf", b->dir, b->name);
    f = fopen(path, "w");
    NEED(f != NULL && fprintf(f, "socket-mode = 0666\n%s\n", conf == NULL ? "" : conf) > 0 && fclose(f) == 0);
    NEED(RAND_bytes(credential, sizeof(credential)) == 1);
    boxproc_start(b);
    initialise(b, credential);
    credential_path(b, path);
    f = fopen(path, "w");
    NEED(f != NULL && fchmod(fileno(f), 0600) == 0 && fwrite(credential, sizeof(credential), 1, f) == 1 &&
         fclose(f) == 0);
}

void boxproc_new(struct boxproc *b, const char *name)
{
    memset(b, 0, sizeof(*b));
    snprintf(b->name, sizeof(b->name), "%s", name);
    snprintf(b->dir, sizeof(b->dir), "/tmp/littlebox-test-XXXXXX");
    NEED(mkdtemp(b->dir) != NULL);
    NEED(chmod(b->dir, 0755) == 0);
    make(b);
}

void boxproc_beside(struct boxproc *b, const char *name, const struct boxproc *other)
{
    memset(b, 0, sizeof(*b));
    snprintf(b->name, sizeof(b->name), "%s", name);
    snprintf(b->dir, sizeof(b->dir), "%s", other->dir);
    b->guest = true;
    make(b);
}

static void wait_end(struct boxproc *b)
{
    int status;

    while (waitpid(b->keeper, &status, 0) < 0)
        NEED(errno == EINTR);
    b->keeper = 0;
}

void boxproc_stop(struct boxproc *b)
{
    NEED(b->keeper > 0 && kill(b->keeper, SIGTERM) == 0);
    wait_end(b);
}

void boxproc_kill_child(struct boxproc *b)
{
    struct box_status s;

    boxproc_status(b, &s);
    NEED(s.pid > 1 && (pid_t)s.pid != b->keeper && kill((pid_t)s.pid, SIGKILL) == 0);
}

/* SIGSTOP takes effect some time after kill(2): only when all threads stand still no request is answered any more. */
pid_t boxproc_freeze(struct boxproc *b)
{
    struct box_status s;
    char path[64], text[256] = "";

    boxproc_status(b, &s);
    NEED(s.pid > 1 && kill((pid_t)s.pid, SIGSTOP) == 0);
    snprintf(path, sizeof(path), "/proc/%d/stat", (int)s.pid);
    for (int i = 0; strstr(text, ") T ") == NULL; i++) {
        FILE *f = fopen(path, "r");

        NEED(f != NULL && fgets(text, sizeof(text), f) != NULL && fclose(f) == 0);
        NEED(i < READY_TIMEOUT_MS);
        poll(NULL, 0, 1);
    }
    return (pid_t)s.pid;
}

void boxproc_thaw(pid_t pid)
{
    NEED(kill(pid, SIGCONT) == 0);
}

void boxproc_kill(struct boxproc *b)
{
    int fd = -1;

    NEED(b->keeper > 0 && kill(b->keeper, SIGKILL) == 0);
    wait_end(b);
    /* The child dies with its keeper, thread by thread; it is gone when nobody listens any more. */
    while (socket_connect(b->socket, &fd) == 0) {
        close(fd);
        poll(NULL, 0, 1);
    }
}

static void remove_tree(const char *path)
{
    DIR *d = opendir(path);
    struct dirent *e;
    char child[4096];

    while (d != NULL && (e = readdir(d)) != NULL) {
        if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
            continue;
        snprintf(child, sizeof(child), "%s/%s", path, e->d_name);
        if (e->d_type == DT_DIR)
            remove_tree(child);
        else
            unlink(child);
    }
    if (d != NULL)
        closedir(d);
    rmdir(path);
}

void boxproc_free(struct boxproc *b)
{
    for (size_t i = 0; i < BOXES_MAX; i++) {
        if (running[i] == b)
            running[i] = NULL;
    }
    if (b->keeper > 0) {
        kill(b->keeper, SIGTERM);
        wait_end(b);
    }
    if (getenv("LITTLEBOX_KEEP") == NULL && !b->guest)
        remove_tree(b->dir);
}

void boxproc_create(struct boxproc *b, const char *key, const char *type)
{
    struct create_request m = { 0 };
    struct bytes body;
    size_t len;

    snprintf(m.name, sizeof(m.name), "%s", key);
    snprintf(m.type, sizeof(m.type), "%s", type);
    NEED(msg_create_encode(MSG_CREATE, 1, &m, request, sizeof(request), &len) == 0);
    call(b, MSG_CREATE, request, len, answer, &body);
}

void boxproc_roll(struct boxproc *b, const char *key)
{
    struct roll_request m = { .type = "" };
    struct bytes body;
    size_t len;

    snprintf(m.name, sizeof(m.name), "%s", key);
    NEED(msg_roll_encode(MSG_ROLL, 1, &m, request, sizeof(request), &len) == 0);
    call(b, MSG_ROLL, request, len, answer, &body);
}

void boxproc_activate(struct boxproc *b, const char *key, uint32_t drain)
{
    static const uint8_t no_chain[2] = { 0, 0 };
    struct activate_request m = { .drain = drain, .chain = { no_chain, sizeof(no_chain) } };
    struct bytes body;
    size_t len;

    snprintf(m.key.name, sizeof(m.key.name), "%s", key);
    NEED(msg_activate_encode(MSG_ACTIVATE, 1, &m, request, sizeof(request), &len) == 0);
    call(b, MSG_ACTIVATE, request, len, answer, &body);
}

void boxproc_deactivate(struct boxproc *b, const char *key, uint32_t version)
{
    struct state_request m = { .key = { .version = version }, .event = EVENT_DEACTIVATE, .reason = REASON_SUPERSEDED };
    struct bytes body;
    size_t len;

    snprintf(m.key.name, sizeof(m.key.name), "%s", key);
    NEED(msg_state_encode(MSG_STATE, 1, &m, request, sizeof(request), &len) == 0);
    call(b, MSG_STATE, request, len, answer, &body);
}

void boxproc_destroy(struct boxproc *b, const char *key, uint32_t version)
{
    struct destroy_request m = { .version = version };
    struct bytes body;
    size_t len;

    snprintf(m.name, sizeof(m.name), "%s", key);
    NEED(msg_destroy_encode(MSG_DESTROY, 1, &m, request, sizeof(request), &len) == 0);
    call(b, MSG_DESTROY, request, len, answer, &body);
}

int boxproc_try_import(struct boxproc *b, const char *key, EVP_PKEY *pkey, struct problem *p)
{
    PKCS8_PRIV_KEY_INFO *p8 = EVP_PKEY2PKCS8(pkey);
    struct import_request m = { 0 };
    unsigned char *der = NULL;
    int der_len = p8 == NULL ? -1 : i2d_PKCS8_PRIV_KEY_INFO(p8, &der), r;
    struct bytes body;
    size_t len;

    NEED(der_len > 0);
    snprintf(m.name, sizeof(m.name), "%s", key);
    m.pkcs8 = (struct bytes){ der, (size_t)der_len };
    NEED(msg_import_encode(MSG_IMPORT, 1, &m, request, sizeof(request), &len) == 0);
    r = try_call(b, MSG_IMPORT, request, len, answer, &body, p);
    OPENSSL_clear_free(der, (size_t)der_len);
    PKCS8_PRIV_KEY_INFO_free(p8);
    return r;
}

void boxproc_import(struct boxproc *b, const char *key, EVP_PKEY *pkey)
{
    struct problem p = { 0 };

    NEED(boxproc_try_import(b, key, pkey, &p) == 0);
}

int boxproc_try_derive(struct boxproc *b, const char *key, struct bytes peer, uint8_t ret[LB_SHARED_MAX],
                       size_t *ret_len, struct problem *p)
{
    struct derive_request m = { .peer = peer };
    struct bytes body, shared;
    size_t len;
    int r;

    snprintf(m.key.name, sizeof(m.key.name), "%s", key);
    NEED(msg_derive_encode(MSG_DERIVE, 1, &m, request, sizeof(request), &len) == 0);
    r = try_call(b, MSG_DERIVE, request, len, answer, &body, p);
    if (r != 0)
        return r;
    NEED(msg_bytes_decode(body, &shared) == 0 && shared.len <= LB_SHARED_MAX);
    memcpy(ret, shared.p, shared.len);
    *ret_len = shared.len;
    return 0;
}

void boxproc_allow(struct boxproc *b, const char *key, uid_t uid)
{
    boxproc_allow_ops(b, key, uid, OP_SIGN);
}

void boxproc_allow_ops(struct boxproc *b, const char *key, uid_t uid, unsigned ops)
{
    struct grant_request m = { .grant = { .kind = SUBJECT_USER, .id = uid, .ops = (uint16_t)ops } };
    struct bytes body;
    size_t len;

    snprintf(m.name, sizeof(m.name), "%s", key);
    NEED(msg_grant_encode(MSG_ALLOW, 1, &m, request, sizeof(request), &len) == 0);
    call(b, MSG_ALLOW, request, len, answer, &body);
}

void boxproc_certify(struct boxproc *b, const char *key, uint32_t version, const struct bytes *certificates,
                     size_t count)
{
    static uint8_t chain[LB_CHAIN_MAX];
    struct chain_request m = { .version = version, .chain = { .p = chain } };
    struct wire_writer w;
    struct bytes body;
    size_t len;

    snprintf(m.name, sizeof(m.name), "%s", key);
    wire_write(&w, chain, sizeof(chain));
    wire_put_u16(&w, (uint16_t)count);
    for (size_t i = 0; i < count; i++)
        wire_put_bytes(&w, certificates[i].p, certificates[i].len);
    NEED(wire_written(&w, &m.chain.len) == 0);
    NEED(msg_cert_set_encode(MSG_CERT_SET, 1, &m, request, sizeof(request), &len) == 0);
    call(b, MSG_CERT_SET, request, len, answer, &body);
}

void boxproc_lock(struct boxproc *b)
{
    struct bytes body;
    size_t len;

    NEED(msg_empty_encode(MSG_LOCK, 1, request, sizeof(request), &len) == 0);
    call(b, MSG_LOCK, request, len, answer, &body);
}

void boxproc_status(struct boxproc *b, struct box_status *ret)
{
    struct bytes body;
    size_t len;

    NEED(msg_empty_encode(MSG_STATUS, 1, request, sizeof(request), &len) == 0);
    call(b, MSG_STATUS, request, len, answer, &body);
    NEED(msg_status_decode(body, ret) == 0);
}

unsigned count_descriptors(void)
{
    DIR *d = opendir("/proc/self/fd");
    unsigned n = 0;

    NEED(d != NULL);
    while (readdir(d) != NULL)
        n++;
    closedir(d);
    return n;
}
