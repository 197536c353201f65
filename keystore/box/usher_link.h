/* What a box and its usher say to each other: connections with something attached, and what was found there. */
#ifndef LB_BOX_USHER_LINK_H
#define LB_BOX_USHER_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/maker.h"
#include "model/limits.h"

/*
 * Both ends are one SEQPACKET socketpair. The keeper makes it, and sends into it as well. The box asks, and does not wait.
 * Each RECEIVE gets one answer, in any order.
 *
 *     to the usher      u8 type | u32 slot | u32 number | u32 uid | bool known        a descriptor is attached
 *     to the box        u8 type | u32 slot | u32 number | ...
 *
 * Each question has another number. A process that has answered and does not end is taken for lost later; by then the slot
 * may be somebody else's.
 */
enum usher_ask {
    ASK_RECEIVE = 1, /* the packet at the head of this connection, and what is attached to it */
    ASK_BURY = 2     /* close it: descriptors may wait in its queue. Never answered */
};

struct usher_request {
    enum usher_ask type;
    uint32_t slot;    /* of the connection, for the answer */
    uint32_t number;
    uint32_t uid;     /* who sent the packet */
    bool known;       /* an administrator, or somebody with a grant */
    int fd;
};

enum usher_word {
    TOLD_CHANNEL = 1, /* a channel: its maker, and the box's end of it attached */
    TOLD_PACKET = 2,  /* its sender, bool attached, the packet; attached is 1: with a sealed memory file */
    TOLD_BAD = 3,     /* its sender, u8 reason: the packet is gone, nothing came of it */
    TOLD_LOST = 4     /* the packet may still be there, and nothing is known of it */
};

enum usher_reason {
    BAD_FORM = 1,   /* no packet of ours */
    BAD_NUMBER,     /* not one descriptor */
    BAD_KIND,       /* no connected SEQPACKET socket */
    BAD_MAKER,      /* made by another process than the sender */
    BAD_TIMES,      /* there is no room for another one */
    BAD_LAST = BAD_TIMES
};

struct usher_answer {
    enum usher_word type;
    uint32_t slot;
    uint32_t number;          /* of the request */
    struct peer sender;       /* of TOLD_PACKET and TOLD_BAD */
    struct maker maker;       /* of TOLD_CHANNEL, to be cleared */
    enum usher_reason reason;
    bool attached;
    struct bytes packet;      /* points into buf */
    int fd;                   /* the receiver's; -1: none */
};

/* Head of TOLD_PACKET. */
#define USHER_HEAD 22
/* The longest of both directions. */
#define USHER_PACKET_MAX (LB_PACKET_MAX + USHER_HEAD)

/* A text for the log: "it was ...". */
const char *usher_reason_text(enum usher_reason reason);

/* LB_E_CLOSED: the usher is gone. LB_E_TIMEOUT: it has no room. The descriptor stays the caller's. */
LB_MUST_USE int usher_ask(int link, const struct usher_request *rq, bool dont_wait);
/* Waits for what is asked. LB_E_CLOSED, LB_E_VALUE. The descriptor is the caller's. */
LB_MUST_USE int usher_asked(int link, struct usher_request *ret);
LB_MUST_USE int usher_tell(int link, const struct usher_answer *a);
/* buf: USHER_PACKET_MAX bytes. Does not wait: LB_E_TIMEOUT if nothing is there. LB_E_CLOSED, LB_E_VALUE, LB_E_NOMEM. */
LB_MUST_USE int usher_told(int link, void *buf, struct usher_answer *ret);

/*
 * Descriptors that the usher is to close, kept here as long as it has no room for them. Starts as zeros; one thread at a
 * time.
 */
struct burials {
    int *fds;
    size_t count, size;
};

/* Takes over fd. Without memory fd stays open: that costs a descriptor, while closing it may block whoever does. */
void burials_add(struct burials *b, int fd);
/* Hands over as many as the usher has room for; link may be -1. False: some are left. */
bool burials_pass(struct burials *b, int link);
/* Leaves open what is left: the end of the process closes it, and waits for none of it. */
void burials_clear(struct burials *b);

#endif
