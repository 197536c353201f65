/* The command's side of a conversation with a box. */
#ifndef LB_COMMAND_CLIENT_H
#define LB_COMMAND_CLIENT_H

#include <stdint.h>

#include "base/socket.h"
#include "client/owner.h"
#include "command/cli.h"
#include "model/change.h"
#include "model/description.h"
#include "model/operation.h"
#include "model/paths.h"
#include "model/place.h"
#include "model/vocabulary.h"

/* May the command start a box that does not run? Only ever the ordinary user's own, and only two commands make one. */
enum client_start {
    CLIENT_RUNNING, /* no */
    CLIENT_READY,   /* yes, if it was made */
    CLIENT_INIT,    /* yes, and make it, but not its store */
    CLIENT_CREATE   /* yes, and make it and its store */
};

/* A connection with its buffers, which are secret memory: requests carry keys and passphrases. */
struct client {
    const struct cli *cli;
    enum place place;
    bool makes; /* there is no such box of this user yet */
    struct dirs dirs;
    struct box_paths paths;
    struct owner_uids owners; /* whose box it may be, beside root's and the caller's own */
    uint32_t id;
    int fd;
    uint8_t *request;    /* LB_PACKET_MAX bytes each */
    uint8_t *answer;
    size_t request_len;
};

/*
 * Which box it is: the one in cli->dir, the system's, the user's own, as options say, else by place_find(). CLIENT_INIT and
 * CLIENT_CREATE make a user who has none one of his own; but without --own none for a system account, whose programs would
 * go there instead of to the system's box, nor one of a name that the system has a box of: LB_E_DENIED, LB_E_EXISTS.
 *
 * Connects, to a box of root's, of the caller's or of a user in cli->users: before that is known nothing is sent.
 * LB_E_NO_BOX with the way to start it, LB_E_STRANGER, LB_E_CONFIG, LB_E_SYSTEM, LB_E_NOMEM.
 */
LB_MUST_USE int client_open(const struct cli *cli, enum client_start start, struct client **ret, struct problem *p);
/*
 * Connects to the box at that socket, wherever the box's other files may be, by the same rule with users in place of
 * cli->users (NULL: none); where says where they are from (client/owner.h). Starts nothing.
 */
LB_MUST_USE int client_open_at(const struct cli *cli, const char *socket, const char *users, const char *where,
                               struct client **ret, struct problem *p);
/* Wipes the buffers; NULL is fine. */
void client_close(struct client *c);

/*
 * The requests. Each returns 0, or what went wrong with p telling it: the box's own words for what it refuses.
 * Views in what is returned point into the client's answer and live until its next request. Changes are never sent
 * twice: when the box is restarted meanwhile that is LB_E_RESET with a hint where to look.
 */
LB_MUST_USE int client_status(struct client *c, struct box_status *ret, struct problem *p);
/* Who the box runs as, from the kernel's word on the packet that it answers. */
LB_MUST_USE int client_box_peer(struct client *c, struct peer *ret, struct problem *p);
LB_MUST_USE int client_get(struct client *c, const struct key_ref *ref, struct key_info *ret, struct problem *p);
/* The chain of a version: read it with chain_read(). */
LB_MUST_USE int client_cert_get(struct client *c, const struct key_ref *ref, struct bytes *ret, struct problem *p);
LB_MUST_USE int client_cert_set(struct client *c, const struct chain_request *m, struct problem *p);
LB_MUST_USE int client_show(struct client *c, const char *name, struct key_details *ret, struct problem *p);
/* One page: r stands at the first of *ret_count entries. */
LB_MUST_USE int client_list(struct client *c, const char *after, bool *ret_more, uint16_t *ret_count,
                            struct wire_reader *r, struct problem *p);
LB_MUST_USE int client_seals(struct client *c, uint16_t *ret_count, struct wire_reader *r, struct problem *p);
/*
 * What the store is open by, and what a start finds; secret: a credential that is tried instead of the file that the box
 * reads, {NULL, 0} for none. LB_E_MESSAGE: the box is of a version that does not know this.
 */
LB_MUST_USE int client_opening(struct client *c, struct bytes secret, struct box_opening *ret, struct problem *p);
/*
 * Has a box that said that it has no store say it in its own words: none was made yet, or the one that was is gone. 0: it has
 * one by now.
 */
LB_MUST_USE int client_no_store(struct client *c, struct problem *p);
/* A shared secret, for a proof that a key works: it stays in the buffer of answers until the next one. */
LB_MUST_USE int client_derive(struct client *c, const struct derive_request *m, struct bytes *ret, struct problem *p);
LB_MUST_USE int client_sign(struct client *c, const struct sign_request *m, struct bytes *ret, struct problem *p);
LB_MUST_USE int client_create(struct client *c, const struct create_request *m, struct key_info *ret, struct problem *p);
LB_MUST_USE int client_import(struct client *c, const struct import_request *m, struct key_info *ret, struct problem *p);
LB_MUST_USE int client_attach(struct client *c, const struct attach_request *m, struct key_info *ret, struct problem *p);
/* The PIN of the box's token. */
LB_MUST_USE int client_login(struct client *c, struct bytes pin, struct problem *p);
LB_MUST_USE int client_token(struct client *c, struct token_status *ret, struct problem *p);
/* One page of what is on the token, as client_list() gives one of what is in the box. */
LB_MUST_USE int client_token_list(struct client *c, uint32_t from, bool *ret_more, uint16_t *ret_count,
                                  struct wire_reader *r, struct problem *p);
LB_MUST_USE int client_destroy(struct client *c, const struct destroy_request *m, struct problem *p);
/* To be destroyed at *ret_at, unless that is cancelled before. */
LB_MUST_USE int client_schedule_destroy(struct client *c, const struct destroy_request *m, uint64_t *ret_at,
                                        struct problem *p);
LB_MUST_USE int client_cancel_destroy(struct client *c, const struct destroy_request *m, struct problem *p);
LB_MUST_USE int client_rename(struct client *c, const struct rename_request *m, struct problem *p);
/* The box remembers that a handle of the key is in this file, if the caller may tell it. */
void client_note_handle(struct client *c, const char *name, const char *path);
/* The files that it remembers: r stands at the first of *ret_count, each of at most LB_PATH_TEXT_MAX bytes. */
LB_MUST_USE int client_handles(struct client *c, const char *name, uint16_t *ret_count, struct wire_reader *r,
                               struct problem *p);
/* type: MSG_ALLOW or MSG_DENY. */
LB_MUST_USE int client_grant(struct client *c, uint16_t type, const struct grant_request *m, struct problem *p);
/* type: MSG_INIT, MSG_SEAL_ADD or MSG_UNLOCK. */
LB_MUST_USE int client_secret(struct client *c, uint16_t type, const struct seal_request *m, struct problem *p);
LB_MUST_USE int client_seal_remove(struct client *c, uint32_t id, struct problem *p);
LB_MUST_USE int client_lock(struct client *c, struct problem *p);

/* The URI of a key in the client's box; version 0: the active one. ret has LB_URI_MAX + 1 bytes. */
void client_uri(const struct client *c, const char *name, uint32_t version, char *ret);
/* Key text of the command line ("web", "web;version=3"). LB_E_URI. */
LB_MUST_USE int client_key_ref(const char *text, struct key_ref *ret, struct problem *p);

#endif
