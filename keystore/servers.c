/* The table of servers whose configuration 'doctor --server' can read. */
#include "servers.h"

#include <stdio.h>
#include <string.h>

const struct server servers[] = {
    { "nginx", "/etc/nginx/nginx.conf", "www-data", LOADS_ROOT, .read = srv_nginx },
    { "apache2", "/etc/apache2/apache2.conf", "www-data", LOADS_ROOT, .read = srv_apache,
      .finish = srv_keys_with_certificates },
    { "haproxy", "/etc/haproxy/haproxy.cfg", NULL, LOADS_ROOT, .bare = true, .read = srv_haproxy },
    { "postgresql", "/etc/postgresql/*/*/postgresql.conf", "postgres", LOADS_USER, .strict = true,
      .read = srv_postgresql, .finish = srv_postgresql_finish },
    { "postfix", "/etc/postfix/main.cf", "postfix", LOADS_ROOT, .read = srv_postfix, .finish = srv_postfix_finish },
    { "dovecot", "/etc/dovecot/dovecot.conf", "dovenull", LOADS_ROOT, .read = srv_dovecot,
      .finish = srv_dovecot_finish },
    { "stunnel", "/etc/stunnel/*.conf", NULL, LOADS_ROOT, .bare = true, .read = srv_stunnel },
    { "lighttpd", "/etc/lighttpd/lighttpd.conf", NULL, LOADS_ROOT, .read = srv_lighttpd,
      .finish = srv_keys_with_certificates },
    { "mosquitto", "/etc/mosquitto/mosquitto.conf", "mosquitto", LOADS_ROOT, .read = srv_mosquitto },
    { "redis", "/etc/redis/redis.conf", "redis", LOADS_USER, .read = srv_redis },
    { "unbound", "/etc/unbound/unbound.conf", "unbound", LOADS_ROOT, .read = srv_unbound },
    { "named", "/etc/bind/named.conf", "bind", LOADS_ROOT, .read = srv_named },
    { .name = NULL },
};

const struct server *server_find(const char *name)
{
    for (const struct server *s = servers; s->name != NULL; s++) {
        if (strcmp(s->name, name) == 0)
            return s;
    }
    return NULL;
}

/* Relative names are relative to the directory of the main file, unless a reader says otherwise. */
static void set_base(struct srvconf *c)
{
    char *slash;

    snprintf(c->base, sizeof(c->base), "%s", c->main);
    slash = strrchr(c->base, '/');
    if (slash != NULL)
        slash[slash == c->base] = '\0';
    else
        snprintf(c->base, sizeof(c->base), "/");
}

void server_read(const struct server *server, struct srvconf *c)
{
    set_base(c);
    srv_include(c, NULL, c->main, /* absent= */ false, server->read);
    if (server->finish != NULL)
        server->finish(c);
}

void server_read_bytes(const struct server *server, struct srvconf *c, const char *data, size_t len)
{
    struct srv_source s = { .path = c->main, .data = data, .len = len };

    set_base(c);
    server->read(c, &s);
    if (server->finish != NULL)
        server->finish(c);
}
