/* What the keeper and its child say to each other: descriptors to keep, and that the child is ready. */
#ifndef LB_DAEMON_KEEPER_LINK_H
#define LB_DAEMON_KEEPER_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/maker.h"
#include "box/keeper_calls.h"

/*
 * Both ends are one SEQPACKET socketpair. At its start a child is sent USHER, RESTORE for each channel that its predecessor
 * had, then START. The child answers READY once it serves, and SETTLED when nothing of its start is left. From then on it
 * sends ADD and DROP as channels come and go, in order, so that the keeper's copies are exactly the child's channels. Slots
 * are small numbers that the child picks, and uses again after DROP.
 *
 *     u8 type | u32 slot or number          ADD and RESTORE: | the channel's maker (base/maker.h)
 *
 * A descriptor is attached to ADD, RESTORE and USHER. The form of these messages stays as it is: a keeper runs on while newer
 * programs are installed, and starts their children.
 */
enum keep_type {
    KEEP_ADD = 1,     /* child to keeper: keep a copy of this channel */
    KEEP_DROP = 2,    /* child to keeper: it is gone */
    KEEP_READY = 3,   /* child to keeper: serving; number: 1 if a credential opened it */
    KEEP_RESTORE = 4, /* keeper to child: a channel of your predecessor */
    KEEP_START = 5,   /* keeper to child: that was all; number: how many children there were before you */
    KEEP_LOCKED = 6,  /* child to keeper: locked by hand (1) or unlocked again (0); keeper to child: stay locked */
    KEEP_SETTLED = 7, /* child to keeper: all that a start does is done, in a vendor's module too; said once or more */
    KEEP_FAILED = 8,  /* keeper to child: so many children in a row, up to you, ended before they had settled */
    KEEP_USHER = 9,   /* keeper to child: your link to the new usher */
    KEEP_PING = 10,   /* keeper to child, when that is ready: does any thread come back? */
    KEEP_AWAKE = 11   /* child to keeper: this one does; number: the ping's */
};

/* The place in argv of the role of a started process: "--child", "--usher", or "--trial" and "--resume=N" of keepers to be. */
#define KEEPER_ROLE 1
/*
 * Behind it the kind of directories, and then the arguments of whoever started the box. With "--resume=N" there is the program
 * in between: "--program", PATH.
 */
#define RESUMED_KIND 2
#define RESUMED_ARGUMENTS 5

/*
 * In a child's environment, if the box was unlocked by hand before: then it is this start that locked it, unless a credential
 * opens it. A message would be new to older children.
 */
#define KEEP_BY_HAND "LITTLEBOX_BY_HAND"

/* Where a child finds its ends after exec. */
#define KEEP_LINK_FD 3
#define KEEP_LISTEN_FD 4

/* Highest slot plus one. */
#define KEEP_SLOTS_MAX 100016

/*
 * How long to leave alone what ended so many children in a row at their start, in milliseconds. One of them may have been
 * chance.
 */
unsigned keep_backoff(uint32_t failures);

/* maker: of ADD and RESTORE, else NULL. fd -1: none. LB_E_CLOSED: the other side is gone. Blocks while the buffer is full. */
LB_MUST_USE int keep_send(int link, enum keep_type type, uint32_t number, const struct maker *maker, int fd);

/* What a box tells, as messages on this link. */
struct keeper_calls keep_calls(int link);

struct keep_message {
    enum keep_type type;
    uint32_t number;
    struct maker maker; /* of ADD and RESTORE, to be cleared */
    int fd;             /* the receiver's, -1 without one */
    /* Descriptors that should not have come. They are the receiver's too, who knows where closing them may block. */
    int strays[SOCKET_FDS_MAX];
    size_t stray_count;
};

/*
 * LB_E_CLOSED, LB_E_VALUE, LB_E_NOMEM, LB_E_TIMEOUT (dont_wait, and nothing is there). After a failure nothing is to be
 * cleared.
 */
LB_MUST_USE int keep_receive(int link, bool dont_wait, struct keep_message *ret);

#endif
