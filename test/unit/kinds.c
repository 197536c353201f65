#include "kinds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The table of this program, in the place of the product's, and what the product does with such a table. */
#undef SEAL_KINDS
#define SEAL_KINDS(ROW, BETWEEN)                                                                                      \
    ROW(2, CREDENTIAL, credential, FILE,   true,  false, CREDENTIAL_MIN, CREDENTIAL_MIN, "--credential", "a file")     \
    BETWEEN                                                                                                           \
    ROW(3, SHARE,      share,      PROMPT, false, false, 2,              1,              "--share",      "some of n")  \
    BETWEEN                                                                                                           \
    ROW(4, DRAWER,     drawer,     PLACE,  true,  false, 1,              0,              "--drawer",     "a place")
#include "model/seal_kinds.c"
#include "seals/seal.c"

unsigned kinds_drawers_opened;

/* What it was made with, beside the store key. */
static int keep(const uint8_t *store_id, struct bytes secret, const uint8_t *store_key, struct seal_record *ret)
{
    (void)store_id;
    ret->params = malloc(secret.len);
    ret->wrapped = malloc(STORE_KEY_SIZE);
    if (ret->params == NULL || ret->wrapped == NULL)
        return LB_E_NOMEM;
    ret->params_len = secret.len;
    ret->wrapped_len = STORE_KEY_SIZE;
    memcpy(ret->params, secret.p, secret.len);
    memcpy(ret->wrapped, store_key, STORE_KEY_SIZE);
    return 0;
}

static int share_unwrap(const struct seal_try *t, uint8_t *store_key)
{
    const char *shares = (const char *)t->seal->params + 1;
    size_t count = t->seal->params_len - 1;

    for (size_t i = 0; i < t->secret.len; i++) {
        if (memchr(shares, t->secret.p[i], count) == NULL)
            return LB_E_SECRET;
    }
    if (t->secret.len < (size_t)(t->seal->params[0] - '0'))
        return SEAL_MORE;
    memcpy(store_key, t->seal->wrapped, STORE_KEY_SIZE);
    return SEAL_OPENED;
}

const struct seal_ops seal_share = { .wrap = keep, .unwrap = share_unwrap };

static int drawer_place(const struct seal_record *seal, char ret[LB_PATH_TEXT_MAX + 1])
{
    if (seal->params_len == 0 || seal->params[0] != '/')
        return LB_E_DAMAGED;
    snprintf(ret, LB_PATH_TEXT_MAX + 1, "%.*s", (int)seal->params_len, (const char *)seal->params);
    return 0;
}

static int drawer_unwrap(const struct seal_try *t, uint8_t *store_key)
{
    char path[LB_PATH_TEXT_MAX + 1], content[8] = "";
    FILE *f;

    if (drawer_place(t->seal, path) != 0)
        return LB_E_DAMAGED;
    if (t->secret.len > 0 && (t->secret.len != strlen(path) || memcmp(t->secret.p, path, t->secret.len) != 0))
        return LB_E_SECRET;
    kinds_drawers_opened++;
    f = fopen(path, "r");
    if (f == NULL)
        return LB_E_SYSTEM;
    (void)!fread(content, 1, sizeof(content) - 1, f);
    fclose(f);
    if (strcmp(content, "key") != 0)
        return LB_E_SECRET;
    memcpy(store_key, t->seal->wrapped, STORE_KEY_SIZE);
    return SEAL_OPENED;
}

const struct seal_ops seal_drawer = { .wrap = keep, .unwrap = drawer_unwrap, .place = drawer_place };
