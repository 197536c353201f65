/* Sends packets to a box byte for byte as they are given, and prints what comes back in words. */
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/socket.h"
#include "model/limits.h"
#include "protocol/header.h"

#include "become.h"

/*
 * rawpacket [--uid UID] [--file KIND] SOCKET PACKET...   each PACKET in hexadecimal, "+N" behind it for N more bytes of
 * zero
 *
 * One line per packet on stdout: "error CODE: text" (and "hint: ..." below it), "answer TYPE, N bytes", "closed", or
 * "silence" when nothing came in five minutes. All packets go over one connection, until it is closed. With --uid
 * (of root) as that user and the group of the same number. With --file a descriptor goes with the first packet: of a
 * memory file with a text in it that is "sealed" as the box wants it or left "open", of one that is a "hole", or of a
 * "pipe". Exit status 0 whatever the answers are.
 */
/* Only what hangs takes that long. */
#define TIMEOUT_MS 300000
#define SEND_MAX (4 * LB_PACKET_MAX)
#define FILE_SIZE 100000

static int fail(const char *what, int r)
{
    fprintf(stderr, "rawpacket: %s: %s\n", what, lb_strerror(r));
    return 2;
}

static bool from_text(const char *text, uint8_t *buf, size_t *ret_len)
{
    const char *plus = strchr(text, '+');
    size_t hex = plus != NULL ? (size_t)(plus - text) : strlen(text), len = 0;
    size_t zeros = plus != NULL ? strtoul(plus + 1, NULL, 10) : 0;

    if (hex % 2 != 0 || hex / 2 + zeros > SEND_MAX)
        return false;
    for (; len < hex / 2; len++) {
        const char byte[3] = { text[2 * len], text[2 * len + 1], '\0' };
        char *end;

        buf[len] = (uint8_t)strtoul(byte, &end, 16);
        if (*end != '\0')
            return false;
    }
    memset(buf + len, 0, zeros);
    *ret_len = len + zeros;
    return true;
}

static int memory_file(bool text, bool seal)
{
    int fd = memfd_create("rawpacket", MFD_CLOEXEC | MFD_ALLOW_SEALING);

    if (fd < 0 || (text && write(fd, "a text", 6) != 6) || (!text && ftruncate(fd, FILE_SIZE) < 0) ||
        (seal && fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE) < 0))
        return -1;
    return fd;
}

static int file_of_kind(const char *kind)
{
    int ends[2];

    if (strcmp(kind, "pipe") == 0)
        return pipe2(ends, O_CLOEXEC) < 0 ? -1 : ends[0];
    if (strcmp(kind, "sealed") != 0 && strcmp(kind, "open") != 0 && strcmp(kind, "hole") != 0)
        return -1;
    return memory_file(/* text= */ strcmp(kind, "hole") != 0, /* seal= */ strcmp(kind, "open") != 0);
}

/* False: no use to send more. */
static bool show(int r, const uint8_t *packet, size_t len)
{
    struct msg_header header;
    struct bytes body;
    struct problem p;

    if (r == LB_E_TIMEOUT) {
        puts("silence");
        return true;
    }
    if (r == LB_E_CLOSED) {
        puts("closed");
        return false;
    }
    if (r != 0) {
        printf("receive: %s\n", lb_strerror(r));
        return false;
    }
    r = msg_split(packet, len, &header, &body);
    if (r != 0)
        printf("no packet of ours: %s\n", lb_strerror(r));
    else if (header.type != MSG_ERROR)
        printf("answer %04x to %u, %zu bytes\n", header.type, header.id, body.len);
    else if (msg_error_decode(body, &p) != 0)
        puts("an error that cannot be decoded");
    else
        printf("error %d to %u: %s\n%s%s%s", -p.code, header.id, p.text, p.hint[0] != '\0' ? "hint: " : "", p.hint,
               p.hint[0] != '\0' ? "\n" : "");
    return true;
}

int main(int argc, char **argv)
{
    uint8_t *buf = malloc(SEND_MAX), *answer = malloc(LB_PACKET_MAX);
    const int room = 2 * SEND_MAX;
    bool more = true;
    int fd = -1, file = -1, r, status = 0;

    if (argc > 2 && strcmp(argv[1], "--uid") == 0) {
        if (!become(argv[2])) {
            status = fail("--uid", LB_E_SYSTEM);
            goto out;
        }
        argv += 2;
        argc -= 2;
    }
    if (argc > 2 && strcmp(argv[1], "--file") == 0) {
        file = file_of_kind(argv[2]);
        if (file < 0) {
            status = fail("--file", LB_E_SYSTEM);
            goto out;
        }
        argv += 2;
        argc -= 2;
    }
    if (argc < 3 || buf == NULL || answer == NULL) {
        fputs("usage: rawpacket [--uid UID] [--file sealed|open|hole|pipe] SOCKET HEX[+ZEROS]...\n", stderr);
        status = 2;
        goto out;
    }
    r = socket_connect(argv[1], &fd);
    if (r == 0)
        r = socket_set_timeout(fd, TIMEOUT_MS);
    if (r != 0) {
        status = fail(argv[1], r);
        goto out;
    }
    /* Packets longer than a box takes must be refused by the box, not by our own send buffer. */
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    for (int i = 2; more && i < argc; i++) {
        size_t len = 0, got = 0;

        if (!from_text(argv[i], buf, &len)) {
            status = fail(argv[i], LB_E_VALUE);
            goto out;
        }
        r = socket_send(fd, buf, len, i == 2 ? file : -1, /* dont_wait= */ false);
        if (r == 0)
            r = socket_receive(fd, answer, LB_PACKET_MAX, /* dont_wait= */ false, &got, /* ret_fd= */ NULL,
                               /* ret_peer= */ NULL);
        more = show(r, answer, got);
        fflush(stdout);
    }

out:
    socket_close(file);
    socket_close(fd);
    free(buf);
    free(answer);
    return status;
}
