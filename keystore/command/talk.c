/* The command's conversation with a box: what the messages of client/ are asked on, and what is said when it fails. */
#include "command/talk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/change.h"
#include "client/seals.h"
#include "client/status.h"
#include "command/progress.h"
#include "command/why_away.h"
#include "guard/secret.h"
#include "model/limits.h"
#include "model/uri.h"
#include "protocol/header.h"
#include "protocol/messages.h"

/* What users are told of a request, if it is not the same for all. */
struct words {
    uint16_t type;
    const char *progress; /* told when it takes longer than a second; NULL: nothing */
    const char *look;     /* command that shows whether a change was done; NULL: LOOK */
};

#define LOOK "show"

static const struct words words[] = {
    { MSG_CERT_GET, "the box is asking its token", NULL },
    { MSG_CREATE, "the box is making the key", NULL },
    { MSG_IMPORT, "the box is checking the key", NULL },
    { MSG_ATTACH, "the box is asking its token", NULL },
    { MSG_LOGIN, "the token is checking the PIN", "status" },
    { MSG_TOKEN_LIST, "the box is asking its token", NULL },
    { MSG_DESTROY, "the box is destroying the key", NULL },
    { MSG_RENAME, NULL, "list" },
    { MSG_INIT, "the box is making its store", "status" },
    { MSG_SEAL_ADD, "the box is making the seal", "seal list" },
    { MSG_SEAL_REMOVE, NULL, "seal list" },
    { MSG_UNLOCK, "the box is trying the seals", NULL },
};

static const struct words *words_of(uint16_t type)
{
    static const struct words none = { 0 };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
        if (words[i].type == type)
            return &words[i];
    }
    return &none;
}

static const struct waiter sign_of_life;

static struct wait *begin_sign(uint16_t type)
{
    const char *progress = words_of(type)->progress;

    return progress == NULL ? NULL : progress_start(&sign_of_life, progress);
}

static const struct waiter sign_of_life = { .begin = begin_sign, .end = progress_stop };

/* Whether a change was done. */
static void hint_look(const struct ask *q, struct problem *p)
{
    const char *look = words_of(q->kind->type)->look;

    problem_hint(p, "look with 'littlebox --box %s %s%s%s' whether it was done", q->box, look == NULL ? LOOK : look,
                 q->about == NULL ? "" : " ", q->about == NULL ? "" : q->about);
}

static int failed(const struct line *l, int r, struct problem *p)
{
    const struct client *c = l->user;
    const struct ask *q = &l->ask;
    bool change = !q->kind->repeat;
    const char *box = q->box;

    if (r == LB_E_RESET && change) {
        problem_set(p, r, "the box was restarted while it worked on this");
        hint_look(q, p);
        return r;
    }
    if (r == LB_E_RESET)
        return problem_set(p, r, "the box is restarted again and again");
    if (r == LB_E_SYSTEM)
        return problem_set(p, r, "cannot talk to box '%s': %s", box, strerror(errno));
    problem_set(p, r, r == LB_E_VALUE ? "what box '%s' answers is no answer" : "box '%s': %s", box, lb_strerror(r));
    if (change)
        hint_look(q, p);
    else if (r == LB_E_CLOSED)
        problem_hint(p, "if it ended, its log says why: journalctl -n 20 -u 'littleboxd@%s'", box);
    if (r == LB_E_CLOSED)
        (void)whyaway_tell(c->cli, &c->dirs, &c->paths, p);
    return r;
}

struct client *client_new(const struct cli *cli, struct problem *p)
{
    struct client *c = calloc(1, sizeof(*c));

    if (c != NULL) {
        c->cli = cli;
        c->ask = line_init(&c->line, cli->box, secret_alloc(LB_PACKET_MAX), secret_alloc(LB_PACKET_MAX));
        c->line.waiter = &sign_of_life;
        c->line.failed = failed;
        c->line.user = c;
    }
    if (c != NULL && c->ask->request != NULL && c->ask->answer != NULL)
        return c;
    (void)!secret_no_memory(p);
    client_close(c);
    return NULL;
}

void client_close(struct client *c)
{
    if (c == NULL)
        return;
    secret_free(c->ask->request, LB_PACKET_MAX);
    secret_free(c->ask->answer, LB_PACKET_MAX);
    line_close(&c->line);
    free(c);
}

int client_no_store(struct client *c, struct problem *p)
{
    struct box_opening unused;
    int r = ask_opening(c->ask, (struct bytes){ NULL, 0 }, &unused, p);

    if (r != LB_E_DENIED && r != LB_E_MESSAGE)
        return r;
    problem_set(p, LB_E_NO_STORE, "box '%s' has no store yet", c->cli->box);
    problem_hint(p, "make one: littlebox --box %s init", c->cli->box);
    return LB_E_NO_STORE;
}

void client_note_handle(struct client *c, const char *name, const char *path)
{
    struct handle_note m;
    struct box_status status;
    struct problem p = { 0 };
    char *whole = realpath(path, NULL);

    /*
     * Only administrators may tell the box. Others have written the file all the same, and are not to stand in the log for
     * it.
     */
    if (whole != NULL && strlen(whole) <= LB_PATH_TEXT_MAX && ask_status(c->ask, &status, &p) == 0 && status.admin) {
        snprintf(m.name, sizeof(m.name), "%s", name);
        snprintf(m.path, sizeof(m.path), "%s", whole);
        (void)!ask_note_handle(c->ask, &m, &p);
    }
    free(whole);
}

/* Names */

void client_uri(const struct client *c, const char *name, uint32_t version, char *ret)
{
    struct key_uri uri = { .version = version };

    if (strcmp(c->cli->box, "default") != 0)
        snprintf(uri.box, sizeof(uri.box), "%s", c->cli->box);
    snprintf(uri.name, sizeof(uri.name), "%s", name);
    uri_format(&uri, ret);
}

int client_key_ref(const char *text, struct key_ref *ret, struct problem *p)
{
    struct key_uri uri;
    struct problem ignored;
    int r = uri_parse_key(text, &uri, p);

    memset(ret, 0, sizeof(*ret));
    if (r != 0 && uri_parse(text, &uri, &ignored) == 0) {
        problem_set(p, r, "'%s' is the URI of a key, not its name", text);
        problem_hint(p, uri.box[0] == '\0' ? "its name: %s%s" : "its name: %s, in box %s", uri.name, uri.box);
    }
    if (r != 0)
        return r;
    snprintf(ret->name, sizeof(ret->name), "%s", uri.name);
    ret->version = uri.version;
    return 0;
}
