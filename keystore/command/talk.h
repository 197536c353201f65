/* The command's conversation with a box: what the messages of client/ are asked on, and what is said when it fails. */
#ifndef LB_COMMAND_TALK_H
#define LB_COMMAND_TALK_H

#include <stdbool.h>
#include <stdint.h>

#include "client/line.h"
#include "client/owner.h"
#include "command/cli.h"
#include "model/paths.h"
#include "model/place.h"
#include "model/vocabulary.h"

/* A connection with its buffers, which are secret memory: requests carry keys and passphrases. */
struct client {
    const struct cli *cli;
    enum place place;
    bool makes; /* there is no such box of this user yet */
    struct dirs dirs;
    struct box_paths paths;
    struct owner_uids owners; /* whose box it may be, beside root's and the caller's own */
    struct line line;
    struct ask *ask; /* of line: what the functions of messages take */
};

/* Not connected, and of no place yet. NULL: p says why. */
struct client *client_new(const struct cli *cli, struct problem *p);
/* Wipes the buffers; NULL is fine. */
void client_close(struct client *c);

/*
 * Has the box say in its own words that it has no store: none was made yet, or the one that was is gone. 0: the box has one
 * by now.
 */
LB_MUST_USE int client_no_store(struct client *c, struct problem *p);
/* The box remembers that a handle of the key is in this file, if the caller may tell it. */
void client_note_handle(struct client *c, const char *name, const char *path);

/* The URI of a key in the client's box; version 0: the active one. ret has LB_URI_MAX + 1 bytes. */
void client_uri(const struct client *c, const char *name, uint32_t version, char *ret);
/* Key text of the command line ("web", "web;version=3"). LB_E_URI. */
LB_MUST_USE int client_key_ref(const char *text, struct key_ref *ret, struct problem *p);

#endif
