/* A process with a supplementary group makes a connection to a box, and its child without that group goes on with it. */
#include <grp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/socket.h"
#include "model/limits.h"
#include "protocol/header.h"

/*
 * heir UID GROUP SOCKET PACKET     run by root; PACKET in hexadecimal
 *
 * Connects with that uid, the gid of the same number, and GROUP as its one supplementary group. Sends the packet, and
 * prints "maker: " and what came back: "answer TYPE" or "error CODE: text". Then the same by a child of the same uid and
 * gid that has given up the group: "heir: ...". Exit status 0 whatever the answers are.
 */
/* Only what hangs takes that long. */
#define TIMEOUT_MS 300000

static int fail(const char *what)
{
    perror(what);
    return 2;
}

static size_t from_hex(const char *text, uint8_t *buf)
{
    size_t n = strlen(text) / 2;

    for (size_t i = 0; i < n; i++) {
        const char byte[3] = { text[2 * i], text[2 * i + 1], '\0' };

        buf[i] = (uint8_t)strtoul(byte, NULL, 16);
    }
    return n;
}

static void ask(const char *who, int fd, const uint8_t *packet, size_t len)
{
    static uint8_t answer[LB_PACKET_MAX];
    struct msg_header header;
    struct bytes body;
    struct problem p;
    int r = socket_send(fd, packet, len, /* fd= */ -1, /* dont_wait= */ false);

    if (r == 0)
        r = socket_receive(fd, answer, sizeof(answer), /* dont_wait= */ false, &len, /* ret_fd= */ NULL, /* peer= */ NULL);
    if (r == 0)
        r = msg_split(answer, len, &header, &body);
    if (r != 0)
        printf("%s: %s\n", who, lb_strerror(r));
    else if (header.type != MSG_ERROR)
        printf("%s: answer %04x\n", who, header.type);
    else if (msg_error_decode(body, &p) != 0)
        printf("%s: an error that cannot be decoded\n", who);
    else
        printf("%s: error %d: %s\n", who, -p.code, p.text);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    static uint8_t packet[LB_PACKET_MAX];
    gid_t group;
    uid_t uid;
    size_t len;
    int fd = -1, status = 0;
    pid_t pid;

    if (argc != 5 || strlen(argv[4]) / 2 > sizeof(packet)) {
        fputs("usage: heir UID GROUP SOCKET PACKET\n", stderr);
        return 2;
    }
    uid = (uid_t)strtoul(argv[1], NULL, 10);
    group = (gid_t)strtoul(argv[2], NULL, 10);
    len = from_hex(argv[4], packet);
    /* The way back to root is kept for the child, which needs it to give up the group. */
    if (setgroups(1, &group) < 0 || setresgid(uid, uid, uid) < 0 || setresuid(uid, uid, 0) < 0)
        return fail("setresuid");
    if (socket_connect(argv[3], &fd) != 0 || socket_set_timeout(fd, TIMEOUT_MS) != 0)
        return fail("connect");
    ask("maker", fd, packet, len);
    pid = fork();
    if (pid == 0) {
        if (seteuid(0) < 0 || setgroups(0, NULL) < 0 || setresuid(uid, uid, uid) < 0)
            _exit(fail("the child"));
        ask("heir", fd, packet, len);
        _exit(0);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0)
        return fail("fork");
    socket_close(fd);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : 2;
}
