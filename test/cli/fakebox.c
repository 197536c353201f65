/* A box that misbehaves, for the command to talk to. */
#include <ctype.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/socket.h"
#include "model/change.h"
#include "model/description.h"
#include "model/limits.h"
#include "model/seal_kinds.h"
#include "model/vocabulary.h"
#include "protocol/header.h"
#include "protocol/seals.h"
#include "protocol/status.h"

/*
 * fakebox SOCKET MODE [FILE]
 *
 * FILE is for the modes locked and handed: the box says that it reads that one at its next start, and tells as 'secret
 * TEXT' what it is sent.
 *
 * Says 'ready' on standard output, then 'request TYPE' (four hexadecimal digits) for each request, until it is
 * killed. It serves one caller after the other.
 */
#define PACKET_SIZE 64

/* Each mode answers one request: false hangs up. */
typedef bool answer_fn(int fd, const struct msg_header *request, struct bytes body);

static const char *next_file = "";

/* A packet of the given header with body bytes behind it. */
static bool say(int fd, uint8_t version, uint16_t type, uint32_t id, const void *body, size_t len)
{
    uint8_t packet[PACKET_SIZE];
    struct wire_writer w;
    size_t size;

    wire_write(&w, packet, sizeof(packet));
    msg_header_put(&w, type, id);
    wire_put_raw(&w, body, len);
    if (wire_written(&w, &size) != 0)
        abort();
    packet[1] = version;
    return socket_send(fd, packet, size, /* fd= */ -1, /* dont_wait= */ false) == 0;
}

static bool reset(int fd)
{
    return say(fd, LB_PROTOCOL_VERSION, MSG_RESET, 0, "", 0);
}

static bool answer_reset(int fd, const struct msg_header *request, struct bytes asked)
{
    (void)asked;
    (void)request;
    return reset(fd);
}

static bool answer_close(int fd, const struct msg_header *request, struct bytes asked)
{
    (void)asked;
    (void)fd;
    (void)request;
    return false;
}

static bool answer_garbage(int fd, const struct msg_header *request, struct bytes asked)
{
    static const char text[] = "what?";

    (void)asked;
    (void)request;
    return socket_send(fd, text, strlen(text), /* fd= */ -1, /* dont_wait= */ false) == 0;
}

/* A body that ends where its first field should go on. */
static bool answer_cut(int fd, const struct msg_header *request, struct bytes asked)
{
    (void)asked;
    return say(fd, LB_PROTOCOL_VERSION, request->type | MSG_ANSWER, request->id, "\0", 1);
}

/* The answer to a question that does not exist. */
static bool answer_other(int fd, const struct msg_header *request, struct bytes asked)
{
    (void)asked;
    return say(fd, LB_PROTOCOL_VERSION, MSG_ANSWER | 0x77, request->id, "", 0);
}

static bool answer_version(int fd, const struct msg_header *request, struct bytes asked)
{
    (void)asked;
    return say(fd, 9, request->type | MSG_ANSWER, request->id, "", 0);
}

/* A refusal whose text would do something to a terminal. */
static bool answer_text(int fd, const struct msg_header *request, struct bytes asked)
{
    static const char body[] = "\0\1" "\0\4a\033cd" "\0\0";

    (void)asked;
    return say(fd, LB_PROTOCOL_VERSION, MSG_ERROR, request->id, body, sizeof(body) - 1);
}

/* No keys, and no answer to what would change that. */
static bool answer_empty(int fd, const struct msg_header *request, struct bytes asked)
{
    (void)asked;
    return (request->type == MSG_LIST || request->type == MSG_PURPOSES) &&
           say(fd, LB_PROTOCOL_VERSION, request->type | MSG_ANSWER, request->id, "\0\0\0", 3);
}

static void tell_secret(struct bytes secret)
{
    if (secret.len == 0)
        return;
    printf("secret ");
    for (size_t i = 0; i < secret.len; i++)
        putchar(isgraph(secret.p[i]) ? secret.p[i] : ' ');
    putchar('\n');
    fflush(stdout);
}

static bool say_seals(int fd, const struct msg_header *request)
{
    static uint8_t packet[LB_PACKET_MAX];
    static const struct seal_info seal = { .id = 1, .kind = SEAL_CREDENTIAL, .label = "credential" };
    struct wire_writer w;
    size_t size;

    wire_write(&w, packet, sizeof(packet));
    msg_header_put(&w, request->type | MSG_ANSWER, request->id);
    wire_put_u16(&w, 1);
    msg_seal_entry_put(&w, &seal);
    return wire_written(&w, &size) == 0 && socket_send(fd, packet, size, /* fd= */ -1, /* dont_wait= */ false) == 0;
}

/* One with a credential seal, and a file for it: as a box speaks that wants what is in the file. */
static bool answer_as_box(int fd, const struct msg_header *request, struct bytes body, uint8_t lock, bool handed)
{
    static uint8_t packet[LB_PACKET_MAX];
    struct box_status status = { .box = "default", .software = "fakebox", .backend = "sealed", .lock = lock, .credential = 1,
                                 .admin = true, .memory = MEMORY_ALL_LOCKED };
    struct box_opening opening = { .handed = handed, .next = NEXT_REFUSED, .credentials = 1,
                                   .why = { .code = LB_E_SYSTEM, .text = "told by the box" } };
    struct msg_lock_cause cause = { LOCK_BY_NOTHING };
    struct msg_opening_ask ask;
    struct seal_request secret;
    size_t size;
    int r;

    snprintf(opening.next_file, sizeof(opening.next_file), "%s", next_file);
    switch (request->type) {
    case MSG_STATUS:
        r = msg_status_encode(request->type | MSG_ANSWER, request->id, &status, packet, sizeof(packet), &size);
        break;
    case MSG_LOCK_CAUSE:
        r = msg_lock_cause_encode(request->type | MSG_ANSWER, request->id, &cause, packet, sizeof(packet), &size);
        break;
    case MSG_SEAL_LIST:
        return say_seals(fd, request);
    case MSG_OPENING:
        if (msg_opening_ask_decode(body, &ask) == 0)
            tell_secret(ask.secret);
        r = msg_opening_encode(request->type | MSG_ANSWER, request->id, &opening, packet, sizeof(packet), &size);
        break;
    case MSG_UNLOCK:
    case MSG_INIT:
        if (msg_secret_decode(body, &secret) == 0)
            tell_secret(secret.secret);
        return say(fd, LB_PROTOCOL_VERSION, request->type | MSG_ANSWER, request->id, "", 0);
    default:
        return false;
    }
    return r == 0 && socket_send(fd, packet, size, /* fd= */ -1, /* dont_wait= */ false) == 0;
}

/* The answer to an old question first, not to the next one, then an empty list; and what the status of a box is. */
static bool answer_once(int fd, const struct msg_header *request, struct bytes asked)
{
    if (request->type == MSG_STATUS)
        return answer_as_box(fd, request, asked, LOCK_UNLOCKED, /* handed= */ false);
    return say(fd, LB_PROTOCOL_VERSION, request->type | MSG_ANSWER, request->id ^ 0x80000000U, "", 0) &&
           say(fd, LB_PROTOCOL_VERSION, request->type | MSG_ANSWER, request->id, "\0\0\0", 3);
}

static bool answer_locked(int fd, const struct msg_header *request, struct bytes asked)
{
    return answer_as_box(fd, request, asked, LOCK_LOCKED, /* handed= */ false);
}

static bool answer_handed(int fd, const struct msg_header *request, struct bytes asked)
{
    return answer_as_box(fd, request, asked, LOCK_UNLOCKED, /* handed= */ true);
}

static bool answer_new(int fd, const struct msg_header *request, struct bytes asked)
{
    return answer_as_box(fd, request, asked, LOCK_NO_STORE, /* handed= */ false);
}

static const struct mode {
    const char *name;
    bool reset_first; /* a restart before anything was asked */
    answer_fn *answer;
} modes[] = {
    { "close", false, answer_close },     { "cut", false, answer_cut },   { "garbage", false, answer_garbage },
    { "empty", false, answer_empty },
    { "once", true, answer_once },        { "other", false, answer_other }, { "reset", false, answer_reset },
    { "handed", false, answer_handed },   { "locked", false, answer_locked }, { "new", false, answer_new },
    { "text", false, answer_text },       { "version", false, answer_version },
};

static void serve(int fd, const struct mode *mode)
{
    static uint8_t packet[LB_PACKET_MAX];
    struct msg_header header;
    struct bytes body;
    bool more = !mode->reset_first || reset(fd);
    size_t len;

    while (more && socket_receive(fd, packet, sizeof(packet), /* dont_wait= */ false, &len, /* ret_fd= */ NULL,
                                  /* ret_peer= */ NULL) == 0) {
        if (msg_split(packet, len, &header, &body) != 0)
            return;
        printf("request %04x\n", header.type);
        fflush(stdout);
        more = mode->answer(fd, &header, body);
    }
}

int main(int argc, char **argv)
{
    const struct mode *mode = NULL;
    int listener = -1, r;

    for (size_t i = 0; (argc == 3 || argc == 4) && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, argv[2]) == 0)
            mode = &modes[i];
    }
    if (mode == NULL) {
        fputs("usage: fakebox SOCKET close|cut|empty|garbage|handed|locked|new|once|other|reset|text|version [FILE]\n", stderr);
        return 2;
    }
    if (argc == 4)
        next_file = argv[3];
    r = socket_listen(argv[1], 0666, &listener);
    if (r != 0) {
        fprintf(stderr, "fakebox: %s: %s\n", argv[1], lb_strerror(r));
        return 1;
    }
    puts("ready");
    fflush(stdout);
    for (;;) {
        struct pollfd p = { .fd = listener, .events = POLLIN };
        int fd;

        /* Accepting does not wait: that is how a box listens. */
        if (poll(&p, 1, /* timeout= */ -1) < 0 || (fd = accept(listener, NULL, NULL)) < 0) {
            perror("fakebox");
            return 1;
        }
        serve(fd, mode);
        socket_close(fd);
    }
}
