/* What a box is to its caller, for the files of this room alone. */
#ifndef LB_CLIENT_BOX_PRIV_H
#define LB_CLIENT_BOX_PRIV_H

#include <stdatomic.h>
#include <sys/types.h>

#include "client/box.h"
#include "client/box_config.h"
#include "client/conn.h"
#include "model/key_name.h"
#include "model/place.h"

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
    unsigned timeout_ms;      /* of struct box_config, as the next two */
    const struct waiter *waiter;
    const struct box_words *words;
    struct owner_uids owners; /* its users as numbers */
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
    struct conn promised; /* what introducer_ask() gave for it */
    _Atomic bool is_promised;
    struct slot channels[CHANNELS];
    /*
     * A box that did not answer in time is away: since when (0: it is not), when a caller may ask again, and the channel on
     * which an answer is due. In this process, and its children begin with it.
     */
    _Atomic uint64_t away_since, ask_at;
    struct slot due;
};

/* Of slots: from EMPTY or IDLE to BUSY; and back, by what is in it. */
bool slot_enter(struct slot *s, int from);
void slot_leave(struct slot *s);

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
    struct conn due; /* lease_begin() failed with LB_E_TIMEOUT: where the box owes an answer, and the caller's; or none */
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

/*
 * Absence. In a server that waits in its event loop each operation that waits for its whole time stops all others, also what
 * has nothing to do with keys. So after the first that waited in vain all are refused at once, until the box is back. That
 * shows where an answer is due, which costs nobody anything; and now and then one caller at a time asks again and waits
 * for ASK_SHORTLY_MS, since an answer that is due may be long in coming while others are quick.
 */
#define ASK_SHORTLY_MS 50
/* Before a request: 0, and whether it may wait for all of its time, or only shortly. LB_E_TIMEOUT: refused. */
LB_MUST_USE int absence_look(struct box *b, bool *ret_patient, struct problem *p);
/* A request waited for all the time that it had (timed_out), or found nobody. Takes due, in which an answer may be due. */
void absence_begin(struct box *b, struct conn *due, bool timed_out);
/* The box answered. */
void absence_end(struct box *b);
/* For who asked shortly and got r: if the box is away still, fills p with that, and returns its code. Else r. */
int absence_refuse(const struct box *b, int r, struct problem *p);

/* Fills p; returns the code. */
int refuse_no_time(const struct box *b, uint64_t limit, struct problem *p);
int refuse_closed(const struct box *b, struct problem *p);
int refuse_system(const struct box *b, const char *what, struct problem *p);

#endif
