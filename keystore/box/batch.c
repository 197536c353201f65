/* Changes that came while others were made: committed together, and answered in the order in which they came. */
#include "box/batch.h"

#include <stdlib.h>
#include <time.h>

/* What the changes of a batch answer: a key with its public half, or a problem. */
#define ANSWER_ROOM (LB_SPKI_MAX + 1024)
_Static_assert(BATCH_MAX <= VAULT_TOGETHER_MAX, "the vault takes as many");

/* What may share a commit: these change one key each, by its name. */
static const uint16_t joining[] = { MSG_CREATE, MSG_IMPORT, MSG_RENAME, MSG_HANDLE_NOTE, MSG_PURPOSE, MSG_ALLOW, MSG_DENY, MSG_CERT_SET };

struct entry {
    void *conn;
    const struct msg_kind *kind;
    struct request rq;
    bool refused; /* it may not be asked for, and the answer says so */
    int result;   /* of the change */
    uint8_t answer[ANSWER_ROOM];
};

struct batch {
    struct box *box;
    batch_answer_fn *answer;
    void *arg;
    uint64_t began; /* milliseconds */
    size_t count;
    struct entry entries[BATCH_MAX];
};

static uint64_t now_ms(void)
{
    struct timespec t = { 0 };

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

int batch_new(struct box *box, batch_answer_fn *answer, void *arg, struct batch **ret)
{
    struct batch *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return LB_E_NOMEM;
    b->box = box;
    b->answer = answer;
    b->arg = arg;
    *ret = b;
    return 0;
}

void batch_free(struct batch *b)
{
    free(b);
}

static void fail(void *change, const struct problem *p)
{
    struct entry *e = change;

    e->result = p->code;
    e->rq.problem = *p;
    e->rq.event.done[0] = '\0';
}

void batch_end(struct batch *b)
{
    struct problem p = { 0 };
    int r;

    if (b->count == 0)
        return;
    r = vault_together_end(b->box->vault, fail, &p);
    for (size_t i = 0; i < b->count; i++) {
        struct entry *e = &b->entries[i];

        if (r != 0 && e->result == 0 && !e->refused)
            fail(e, &p);
        b->answer(b->arg, e->conn, &e->rq, e->refused || request_end(e->kind, &e->rq, e->result));
    }
    b->count = 0;
}

static void run_alone(struct batch *b, const struct msg_kind *kind, const struct request *rq, void *conn)
{
    struct request own = *rq;
    bool goes_on;

    /* Destroys what is due first, so that no change is about a key that should be gone. */
    vault_expire(b->box->vault);
    goes_on = request_run(kind, &own);
    b->answer(b->arg, conn, &own, goes_on);
}

/* False: the change has to be made again, after the batch. */
static bool join(struct batch *b, const struct msg_kind *kind, const struct request *rq, void *conn)
{
    struct entry *e = &b->entries[b->count];

    e->conn = conn;
    e->kind = kind;
    e->rq = *rq;
    e->rq.answer = e->answer;
    e->rq.size = sizeof(e->answer);
    vault_together_next(b->box->vault, e);
    e->refused = !request_may(kind, &e->rq);
    e->result = e->refused ? 0 : request_make(kind, &e->rq);
    /* Memory may be there once the keys of this batch are closed. */
    if (b->count > 0 && (vault_together_clash(b->box->vault) || e->result == LB_E_NOMEM))
        return false;
    b->count++;
    return true;
}

static bool joins(const struct msg_kind *kind)
{
    for (size_t i = 0; i < sizeof(joining) / sizeof(joining[0]); i++) {
        if (joining[i] == kind->type)
            return true;
    }
    return false;
}

/* Begins a batch. False: the vault takes each change alone. */
static bool begin(struct batch *b)
{
    vault_expire(b->box->vault);
    b->began = now_ms();
    return vault_together_begin(b->box->vault);
}

void batch_run(struct batch *b, const struct msg_kind *kind, const struct request *rq, void *conn)
{
    if (b->count > 0 && joins(kind) && join(b, kind, rq, conn))
        return;
    batch_end(b);
    if (!joins(kind) || !begin(b))
        run_alone(b, kind, rq, conn);
    else if (!join(b, kind, rq, conn))
        abort(); /* the first change of a batch has none to wait for */
}

bool batch_goes_on(const struct batch *b)
{
    return b->count > 0 && b->count < BATCH_MAX && now_ms() - b->began < BATCH_MS;
}
