/* littlebox status: what the box is doing. */
#include <stdio.h>

#include "client.h"
#include "table.h"

static void print_people(const struct client *c, const struct msg_status *s)
{
    char started[TIME_TEXT_SIZE];

    time_text(s->started, started);
    printf("box          %s\n", s->box);
    printf("state        %s\n", lock_state_name(s->lock));
    printf("socket       %s\n", c->paths.socket);
    printf("store        %s\n", c->paths.store);
    printf("software     %s, backend %s\n", s->software, s->backend);
    printf("process      %u, since %s, restarted %u times\n", s->pid, started, s->restarts);
    printf("credential   %s\n", s->credential ? "opens the store at start" : "none in use");
    printf("memory       %s\n", s->memory_locked ? "all locked" : "secrets locked");
    printf("system calls %s\n", s->sandboxed ? "filtered" : "not filtered");
    printf("keys         %u\n", s->keys);
    if (s->damaged != 0)
        printf("damaged      %u: see 'littlebox list'\n", s->damaged);
    printf("connections  %u, served by %u threads\n", s->connections, s->threads);
    printf("signatures   %llu, decryptions %llu, derivations %llu, refusals %llu\n", (unsigned long long)s->signatures,
           (unsigned long long)s->decryptions, (unsigned long long)s->derivations, (unsigned long long)s->refusals);
    printf("you          uid %u, %s\n", s->uid, s->admin ? "an administrator" : "not an administrator");
}

static void print_json(const struct client *c, const struct msg_status *s)
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
    json_close(&j, '}');
    json_end(&j);
}

int cmd_status(struct cli *cli)
{
    struct problem p = { 0 };
    struct client *c = NULL;
    struct msg_status s;
    int r = client_open(cli, CLIENT_RUNNING, &c, &p);

    if (r == 0)
        r = client_status(c, &s, &p);
    if (r == 0 && cli->json)
        print_json(c, &s);
    else if (r == 0)
        print_people(c, &s);
    client_close(c);
    if (r != 0)
        return cli_fail(&p);
    return s.lock == LOCK_UNLOCKED ? EXIT_DONE : EXIT_NOT_READY;
}
