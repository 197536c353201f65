/* Opening the store without a person: with the credential file, and with seals that have a place of their own. */
#include <errno.h>
#include <openssl/crypto.h>
#include <unistd.h>

#include "base/log.h"
#include "guard/secret.h"
#include "guard/secret_file.h"
#include "model/seal_kinds.h"
#include "vault/vault_priv.h"

/* Reads the credential file. NULL: it is not there, which is no trouble, or it is refused. */
static void *read_credential(struct vault *v, size_t *ret_len)
{
    const struct secretfile from = { .path = v->conf->credential, .max = LB_SECRET_MAX, .also = geteuid() };
    void *secret = NULL;
    struct problem p = { 0 };
    int r = secretfile_read(&from, &secret, ret_len, &p);
    bool refused = r != 0 && (r != LB_E_SYSTEM || errno != ENOENT);

    atomic_store(&v->credential_refused, refused);
    if (refused)
        log_error("cannot read the credential %s: %s%s%s", v->conf->credential, p.text, p.hint[0] == '\0' ? "" : "; ",
                  p.hint);
    return secret;
}

static int try_secret(struct vault *v, unsigned kind, struct bytes secret, struct problem *p)
{
    int r = vault_unlock(v, kind, secret, p);

    v->wrong_secrets = 0;
    if (r == 0)
        vault_note_opened(v, OPENED_AT_START, v->opened.kind, v->opened.seal);
    atomic_store(&v->credential_refused, r != 0);
    return r;
}

static void try_file(struct vault *v, const struct seal_kind *kind)
{
    struct problem p = { 0 };
    size_t len = 0;
    void *secret = read_credential(v, &len);

    if (secret == NULL)
        return;
    if (try_secret(v, kind->number, (struct bytes){ secret, len }, &p) != 0)
        log_error("the %s %s does not open the store: %s", kind->name, v->conf->credential, p.text);
    secret_free(secret, LB_SECRET_MAX);
}

static void try_places(struct vault *v, const struct seal_kind *kind)
{
    struct problem p = { 0 };
    bool any = false;

    for (size_t i = 0; i < v->opened.seal_count; i++)
        any |= v->opened.seals[i].kind == kind->number;
    if (any && try_secret(v, kind->number, (struct bytes){ NULL, 0 }, &p) != 0)
        log_error("no %s opens the store: %s", kind->name, p.text);
}

void vault_try_credential(struct vault *v)
{
    for (const struct seal_kind *k = seal_kinds; v->store != NULL && v->backend == NULL && k->number != 0; k++) {
        if (!k->unattended)
            continue;
        if (k->source == SEAL_FROM_FILE)
            try_file(v, k);
        else if (k->source == SEAL_FROM_PLACE)
            try_places(v, k);
    }
}

void vault_note_credential(struct vault *v, unsigned number, struct bytes secret)
{
    const struct seal_kind *kind = seal_kind_find(number);
    bool same = false;
    size_t len = 0;
    void *file;

    if (kind == NULL || !kind->unattended)
        return;
    if (kind->source == SEAL_FROM_FILE) {
        file = read_credential(v, &len);
        same = file != NULL && len == secret.len && CRYPTO_memcmp(file, secret.p, len) == 0;
        secret_free(file, LB_SECRET_MAX);
    }
    if (same || kind->source == SEAL_FROM_PLACE)
        atomic_store(&v->by_credential, true);
}
