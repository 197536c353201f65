/* Whether a box will open itself at its next start: what it would read then, tried on the store as it is. */
#include "command/next_start.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/conf_line.h"
#include "client/seals.h"
#include "command/box_file.h"
#include "command/system_credential.h"
#include "guard/secret.h"
#include "model/seal_kinds.h"
#include "protocol/seals.h"

/* What the next start reads, as far as it can be seen from here. */
struct source {
    char file[PATH_MAX];
    bool ours;    /* the command line's directories lead to it, or systemd; else the box alone may have said so */
    bool asked;   /* it is the file that the box has tried: nobody knows better */
    bool handed;  /* by the service manager, which decrypts it; file is what it keeps */
    struct peer reader; /* as whom the next start reads it */
};

/* Are the box's directories those of this command line? doctor asks at a socket that may be of another box. */
static bool knows_paths(const struct client *c)
{
    struct box_paths own;

    return box_paths(&c->dirs, c->cli->box, &own) == 0 && strcmp(own.socket, c->paths.socket) == 0;
}

static bool is_systems(const struct client *c)
{
    return strcmp(c->dirs.config, LB_SYSTEM_CONFIG_DIR) == 0;
}

/* The user of the next start: another one, if the unit was changed since. LB_E_NO_KEY: there is no such user. */
static int find_reader(struct client *c, struct source *ret, char name[64], struct problem *p)
{
    const struct passwd *pw;
    int r = line_peer(&c->line, &ret->reader, p);

    if (r != 0 || geteuid() != 0 || !knows_paths(c) || !is_systems(c) || !systemcred_user(c->cli->box, name, 64))
        return r;
    pw = getpwnam(name);
    if (pw == NULL)
        return LB_E_NO_KEY;
    ret->asked = ret->asked && pw->pw_uid == ret->reader.uid;
    ret->reader.uid = pw->pw_uid;
    ret->reader.gid = pw->pw_gid;
    return 0;
}

static bool find_setting(const struct client *c, char ret[PATH_MAX])
{
    return confline_find(c->paths.config, "credential", ret, PATH_MAX);
}

void nextstart_file(const struct client *c, char *ret)
{
    if (!find_setting(c, ret))
        snprintf(ret, PATH_MAX, "%s", c->paths.credential);
}

bool nextstart_handed(const struct client *c, char *ret)
{
    return knows_paths(c) && is_systems(c) && !find_setting(c, ret) && systemcred_find(c->cli->box, ret);
}

static void find_source(const struct client *c, const struct box_opening *now, struct source *ret)
{
    bool same;

    ret->ours = knows_paths(c);
    if (!ret->ours) {
        snprintf(ret->file, sizeof(ret->file), "%s", now->next_file);
        ret->asked = !now->handed;
        ret->handed = now->handed;
        return;
    }
    if (nextstart_handed(c, ret->file))
        ret->handed = true;
    else if (find_setting(c, ret->file))
        ret->handed = false;
    else if (now->handed && systemcred_elsewhere(c->cli->box))
        ret->handed = true; /* by a line in the unit that is not ours */
    else
        snprintf(ret->file, sizeof(ret->file), "%s", c->paths.credential);
    /* What is told of a path is cut. */
    same = strncmp(ret->file, now->next_file, LB_PATH_TEXT_MAX) == 0;
    ret->asked = !ret->handed && !now->handed && same;
}

static void unknown(struct nextstart *n, const char *text)
{
    n->verdict = NEXTSTART_UNKNOWN;
    problem_set(&n->why, LB_E_SYSTEM, "%s", text);
}

/* How the file comes to open the store. A locked box takes no new seal: first it needs a secret that it knows. */
static void hint_credential(struct nextstart *n, const char *back, const char *another)
{
    if (n->credentials == 0)
        problem_hint(&n->why, "after each start: littlebox --box %s unlock; for a box that opens itself: littlebox --box %s seal add "
                     "--credential %.80s", n->box, n->box, n->file);
    else if (n->now.how != OPENED_NOT)
        problem_hint(&n->why, "%s, or %s: littlebox --box %s seal add --credential %.100s", back, another, n->box, n->file);
    else if (n->passphrases > 0)
        problem_hint(&n->why, "%s, from the backup, or unlock it with a passphrase, and then: littlebox --box %s seal add "
                     "--credential %.100s", back, n->box, n->file);
    else
        problem_hint(&n->why, "%s, from the backup: no passphrase opens this store", back);
}

/* Takes the box's answer about the file, or about what was in it. */
static void judge(struct nextstart *n, const struct box_opening *tried)
{
    n->verdict = NEXTSTART_BROKEN;
    switch (tried->next) {
    case NEXT_OPENS:
        n->verdict = NEXTSTART_OPENS;
        n->seal_count = tried->next_count;
        memcpy(n->seals, tried->next_seals, sizeof(n->seals));
        return;
    case NEXT_ABSENT:
        /* The file is not there because nobody uses one: a passphrase opens the store. */
        if (n->credentials == 0 || (n->passphrases > 0 && n->now.how == OPENED_BY_REQUEST))
            n->verdict = NEXTSTART_LOCKED;
        problem_set(&n->why, LB_E_LOCKED, "%.300s is not there", n->file);
        hint_credential(n, "put the file back", "make another");
        return;
    case NEXT_WRONG:
        problem_set(&n->why, LB_E_LOCKED, "%.300s opens no seal of this store", n->file);
        hint_credential(n, "put the right file there", "make a seal of this one");
        return;
    default:
        problem_set(&n->why, LB_E_LOCKED, "cannot read %.200s: %.180s", n->file, tried->why.text);
        problem_hint(&n->why, "%s", tried->why.hint);
        return;
    }
}

/* Tries a file, or a user, that the box has not tried: BOX.conf or the unit was changed since the box started. */
static int try_file(struct client *c, const struct peer *reader, struct nextstart *n, struct problem *p)
{
    struct box_opening tried = { .next = NEXT_REFUSED };
    void *secret = NULL;
    size_t len = 0;
    int r;

    if (!boxfile_can(reader)) {
        unknown(n, "only root, or the box's user, can try the file that it reads then");
        problem_hint(&n->why, "ask again as root");
        return 0;
    }
    r = boxfile_read(reader, n->file, LB_SECRET_MAX, &secret, &len, &tried.why);
    if (r == 0) {
        r = ask_opening(c->ask, (struct bytes){ secret, len }, &tried, p);
        secret_free(secret, LB_SECRET_MAX);
        if (r != 0)
            return r;
    } else if (r == LB_E_SYSTEM && errno == ENOENT) {
        tried.next = NEXT_ABSENT;
    } else if (r == LB_E_SYSTEM && errno == EACCES) {
        problem_hint(&tried.why, "if it is for this box alone: chown %lu:%lu %.150s", (unsigned long)reader->uid,
                     (unsigned long)reader->gid, n->file);
    }
    judge(n, &tried);
    return 0;
}

/* Tries what systemd keeps for the box. Only root can decrypt it, and root does so only if systemd's own rule leads there. */
static int try_handed(struct client *c, bool ours, struct nextstart *n, struct problem *p)
{
    struct box_opening tried;
    void *secret = NULL;
    size_t len = 0;
    int r;

    if (!ours) {
        unknown(n, "the service manager hands over a credential, and whether it is this box's cannot be told from here");
        problem_hint(&n->why, "ask where its files are: littlebox --box %s status", n->box);
        return 0;
    }
    if (n->file[0] == '\0') {
        unknown(n, "the service manager hands over a credential, from where its unit says");
        problem_hint(&n->why, "see the LoadCredential lines of: systemctl cat littleboxd@%s.service", n->box);
        return 0;
    }
    if (geteuid() != 0) {
        unknown(n, "only root can try the credential that systemd keeps");
        problem_hint(&n->why, "ask again as root");
        return 0;
    }
    r = systemcred_read(n->file, &secret, &len, &n->why);
    if (r == LB_E_UNSUPPORTED) {
        n->verdict = NEXTSTART_UNKNOWN;
        return 0;
    }
    if (r != 0) {
        n->verdict = NEXTSTART_BROKEN;
        return 0;
    }
    r = ask_opening(c->ask, (struct bytes){ secret, len }, &tried, p);
    secret_free(secret, LB_SECRET_MAX);
    if (r == 0)
        judge(n, &tried);
    return r;
}

/*
 * Does a start open the store with a seal that keeps its place itself? Only the box can look there. If it told of another
 * file than this command line leads to, either that is such a place, or BOX.conf was changed since the box was started.
 */
static int find_place(struct client *c, const struct nextstart *n, bool *ret, struct problem *p)
{
    struct wire_reader r;
    uint16_t count;
    int result;

    *ret = false;
    if (n->now.next != NEXT_OPENS || n->now.handed || n->now.next_count == 0 ||
        strncmp(n->file, n->now.next_file, LB_PATH_TEXT_MAX) == 0)
        return 0;
    result = ask_seals(c->ask, &count, &r, p);
    if (result != 0)
        return result;
    for (unsigned i = 0; i < count && r.error == 0; i++) {
        const struct seal_kind *kind;
        struct seal_info e;

        msg_seal_entry_get(&r, &e);
        kind = r.error != 0 ? NULL : seal_kind_find(e.kind);
        *ret |= kind != NULL && kind->source == SEAL_FROM_PLACE && e.id == n->now.next_seals[0];
    }
    return wire_end(&r) == 0 ? 0 : problem_set(p, LB_E_VALUE, "the box's list of seals is damaged");
}

int nextstart_find(struct client *c, struct nextstart *ret, struct problem *p)
{
    struct source source = { .ours = false };
    bool place = false;
    char user[64];
    int r;

    memset(ret, 0, sizeof(*ret));
    ret->box = c->cli->box;
    r = ask_opening(c->ask, (struct bytes){ NULL, 0 }, &ret->now, p);
    if (r == LB_E_DENIED || r == LB_E_NO_STORE || r == LB_E_MESSAGE)
        return 0;
    if (r != 0)
        return r;
    ret->known = true;
    ret->credentials = ret->now.credentials;
    ret->passphrases = ret->now.passphrases;
    find_source(c, &ret->now, &source);
    snprintf(ret->file, sizeof(ret->file), "%s", source.file);
    r = find_reader(c, &source, user, p);
    if (r == LB_E_NO_KEY) {
        ret->verdict = NEXTSTART_BROKEN;
        problem_set(&ret->why, r, "its unit wants user '%s', who is not there", user);
        problem_hint(&ret->why, "make that user: littlebox box create %s", ret->box);
        return 0;
    }
    if (r != 0)
        return r;
    r = find_place(c, ret, &place, p);
    if (r == 0 && place) {
        snprintf(ret->file, sizeof(ret->file), "%s", ret->now.next_file);
        judge(ret, &ret->now);
    }
    if (r != 0 || place)
        return r;
    if (source.handed)
        return try_handed(c, source.ours, ret, p);
    /* A caller who may act as the box's user sees for himself, but never looks at what the box says is its file. */
    if (!source.ours) {
        judge(ret, &ret->now);
        return 0;
    }
    /* A box that started before the directory was there cannot look into it, but its next start can. */
    if (ret->now.next == NEXT_REFUSED && boxfile_can(&source.reader))
        source.asked = false;
    if (!source.asked)
        return try_file(c, &source.reader, ret, p);
    judge(ret, &ret->now);
    return 0;
}

bool nextstart_uses(const struct nextstart *n, uint32_t seal)
{
    for (unsigned i = 0; i < n->seal_count; i++) {
        if (n->seals[i] == seal)
            return true;
    }
    return false;
}

bool nextstart_without(const struct nextstart *n, uint32_t seal)
{
    for (unsigned i = 0; i < n->seal_count; i++) {
        if (n->seals[i] != seal)
            return true;
    }
    return false;
}

void nextstart_tell(const struct nextstart *n, char *ret, size_t size)
{
    switch (n->verdict) {
    case NEXTSTART_OPENS:
        snprintf(ret, size, "opens itself with %s (seal %u)", n->file, n->seals[0]);
        return;
    case NEXTSTART_LOCKED:
        snprintf(ret, size, "stays locked until somebody gives a %s",
                 n->passphrases > 0 ? "passphrase" : "secret that opens a seal");
        return;
    case NEXTSTART_BROKEN:
        snprintf(ret, size, "stays locked: %s", n->why.text);
        return;
    default:
        snprintf(ret, size, "not known: %s", n->why.text);
        return;
    }
}

void nextstart_tell_opened(const struct nextstart *n, char *ret, size_t size)
{
    const struct box_opening *now = &n->now;

    switch (now->how) {
    case OPENED_AT_START:
        snprintf(ret, size, "at start, with %s (seal %u)", now->file, now->seal);
        return;
    case OPENED_BY_REQUEST:
        snprintf(ret, size, "by hand, with a %s (seal %u)", seal_kind_name(now->kind), now->seal);
        return;
    case OPENED_AS_NEW:
        snprintf(ret, size, "since its store was made (seal %u, a %s)", now->seal, seal_kind_name(now->kind));
        return;
    default:
        snprintf(ret, size, "not: it is locked");
        return;
    }
}
