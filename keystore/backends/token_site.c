/* The site of keys on a token: the token, connected and logged in to, and the certificates on it. */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backends/site_priv.h"
#include "token/certificate_cache.h"
#include "token/token.h"

/* Only the module must be there. A token may come later; a module that is not there is a wrong configuration. */
static int token_open(const struct backend_settings *settings, void **ret, struct problem *p)
{
    char remember[PATH_MAX];
    struct p11_token *t = NULL;
    int r;

    if (snprintf(remember, sizeof(remember), "%s/pin-refused", settings->state) >= (int)sizeof(remember))
        return problem_set(p, LB_E_TOO_LONG, "%s: the path is too long", settings->state);
    r = p11_token_new(settings->token, remember, &t, p);
    if (r == 0)
        *ret = t;
    return r;
}

static void token_close(void *site)
{
    p11_token_free(site);
}

static int token_unlock(void *site, struct backend_sealed *sealer, void **ret)
{
    struct backend_pkcs11 *b = NULL;
    int r = backend_pkcs11_new(sealer, site, &b);

    if (r != 0)
        return r;
    p11_token_lock(site, false);
    *ret = b;
    return 0;
}

static void token_lock(void *site, void *b)
{
    backend_pkcs11_free(b);
    p11_token_lock(site, true);
}

static void token_hold(void *site, unsigned failures, unsigned pause, void (*settled)(void))
{
    p11_token_hold(site, failures, pause, settled);
}

static bool token_connect(void *site)
{
    p11_token_connect_soon(site);
    return true;
}

static int token_login(void *site, struct bytes pin, struct problem *p)
{
    return p11_token_login(site, pin, p);
}

static int token_status(void *site, struct token_status *ret, struct problem *p)
{
    struct p11_token_info *info = calloc(1, sizeof(*info));

    if (info == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    p11_token_info(site, info);
    memset(ret, 0, sizeof(*ret));
    ret->connected = info->connected;
    snprintf(ret->module, sizeof(ret->module), "%.*s", LB_PATH_TEXT_MAX, info->module);
    memcpy(ret->library, info->library, sizeof(ret->library));
    memcpy(ret->label, info->label, sizeof(ret->label));
    memcpy(ret->manufacturer, info->manufacturer, sizeof(ret->manufacturer));
    memcpy(ret->model, info->model, sizeof(ret->model));
    memcpy(ret->serial, info->serial, sizeof(ret->serial));
    ret->slot = info->slot;
    ret->sessions = info->sessions;
    ret->sessions_max = info->sessions_max;
    ret->reconnects = info->reconnects;
    ret->problem = info->problem;
    free(info);
    return 0;
}

/* Certificates */

static struct p11_certs *token_certs(void *site, bool ask)
{
    struct p11_token_info info;
    struct p11_certs *certs = NULL;
    struct problem ignored;

    if (ask)
        p11_token_info(site, &info);
    /* The reason why a token is away is told elsewhere. Here, what was read before does as well. */
    if (!ask || !info.connected || p11_certs_read(site, &certs, &ignored) != 0)
        certs = p11_certs_known(site);
    return certs;
}

static int token_certs_read(void *site, struct p11_certs **ret, struct problem *p)
{
    return p11_certs_read(site, ret, p);
}

static bool token_certs_are_current(void *site)
{
    return p11_certs_are_current(site);
}

static void token_certs_forget(void *site)
{
    p11_certs_forget(site);
}

static bool token_certs_has(const struct p11_certs *certs, const uint8_t hash[LB_HASH_SIZE])
{
    return p11_certs_of(certs, hash) >= 0;
}

static unsigned token_certs_chain(const struct p11_certs *certs, const uint8_t hash[LB_HASH_SIZE], struct wire_writer *w)
{
    return p11_certs_chain(certs, p11_certs_of(certs, hash), w);
}

const struct site_ops token_site_ops = {
    .open = token_open,
    .close = token_close,
    .unlock = token_unlock,
    .lock = token_lock,
    .hold = token_hold,
    .connect = token_connect,
    .login = token_login,
    .status = token_status,
    .objects = token_site_objects,
    .own_certificates = true,
    .certs = token_certs,
    .certs_read = token_certs_read,
    .certs_are_current = token_certs_are_current,
    .certs_forget = token_certs_forget,
    .certs_unref = p11_certs_unref,
    .certs_has = token_certs_has,
    .certs_chain = token_certs_chain,
    .certs_named = p11_certs_named,
};
