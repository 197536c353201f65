/* What box/serve.c, box/connections.c and box/reception.c share: one server and its connections. */
#ifndef LB_BOX_SERVE_PRIV_H
#define LB_BOX_SERVE_PRIV_H

#include <pthread.h>
#include <stdatomic.h>
#include <sys/queue.h>

#include "base/maker.h"
#include "box/batch.h"
#include "box/fair_queue.h"
#include "box/serve.h"
#include "box/usher_link.h"

/*
 * Changes that may wait: each holds locked memory of its own. Most are small. JOBS_LARGE of them may be packets of any size.
 */
#define JOBS_MAX 64
#define JOBS_LARGE 16
#define JOB_SMALL 4096

/*
 * A connection is a socket that the box accepted, or one of a pair that the box made: no other process can read from this
 * end, or change its settings.
 */
struct conn {
    struct turn turn; /* of whoever made it; only to share out connections and threads */
    int fd;
    uint32_t slot;
    struct maker maker;
    bool counted;       /* among those that are no administrator's */
    enum turns_class class; /* as it was at that number of grants_changed; by turns_lock */
    unsigned grants_changed;
    unsigned in_a_row;  /* requests since the box had no thread to spare, or since nothing came for a time */
    bool limited;       /* a look at it that waits ends after STAY_MS */
    struct peer sender; /* while the usher has it: the sender of the packet that the usher got it for */
    bool at_usher;      /* by the reception's lock */
    uint32_t asked;     /* as what */
    STAILQ_ENTRY(conn) next; /* while it waits for the usher to have room */
};

/* A change on its way to the thread that makes it. Meanwhile nobody listens to its connection. */
struct job {
    struct conn *conn;
    struct peer peer;
    uint8_t *packet; /* secret memory of size bytes, wiped while nothing waits in it */
    size_t size, len;
    STAILQ_ENTRY(job) next;
};
STAILQ_HEAD(job_queue, job);

/* The usher, and the connections that are to go there. */
struct reception {
    pthread_mutex_t lock;
    int link;                   /* -1: there is none */
    uint32_t number;            /* of the last question */
    STAILQ_HEAD(, conn) waiting; /* for the usher to have room */
    struct burials dead;
};

struct server {
    struct box *box;
    pid_t pid; /* of this process */
    int epoll_fd, listen_fd;

    pthread_mutex_t conns_lock; /* guards the table, and the order of messages to the keeper */
    struct conn **conns;        /* by slot */
    uint32_t slots, used;
    uint32_t used_by_others;    /* than administrators */
    uint32_t slots_taken;       /* the first so many are all used */

    struct reception reception;

    pthread_mutex_t turns_lock; /* taken after conns_lock, or alone */
    struct turns turns;
    unsigned grants_changed;    /* its number when the waiting were last put into their classes */
    atomic_uint idle;           /* threads that wait for a connection to become ready; set under the lock */
    unsigned parked, places;    /* threads that wait for a place among those that serve by turns; such places */
    pthread_cond_t place_free;
    bool accepting, called, pinged, ended; /* what is ready: the listening socket, the usher, the keeper, the end */
    int ping_fd;                /* becomes readable when the keeper asks if anybody is awake */
    atomic_uint ping;           /* its number */

    pthread_mutex_t jobs_lock;
    pthread_cond_t jobs_ready;
    struct job_queue jobs, free_jobs, free_small_jobs;
    struct job all_jobs[JOBS_MAX];
    bool stopping;

    struct batch *batch;    /* the changer's */
    struct worker *workers; /* one for each thread; the last is the changer's */
    pthread_t *threads, changer;
    unsigned thread_count;
    bool changer_runs;
};

/* What one thread works with. Packets are secret memory, because keys and passphrases come through them. */
struct worker {
    struct server *server;
    uint8_t *packet, *answer;
    uint8_t *told;      /* what the usher says */
    bool changes;       /* the thread that makes changes, and does nothing else */
    bool apart;         /* it has no place among those that serve by turns */
    struct conn *stays; /* where this thread waits for the next request; NULL: nowhere */
};

/* Listens for the next thing, once. */
LB_MUST_USE int server_arm(struct server *s, int op, int fd, void *what);

/* Connections: box/connections.c */

/*
 * Takes over fd and the maker in any case. keep: the keeper does not have the connection yet, and is told of it; else it is
 * at its slot there already. LB_E_BUSY: there is no place for this user. LB_E_NOMEM, LB_E_SYSTEM.
 */
LB_MUST_USE int conn_add(struct server *s, int fd, uint32_t slot, struct maker *maker, bool keep);
void conn_close(struct server *s, struct conn *c);
/* Listens to it again. */
void conn_go_on(struct server *s, struct conn *c);
/* Was the packet sent by the process that made the connection? All others who have the connection inherited it from there. */
bool conn_is_makers(const struct conn *c, const struct peer *sender);
/*
 * To be called after something that costs a connection: closes it if its maker did that. A process that inherited the
 * connection cannot lose it for the others who have it too.
 */
void conn_blame(struct server *s, struct conn *c, const struct peer *sender);
/* Closes a descriptor of which nobody else may have a copy, here if that is harmless. Takes over fd. */
void conn_let_go(struct server *s, int fd);

/* A thread that stays with a busy connection: box/stay.c */

/* Of so many threads that serve by turns: how many more there are, to take the place of those that stay somewhere. */
unsigned stay_threads(unsigned threads);
/*
 * After an answer on c, to which nobody listens: shall this thread wait for the next request there? Another thread has its
 * place among those that serve by turns then. Else the caller lets c go on.
 */
bool stay_with(struct worker *w, struct conn *c);
/* A request came where this thread stays. False: all other threads are busy, and the request must wait for its turn. */
bool stay_goes_on(const struct worker *w);
/* With turns_lock held: waits for a place, if this thread has none. */
void stay_ended(struct worker *w);
/* With turns_lock held: the box stops. */
void stay_end_all(struct server *s);

/* Strangers' descriptors: box/reception.c */

void reception_init(struct reception *r);
/* Takes over link; the old usher is gone. */
void reception_renew(struct server *s, int link);
/* Sends the usher the packet at the head of c, which has something attached. Meanwhile nobody listens to c. */
void reception_send(struct server *s, struct conn *c, const struct peer *sender);
/* Has the usher close fd. Takes over fd. */
void reception_bury(struct server *s, int fd);
/*
 * Hears what the usher says, if it says anything. True: a packet. *ret_conn is where it came from, buf (USHER_PACKET_MAX
 * bytes) has it, and a file is the caller's. False: there is nothing more to do; the connection goes on already.
 */
bool reception_hear(struct server *s, void *buf, struct conn **ret_conn, struct usher_answer *ret);
void reception_clear(struct reception *r);

#endif
