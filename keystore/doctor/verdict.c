/* doctor --server: what is said of one private key that a server's configuration names. */
#include "doctor/verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/create.h"
#include "doctor/file_names.h"

static void say(struct examination *e, enum doctor_verdict v, const struct subject *s, const char *hint,
                const char *fmt, ...) LB_PRINTF(5, 6);

static void say(struct examination *e, enum doctor_verdict v, const struct subject *s, const char *hint,
                const char *fmt, ...)
{
    char text[PATH_MAX];
    va_list ap;

    if (v == DOCTOR_OK && e->sums_up) {
        e->summed++;
        return;
    }
    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    e->d->about = (struct doctor_about){ .server = e->server->name,
                                         .file = s->path[0] == '\0' ? NULL : s->path,
                                         .uri = s->uri,
                                         .user = e->worker_known ? e->worker.name : NULL };
    doctor_report(e->d, v, s->check == NULL ? "key" : s->check, hint, "%s: %s", s->text, text);
    e->d->about = (struct doctor_about){ .server = NULL };
    e->said++;
}

/*
 * Tells the way from a key to a handle. If two files of this configuration would get the same name, the user has to find
 * one.
 */
static void plain_key(struct examination *e, const struct subject *s, const struct seen *seen)
{
    char hint[3 * PATH_MAX], word[2 * PATH_MAX], name[LB_NAME_MAX + 1] = "";
    struct problem p = { 0 };
    bool fits = key_name_of_file(s->path, name, &p) == 0 && !file_names_taken(e->names, name, s->key);

    if (e->worker_known && e->worker.uid == 0)
        snprintf(hint, sizeof(hint), "littlebox adopt %s%s", cli_quoted(s->path, word), fits ? "" : " --key KEY");
    else
        snprintf(hint, sizeof(hint), "littlebox adopt %s%s && littlebox allow %s --user %s", cli_quoted(s->path, word),
                 fits ? "" : " --key KEY", fits ? name : "KEY", e->worker_known ? e->worker.name : "USER");
    say(e, DOCTOR_FAIL, s, hint, "%s private key on disk%s",
        seen->sight == KEYFILE_ENCRYPTED ? "an encrypted" : "a plain",
        (seen->st.st_mode & S_IROTH) == 0 ? "" : ", which anybody may read");
}

/* What of the mode is more than a server that looks at it takes. */
static mode_t mode_too_much(const struct seen *seen)
{
    return seen->st.st_mode & (seen->st.st_uid == 0 ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO);
}

static bool others_file(const struct examination *e, const struct seen *seen)
{
    return seen->st.st_uid != 0 && seen->st.st_uid != e->worker.uid;
}

/* A server that looks at the mode of a key file refuses a handle with such a mode too. */
static bool mode_ok(const struct examination *e, const struct seen *seen)
{
    return !e->server->strict || (!others_file(e, seen) && mode_too_much(seen) == 0);
}

static void say_mode(struct examination *e, const struct subject *s, const struct seen *seen)
{
    char hint[3 * PATH_MAX], word[2 * PATH_MAX];

    if (others_file(e, seen)) {
        snprintf(hint, sizeof(hint), "chown %s %s", e->worker.name, cli_quoted(s->path, word));
        say(e, DOCTOR_FAIL, s, hint, "%s takes a key file of %s or root alone, and this is another user's",
            e->server->name, e->worker.name);
        return;
    }
    snprintf(hint, sizeof(hint), "chmod %s %s", seen->st.st_uid == 0 ? "0640" : "0600", cli_quoted(s->path, word));
    say(e, DOCTOR_FAIL, s, hint, "%s refuses a key file with mode %04o, a handle too", e->server->name,
        (unsigned)seen->st.st_mode & 07777);
}

/* Reports each certificate that stands with this key in the configuration but is of another key. */
static void certificates(struct examination *e, struct subject *s, const char *uri, const struct doctor_public *public)
{
    const struct srv_half *c;
    char hint[LB_URI_MAX + 200];
    size_t at = 0;

    snprintf(hint, sizeof(hint), "name the handle of its key, or get a certificate for this one: openssl req -new -key %s "
             "-out FILE.csr", uri);
    s->check = "certificate";
    while ((c = pairs_other_certificate(e->pairs, &e->conf, s->key, public, &at)) != NULL)
        say(e, DOCTOR_FAIL, s, hint, "the certificate with it is of another key: %s%s (%s%s:%u)", e->root, c->text, e->root,
            c->file, c->line);
    s->check = NULL;
}

/* Can it be found out here if a handle works for the server's workers? */
static bool can_try(const struct examination *e)
{
    return e->conf.obstacle == NULL && e->worker_known && (geteuid() == 0 || geteuid() == e->worker.uid);
}

const struct doctor_worker *server_other_user(const struct examination *e)
{
    return geteuid() == 0 && (e->worker.uid != 0 || e->worker.chroot != NULL) ? &e->worker : NULL;
}

/* The file that the provider is given: with another root it is the open one, since the path says nothing here. */
static const char *file_to_load(const struct examination *e, struct subject *s, const struct seen *seen)
{
    if (e->root[0] == '\0')
        return s->path;
    snprintf(s->self, sizeof(s->self), "/proc/self/fd/%d", seen->fd);
    return s->self;
}

const char *server_key_to_try(const struct examination *e, struct subject *s, const struct seen *seen)
{
    if (e->server->unable != NULL || !can_try(e))
        return NULL;
    switch (s->key->kind) {
    case SRV_URI:
        return s->key->text;
    case SRV_FILE:
    case SRV_MAYBE:
    case SRV_BUNDLE:
        if (seen->error != 0 || seen->why != NULL || !mode_ok(e, seen) ||
            (seen->sight != KEYFILE_HANDLE && seen->sight != KEYFILE_REFERENCE))
            return NULL;
        return file_to_load(e, s, seen);
    case SRV_WORD:
    case SRV_STAYS:
    case SRV_INLINE:
    case SRV_OPEN:
    case SRV_MAKES:
        break;
    }
    return NULL;
}

/* uri: what stands in the handle; tried: what came of it. */
static void handle(struct examination *e, struct subject *s, const char *uri, struct doctor_trial *tried)
{
    const struct doctor_worker *w = e->worker_known ? &e->worker : NULL;

    s->uri = uri;
    if (e->conf.obstacle != NULL) {
        say(e, DOCTOR_FAIL, s, e->conf.cure, "handle %s: %s", uri, e->conf.obstacle);
        return;
    }
    if (w == NULL) {
        say(e, DOCTOR_UNKNOWN, s, NULL, "handle %s: it is not known for whom it must work", uri);
        return;
    }
    if (!can_try(e)) {
        say(e, DOCTOR_UNKNOWN, s, "run this as root", "handle %s: only root can find out if it works for %s", uri,
            w->name);
        return;
    }
    (void)doctor_reason_above(e->d, &tried->p);
    if (tried->p.code == 0)
        say(e, DOCTOR_OK, s, NULL, "handle %s, a test %s by %s verifies", uri, tried->p.text, w->name);
    else
        say(e, DOCTOR_FAIL, s, tried->p.hint, "handle %s does not work for %s: %s", uri, w->name, tried->p.text);
    if (tried->p.code == 0)
        certificates(e, s, uri, &tried->public);
}

static void file(struct examination *e, struct subject *s, const struct seen *seen, struct doctor_trial *tried)
{
    if (seen->error != 0 || seen->why != NULL) {
        say(e, seen->error == EACCES ? DOCTOR_UNKNOWN : DOCTOR_FAIL, s,
            seen->error == EACCES && geteuid() != 0 ? "run this as root" : NULL, "cannot read it: %s",
            seen->error != 0 ? strerror(seen->error) : seen->why);
        return;
    }
    switch (seen->sight) {
    case KEYFILE_NOTHING:
        say(e, DOCTOR_FAIL, s, NULL, "there is no private key in it");
        break;
    case KEYFILE_DAMAGED:
        say(e, DOCTOR_FAIL, s, "make another one: littlebox handle KEY --out FILE", "a damaged handle");
        break;
    case KEYFILE_PLAIN:
    case KEYFILE_ENCRYPTED:
        plain_key(e, s, seen);
        break;
    case KEYFILE_HANDLE:
    case KEYFILE_REFERENCE:
        if (mode_ok(e, seen))
            handle(e, s, seen->sight == KEYFILE_HANDLE ? seen->handle.uri : "of a token", tried);
        else
            say_mode(e, s, seen);
        break;
    }
}

/* For a file in a place where doctor knows of no key: nobody knows whether a handle can take its place. */
static void unknown_word(struct examination *e, struct subject *s, const struct seen *seen)
{
    static const char *const sights[] = {
        [KEYFILE_REFERENCE] = "a reference to a key of a token",
        [KEYFILE_HANDLE] = "a handle",
        [KEYFILE_DAMAGED] = "a damaged handle",
        [KEYFILE_ENCRYPTED] = "an encrypted private key on disk",
        [KEYFILE_PLAIN] = "a plain private key on disk",
    };
    bool open = seen->sight >= KEYFILE_ENCRYPTED && (seen->st.st_mode & S_IROTH) != 0;

    s->uri = seen->sight == KEYFILE_HANDLE ? seen->handle.uri : NULL;
    say(e, DOCTOR_UNKNOWN, s, NULL, "%s%s, in a place where doctor knows of no key of %s", sights[seen->sight],
        open ? ", which anybody may read" : "", e->server->name);
}

/* For a key that no handle can stand for, such as one for Encrypted Client Hello: no box decapsulates. */
static void stays(struct examination *e, struct subject *s, const struct seen *seen)
{
    char hint[3 * PATH_MAX], word[2 * PATH_MAX];

    if (seen->error != 0 || seen->why != NULL)
        say(e, seen->error == EACCES ? DOCTOR_UNKNOWN : DOCTOR_FAIL, s,
            seen->error == EACCES && geteuid() != 0 ? "run this as root" : NULL, "cannot read it: %s",
            seen->error != 0 ? strerror(seen->error) : seen->why);
    else if ((seen->st.st_mode & S_IROTH) != 0) {
        snprintf(hint, sizeof(hint), "chmod o= %s", cli_quoted(s->path, word));
        say(e, DOCTOR_FAIL, s, hint, "a private key that no handle can stand for, and that anybody may read");
    } else {
        say(e, DOCTOR_SKIPPED, s, NULL, "a private key that no handle can stand for: it stays in its file");
    }
}

/* For a program that can use no handle: a handle that it has does not work, and its keys stay where they are. */
static void for_unable(struct examination *e, struct subject *s, const struct seen *seen)
{
    const struct server_program *server = e->server;
    const char *which = server->rsa_alone ? " for an RSA key" : "";
    bool rsa = seen->handle.type == HANDLE_RSA || seen->handle.type == HANDLE_RSA_PSS;

    if (!seen_key(seen))
        return;
    if (seen->sight < KEYFILE_ENCRYPTED) {
        s->uri = seen->sight == KEYFILE_HANDLE ? seen->handle.uri : NULL;
        if (server->rsa_alone && seen->sight == KEYFILE_HANDLE && !rsa)
            say(e, DOCTOR_SKIPPED, s, NULL, "a handle of no RSA key, which %s may be able to use", server->name);
        else
            say(e, DOCTOR_FAIL, s, server->instead, "%s can use no handle%s: %s", server->name, which, server->unable);
    } else if ((seen->st.st_mode & S_IROTH) != 0) {
        say(e, DOCTOR_FAIL, s, NULL, "a private key on disk, which anybody may read; %s can use no handle%s: %s",
            server->name, which, server->unable);
    } else {
        say(e, DOCTOR_SKIPPED, s, NULL, "a private key on disk; %s can use no handle%s: %s", server->name, which,
            server->unable);
    }
}

/* An ACME client inside of the server: whatever is adopted, the next renewal brings a key that no box has. */
static void makes_keys(struct examination *e, struct subject *s)
{
    if (e->server->unable != NULL)
        say(e, DOCTOR_SKIPPED, s, e->server->instead, "%s makes private keys by itself and keeps them plain", e->server->name);
    else
        say(e, DOCTOR_FAIL, s,
            "take that out, name a handle and its chain there, and renew with a request of the box: littlebox csr KEY",
            "%s makes the private key by itself, outside of any box", e->server->name);
}

void server_key_verdict(struct examination *e, struct subject *s, const struct seen *seen, struct doctor_trial *tried)
{
    if (s->key->kind == SRV_MAKES) {
        makes_keys(e, s);
        return;
    }
    if (e->server->unable != NULL) {
        for_unable(e, s, seen);
        return;
    }
    switch (s->key->kind) {
    case SRV_WORD:
        if (seen_key(seen))
            unknown_word(e, s, seen);
        break;
    case SRV_STAYS:
        stays(e, s, seen);
        break;
    case SRV_MAYBE:
        if (!seen_key(seen) && seen->error != EACCES)
            break;
        /* fall through */
    case SRV_FILE:
    case SRV_BUNDLE:
        file(e, s, seen, tried);
        break;
    case SRV_URI:
        handle(e, s, s->key->text, tried);
        break;
    case SRV_INLINE:
        say(e, DOCTOR_FAIL, s, "put it into a file, then: littlebox adopt FILE",
            "a private key in the configuration itself");
        break;
    case SRV_OPEN:
        say(e, DOCTOR_UNKNOWN, s, NULL, "only the running server knows what that is");
        break;
    case SRV_MAKES:
        break; /* above */
    }
}
