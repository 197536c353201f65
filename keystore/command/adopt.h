/* littlebox adopt, as its parts see each other. */
#ifndef LB_COMMAND_ADOPT_H
#define LB_COMMAND_ADOPT_H

#include "command/adopt_file.h"
#include "command/bulk.h"
#include "command/client.h"
#include "command/key_file.h"
#include "model/change.h"
#include "model/description.h"

/* One file on its way, and what the command line says of it. */
struct adoption {
    const struct cli *cli;
    char name[LB_NAME_MAX + 1];
    struct adopt_file file;
    struct keyfile key;
    struct grant_request grant; /* name "": none */
};

/*
 * Reads the file of an adoption whose cli is set, and finds out what it would become: its name, or that it is a handle
 * already. Refuses what cannot be adopted. adoption_clear() in any case.
 */
LB_MUST_USE int adoption_read(struct adoption *a, const char *path, struct problem *p);
void adoption_clear(struct adoption *a);
/* Whom --allow means. */
LB_MUST_USE int adoption_find_grant(struct adoption *a, struct problem *p);
/*
 * Everything after the import, of a file for which adopt_prepare() was called: proves that the box has the key, allows it to
 * whom it is to be allowed, and replaces the file. *ret_placed: the file was replaced, so the box has the only key.
 */
LB_MUST_USE int adoption_move(struct client *c, struct adoption *a, const struct key_info *key, bool *ret_placed,
                              struct problem *p);
/* Undoes the import: the file is as it was, so the box shall be too. */
void adoption_roll_back(struct client *c, const struct adoption *a, uint32_t version);
/* Adopts many files (command/bulk.h). Returns an exit status. */
int adopt_bulk(struct cli *cli);
/* LB_E_EXISTS: a key of the box has the name, or had it. */
LB_MUST_USE int adopt_check_name(struct client *c, const char *name, struct problem *p);
/* The same with files that somebody has agreed to. *ret_left_out: so many, each of which was said. */
LB_MUST_USE int adopt_list(struct cli *cli, struct bulk_list *l, size_t *ret_left_out);
/* All plain keys of the server that --server names. Returns an exit status. */
int adopt_server(struct cli *cli);

#endif
