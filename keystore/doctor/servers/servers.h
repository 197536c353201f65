/*
 * The programs whose configuration doctor and adopt can read with --server. A program to come is a file with its reader, beside
 * this one, and a row in servers.c: help, completion, errors and the search for handles go by the table.
 */
#ifndef LB_DOCTOR_SERVERS_SERVERS_H
#define LB_DOCTOR_SERVERS_SERVERS_H

#include "doctor/servers/conf.h"

/* Who reads the key file. */
enum server_loads {
    LOADS_ROOT, /* the server, before it gives its rights up */
    LOADS_USER, /* the server, which runs as its user from the start */
};

struct server_program {
    const char *name;
    const char *config;       /* where Debian has it: a pattern; each file of it is a configuration of its own */
    const char *user;         /* of the workers, if the configuration names none; NULL: root */
    enum server_loads loads;
    bool strict;              /* refuses a key file that others than its owner may read (a group may if root owns it) */
    bool bare;                /* its workers have no supplementary groups */
    srv_reader *read;
    const char *process;      /* names of the processes with its keys in memory, blanks between; NULL: each use starts one */
    const char *options;      /* letters of its command line that name its configuration or the directory of that; "": any word */
    const char *unit;         /* of systemd, as Debian has it; NULL: it is one of several */
    srv_finisher *finish;     /* what follows from its settings as a whole; NULL: nothing */
    const char *keys;         /* pattern of files that may be its keys though its configuration does not say so */
    const char *unable;       /* why it can use no handle; NULL: it can */
    const char *instead;      /* with unable: what to do */
    bool rsa_alone;           /* with unable: it can use handles of other keys than RSA's */
};

/* Ends with a NULL name. */
extern const struct server_program servers[];
/* Bytes of a list of all names, its NUL included. */
#define SERVER_LIST_SIZE 400
/* "nginx, apache2, haproxy", in the table's order: the servers that can use handles; unable: those that cannot. */
const char *server_list(bool unable, char ret[SERVER_LIST_SIZE]);

/*
 * The program that can use no handle and has this file for one of its keys, by its configuration or by where the file is.
 * rsa: the key in the file is an RSA key. NULL: no such program is known.
 */
const struct server_program *server_unable(const char *path, bool rsa);
/* NULL: there is none of this name. */
const struct server_program *server_find(const char *name);
/* Reads one configuration into an initialised c, whose main is set. */
void server_read(const struct server_program *server, struct srvconf *c);
/* The same, with these bytes in the place of the main file: for fuzzing. */
void server_read_bytes(const struct server_program *server, struct srvconf *c, const char *data, size_t len);

#endif
