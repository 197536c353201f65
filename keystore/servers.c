/* The table of servers whose configuration 'doctor --server' can read. */
#include "servers.h"

#include <stdio.h>
#include <string.h>

const struct server servers[] = {
    { "nginx", "/etc/nginx/nginx.conf", "www-data", LOADS_ROOT, .process = "nginx", .options = "c",
      .unit = "nginx.service", .read = srv_nginx },
    { "apache2", "/etc/apache2/apache2.conf", "www-data", LOADS_ROOT, .process = "apache2", .options = "fd",
      .unit = "apache2.service", .read = srv_apache, .finish = srv_keys_with_certificates },
    { "haproxy", "/etc/haproxy/haproxy.cfg", NULL, LOADS_ROOT, .bare = true, .process = "haproxy", .options = "f",
      .unit = "haproxy.service", .read = srv_haproxy },
    { "postgresql", "/etc/postgresql/*/*/postgresql.conf", "postgres", LOADS_USER, .strict = true,
      .process = "postgres", .options = "D", .read = srv_postgresql, .finish = srv_postgresql_finish },
    { "postfix", "/etc/postfix/main.cf", "postfix", LOADS_ROOT, .options = "c", .unit = "postfix@-.service",
      .read = srv_postfix, .finish = srv_postfix_finish },
    { "dovecot", "/etc/dovecot/dovecot.conf", "dovenull", LOADS_ROOT, .options = "c", .unit = "dovecot.service",
      .read = srv_dovecot, .finish = srv_dovecot_finish },
    { "stunnel", "/etc/stunnel/*.conf", NULL, LOADS_ROOT, .bare = true, .process = "stunnel4", .options = "",
      .read = srv_stunnel },
    { "lighttpd", "/etc/lighttpd/lighttpd.conf", NULL, LOADS_ROOT, .process = "lighttpd", .options = "f",
      .unit = "lighttpd.service", .read = srv_lighttpd, .finish = srv_keys_with_certificates },
    { "mosquitto", "/etc/mosquitto/mosquitto.conf", "mosquitto", LOADS_ROOT, .process = "mosquitto", .options = "c",
      .unit = "mosquitto.service", .read = srv_mosquitto },
    { "redis", "/etc/redis/redis.conf", "redis", LOADS_USER, .process = "redis-server", .options = "",
      .unit = "redis-server.service", .read = srv_redis },
    { "unbound", "/etc/unbound/unbound.conf", "unbound", LOADS_ROOT, .process = "unbound", .options = "c",
      .unit = "unbound.service", .read = srv_unbound },
    { "named", "/etc/bind/named.conf", "bind", LOADS_ROOT, .process = "named", .options = "c",
      .unit = "named.service", .read = srv_named },
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
