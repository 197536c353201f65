/* What the commands that make, take and destroy keys have in common. */
#ifndef LB_CMD_KEY_H
#define LB_CMD_KEY_H

#include "client.h"
#include "keyfile.h"

/* Prints the URI of a new key, or a JSON object about it. */
void key_print(const struct client *c, const struct msg_key *key);
/* A plain key name from the command line: LB_E_NAME otherwise. */
LB_MUST_USE int key_name_check(const char *name, struct problem *p);
/* The key name that a file's name makes: web.key, web.key.pem and web are all 'web'. LB_E_NAME. */
LB_MUST_USE int key_name_of_file(const char *path, char ret[LB_NAME_MAX + 1], struct problem *p);
/*
 * A whole file, which should be a what ("key file"), into secret memory of KEYFILE_MAX bytes. LB_E_SYSTEM,
 * LB_E_TOO_LONG, LB_E_NOMEM.
 */
LB_MUST_USE int key_read_file(const char *path, const char *what, void **ret, size_t *ret_len, struct problem *p);
/* Brings a key into the box under that name. ret's spki points into the client's answer. */
LB_MUST_USE int key_import(struct client *c, const char *name, EVP_PKEY *key, struct msg_key *ret, struct problem *p);

#endif
