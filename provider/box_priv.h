/* What a box is to the provider, for box.c, boxes.c and channels.c alone. */
#ifndef LB_BOX_PRIV_H
#define LB_BOX_PRIV_H

#include <stdatomic.h>
#include <sys/types.h>

#include "../keystore/place.h"
#include "box.h"
#include "conn.h"

/*
 * Channels kept open: as many as there are operations that pause at once. More threads than this are served by channels
 * that last for one request.
 */
#define CHANNELS 256

/* Whoever changes a slot from IDLE or EMPTY to BUSY has it alone, and alone reads or writes the socket in it. */
enum slot_state { SLOT_EMPTY = 0, SLOT_IDLE, SLOT_BUSY };

struct slot {
    _Atomic int state;
    struct conn conn;
};

struct box {
    struct box *next;
    bool visited; /* not in the list */
    unsigned timeout_ms;      /* littlebox-timeout */
    struct owner_uids owners; /* littlebox-users as numbers */
    char name[LB_NAME_MAX + 1];
    /*
     * Where it is, decided once: the name means the same box for as long as the process lives, and to its children, whoever
     * they become.
     */
    enum place place;
    char *socket;
    /* This process or one that it descends from has been connected. */
    _Atomic bool known;
    _Atomic uint32_t last_id;
    /*
     * Whose the channels are: pid, or -pid while that process throws away what it inherited. There is no lock in a box:
     * a fork in another thread could leave it locked for ever in the child.
     */
    _Atomic pid_t owner;
    /* The connection over which channels are introduced, the only one that children inherit and use too. */
    struct slot introducer;
    /*
     * Whoever has the introducer's slot has these as well. An inherited introducer is other processes' too, each of which
     * can end it for all: so a process asks for one of its own over it, and changes to that once it has come.
     */
    bool inherited;
    struct conn promised; /* what socket_introduce() gave for it */
    _Atomic bool is_promised;
    struct slot channels[CHANNELS];
};

/* No channel yet; and closes those that there are. */
void channels_init(struct box *b);
void channels_clear(struct box *b);

/*
 * Before anything else that is done with the channels. After a fork the child owns nothing of them: its parent talks
 * on them. Its first thread here closes them (its copies) and keeps the introducer, the others wait for that.
 */
void channels_claim(struct box *b);

/* Connects the introducer if it can, else does nothing. */
void channels_prepare(struct box *b);

/* A channel for one request: one that is kept in a slot, or one that is in none. */
struct lease {
    struct slot *slot;
    struct conn passing;
    struct conn *conn;
    bool fresh; /* opened for this request */
};

/*
 * Failure: p says why, and there is nothing to end. w: of a job that pauses instead of waiting, NULL: it blocks. With w it
 * is LB_E_BUSY where there may be a channel a little later: the box takes none for the moment, another thread opens one, or
 * this process is out of descriptors; and the lease has no slot, since nobody may ever come back from a pause.
 */
struct wait;
LB_MUST_USE int lease_begin(struct box *b, uint64_t deadline, struct wait *w, struct lease *ret, struct problem *p);
/* keep: the channel can be used again. */
void lease_end(struct box *b, struct lease *l, bool keep);

/* Fills p; returns the code. */
int refuse_no_time(const struct box *b, uint64_t limit, struct problem *p);
int refuse_closed(const struct box *b, struct problem *p);
int refuse_system(const struct box *b, const char *what, struct problem *p);

#endif
