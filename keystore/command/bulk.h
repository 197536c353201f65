/* Many files in one command: found, worked on by several threads, and reported. */
#ifndef LB_COMMAND_BULK_H
#define LB_COMMAND_BULK_H

#include "command/box_keys.h"
#include "command/client.h"

/*
 * Files that are worked on at once, each over a connection of its own: what a box commits together is what waits together.
 * Half of the changes that may wait in a box, so that others find room.
 */
#define BULK_THREADS 32
/* Locked memory of one of them: its connection, a key file, a key. */
#define BULK_MEMORY (2 * LB_PACKET_MAX + LB_PRIVATE_MAX + (32 << 10))

enum bulk_result { BULK_NOT_TRIED, BULK_DONE, BULK_ALREADY, BULK_LEFT_OUT };

struct bulk_file {
    char *path;
    enum bulk_result result;
    char name[LB_NAME_MAX + 1]; /* of the key in the box; "": not known */
    char type[LB_TYPE_MAX + 1];
    uint32_t version;
    bool remains;        /* its old content could not be overwritten */
    struct problem *why; /* it was left out; NULL: it was not */
};

struct bulk_list {
    struct bulk_file *files;
    size_t count, room;
};

/* Does the line ask for more than one file, in one of the ways of bulk_collect()? */
bool bulk_is_meant(const struct cli *cli);
/* Refuses options that are about one file alone, and what does not go together. 0, or an exit status, and that was said. */
LB_MUST_USE int bulk_usage(const struct cli *cli);
/*
 * The files that the line means: arguments; with --from those of a list; with --recursive those below directories that hold a
 * private key or a handle. A file that is there twice is taken once. What cannot be looked at is taken too, and left out later
 * with its reason. LB_E_SYSTEM, LB_E_VALUE, LB_E_NOMEM.
 */
LB_MUST_USE int bulk_collect(const struct cli *cli, struct bulk_list *ret, struct problem *p);
/* One more file. LB_E_NOMEM. */
LB_MUST_USE int bulk_add(struct bulk_list *l, const char *path, struct problem *p);
void bulk_clear(struct bulk_list *l);

struct bulk {
    struct cli *cli;           /* with nobody to ask for a passphrase */
    struct box_keys *keys;
    const char *doing, *done;  /* "importing", "imported" */
    /*
     * Does one file, in any thread: sets f->result (BULK_DONE or BULK_ALREADY), name and so on. A failure leaves the file out;
     * it has left the file as it was.
     */
    int (*one)(struct bulk *b, struct client *c, struct bulk_file *f, struct problem *p);
    const void *work;          /* one()'s */
    size_t did, left_out;      /* BULK_DONE and BULK_LEFT_OUT, once all are done */
};
/*
 * Does all of them, and prints what became of them: a bar meanwhile, on a terminal; then the URIs of those that were done and
 * each that was left out, with the reason and the cure. A signal ends it after the files that are under way. Returns an exit
 * status: EXIT_DONE if none was left out.
 */
int bulk_run(struct bulk *b, struct client *c, struct bulk_list *l);

#endif
