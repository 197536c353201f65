/* What the commands that make and take keys have in common. */
#ifndef LB_COMMAND_CREATE_H
#define LB_COMMAND_CREATE_H

#include "command/client.h"
#include "command/key_file.h"

/* Prints the URI of a new key, or a JSON object about it. */
void key_print(const struct client *c, const struct key_info *key);
/* Imports many files (command/bulk.h). Returns an exit status. */
int import_bulk(const struct cli *cli);
/* A plain key name from the command line: LB_E_NAME otherwise. */
LB_MUST_USE int key_name_check(const char *name, struct problem *p);
/*
 * Makes a key's name of a file's name: web.key, web.key.pem and web are all 'web'. Of a name that any key's file may have
 * (privkey.pem, server.key) it takes the directory's name in the path instead: b.example/privkey.pem is 'b.example'. A directory
 * whose name says nothing either (private, ssl) is not taken. LB_E_NAME.
 */
LB_MUST_USE int key_name_of_file(const char *path, char ret[LB_NAME_MAX + 1], struct problem *p);
/* Looks at a file that is to be replaced. LB_E_EXISTS: there is a private key in it. A file that is not there is fine. */
LB_MUST_USE int key_keep_file(const char *path, struct problem *p);
/*
 * A whole file, which should be a what ("key file"), into secret memory of KEYFILE_MAX bytes. LB_E_SYSTEM,
 * LB_E_TOO_LONG, LB_E_NOMEM.
 */
LB_MUST_USE int key_read_file(const char *path, const char *what, void **ret, size_t *ret_len, struct problem *p);
/* The same into room bytes (keyfile_room()). */
LB_MUST_USE int key_read_file_into(const char *path, const char *what, size_t room, void **ret, size_t *ret_len,
                                   struct problem *p);
/* The user of that name or number, as one who is granted something. LB_E_VALUE. */
LB_MUST_USE int grant_find_user(const char *name, struct grant *ret, struct problem *p);
/*
 * Looks for a key that is to be brought into the box: asks the box about each of its keys, as 'list' does. LB_E_EXISTS: a
 * version that is not destroyed has the same public key; p names it.
 */
LB_MUST_USE int key_refuse_twin(struct client *c, EVP_PKEY *key, struct problem *p);
/* Brings a key into the box under that name. ret's spki points into the client's answer. */
LB_MUST_USE int key_import(struct client *c, const char *name, EVP_PKEY *key, struct key_info *ret, struct problem *p);

#endif
