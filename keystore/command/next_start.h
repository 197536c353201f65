/* Whether a box will open itself at its next start: what it would read then, tried on the store as it is. */
#ifndef LB_COMMAND_NEXT_START_H
#define LB_COMMAND_NEXT_START_H

#include <limits.h>

#include "command/client.h"

enum nextstart_verdict {
    NEXTSTART_OPENS,
    NEXTSTART_LOCKED,   /* as it is meant to be: no credential is in use, somebody gives a passphrase */
    NEXTSTART_BROKEN,   /* it was to open itself, but stays locked, or does not start at all */
    NEXTSTART_UNKNOWN   /* this caller cannot tell */
};

struct nextstart {
    const char *box;             /* its name, as in the command line */
    bool known;                  /* else the box did not tell: the rest is zeros */
    struct box_opening now;      /* what it is open by */
    enum nextstart_verdict verdict;
    char file[PATH_MAX];         /* what the next start reads */
    unsigned seal_count;         /* that it opens */
    uint32_t seals[LB_SEALS_MAX];
    unsigned credentials, passphrases; /* seals of the store */
    struct problem why;          /* one clause that follows "stays locked: ", and the cure; empty if it opens */
};

/*
 * The file that the box reads at its start: the one that BOX.conf in the directories of this command line names, or
 * CONFIG/BOX.credential. Read it with boxfile_read(), since the directories may be the box's user's. What the box itself
 * says of paths does not count, since it gets what is in the file. ret has PATH_MAX bytes.
 */
void nextstart_file(const struct client *c, char *ret);
/*
 * Does systemd hand the system's box what opens it? ret is where systemd keeps that, encrypted: for systemcred_read(). Root alone
 * can write what leads to that path.
 */
bool nextstart_handed(const struct client *c, char *ret);

/*
 * Looks at BOX.conf and at the credentials that systemd keeps for the box (systemd.exec(5), LoadCredentialEncrypted=), and asks
 * the box, which tries its file as its own user. A file that the box has not tried is read as that user (command/box_file.h) and
 * sent to the box. If the box's files are not those of this command line, nothing is read, and what the box says is told.
 * known is false if the box does not tell this caller, has no store, or is too old to answer. An error, with p: the box does not
 * answer.
 */
LB_MUST_USE int nextstart_find(struct client *c, struct nextstart *ret, struct problem *p);

/* Whether the next start may open the store with this seal. */
bool nextstart_uses(const struct nextstart *n, uint32_t seal);
/* Whether the next start opens the store with another seal than this one. */
bool nextstart_without(const struct nextstart *n, uint32_t seal);
/* "opens itself with FILE (seal 1)", "stays locked: FILE is not there", ... */
void nextstart_tell(const struct nextstart *n, char *ret, size_t size);
/* "at start, with FILE (seal 1)", "by hand, with a passphrase (seal 2)", ... */
void nextstart_tell_opened(const struct nextstart *n, char *ret, size_t size);

#endif
