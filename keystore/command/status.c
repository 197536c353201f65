/* littlebox status: what the box is doing. */
#include <stdio.h>
#include <string.h>

#include "base/id_map.h"
#include "client/status.h"
#include "client/token.h"
#include "command/client.h"
#include "command/next_start.h"
#include "command/table.h"
#include "model/seal_kinds.h"

static void print_token(const struct token_status *t)
{
    cli_line("token        '%s', %s %s, serial %s, slot %llu", t->label, t->manufacturer, t->model, t->serial,
           (unsigned long long)t->slot);
    cli_line("module       %s (%s)", t->module, t->library);
    cli_line("sessions     %u of %u, reconnected %u times", t->sessions, t->sessions_max, t->reconnects);
    cli_line("connection   %s%s", t->connected ? "there" : "not there", t->problem.code == 0 ? "" : ":");
    if (t->problem.code != 0)
        cli_line("             %s", t->problem.text);
    if (t->problem.hint[0] != '\0')
        cli_line("             %s", t->problem.hint);
}

static void json_token(struct json *j, const struct token_status *t)
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

static const char *memory_state_name(unsigned state)
{
    static const char *const names[] = {
        [MEMORY_NOT_LOCKED] = "not locked",
        [MEMORY_SECRETS_LOCKED] = "secrets locked",
        [MEMORY_ALL_LOCKED] = "all locked",
    };

    return names[state];
}

static void print_memory(const struct box_status *s)
{
    if (s->memory == MEMORY_ALL_LOCKED)
        puts("memory       all locked");
    else if (s->memory == MEMORY_SECRETS_LOCKED)
        puts("memory       secrets locked; not stacks, nor the primes of open RSA keys");
    else if (s->memory_limit == LB_MEMORY_NO_LIMIT)
        cli_line("memory       not locked: %u KiB are needed, and the system refuses to lock memory", s->memory_needed);
    else
        cli_line("memory       not locked: %u KiB are needed, the limit is %u KiB", s->memory_needed, s->memory_limit);
}

static const struct {
    unsigned bit;
    const char *name;
} sandbox_parts[] = {
    { SANDBOX_CALLS, "system calls" },
    { SANDBOX_FILES, "files" },
    { SANDBOX_NETWORK, "network" },
    { SANDBOX_SIGNALS, "signals" },
};
#define PARTS (sizeof(sandbox_parts) / sizeof(sandbox_parts[0]))

static void print_sandbox(unsigned sandbox)
{
    const char *before = "sandbox      ";

    for (size_t i = 0; i < PARTS; i++) {
        if ((sandbox & sandbox_parts[i].bit) == 0)
            continue;
        printf("%s%s", before, sandbox_parts[i].name);
        before = ", ";
    }
    cli_line("%s", sandbox == 0 ? "sandbox      none" : "");
}

static void json_sandbox(struct json *j, unsigned sandbox)
{
    json_open(j, "sandbox", '[');
    for (size_t i = 0; i < PARTS; i++) {
        if ((sandbox & sandbox_parts[i].bit) != 0)
            json_string(j, NULL, sandbox_parts[i].name);
    }
    json_close(j, ']');
}

static void print_nextstart(const struct nextstart *n)
{
    char text[PATH_MAX + 500];

    nextstart_tell_opened(n, text, sizeof(text));
    cli_line("opened       %s", text);
    nextstart_tell(n, text, sizeof(text));
    cli_line("next start   %s", text);
    if (n->why.hint[0] != '\0')
        cli_line("             %s", n->why.hint);
    if (n->now.store_replaced)
        puts("replaced     the store's file is not the one that the box has open: see examples/backup/README.md");
}

static void json_nextstart(struct json *j, const struct nextstart *n)
{
    static const char *const how[] = {
        [OPENED_NOT] = NULL,
        [OPENED_AT_START] = "start",
        [OPENED_BY_REQUEST] = "unlock",
        [OPENED_AS_NEW] = "init",
    };
    static const char *const verdicts[] = {
        [NEXTSTART_OPENS] = "opens",
        [NEXTSTART_LOCKED] = "locked",
        [NEXTSTART_BROKEN] = "broken",
        [NEXTSTART_UNKNOWN] = "unknown",
    };

    json_open(j, "opened", '{');
    json_string(j, "how", how[n->now.how]);
    json_string(j, "kind", n->now.kind == 0 ? NULL : seal_kind_name(n->now.kind));
    json_number(j, "seal", n->now.seal);
    json_string(j, "file", n->now.file[0] == '\0' ? NULL : n->now.file);
    json_close(j, '}');
    json_open(j, "next_start", '{');
    json_string(j, "result", verdicts[n->verdict]);
    json_string(j, "file", n->file[0] == '\0' ? NULL : n->file);
    json_open(j, "seals", '[');
    for (unsigned i = 0; i < n->seal_count; i++)
        json_number(j, NULL, n->seals[i]);
    json_close(j, ']');
    json_string(j, "problem", n->why.text[0] == '\0' ? NULL : n->why.text);
    json_string(j, "hint", n->why.hint[0] == '\0' ? NULL : n->why.hint);
    json_close(j, '}');
    json_bool(j, "store_replaced", n->now.store_replaced);
}

static const char *const lock_causes[] = {
    [LOCK_BY_NOTHING] = NULL,
    [LOCK_BY_HAND] = "hand",
    [LOCK_BY_RESTART] = "restart",
};

static void print_locked(const struct box_status *s, enum lock_cause cause)
{
    static const char *const texts[] = {
        [LOCK_BY_NOTHING] = NULL,
        [LOCK_BY_HAND] = "it was locked by hand",
        [LOCK_BY_RESTART] = "LOCKED BY A RESTART: it was unlocked by hand, and no start can do that by itself",
    };

    if (texts[cause] != NULL)
        cli_line("             %s", texts[cause]);
    cli_line("             no key can be used until 'littlebox --box %s unlock'", s->box);
}

static void print_people(const struct client *c, const struct box_status *s, enum lock_cause cause,
                         const struct nextstart *n, const struct token_status *t)
{
    static const char *const credentials[] = {
        [CREDENTIAL_UNUSED] = "none in use",
        [CREDENTIAL_OPENS] = "opened the store when it was last tried",
        [CREDENTIAL_REFUSED] = "there, but refused: the box's log says why",
    };
    static const char *const whose[] = {
        [PLACE_DIRECTORY] = "", [PLACE_SYSTEM] = ", the system's", [PLACE_OWN] = ", your own"
    };
    const struct idmap map = { s->users_mapped, s->groups_mapped, s->overflow_uid, s->overflow_gid };
    char started[RFC3339_SIZE], crowd[200];

    rfc3339_text(s->started, started);
    cli_line("box          %s%s", s->box, whose[c->place]);
    cli_line("state        %s", lock_state_name(s->lock));
    if (s->lock == LOCK_LOCKED)
        print_locked(s, cause);
    cli_line("socket       %s", c->paths.socket);
    cli_line("store        %s", c->paths.store);
    cli_line("software     %s, backend %s", s->software, s->backend);
    if (t != NULL)
        print_token(t);
    cli_line("process      %u, since %s, restarted %u times", s->pid, started, s->restarts);
    if (n->known)
        print_nextstart(n);
    else
        cli_line("credential   %s", credentials[s->credential]);
    print_memory(s);
    cli_line("callers      %s", idmap_tell(&map, crowd, sizeof(crowd)) ? crowd : "all users and groups can be told apart");
    print_sandbox(s->sandbox);
    cli_line("tracing      %sclosed to the user of the box%s", s->closed ? "" : "not ", s->closed ? " from the start" : "");
    cli_line("keys         %u", s->keys);
    if (s->damaged != 0)
        cli_line("damaged      %u: see 'littlebox list'", s->damaged);
    cli_line("connections  %u, served by %u threads", s->connections, s->threads);
    cli_line("signatures   %llu, decryptions %llu, derivations %llu, refusals %llu", (unsigned long long)s->signatures,
           (unsigned long long)s->decryptions, (unsigned long long)s->derivations, (unsigned long long)s->refusals);
    cli_line("you          uid %u, %s", s->uid, s->admin ? "an administrator" : idmap_no_user(&map, s->uid) ? "which is nobody" : "not an administrator");
}

static void print_json(const struct client *c, const struct box_status *s, enum lock_cause cause,
                       const struct nextstart *n, const struct token_status *t)
{
    char started[RFC3339_SIZE];
    struct json j;

    rfc3339_text(s->started, started);
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "box", s->box);
    json_string(&j, "whose", place_name(c->place));
    json_string(&j, "state", lock_state_name(s->lock));
    json_string(&j, "locked_by", lock_causes[cause]);
    json_string(&j, "socket", c->paths.socket);
    json_string(&j, "store", c->paths.store);
    json_string(&j, "software", s->software);
    json_string(&j, "backend", s->backend);
    json_number(&j, "pid", s->pid);
    json_string(&j, "started", started);
    json_number(&j, "restarts", s->restarts);
    json_bool(&j, "credential", s->credential == CREDENTIAL_OPENS);
    json_bool(&j, "credential_refused", s->credential == CREDENTIAL_REFUSED);
    if (n->known)
        json_nextstart(&j, n);
    json_bool(&j, "memory_locked", s->memory_locked);
    json_string(&j, "memory", memory_state_name(s->memory));
    json_number(&j, "memory_needed_kib", s->memory_needed);
    if (s->memory_limit != LB_MEMORY_NO_LIMIT)
        json_number(&j, "memory_limit_kib", s->memory_limit);
    json_bool(&j, "sandboxed", (s->sandbox & SANDBOX_CALLS) != 0);
    json_sandbox(&j, s->sandbox);
    json_bool(&j, "closed_from_start", s->closed);
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
    struct token_status token;
    struct nextstart next;
    struct box_status s;
    enum lock_cause cause = LOCK_BY_NOTHING;
    bool has_token = false;
    int r = client_open(cli, CLIENT_RUNNING, &c, &p);

    /* This comes first, since the status shows what it finds. */
    if (r == 0)
        r = nextstart_find(c, &next, &p);
    if (r == 0)
        r = ask_status(c->ask, &s, &p);
    if (r == 0 && s.lock == LOCK_LOCKED)
        r = ask_lock_cause(c->ask, &cause, &p);
    if (r == 0 && strcmp(s.backend, "pkcs11") == 0) {
        r = ask_token(c->ask, &token, &p);
        has_token = r == 0;
    }
    if (r == 0 && cli->json)
        print_json(c, &s, cause, &next, has_token ? &token : NULL);
    else if (r == 0)
        print_people(c, &s, cause, &next, has_token ? &token : NULL);
    client_close(c);
    if (r != 0)
        return cli_fail(&p);
    return s.lock == LOCK_UNLOCKED && (!has_token || token.connected) ? EXIT_DONE : EXIT_NOT_READY;
}
