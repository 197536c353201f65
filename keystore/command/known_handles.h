/* Where handles are: what servers' configurations name, and the files that the command wrote. */
#ifndef LB_COMMAND_KNOWN_HANDLES_H
#define LB_COMMAND_KNOWN_HANDLES_H

#include "command/client.h"
#include "command/key_file.h"
#include "doctor/servers/servers.h"

/* A private key that a configuration names. Views, for the time of the call. */
struct named_key {
    const struct server_program *server;
    const struct srvconf *conf;
    const struct srv_key *key;
    const char *path;         /* of the file that has the key; NULL: a URI stands for the key, there is no file */
    enum keyfile_sight sight; /* what is in it */
    const char *uri;          /* of a handle; "" for anything else */
};

/*
 * Calls each() for every key in a server's configuration that can be read and that a program would load: files with a key or a
 * handle in them, and URIs. main NULL: the configuration is where Debian has it. trouble(), unless NULL, is called for whatever
 * keeps the configuration from being read as a whole, and if there is none. Returns how many key files could not be read, or
 * LB_E_NOMEM.
 */
int servers_each_key(const struct server_program *server, const char *main, void (*each)(const struct named_key *k, void *arg),
                     void (*trouble)(const char *text, void *arg), void *arg);

/*
 * Calls each() once for each file with a handle of the key, as far as the caller can find them: in the configurations of all
 * servers that doctor knows, and among the files that the box was told of. where: "" or a text in brackets. Returns how many key
 * files could not be read, or LB_E_NOMEM.
 */
int known_handles(struct client *c, const struct key_details *show,
                  void (*each)(const char *file, const char *where, void *arg), void *arg);

#endif
