/* littlebox status: what the box is doing. */
#include <stdio.h>
#include <string.h>

#include "client.h"
#include "idmap.h"
#include "table.h"

static void print_token(const struct msg_token *t)
{
    printf("token        '%s', %s %s, serial %s, slot %llu\n", t->label, t->manufacturer, t->model, t->serial,
           (unsigned long long)t->slot);
    printf("module       %s (%s)\n", t->module, t->library);
    printf("sessions     %u of %u, reconnected %u times\n", t->sessions, t->sessions_max, t->reconnects);
    printf("connection   %s%s\n", t->connected ? "there" : "not there", t->problem.code == 0 ? "" : ":");
    if (t->problem.code != 0)
        printf("             %s\n", t->problem.text);
    if (t->problem.hint[0] != '\0')
        printf("             %s\n", t->problem.hint);
}

static void json_token(struct json *j, const struct msg_token *t)
{
    json_open(j, "token", '{');
    json_bool(j, "connected", t->connected);
    json_string(j, "label", t->label);
    json_string(j, "manufacturer", t->manufacturer);
    json_string(j, "model", t->model);
    json_string(j, "serial", t->serial);
    json_number(j, "slot", t->slot);
    json_string(j, "module", t->module);
    json_string(j, "library", t->library);
    json_number(j, "open_sessions", t->sessions);
    json_number(j, "max_sessions", t->sessions_max);
    json_number(j, "reconnects", t->reconnects);
    json_string(j, "problem", t->problem.code == 0 ? NULL : t->problem.text);
    json_close(j, '}');
}

static void print_people(const struct client *c, const struct msg_status *s, const struct msg_token *t)
{
    const struct idmap map = { s->users_mapped, s->groups_mapped, s->overflow_uid, s->overflow_gid };
    char started[TIME_TEXT_SIZE], crowd[200];

    time_text(s->started, started);
    printf("box          %s\n", s->box);
    printf("state        %s\n", lock_state_name(s->lock));
    printf("socket       %s\n", c->paths.socket);
    printf("store        %s\n", c->paths.store);
    printf("software     %s, backend %s\n", s->software, s->backend);
    if (t != NULL)
        print_token(t);
    printf("process      %u, since %s, restarted %u times\n", s->pid, started, s->restarts);
    printf("credential   %s\n", s->credential ? "opens the store at start" : "none in use");
    printf("memory       %s\n", s->memory_locked ? "all locked" : "secrets locked");
    printf("callers      %s\n", idmap_tell(&map, crowd, sizeof(crowd)) ? crowd : "all users and groups can be told apart");
    printf("system calls %s\n", s->sandboxed ? "filtered" : "not filtered");
    printf("keys         %u\n", s->keys);
    if (s->damaged != 0)
        printf("damaged      %u: see 'littlebox list'\n", s->damaged);
    printf("connections  %u, served by %u threads\n", s->connections, s->threads);
    printf("signatures   %llu, decryptions %llu, derivations %llu, refusals %llu\n", (unsigned long long)s->signatures,
           (unsigned long long)s->decryptions, (unsigned long long)s->derivations, (unsigned long long)s->refusals);
    printf("you          uid %u, %s\n", s->uid, s->admin ? "an administrator" : idmap_no_user(&map, s->uid) ? "which is nobody" : "not an administrator");
}

static void print_json(const struct client *c, const struct msg_status *s, const struct msg_token *t)
{
    char started[TIME_TEXT_SIZE];
    struct json j;

    time_text(s->started, started);
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "box", s->box);
    json_string(&j, "state", lock_state_name(s->lock));
    json_string(&j, "socket", c->paths.socket);
    json_string(&j, "store", c->paths.store);
    json_string(&j, "software", s->software);
    json_string(&j, "backend", s->backend);
    json_number(&j, "pid", s->pid);
    json_string(&j, "started", started);
    json_number(&j, "restarts", s->restarts);
    json_bool(&j, "credential", s->credential);
    json_bool(&j, "memory_locked", s->memory_locked);
    json_bool(&j, "sandboxed", s->sandboxed);
    json_number(&j, "keys", s->keys);
    json_number(&j, "damaged", s->damaged);
    json_number(&j, "connections", s->connections);
    json_number(&j, "threads", s->threads);
    json_number(&j, "signatures", s->signatures);
    json_number(&j, "decryptions", s->decryptions);
    json_number(&j, "derivations", s->derivations);
    json_number(&j, "refusals", s->refusals);
    json_number(&j, "uid", s->uid);
    json_bool(&j, "admin", s->admin);
    json_bool(&j, "users_mapped", s->users_mapped);
    json_bool(&j, "groups_mapped", s->groups_mapped);
    json_number(&j, "overflow_uid", s->overflow_uid);
    json_number(&j, "overflow_gid", s->overflow_gid);
    if (t != NULL)
        json_token(&j, t);
    json_close(&j, '}');
    json_end(&j);
}

int cmd_status(struct cli *cli)
{
    struct problem p = { 0 };
    struct client *c = NULL;
    struct msg_token token;
    struct msg_status s;
    bool has_token = false;
    int r = client_open(cli, CLIENT_RUNNING, &c, &p);

    if (r == 0)
        r = client_status(c, &s, &p);
    if (r == 0 && strcmp(s.backend, "pkcs11") == 0) {
        r = client_token(c, &token, &p);
        has_token = r == 0;
    }
    if (r == 0 && cli->json)
        print_json(c, &s, has_token ? &token : NULL);
    else if (r == 0)
        print_people(c, &s, has_token ? &token : NULL);
    client_close(c);
    if (r != 0)
        return cli_fail(&p);
    return s.lock == LOCK_UNLOCKED && (!has_token || token.connected) ? EXIT_DONE : EXIT_NOT_READY;
}
