/* The command's side of a conversation with a box. */
#include "command/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/passwd.h"
#include "client/channel.h"
#include "command/own_box.h"
#include "command/progress.h"
#include "command/why_away.h"
#include "guard/secret.h"
#include "model/uri.h"
#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/seals.h"
#include "protocol/status.h"
#include "protocol/token.h"
#include "protocol/use.h"

/*
 * Milliseconds: most requests take microseconds, RSA generation and Argon2 seconds, a wrong passphrase up to half a
 * minute of delay.
 */
#define TIMEOUT_SHORT 30000
#define TIMEOUT_LONG 600000
/* How often a question is asked again around restarts of the box. */
#define ASK_AGAIN 5

/* What the command has to know of a request beyond its bytes. */
struct request_kind {
    uint16_t type;
    bool change;          /* of the store: never sent twice */
    unsigned timeout;
    const char *progress; /* told when it takes longer than a second; NULL: nothing */
    const char *look;     /* command that shows whether a change was done */
};

static const struct request_kind kinds[] = {
    { MSG_STATUS, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_GET, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_SHOW, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_LIST, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_SEAL_LIST, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_OPENING, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_SIGN, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_DERIVE, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_CERT_GET, false, TIMEOUT_LONG, "the box is asking its token", NULL },
    { MSG_CREATE, true, TIMEOUT_LONG, "the box is making the key", "show" },
    { MSG_IMPORT, true, TIMEOUT_LONG, "the box is checking the key", "show" },
    { MSG_ATTACH, true, TIMEOUT_LONG, "the box is asking its token", "show" },
    /* Never twice: each wrong PIN counts. */
    { MSG_LOGIN, true, TIMEOUT_LONG, "the token is checking the PIN", "status" },
    { MSG_TOKEN, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_TOKEN_LIST, false, TIMEOUT_LONG, "the box is asking its token", NULL },
    { MSG_DESTROY, true, TIMEOUT_LONG, "the box is destroying the key", "show" },
    { MSG_DESTROY_SCHEDULE, true, TIMEOUT_SHORT, NULL, "show" },
    { MSG_DESTROY_CANCEL, true, TIMEOUT_SHORT, NULL, "show" },
    { MSG_RENAME, true, TIMEOUT_SHORT, NULL, "list" },
    /* Noting twice is noting once. */
    { MSG_HANDLE_NOTE, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_HANDLE_LIST, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_ALLOW, true, TIMEOUT_SHORT, NULL, "show" },
    { MSG_DENY, true, TIMEOUT_SHORT, NULL, "show" },
    { MSG_CERT_SET, true, TIMEOUT_SHORT, NULL, "show" },
    { MSG_INIT, true, TIMEOUT_LONG, "the box is making its store", "status" },
    { MSG_SEAL_ADD, true, TIMEOUT_LONG, "the box is making the seal", "seal list" },
    { MSG_SEAL_REMOVE, true, TIMEOUT_SHORT, NULL, "seal list" },
    /* These two change the box, not the store: asking again is harmless. */
    { MSG_LOCK, false, TIMEOUT_SHORT, NULL, NULL },
    { MSG_UNLOCK, false, TIMEOUT_LONG, "the box is trying the seals", NULL },
};

static const struct request_kind *find_kind(uint16_t type)
{
    size_t i = 0;

    while (kinds[i].type != type)
        i++;
    return &kinds[i];
}

/* Connecting */

/*
 * restart, as a socket's unit may live on without its socket; and enable, for the next boot. A box that is there may have used
 * up its start limit in vain.
 */
static void hint_system(const struct client *c, const char *daemon, struct problem *p)
{
    const char *box = c->cli->box;

    if (access("/run/systemd/system", F_OK) == 0 && access(c->paths.state, F_OK) == 0)
        problem_hint(p, "start it: systemctl reset-failed 'littleboxd@%s.*'; systemctl enable littleboxd@%s.socket && "
                     "systemctl restart littleboxd@%s.socket", box, box, box);
    else if (access("/run/systemd/system", F_OK) == 0)
        problem_hint(p, "start it: systemctl enable littleboxd@%s.socket && systemctl restart littleboxd@%s.socket; "
                     "a new box: littlebox box create %s", box, box, box);
    else
        problem_hint(p, "start it: %s --system --box %s --user littlebox-%s; a new box: littlebox box create %s", daemon,
                     box, box, box);
}

static int no_box(const struct client *c, struct problem *p)
{
    const struct cli *cli = c->cli;
    char path[PATH_MAX];
    const char *daemon = launch_daemon_name(path);
    bool own = c->place == PLACE_OWN;

    problem_set(p, LB_E_NO_BOX, "no box answers at %.200s", c->paths.socket);
    place_tell(c->place, p);
    if (cli->dir != NULL)
        problem_hint(p, "start it: %s --box %s --dir %s", daemon, cli->box, c->dirs.config);
    else if (own && c->makes)
        problem_hint(p, "you have none yet: 'littlebox --own --box %s create KEY' makes it", cli->box);
    else if (own)
        problem_hint(p, "the command starts it when it needs it, for one: littlebox --box %s list", cli->box);
    else if (cli->system || geteuid() == 0 || c->place == PLACE_DIRECTORY)
        hint_system(c, daemon, p);
    else
        problem_hint(p, "you have no box '%s' of your own: 'littlebox --box %s create KEY' makes one", cli->box, cli->box);
    (void)whyaway_tell(c, p);
    return LB_E_NO_BOX;
}

/* where: from where c->owners are. */
static int connect_box(struct client *c, const char *where, struct problem *p)
{
    int r = socket_connect(c->paths.socket, &c->fd);

    if (r == 0)
        return owner_check(c->fd, &c->owners, where, c->cli->box, c->paths.socket, p);
    if (r == LB_E_NO_BOX)
        return no_box(c, p);
    if (r == LB_E_TOO_LONG)
        return problem_set(p, r, "%s: a socket's path has at most 107 bytes", c->paths.socket);
    problem_set(p, r, "cannot connect to %s: %s", c->paths.socket, strerror(errno));
    if (errno == EACCES && faccessat(AT_FDCWD, c->dirs.run, X_OK, AT_EACCESS) != 0 && errno == EACCES)
        problem_hint(p, "%s, or what is above it, is closed to uid %lu: a box for others needs a directory that they may pass",
                     c->dirs.run, (unsigned long)geteuid());
    else if (errno == EACCES)
        problem_hint(p, "uid %lu may not: see socket-mode in littlebox.conf(5)", (unsigned long)geteuid());
    return r;
}

static int find_owners(struct client *c, const char *users, const char *where, struct problem *p)
{
    struct owner_list list;
    int r;

    if (users == NULL)
        return 0;
    r = owner_list_parse(users, where, &list, p);
    return r != 0 ? r : owner_list_resolve(&list, where, &c->owners, p);
}

/* A box of his own for whoever has none? */
static int may_make(const struct client *c, struct problem *p)
{
    const char *box = c->cli->box;
    char name[64];
    bool person;
    int r;

    if (c->cli->own)
        return 0;
    r = passwd_is_person(geteuid(), &person, name);
    if (r != 0)
        return problem_set(p, r, "cannot look up uid %lu: %s", (unsigned long)geteuid(), lb_strerror(r));
    if (!person) {
        problem_set(p, LB_E_DENIED, "user '%s' is a system account, and gets no box of its own unasked", name);
        problem_hint(p, "in the system's box: littlebox --system --box %s create KEY; in one of its own, which its programs then "
                     "use in the place of the system's: littlebox --own --box %s create KEY", box, box);
        return LB_E_DENIED;
    }
    if (place_has_system(box)) {
        problem_set(p, LB_E_EXISTS, "the system has a box '%s': one of your own would take its place for your programs", box);
        problem_hint(p, "in the system's: littlebox --system --box %s create KEY; in your own, which your programs then use: "
                     "littlebox --own --box %s create KEY", box, box);
        return LB_E_EXISTS;
    }
    return 0;
}

static int find_place(struct client *c, enum client_start start, struct problem *p)
{
    const struct cli *cli = c->cli;
    int r = 0;

    if (cli->dir != NULL)
        c->place = PLACE_DIRECTORY;
    else if (cli->own)
        c->place = PLACE_OWN;
    else if (cli->system)
        c->place = PLACE_SYSTEM;
    else
        r = place_find(cli->box, &c->place, c->paths.socket, p);
    if (r != 0)
        return r;
    c->makes = c->place == PLACE_OWN && cli->own && !place_has_own(cli->box);
    if (geteuid() != 0 && c->place == PLACE_SYSTEM && !cli->system && start >= CLIENT_INIT) {
        r = may_make(c, p);
        c->place = PLACE_OWN;
        c->makes = true;
    }
    return r;
}

static int find_paths(struct client *c, struct problem *p)
{
    const struct cli *cli = c->cli;
    int r = dirs_find(cli->dir, c->place == PLACE_OWN ? DIRS_USER : DIRS_SYSTEM, &c->dirs);

    if (r == 0)
        r = box_paths(&c->dirs, cli->box, &c->paths);
    if (r == LB_E_CONFIG) {
        problem_set(p, r, "cannot tell where the files of box '%s' are", cli->box);
        problem_hint(p, "set HOME, or give --dir DIR, or --system");
    } else if (r != 0) {
        problem_set(p, r, "the files of box '%s': %s", cli->box, lb_strerror(r));
    }
    return r;
}

/* The first request of an own box that was started but never got its store. */
static int make_ready(struct client *c, struct problem *p)
{
    struct box_status status;
    int r = client_status(c, &status, p);

    if (r != 0 || status.lock != LOCK_NO_STORE)
        return r;
    return launch_init(c, p);
}

/* Not connected yet. */
static struct client *client_new(const struct cli *cli, struct problem *p)
{
    struct client *c = calloc(1, sizeof(*c));

    if (c != NULL) {
        c->cli = cli;
        c->fd = -1;
        c->id = (uint32_t)getpid();
        c->request = secret_alloc(LB_PACKET_MAX);
        c->answer = secret_alloc(LB_PACKET_MAX);
    }
    if (c != NULL && c->request != NULL && c->answer != NULL)
        return c;
    (void)!secret_no_memory(p);
    client_close(c);
    return NULL;
}

int client_open(const struct cli *cli, enum client_start start, struct client **ret, struct problem *p)
{
    struct client *c = client_new(cli, p);
    int r = c == NULL ? LB_E_NOMEM : find_place(c, start, p);

    if (r == 0)
        r = find_paths(c, p);
    if (r == 0)
        r = find_owners(c, cli->users, LB_OWNERS_OPTION, p);
    if (r == 0)
        r = connect_box(c, LB_OWNERS_OPTION, p);
    if (r == LB_E_NO_BOX && c->place == PLACE_OWN && (c->makes ? start >= CLIENT_INIT : start >= CLIENT_READY)) {
        r = launch_box(c, p);
        if (r == 0)
            r = connect_box(c, LB_OWNERS_OPTION, p);
    }
    if (r == 0 && c->place == PLACE_OWN && start == CLIENT_CREATE)
        r = make_ready(c, p);
    if (r == 0 && c->makes && place_has_system(cli->box))
        cli_note("box '%s' is your own one for your programs from now on, and no longer the system's", cli->box);
    if (r == 0)
        *ret = c;
    else
        client_close(c);
    return r;
}

int client_open_at(const struct cli *cli, const char *socket, const char *users, const char *where,
                   struct client **ret, struct problem *p)
{
    struct client *c = client_new(cli, p);
    struct problem ignored;
    int r = c == NULL ? LB_E_NOMEM : 0;

    /* What is found by the rule is told as that. */
    if (r == 0 && (cli->dir != NULL || place_find(cli->box, &c->place, c->paths.socket, &ignored) != 0 ||
                   strcmp(c->paths.socket, socket) != 0))
        c->place = PLACE_DIRECTORY;
    if (r == 0)
        r = find_paths(c, p);
    if (r == 0 && snprintf(c->paths.socket, sizeof(c->paths.socket), "%s", socket) >= (int)sizeof(c->paths.socket))
        r = problem_set(p, LB_E_TOO_LONG, "%s: the path is too long", socket);
    if (r == 0)
        r = find_owners(c, users, where, p);
    if (r == 0)
        r = connect_box(c, where, p);
    if (r == 0)
        *ret = c;
    else
        client_close(c);
    return r;
}

void client_close(struct client *c)
{
    if (c == NULL)
        return;
    secret_free(c->request, LB_PACKET_MAX);
    secret_free(c->answer, LB_PACKET_MAX);
    socket_close(c->fd);
    free(c);
}

/* Asking */

static int broken(struct client *c, const struct request_kind *kind, int r, const char *key, struct problem *p)
{
    const char *box = c->cli->box;

    if (r == LB_E_RESET && kind->change) {
        problem_set(p, r, "the box was restarted while it worked on this");
        problem_hint(p, "look with 'littlebox --box %s %s%s%s' whether it was done", box, kind->look,
                     key == NULL ? "" : " ", key == NULL ? "" : key);
        return r;
    }
    if (r == LB_E_RESET)
        return problem_set(p, r, "the box is restarted again and again");
    if (r == LB_E_SYSTEM)
        return problem_set(p, r, "cannot talk to box '%s': %s", box, strerror(errno));
    problem_set(p, r, r == LB_E_VALUE ? "what box '%s' answers is no answer" : "box '%s': %s", box, lb_strerror(r));
    if (kind->change)
        problem_hint(p, "look with 'littlebox --box %s %s%s%s' whether it was done", box, kind->look,
                     key == NULL ? "" : " ", key == NULL ? "" : key);
    else if (r == LB_E_CLOSED)
        problem_hint(p, "if it ended, its log says why: journalctl -n 20 -u 'littleboxd@%s'", box);
    if (r == LB_E_CLOSED)
        (void)whyaway_tell(c, p);
    return r;
}

/* Sends the request that was encoded with result r, and gives the body of its answer. key: whom a change is about. */
static int ask(struct client *c, int r, uint16_t type, const char *key, struct bytes *ret, struct problem *p)
{
    const struct request_kind *kind = find_kind(type);
    struct progress *progress;
    uint16_t answered = 0;

    if (r != 0)
        return problem_set(p, r, "the request does not fit: %s", lb_strerror(r));
    r = socket_set_timeout(c->fd, kind->timeout);
    if (r == 0 && kind->change)
        r = channel_drain(c->fd, c->answer, LB_PACKET_MAX);
    if (r == 0) {
        progress = progress_start(kind->progress);
        r = LB_E_RESET;
        for (int i = 0; r == LB_E_RESET && i < (kind->change ? 1 : ASK_AGAIN); i++)
            r = channel_call(c->fd, c->id, c->request, c->request_len, /* attached= */ -1, c->answer,
                             LB_PACKET_MAX, &answered, ret);
        progress_stop(progress);
    }
    secret_wipe(c->request, c->request_len);
    if (r != 0)
        return broken(c, kind, r, key, p);
    if (answered == MSG_ERROR) {
        if (msg_error_decode(*ret, p) != 0)
            return broken(c, kind, LB_E_VALUE, key, p);
        problem_printable(p);
        place_tell(c->place, p);
        return p->code;
    }
    return answered == (type | MSG_ANSWER) ? 0 : broken(c, kind, LB_E_VALUE, key, p);
}

#define ENCODE(name, type, m) \
    msg_##name##_encode((type), ++c->id, (m), c->request, LB_PACKET_MAX, &c->request_len)

/* The last word on an answer: it was decoded with result r. */
static int decoded(struct client *c, int r, uint16_t type, const char *key, struct problem *p)
{
    return r == 0 ? 0 : broken(c, find_kind(type), LB_E_VALUE, key, p);
}

static int ask_empty(struct client *c, int r, uint16_t type, const char *key, struct problem *p)
{
    struct bytes body;

    r = ask(c, r, type, key, &body, p);
    return r != 0 ? r : decoded(c, msg_empty_decode(body), type, key, p);
}

static int ask_key(struct client *c, int r, uint16_t type, const char *key, struct key_info *ret, struct problem *p)
{
    struct bytes body;

    r = ask(c, r, type, key, &body, p);
    return r != 0 ? r : decoded(c, msg_key_decode(body, ret), type, key, p);
}

int client_status(struct client *c, struct box_status *ret, struct problem *p)
{
    struct bytes body;
    int r = msg_empty_encode(MSG_STATUS, ++c->id, c->request, LB_PACKET_MAX, &c->request_len);

    r = ask(c, r, MSG_STATUS, NULL, &body, p);
    return r != 0 ? r : decoded(c, msg_status_decode(body, ret), MSG_STATUS, NULL, p);
}

int client_box_peer(struct client *c, struct peer *ret, struct problem *p)
{
    const struct request_kind *kind = find_kind(MSG_STATUS);
    struct msg_header header = { 0 };
    struct bytes body;
    size_t len;
    int r = msg_empty_encode(MSG_STATUS, ++c->id, c->request, LB_PACKET_MAX, &c->request_len);

    if (r == 0)
        r = socket_set_timeout(c->fd, kind->timeout);
    if (r == 0)
        r = socket_send(c->fd, c->request, c->request_len, /* fd= */ -1, /* dont_wait= */ false);
    while (r == 0 && header.id != c->id) {
        r = socket_receive(c->fd, c->answer, LB_PACKET_MAX, /* dont_wait= */ false, &len, /* ret_fd= */ NULL, ret);
        if (r == 0)
            r = msg_split(c->answer, len, &header, &body);
    }
    if (r == 0 && ret->pid == 0)
        r = LB_E_VALUE;
    return r == 0 ? 0 : broken(c, kind, r, NULL, p);
}

int client_get(struct client *c, const struct key_ref *ref, struct key_info *ret, struct problem *p)
{
    return ask_key(c, ENCODE(key_ref, MSG_GET, ref), MSG_GET, ref->name, ret, p);
}

int client_cert_get(struct client *c, const struct key_ref *ref, struct bytes *ret, struct problem *p)
{
    struct bytes body;
    int r = ask(c, ENCODE(key_ref, MSG_CERT_GET, ref), MSG_CERT_GET, ref->name, &body, p);

    return r != 0 ? r : decoded(c, msg_chain_decode(body, ret), MSG_CERT_GET, ref->name, p);
}

int client_cert_set(struct client *c, const struct chain_request *m, struct problem *p)
{
    return ask_empty(c, ENCODE(cert_set, MSG_CERT_SET, m), MSG_CERT_SET, m->name, p);
}

int client_show(struct client *c, const char *name, struct key_details *ret, struct problem *p)
{
    struct msg_name m;
    struct bytes body;
    int r;

    snprintf(m.name, sizeof(m.name), "%s", name);
    r = ask(c, ENCODE(name, MSG_SHOW, &m), MSG_SHOW, name, &body, p);
    return r != 0 ? r : decoded(c, msg_show_decode(body, ret), MSG_SHOW, name, p);
}

int client_list(struct client *c, const char *after, bool *ret_more, uint16_t *ret_count, struct wire_reader *ret,
                struct problem *p)
{
    struct msg_list m;
    struct bytes body;
    int r;

    snprintf(m.after, sizeof(m.after), "%s", after);
    r = ask(c, ENCODE(list, MSG_LIST, &m), MSG_LIST, NULL, &body, p);
    if (r != 0)
        return r;
    wire_read(ret, body.p, body.len);
    *ret_more = wire_get_bool(ret);
    *ret_count = wire_get_u16(ret);
    return decoded(c, ret->error, MSG_LIST, NULL, p);
}

int client_seals(struct client *c, uint16_t *ret_count, struct wire_reader *ret, struct problem *p)
{
    struct bytes body;
    int r = msg_empty_encode(MSG_SEAL_LIST, ++c->id, c->request, LB_PACKET_MAX, &c->request_len);

    r = ask(c, r, MSG_SEAL_LIST, NULL, &body, p);
    if (r != 0)
        return r;
    wire_read(ret, body.p, body.len);
    *ret_count = wire_get_u16(ret);
    return decoded(c, ret->error, MSG_SEAL_LIST, NULL, p);
}

int client_opening(struct client *c, struct bytes secret, struct box_opening *ret, struct problem *p)
{
    const struct msg_opening_ask m = { secret };
    struct bytes body;
    int r = ask(c, ENCODE(opening_ask, MSG_OPENING, &m), MSG_OPENING, NULL, &body, p);

    return r != 0 ? r : decoded(c, msg_opening_decode(body, ret), MSG_OPENING, NULL, p);
}

int client_no_store(struct client *c, struct problem *p)
{
    struct box_opening unused;
    int r = client_opening(c, (struct bytes){ NULL, 0 }, &unused, p);

    if (r != LB_E_DENIED && r != LB_E_MESSAGE)
        return r;
    problem_set(p, LB_E_NO_STORE, "box '%s' has no store yet", c->cli->box);
    problem_hint(p, "make one: littlebox --box %s init", c->cli->box);
    return LB_E_NO_STORE;
}

int client_sign(struct client *c, const struct sign_request *m, struct bytes *ret, struct problem *p)
{
    struct bytes body;
    int r = ask(c, ENCODE(sign, MSG_SIGN, m), MSG_SIGN, m->key.name, &body, p);

    return r != 0 ? r : decoded(c, msg_bytes_decode(body, ret), MSG_SIGN, m->key.name, p);
}

int client_derive(struct client *c, const struct derive_request *m, struct bytes *ret, struct problem *p)
{
    struct bytes body;
    int r = ask(c, ENCODE(derive, MSG_DERIVE, m), MSG_DERIVE, m->key.name, &body, p);

    return r != 0 ? r : decoded(c, msg_bytes_decode(body, ret), MSG_DERIVE, m->key.name, p);
}

int client_create(struct client *c, const struct create_request *m, struct key_info *ret, struct problem *p)
{
    return ask_key(c, ENCODE(create, MSG_CREATE, m), MSG_CREATE, m->name, ret, p);
}

int client_import(struct client *c, const struct import_request *m, struct key_info *ret, struct problem *p)
{
    return ask_key(c, ENCODE(import, MSG_IMPORT, m), MSG_IMPORT, m->name, ret, p);
}

int client_destroy(struct client *c, const struct destroy_request *m, struct problem *p)
{
    return ask_empty(c, ENCODE(destroy, MSG_DESTROY, m), MSG_DESTROY, m->name, p);
}

int client_schedule_destroy(struct client *c, const struct destroy_request *m, uint64_t *ret_at, struct problem *p)
{
    struct msg_time answer;
    struct bytes body;
    int r = ask(c, ENCODE(destroy, MSG_DESTROY_SCHEDULE, m), MSG_DESTROY_SCHEDULE, m->name, &body, p);

    if (r == 0)
        r = decoded(c, msg_time_decode(body, &answer), MSG_DESTROY_SCHEDULE, m->name, p);
    if (r == 0)
        *ret_at = answer.at;
    return r;
}

int client_cancel_destroy(struct client *c, const struct destroy_request *m, struct problem *p)
{
    return ask_empty(c, ENCODE(destroy, MSG_DESTROY_CANCEL, m), MSG_DESTROY_CANCEL, m->name, p);
}

int client_rename(struct client *c, const struct rename_request *m, struct problem *p)
{
    return ask_empty(c, ENCODE(rename, MSG_RENAME, m), MSG_RENAME, NULL, p);
}

void client_note_handle(struct client *c, const char *name, const char *path)
{
    struct handle_note m;
    struct box_status status;
    struct problem p = { 0 };
    char *whole = realpath(path, NULL);

    /* Who may not say so to the box has written the file all the same, and is not to stand in the log for it. */
    if (whole != NULL && strlen(whole) <= LB_PATH_TEXT_MAX && client_status(c, &status, &p) == 0 && status.admin) {
        snprintf(m.name, sizeof(m.name), "%s", name);
        snprintf(m.path, sizeof(m.path), "%s", whole);
        (void)!ask_empty(c, ENCODE(handle_note, MSG_HANDLE_NOTE, &m), MSG_HANDLE_NOTE, name, &p);
    }
    free(whole);
}

int client_handles(struct client *c, const char *name, uint16_t *ret_count, struct wire_reader *ret, struct problem *p)
{
    struct msg_name m;
    struct bytes body;
    int r;

    snprintf(m.name, sizeof(m.name), "%s", name);
    r = ask(c, ENCODE(name, MSG_HANDLE_LIST, &m), MSG_HANDLE_LIST, name, &body, p);
    if (r != 0)
        return r;
    wire_read(ret, body.p, body.len);
    *ret_count = wire_get_u16(ret);
    return decoded(c, ret->error, MSG_HANDLE_LIST, name, p);
}

int client_grant(struct client *c, uint16_t type, const struct grant_request *m, struct problem *p)
{
    return ask_empty(c, ENCODE(grant, type, m), type, m->name, p);
}

int client_secret(struct client *c, uint16_t type, const struct seal_request *m, struct problem *p)
{
    return ask_empty(c, ENCODE(secret, type, m), type, NULL, p);
}

int client_seal_remove(struct client *c, uint32_t id, struct problem *p)
{
    struct msg_seal_remove m = { id };

    return ask_empty(c, ENCODE(seal_remove, MSG_SEAL_REMOVE, &m), MSG_SEAL_REMOVE, NULL, p);
}

int client_lock(struct client *c, struct problem *p)
{
    int r = msg_empty_encode(MSG_LOCK, ++c->id, c->request, LB_PACKET_MAX, &c->request_len);

    return ask_empty(c, r, MSG_LOCK, NULL, p);
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

/* The token */

int client_attach(struct client *c, const struct attach_request *m, struct key_info *ret, struct problem *p)
{
    return ask_key(c, ENCODE(attach, MSG_ATTACH, m), MSG_ATTACH, m->name, ret, p);
}

int client_login(struct client *c, struct bytes pin, struct problem *p)
{
    const struct msg_login m = { pin };

    if (pin.len == 0 || pin.len > LB_PIN_MAX)
        return problem_set(p, LB_E_PIN, "a PIN has 1 to %d bytes", LB_PIN_MAX);
    return ask_empty(c, ENCODE(login, MSG_LOGIN, &m), MSG_LOGIN, NULL, p);
}

int client_token(struct client *c, struct token_status *ret, struct problem *p)
{
    struct bytes body;
    int r = msg_empty_encode(MSG_TOKEN, ++c->id, c->request, LB_PACKET_MAX, &c->request_len);

    r = ask(c, r, MSG_TOKEN, NULL, &body, p);
    return r != 0 ? r : decoded(c, msg_token_decode(body, ret), MSG_TOKEN, NULL, p);
}

int client_token_list(struct client *c, uint32_t from, bool *ret_more, uint16_t *ret_count, struct wire_reader *ret,
                      struct problem *p)
{
    struct msg_token_list m = { from };
    struct bytes body;
    int r = ask(c, ENCODE(token_list, MSG_TOKEN_LIST, &m), MSG_TOKEN_LIST, NULL, &body, p);

    if (r != 0)
        return r;
    wire_read(ret, body.p, body.len);
    *ret_more = wire_get_bool(ret);
    *ret_count = wire_get_u16(ret);
    return decoded(c, ret->error, MSG_TOKEN_LIST, NULL, p);
}
