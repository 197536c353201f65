/* Finds the box that a command is about, connects, and starts one's own. */
#include "command/client.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/passwd.h"
#include "base/socket.h"
#include "client/status.h"
#include "command/own_box.h"
#include "command/why_away.h"

/*
 * restart: a socket's unit may live on without its socket. enable: for the next boot. reset-failed: a box that is there may
 * have used up its start limit in vain.
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
    (void)whyaway_tell(c->cli, &c->dirs, &c->paths, p);
    return LB_E_NO_BOX;
}

/* where: from where c->owners are. */
static int connect_box(struct client *c, const char *where, struct problem *p)
{
    int r = socket_connect(c->paths.socket, &c->line.fd);

    c->line.place = c->place;
    if (r == 0)
        return owner_check(c->line.fd, &c->owners, where, c->cli->box, c->paths.socket, p);
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

/* May the command make a box of his own for a user who has none? */
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

/* Makes the store of an own box that was started but never got one: this is its first request. */
static int make_ready(struct client *c, struct problem *p)
{
    struct box_status status;
    int r = ask_status(c->ask, &status, p);

    if (r != 0 || status.lock != LOCK_NO_STORE)
        return r;
    return launch_init(c, p);
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

    /* A box that is found by the rule is told as that. */
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

int client_dirs(const struct cli *cli, struct dirs *ret, struct problem *p)
{
    struct client *c = client_new(cli, p);
    int r = c == NULL ? LB_E_NOMEM : find_place(c, CLIENT_RUNNING, p);

    if (r == 0)
        r = find_paths(c, p);
    if (r == 0)
        *ret = c->dirs;
    client_close(c);
    return r;
}
