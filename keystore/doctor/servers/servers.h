/* The servers whose configuration 'doctor --server' can read. */
#ifndef LB_DOCTOR_SERVERS_SERVERS_H
#define LB_DOCTOR_SERVERS_SERVERS_H

#include "doctor/servers/conf.h"

/* Who reads the key file. */
enum server_loads {
    LOADS_ROOT, /* the server before it gives its rights up */
    LOADS_USER, /* it runs as its user from the start */
};

struct server {
    const char *name;
    const char *config;       /* where Debian has it: a pattern, each of whose files is a configuration of its own */
    const char *user;         /* of the workers where the configuration says nothing; NULL: root */
    enum server_loads loads;
    bool strict;              /* refuses a key file that others than its owner may read (a group may if root owns it) */
    bool bare;                /* its workers have no supplementary groups */
    srv_reader *read;
    const char *process;      /* names, with blanks between, of what keeps its keys in memory; NULL: what uses one starts anew each time */
    const char *options;      /* of its command line, which name its configuration or the directory of that */
    const char *unit;         /* of systemd, as Debian has it; NULL: it is one of several */
    void (*finish)(struct srvconf *c); /* what follows from its settings as a whole; NULL: nothing */
    const char *keys;         /* pattern of files that may be its keys though its configuration does not say so */
    const char *unable;       /* why it can use no handle; NULL: it can */
    const char *instead;      /* with unable: what to do */
    bool rsa_alone;           /* with unable: that holds for RSA keys alone */
};

/* Ends with a NULL name. */
extern const struct server servers[];
/* As in the table, for help. */
#define SERVER_LIST                                                                                     \
    "nginx, apache2, haproxy, postgresql, postfix, dovecot, stunnel, lighttpd, mosquitto, redis, unbound, " \
    "named"
/* Those that can use no handle. */
#define SERVER_UNABLE_LIST "opendkim, opensmtpd, sshd, ejabberd, lacme, exim4"

/*
 * The program that can use no handle and has this file, of an RSA key or of another, for one of its keys, by its configuration
 * or by where the file is. NULL: none that is known.
 */
const struct server *server_unable(const char *path, bool rsa);
/* NULL: there is none of this name. */
const struct server *server_find(const char *name);
/* Reads one configuration into an initialised c, whose main is set. */
void server_read(const struct server *server, struct srvconf *c);
/* The same of bytes instead of the main file: for fuzzing. */
void server_read_bytes(const struct server *server, struct srvconf *c, const char *data, size_t len);

/* The readers, a file a family: doctor/servers/nginx.c and so on. */
void srv_nginx(struct srvconf *c, struct srv_source *s);
void srv_apache(struct srvconf *c, struct srv_source *s);
void srv_haproxy(struct srvconf *c, struct srv_source *s);
void srv_postgresql(struct srvconf *c, struct srv_source *s);
void srv_postgresql_finish(struct srvconf *c);
void srv_postfix(struct srvconf *c, struct srv_source *s);
void srv_postfix_finish(struct srvconf *c);
void srv_dovecot(struct srvconf *c, struct srv_source *s);
void srv_dovecot_finish(struct srvconf *c);
void srv_named(struct srvconf *c, struct srv_source *s);
void srv_stunnel(struct srvconf *c, struct srv_source *s);
void srv_lighttpd(struct srvconf *c, struct srv_source *s);
void srv_mosquitto(struct srvconf *c, struct srv_source *s);
void srv_redis(struct srvconf *c, struct srv_source *s);
void srv_unbound(struct srvconf *c, struct srv_source *s);
/* Whatever it is: its words are looked at (srv_word()), and nothing in it is understood. */
void srv_any(struct srvconf *c, struct srv_source *s);

#endif
