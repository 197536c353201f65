/* doctor --server: what is said of one private key that a server's configuration names. */
#include "doctor/verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command/create.h"
#include "doctor/pairs.h"
#include "doctor/probe.h"

static void say(struct examination *e, enum doctor_verdict v, const struct subject *s, const char *hint,
                const char *fmt, ...) LB_PRINTF(5, 6);

static void say(struct examination *e, enum doctor_verdict v, const struct subject *s, const char *hint,
                const char *fmt, ...)
{
    char text[PATH_MAX];
    va_list ap;

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
    char hint[3 * PATH_MAX], word[2 * PATH_MAX], name[LB_NAME_MAX + 1] = "", other[LB_NAME_MAX + 1];
    struct problem p = { 0 };
    bool fits = key_name_of_file(s->path, name, &p) == 0;

    for (size_t i = 0; fits && i < e->conf.key_count; i++) {
        const struct srv_key *k = &e->conf.keys[i];

        if ((k->kind == SRV_FILE || k->kind == SRV_BUNDLE) && k != s->key && key_name_of_file(k->text, other, &p) == 0)
            fits = strcmp(other, name) != 0;
    }
    if (e->worker_known && e->worker.uid == 0)
        snprintf(hint, sizeof(hint), "littlebox adopt %s%s", cli_quoted(s->path, word), fits ? "" : " --key KEY");
    else
        snprintf(hint, sizeof(hint), "littlebox adopt %s%s && littlebox allow %s --user %s", cli_quoted(s->path, word),
                 fits ? "" : " --key KEY", fits ? name : "KEY", e->worker_known ? e->worker.name : "USER");
    say(e, DOCTOR_FAIL, s, hint, "%s private key on disk%s",
        seen->sight == KEYFILE_ENCRYPTED ? "an encrypted" : "a plain",
        (seen->st.st_mode & S_IROTH) == 0 ? "" : ", which anybody may read");
}

/* A server that looks at the mode of a key file refuses a handle with such a mode too. */
static bool mode_ok(struct examination *e, const struct subject *s, const struct seen *seen)
{
    bool of_root = seen->st.st_uid == 0;
    mode_t more = seen->st.st_mode & (of_root ? S_IWGRP | S_IXGRP | S_IRWXO : S_IRWXG | S_IRWXO);
    char hint[3 * PATH_MAX], word[2 * PATH_MAX];

    if (!e->server->strict)
        return true;
    if (!of_root && seen->st.st_uid != e->worker.uid) {
        snprintf(hint, sizeof(hint), "chown %s %s", e->worker.name, cli_quoted(s->path, word));
        say(e, DOCTOR_FAIL, s, hint, "%s takes a key file of %s or root alone, and this is another user's",
            e->server->name, e->worker.name);
        return false;
    }
    if (more != 0) {
        snprintf(hint, sizeof(hint), "chmod %s %s", of_root ? "0640" : "0600", cli_quoted(s->path, word));
        say(e, DOCTOR_FAIL, s, hint, "%s refuses a key file with mode %04o, a handle too", e->server->name,
            (unsigned)seen->st.st_mode & 07777);
        return false;
    }
    return true;
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
    while ((c = doctor_other_certificate(&e->conf, s->key, public, &at)) != NULL)
        say(e, DOCTOR_FAIL, s, hint, "the certificate with it is of another key: %s%s (%s%s:%u)", e->root, c->text, e->root,
            c->file, c->line);
    s->check = NULL;
}

/* uri: what stands in the handle; load: what the provider is given. */
static void handle(struct examination *e, struct subject *s, const char *uri, const char *load)
{
    const struct doctor_worker *w = e->worker_known ? &e->worker : NULL;
    struct doctor_public *public = NULL;
    struct problem p = { 0 };
    int r;

    s->uri = uri;
    if (e->conf.obstacle != NULL) {
        say(e, DOCTOR_FAIL, s, e->conf.cure, "handle %s: %s", uri, e->conf.obstacle);
        return;
    }
    if (w == NULL) {
        say(e, DOCTOR_UNKNOWN, s, NULL, "handle %s: it is not known for whom it must work", uri);
        return;
    }
    if (geteuid() != 0 && geteuid() != w->uid) {
        say(e, DOCTOR_UNKNOWN, s, "run this as root", "handle %s: only root can find out if it works for %s", uri,
            w->name);
        return;
    }
    public = calloc(1, sizeof(*public));
    r = public == NULL ? problem_set(&p, LB_E_NOMEM, "out of memory")
                       : doctor_probe(&e->d->conf, e->d->lines, load,
                                      geteuid() == 0 && (w->uid != 0 || w->chroot != NULL) ? w : NULL, &p, public);
    (void)doctor_reason_above(e->d, &p);
    if (r == 0)
        say(e, DOCTOR_OK, s, NULL, "handle %s, a test %s by %s verifies", uri, p.text, w->name);
    else
        say(e, DOCTOR_FAIL, s, p.hint, "handle %s does not work for %s: %s", uri, w->name, p.text);
    if (r == 0)
        certificates(e, s, uri, public);
    free(public);
}

static void file(struct examination *e, struct subject *s, const struct seen *seen)
{
    char self[40];
    bool other_root = e->root[0] != '\0';

    if (seen->error != 0 || seen->why != NULL) {
        say(e, seen->error == EACCES ? DOCTOR_UNKNOWN : DOCTOR_FAIL, s,
            seen->error == EACCES && geteuid() != 0 ? "run this as root" : NULL, "cannot read it: %s",
            seen->error != 0 ? strerror(seen->error) : seen->why);
        return;
    }
    snprintf(self, sizeof(self), "/proc/self/fd/%d", seen->fd);
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
        if (mode_ok(e, s, seen))
            handle(e, s, seen->sight == KEYFILE_HANDLE ? seen->handle.uri : "of a token", other_root ? self : s->path);
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

void server_key_verdict(struct examination *e, struct subject *s, const struct seen *seen)
{
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
        file(e, s, seen);
        break;
    case SRV_URI:
        handle(e, s, s->key->text, s->key->text);
        break;
    case SRV_INLINE:
        say(e, DOCTOR_FAIL, s, "put it into a file, then: littlebox adopt FILE",
            "a private key in the configuration itself");
        break;
    case SRV_OPEN:
        say(e, DOCTOR_UNKNOWN, s, NULL, "only the running server knows what that is");
        break;
    }
}
