/* A key of a box in memory, and its versions: the record as it is in the store, and what is live of it. */
#include "vault/box_key.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* Copies len bytes. *ok tells a failure from length 0, since both give NULL. */
static void *copy(const void *p, size_t len, bool *ok)
{
    void *q = NULL;

    if (len > 0 && p != NULL) {
        q = malloc(len);
        if (q == NULL)
            *ok = false;
        else
            memcpy(q, p, len);
    }
    return q;
}

static bool copy_record(const struct key_record *from, struct key_record *to)
{
    bool ok = true;

    *to = *from;
    to->grants = copy(from->grants, from->grant_count * sizeof(*from->grants), &ok);
    to->former = copy(from->former, from->former == NULL ? 0 : strlen(from->former) + 1, &ok);
    to->others = copy(from->others, from->others_len, &ok);
    to->versions = copy(from->versions, from->version_count * sizeof(*from->versions), &ok);
    if (to->versions == NULL)
        to->version_count = 0;
    for (size_t i = 0; i < to->version_count; i++) {
        to->versions[i].spki = copy(from->versions[i].spki, from->versions[i].spki_len, &ok);
        to->versions[i].material = copy(from->versions[i].material, from->versions[i].material_len, &ok);
        to->versions[i].chain = copy(from->versions[i].chain, from->versions[i].chain_len, &ok);
    }
    return ok;
}

struct boxkey *boxkey_new(const struct key_record *rec)
{
    struct boxkey *k = calloc(1, sizeof(*k));

    if (k == NULL)
        return NULL;
    if (!copy_record(rec, &k->rec))
        goto fail;
    k->versions = calloc(k->rec.version_count + 1, sizeof(*k->versions));
    if (k->versions == NULL)
        goto fail;
    for (size_t i = 0; i < k->rec.version_count; i++) {
        const struct version_record *v = &k->rec.versions[i];

        if (EVP_Digest(v->spki == NULL ? (const uint8_t *)"" : v->spki, v->spki_len, k->versions[i].hash, NULL,
                       EVP_sha256(), NULL) <= 0)
            goto fail;
    }
    return k;
fail:
    boxkey_free(k);
    return NULL;
}

void boxkey_free(struct boxkey *k)
{
    if (k == NULL)
        return;
    for (size_t i = 0; k->versions != NULL && i < k->rec.version_count; i++)
        livekey_unref(k->versions[i].live);
    free(k->versions);
    key_record_clear(&k->rec);
    free(k);
}

int boxkey_current(const struct boxkey *k)
{
    const struct version_record *v = k->rec.versions;
    int current = -1;

    for (size_t i = 0; i < k->rec.version_count; i++) {
        if ((v[i].state == STATE_ACTIVE || v[i].state == STATE_SUSPENDED) &&
            (current < 0 || v[i].life.activate_at >= v[current].life.activate_at))
            current = (int)i;
    }
    return current;
}

int boxkey_next(const struct boxkey *k)
{
    for (size_t i = k->rec.version_count; i > 0; i--) {
        if (k->rec.versions[i - 1].state == STATE_PRE_ACTIVATION)
            return (int)(i - 1);
    }
    return -1;
}

bool boxkey_ends_alone(const struct boxkey *k)
{
    int i = boxkey_current(k);

    return i >= 0 && k->rec.versions[i].life.deactivate_at != 0;
}

void boxkey_mend_ends(struct boxkey *k, uint64_t now)
{
    int current = boxkey_current(k);

    if (boxkey_ends_alone(k) && k->rec.versions[current].life.deactivate_at > now)
        k->rec.versions[current].life.deactivate_at = 0;
    for (int i = 0; i < (int)k->rec.version_count; i++) {
        struct version_record *rec = &k->rec.versions[i];

        if (i != current && (rec->state == STATE_ACTIVE || rec->state == STATE_SUSPENDED) && rec->life.deactivate_at == 0)
            rec->life.deactivate_at = now + LB_DRAIN;
    }
}

int boxkey_order(const struct boxkey *a, const struct boxkey *b)
{
    int by_name = strcmp(a->rec.name, b->rec.name);

    return by_name != 0 || a == b ? by_name : (uintptr_t)a < (uintptr_t)b ? -1 : 1;
}

bool boxkey_is_damaged(const struct boxkey *k)
{
    for (size_t i = 0; i < k->rec.version_count; i++) {
        if (k->versions[i].damaged)
            return true;
    }
    return k->damaged || k->rec.policy_damaged;
}
