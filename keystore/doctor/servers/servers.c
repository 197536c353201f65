/* The table of servers whose configuration 'doctor --server' can read. */
#include "doctor/servers/servers.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* The readers, a file each. */
srv_reader srv_any, srv_apache, srv_dovecot, srv_haproxy, srv_lighttpd, srv_mosquitto, srv_named, srv_nginx, srv_postfix,
    srv_postgresql, srv_redis, srv_stunnel, srv_traefik, srv_unbound;
srv_finisher srv_dovecot_finish, srv_postfix_finish, srv_postgresql_finish;

const struct server_program servers[] = {
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
    { "stunnel", "/etc/stunnel/*.conf", NULL, LOADS_ROOT, .bare = true, .process = "stunnel4 stunnel", .options = "",
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
    /*
     * Programs that can use no handle, as they can use no key of a token. They are here for those who ask, and for
     * adopting.
     */
    { "opendkim", "/etc/opendkim.conf", NULL, LOADS_ROOT, .options = "", .read = srv_any, .keys = "/etc/dkimkeys/*",
      .unable = "it takes RSA keys apart", .instead = "leave its RSA key in its file", .rsa_alone = true },
    { "opensmtpd", "/etc/smtpd.conf", NULL, LOADS_ROOT, .options = "", .read = srv_any,
      .unable = "its process for keys takes them apart, and the service ends",
      .instead = "leave its key in its file, or put Postfix in its place" },
    { "sshd", "/etc/ssh/sshd_config", NULL, LOADS_ROOT, .options = "", .read = srv_any, .keys = "/etc/ssh/ssh_host_*_key",
      .unable = "OpenSSH reads and takes apart its keys itself",
      .instead = "leave host keys in their files, or in an agent (HostKeyAgent in sshd_config(5))" },
    { "ejabberd", "/etc/ejabberd/ejabberd.yml", NULL, LOADS_ROOT, .options = "", .read = srv_any,
      .keys = "/etc/ejabberd/*.pem", .unable = "Erlang reads its keys itself",
      .instead = "leave its key in its file, or let a server that can use handles end TLS in front of it" },
    { "lacme", "/etc/lacme/lacme.conf", NULL, LOADS_ROOT, .options = "", .read = srv_any, .keys = "/etc/lacme/*.key",
      .unable = "Crypt::OpenSSL::RSA takes RSA keys apart", .instead = "leave its account's key in its file",
      .rsa_alone = true },
    { "exim4", "/etc/exim4/exim4.conf.template", NULL, LOADS_ROOT, .options = "", .read = srv_any,
      .keys = "/etc/exim4/exim.key", .unable = "Debian's is built with GnuTLS, which loads no provider",
      .instead = "leave its key in its file, or put Postfix in its place" },
    { "caddy", "/etc/caddy/Caddyfile", NULL, LOADS_ROOT, .options = "", .read = srv_any,
      /* Its data directory, in the home that its packages give its user. */
      .keys = "/var/lib/caddy/.local/share/caddy/certificates/*/*/*.key",
      .unable = "it makes its keys itself, in plain files, and Go reads them",
      .instead = "let a server that can use handles end TLS in front of it" },
    { "traefik", "/etc/traefik/traefik.*", NULL, LOADS_ROOT, .options = "", .read = srv_traefik,
      .unable = "it makes its keys itself, in a plain file, and Go reads them",
      .instead = "let a server that can use handles end TLS in front of it" },
    { .name = NULL },
};

const char *server_list(bool unable, char ret[SERVER_LIST_SIZE])
{
    size_t len = 0;

    ret[0] = '\0';
    for (const struct server_program *s = servers; s->name != NULL && len < SERVER_LIST_SIZE; s++) {
        if ((s->unable != NULL) == unable)
            len += (size_t)snprintf(ret + len, SERVER_LIST_SIZE - len, "%s%s", len == 0 ? "" : ", ", s->name);
    }
    return ret;
}

const struct server_program *server_find(const char *name)
{
    for (const struct server_program *s = servers; s->name != NULL; s++) {
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

static void add_keys(const struct server_program *server, struct srvconf *c)
{
    const struct srv_source place = { .path = c->main };
    struct srv_paths found = { NULL, 0 };

    (void)srv_glob(c, server->keys, &found);
    for (size_t i = 0; i < found.count; i++) {
        if (!srv_is_dir(c, found.path[i]))
            srv_key_add(c, &place, SRV_WORD, found.path[i]);
    }
    srv_paths_free(&found);
}

void server_read(const struct server_program *server, struct srvconf *c)
{
    set_base(c);
    srv_include(c, NULL, c->main, /* absent= */ false, server->read);
    if (server->keys != NULL)
        add_keys(server, c);
    if (server->finish != NULL)
        server->finish(c);
}

void server_read_bytes(const struct server_program *server, struct srvconf *c, const char *data, size_t len)
{
    struct srv_source s = { .path = c->main, .data = data, .len = len };

    set_base(c);
    server->read(c, &s);
    if (server->finish != NULL)
        server->finish(c);
}

/* Does the configuration name that file? By another name it is the same file. */
static bool names(const struct srvconf *c, const struct stat *file)
{
    struct stat st;
    int fd;

    for (size_t i = 0; i < c->key_count; i++) {
        bool same;

        if (c->keys[i].kind > SRV_BUNDLE || srv_open(c, c->keys[i].text, &fd, &st) != 0)
            continue;
        same = st.st_dev == file->st_dev && st.st_ino == file->st_ino;
        close(fd);
        if (same)
            return true;
    }
    return false;
}

const struct server_program *server_unable(const char *path, bool rsa)
{
    struct srvconf c;
    struct stat file;
    bool found = false;

    if (stat(path, &file) < 0)
        return NULL;
    for (const struct server_program *s = servers; s->name != NULL; s++) {
        if (s->unable == NULL || (s->rsa_alone && !rsa) || srvconf_init(&c, NULL) != 0)
            continue;
        snprintf(c.main, sizeof(c.main), "%s", s->config);
        server_read(s, &c);
        found = names(&c, &file);
        srvconf_clear(&c);
        if (found)
            return s;
    }
    return NULL;
}
