/* A box that misbehaves, for the command to talk to. */
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "message.h"
#include "socket.h"

/*
 * fakebox SOCKET MODE
 *
 * Says 'ready' on standard output, then 'request TYPE' (four hexadecimal digits) for each request, until it is
 * killed. It serves one caller after the other.
 */
#define PACKET_SIZE 64

/* Each mode answers one request: false hangs up. */
typedef bool answer_fn(int fd, const struct msg_header *request);

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

static bool answer_reset(int fd, const struct msg_header *request)
{
    (void)request;
    return reset(fd);
}

static bool answer_close(int fd, const struct msg_header *request)
{
    (void)fd;
    (void)request;
    return false;
}

static bool answer_garbage(int fd, const struct msg_header *request)
{
    static const char text[] = "what?";

    (void)request;
    return socket_send(fd, text, strlen(text), /* fd= */ -1, /* dont_wait= */ false) == 0;
}

/* A body that ends where its first field should go on. */
static bool answer_cut(int fd, const struct msg_header *request)
{
    return say(fd, LB_PROTOCOL_VERSION, request->type | MSG_ANSWER, request->id, "\0", 1);
}

/* The answer to a question that does not exist. */
static bool answer_other(int fd, const struct msg_header *request)
{
    return say(fd, LB_PROTOCOL_VERSION, MSG_ANSWER | 0x77, request->id, "", 0);
}

static bool answer_version(int fd, const struct msg_header *request)
{
    return say(fd, 9, request->type | MSG_ANSWER, request->id, "", 0);
}

/* A refusal whose text would do something to a terminal. */
static bool answer_text(int fd, const struct msg_header *request)
{
    static const char body[] = "\0\1" "\0\4a\033cd" "\0\0";

    return say(fd, LB_PROTOCOL_VERSION, MSG_ERROR, request->id, body, sizeof(body) - 1);
}

/* The answer to somebody's old question first, then an empty list. */
static bool answer_once(int fd, const struct msg_header *request)
{
    return say(fd, LB_PROTOCOL_VERSION, MSG_LIST | MSG_ANSWER, request->id ^ 1, "", 0) &&
           say(fd, LB_PROTOCOL_VERSION, MSG_LIST | MSG_ANSWER, request->id, "\0\0\0", 3);
}

static const struct mode {
    const char *name;
    bool reset_first; /* a restart before anything was asked */
    answer_fn *answer;
} modes[] = {
    { "close", false, answer_close },     { "cut", false, answer_cut },   { "garbage", false, answer_garbage },
    { "once", true, answer_once },        { "other", false, answer_other }, { "reset", false, answer_reset },
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
        more = mode->answer(fd, &header);
    }
}

int main(int argc, char **argv)
{
    const struct mode *mode = NULL;
    int listener = -1, r;

    for (size_t i = 0; argc == 3 && i < sizeof(modes) / sizeof(modes[0]); i++) {
        if (strcmp(modes[i].name, argv[2]) == 0)
            mode = &modes[i];
    }
    if (mode == NULL) {
        fputs("usage: fakebox SOCKET close|cut|garbage|once|other|reset|text|version\n", stderr);
        return 2;
    }
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
