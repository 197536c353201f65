/* A whole box inside of a test's own process: store, vault and requests, with callers that the test makes up. */
#include "inbox.h"

#include <errno.h>
#include <ftw.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "daemon/keeper_link.h"
#include "guard/secret.h"
#include "model/seal_kinds.h"

static void stop(const char *what)
{
    fprintf(stderr, "a box for a test: %s: %s\n", what, strerror(errno));
    exit(99);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st;
    (void)flag;
    (void)ftw;
    return remove(path);
}

/* In memory where there is such a place. */
static void make_dir(struct inbox *b)
{
    snprintf(b->dir, sizeof(b->dir), "%s/littlebox-inbox-XXXXXX",
             access("/dev/shm", W_OK | X_OK) == 0 ? "/dev/shm" : "/tmp");
    if (mkdtemp(b->dir) == NULL)
        stop(b->dir);
}

static void configure(struct inbox *b)
{
    struct box_paths paths = { .config = "" };
    struct problem p;

    snprintf(paths.config, sizeof(paths.config), "%s/box.conf", b->dir);
    snprintf(paths.credential, sizeof(paths.credential), "%s/box.credential", b->dir);
    snprintf(paths.state, sizeof(paths.state), "%s", b->dir);
    snprintf(paths.store, sizeof(paths.store), "%s/store.db", b->dir);
    snprintf(paths.socket, sizeof(paths.socket), "%s/box.sock", b->dir);
    if (boxconf_load("test", &paths, &b->conf, &p) != 0)
        stop(p.text);
}

static struct seal_request first_seal(void)
{
    return (struct seal_request){ .kind = SEAL_CREDENTIAL,
                                .label = "first",
                                .secret = { (const uint8_t *)INBOX_CREDENTIAL, strlen(INBOX_CREDENTIAL) } };
}

void inbox_init(struct inbox *b)
{
    struct seal_request seal = first_seal();
    struct problem p = { 0 };
    int link[2];

    memset(b, 0, sizeof(*b));
    make_dir(b);
    configure(b);
    boxconf_settings(&b->conf, &b->vault_settings, &b->settings);
    b->box.conf = &b->settings;
    b->told_locked = -1;
    b->box.memory.state = SECRETS_LOCKED; /* what a child finds out before it serves */
    b->answer = malloc(LB_PACKET_MAX);
    if (b->answer == NULL || keyop_setup() != 0 || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0)
        stop("setting up");
    b->box.keeper = keep_calls(link[0]);
    b->keeper = link[1];
    /* As if the box were to stop: so the wait after a wrong secret ends at once. */
    b->box.stop_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->box.stop_fd < 0 || vault_open(&b->vault_settings, &b->box.vault, &p) != 0 || vault_init(b->box.vault, &seal, &p) != 0)
        stop(p.text);
}

void inbox_clear(struct inbox *b)
{
    inbox_close(b);
    close(b->box.keeper.link);
    close(b->keeper);
    close(b->box.stop_fd);
    free(b->answer);
    (void)nftw(b->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void inbox_close(struct inbox *b)
{
    vault_close(b->box.vault);
    b->box.vault = NULL;
}

int inbox_reopen(struct inbox *b, struct problem *p)
{
    struct seal_request seal = first_seal();
    int r;

    inbox_close(b);
    r = vault_open(&b->vault_settings, &b->box.vault, p);
    if (r == 0)
        (void)!vault_unlock(b->box.vault, seal.kind, seal.secret, p); /* the lock's state tells */
    return r;
}

struct caller inbox_caller(pid_t pid, uid_t uid, gid_t gid)
{
    const struct maker maker = { { pid == 0 ? getpid() : pid, uid, gid }, NULL, 0 };

    return caller_of(&(struct peer){ pid, uid, gid }, &maker);
}

int inbox_create(struct inbox *b, const char *name, struct problem *p)
{
    struct create_request m = { .type = "ed25519" };
    uint8_t spki[LB_SPKI_MAX];
    struct key_info key;

    snprintf(m.name, sizeof(m.name), "%s", name);
    return vault_create(b->box.vault, &m, spki, &key, p);
}

int inbox_use(struct inbox *b, uid_t uid, enum key_op op, const struct key_ref *ref, struct problem *p)
{
    struct caller who = inbox_caller(getpid(), uid, INBOX_STRANGER);
    struct used_key key;
    int r;

    memset(p, 0, sizeof(*p));
    r = vault_use(b->box.vault, &(struct use_wish){ ref, &who, op, (uint64_t)time(NULL), { NULL, 0 }, false }, &key, p);
    if ((key.live != NULL) != (r == 0))
        stop("a key and a refusal, or neither");
    livekey_unref(key.live);
    return r;
}

static void hear_keeper(struct inbox *b)
{
    struct keep_message m;

    while (keep_receive(b->keeper, /* dont_wait= */ true, &m) == 0) {
        if (m.type == KEEP_LOCKED)
            b->told_locked = (int)m.number;
        maker_clear(&m.maker);
        if (m.fd >= 0)
            close(m.fd);
    }
}

static void keep_record(struct inbox *b, const struct request *rq)
{
    b->recorded = rq->event;
    b->why = rq->problem;
    b->recorded.who = NULL; /* which is gone with the request */
    b->recorded.problem = &b->why;
}

size_t inbox_ask(struct inbox *b, const struct caller *who, const void *packet, size_t len, int fd, bool *ret_goes_on)
{
    struct request rq = { .box = &b->box, .who = *who, .fd = -1, .answer = b->answer, .size = LB_PACKET_MAX };
    const struct msg_kind *kind;

    *ret_goes_on = false;
    if (msg_split(packet, len, &rq.header, &rq.body) != 0)
        return 0;
    kind = msg_kind(rq.header.type);
    if (kind == NULL || (fd >= 0 && !kind->takes_fd))
        return 0;
    *ret_goes_on = true;
    if (kind->change && !request_may(kind, &rq)) {
        keep_record(b, &rq);
        return rq.answer_len;
    }
    rq.fd = fd;
    rq.attached = fd >= 0;
    *ret_goes_on = request_run(kind, &rq);
    keep_record(b, &rq);
    hear_keeper(b);
    return rq.answer_len;
}
