/* What the store is open by, and what a start would open it with. People ask before they take one of these away. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/printable.h"
#include "guard/secret.h"
#include "guard/secret_file.h"
#include "seals/seal.h"
#include "store/store.h"
#include "vault/vault_priv.h"

/* Copies a path as messages carry it: cut, and without what could steer a terminal. */
static void tell_path(const char *path, char ret[LB_PATH_TEXT_MAX + 1])
{
    snprintf(ret, LB_PATH_TEXT_MAX + 1, "%.*s", LB_PATH_TEXT_MAX, path);
    make_printable(ret);
}

static void tell_place(const struct seal_record *seal, char ret[LB_PATH_TEXT_MAX + 1])
{
    seal_place(seal, ret);
    make_printable(ret);
}

/*
 * Finds the seals that the secret opens, of the kinds whose secrets nobody can guess. The store key goes no further than
 * this. With the lock held.
 */
static int try_seals(struct vault *v, struct bytes secret, struct box_opening *ret, struct problem *p)
{
    uint8_t *store_key = secret_alloc(STORE_KEY_SIZE);

    if (store_key == NULL)
        return secret_no_memory(p);
    for (size_t i = 0; i < v->opened.seal_count; i++) {
        const struct seal_record *seal = &v->opened.seals[i];
        const struct seal_kind *kind = seal_kind_find(seal->kind);

        if (kind == NULL || kind->guessable)
            continue;
        if (seal_unwrap(store_id(v->opened.store), seal, secret, store_key) == SEAL_OPENED)
            ret->next_seals[ret->next_count++] = seal->id;
    }
    ret->next = ret->next_count == 0 ? NEXT_WRONG : NEXT_OPENS;
    secret_free(store_key, STORE_KEY_SIZE);
    secret_wipe_stack();
    return 0;
}

/* Remembers what was found: the status says to everybody what was found last. */
static void remember(struct vault *v, const struct box_opening *found)
{
    bool refused = found->next == NEXT_REFUSED || found->next == NEXT_WRONG, opens = found->next == NEXT_OPENS;

    if (atomic_load(&v->by_credential) && !opens)
        log_warning("the next start leaves the box locked: the credential %s %s", v->conf->credential,
                    found->next == NEXT_ABSENT ? "is not there" : found->next == NEXT_WRONG ? "opens no seal" : found->why.text);
    atomic_store(&v->by_credential, opens);
    atomic_store(&v->credential_refused, refused);
}

static int try_file(struct vault *v, struct box_opening *ret, struct problem *p)
{
    const struct secretfile from = { .path = v->conf->credential, .max = LB_SECRET_MAX, .also = geteuid() };
    void *secret = NULL;
    size_t len = 0;
    int r = secretfile_read(&from, &secret, &len, &ret->why);

    if (r == 0) {
        ret->why.code = 0;
        r = try_seals(v, (struct bytes){ secret, len }, ret, p);
        secret_free(secret, LB_SECRET_MAX);
        if (r != 0)
            return r;
    } else if (r == LB_E_NOMEM) {
        *p = ret->why;
        return r;
    } else {
        ret->next = r == LB_E_SYSTEM && errno == ENOENT ? NEXT_ABSENT : NEXT_REFUSED;
        if (ret->next == NEXT_ABSENT)
            memset(&ret->why, 0, sizeof(ret->why));
    }
    return 0;
}

/* Tries the seals that get their secret from a place of their own, if the credential file opens none. */
static int try_places(struct vault *v, struct box_opening *ret, struct problem *p)
{
    uint8_t *store_key = secret_alloc(STORE_KEY_SIZE);

    if (store_key == NULL)
        return secret_no_memory(p);
    for (size_t i = 0; i < v->opened.seal_count; i++) {
        const struct seal_record *seal = &v->opened.seals[i];
        const struct seal_kind *kind = seal_kind_find(seal->kind);

        if (kind == NULL || kind->source != SEAL_FROM_PLACE || !kind->unattended)
            continue;
        if (seal_unwrap(store_id(v->opened.store), seal, (struct bytes){ NULL, 0 }, store_key) != SEAL_OPENED)
            continue;
        if (ret->next_count == 0)
            tell_place(seal, ret->next_file);
        ret->next_seals[ret->next_count++] = seal->id;
    }
    if (ret->next_count > 0) {
        ret->next = NEXT_OPENS;
        ret->handed = false;
        memset(&ret->why, 0, sizeof(ret->why));
    }
    secret_free(store_key, STORE_KEY_SIZE);
    secret_wipe_stack();
    return 0;
}

/* What a start does. */
static int try_start(struct vault *v, struct box_opening *ret, struct problem *p)
{
    int r = try_file(v, ret, p);

    if (r == 0 && ret->next != NEXT_OPENS)
        r = try_places(v, ret, p);
    if (r == 0)
        remember(v, ret);
    return r;
}

/* Tells what was read by the start that opened the store. */
static void tell_opened(const struct vault *v, char ret[LB_PATH_TEXT_MAX + 1])
{
    tell_path(v->conf->credential, ret);
    for (size_t i = 0; i < v->opened.seal_count; i++) {
        const struct seal_kind *kind = seal_kind_find(v->opened.seals[i].kind);

        if (v->opened.seals[i].id == v->opened.seal && kind != NULL && kind->source == SEAL_FROM_PLACE)
            tell_place(&v->opened.seals[i], ret);
    }
}

static int look(struct vault *v, struct bytes secret, struct box_opening *ret, struct problem *p)
{
    if (v->opened.store == NULL)
        return vault_no_store(v, p);
    ret->how = v->opened.how;
    ret->kind = v->opened.kind;
    ret->seal = v->opened.seal;
    if (ret->how == OPENED_AT_START)
        tell_opened(v, ret->file);
    tell_path(v->conf->credential, ret->next_file);
    ret->handed = v->conf->credential_handed;
    ret->store_replaced = store_was_replaced(v->opened.store);
    for (size_t i = 0; i < v->opened.seal_count; i++) {
        bool unattended = seal_kind_unattended(v->opened.seals[i].kind);

        ret->credentials += unattended;
        ret->passphrases += !unattended;
    }
    return secret.len > 0 ? try_seals(v, secret, ret, p) : try_start(v, ret, p);
}

int vault_opening(struct vault *v, struct bytes secret, struct box_opening *ret, struct problem *p)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    pthread_mutex_lock(&v->opened.lock);
    r = look(v, secret, ret, p);
    pthread_mutex_unlock(&v->opened.lock);
    return r;
}
