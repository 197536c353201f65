/* The site of sealed keys: the store is all that there is. */
#include <stdint.h>

#include "backends/site_priv.h"

/* Keeps the settings for texts alone: they outlive the site. */
static int sealed_open(const struct backend_settings *settings, void **ret, struct problem *p)
{
    (void)p;
    *ret = (void *)(uintptr_t)settings;
    return 0;
}

static void sealed_close(void *site)
{
    (void)site;
}

/* The backend of the keys is the sealer itself. */
static int sealed_unlock(void *site, struct backend_sealed *sealer, void **ret)
{
    (void)site;
    *ret = sealer;
    return 0;
}

static void sealed_lock(void *site, void *b)
{
    (void)site;
    (void)b;
}

static void sealed_hold(void *site, unsigned failures, unsigned pause, void (*settled)(void))
{
    (void)site;
    (void)failures;
    (void)pause;
    (void)settled;
}

static bool sealed_connect(void *site)
{
    (void)site;
    return false;
}

static int no_token(const struct backend_settings *settings, struct problem *p)
{
    problem_set(p, LB_E_UNSUPPORTED, "the keys of box '%s' are on no token", settings->box);
    problem_hint(p, "BOX.conf: backend = pkcs11; see littlebox.conf(5)");
    return LB_E_UNSUPPORTED;
}

static int sealed_login(void *site, struct bytes pin, struct problem *p)
{
    (void)pin;
    return no_token(site, p);
}

static int sealed_status(void *site, struct token_status *ret, struct problem *p)
{
    (void)ret;
    return no_token(site, p);
}

static int sealed_objects(void *site, uint32_t from, const struct site_object_taker *taker, bool *ret_more,
                          struct problem *p)
{
    (void)from;
    (void)taker;
    *ret_more = false;
    return no_token(site, p);
}

/* Certificates: there are none but those of the store */

static struct p11_certs *sealed_certs(void *site, bool ask)
{
    (void)site;
    (void)ask;
    return NULL;
}

static int sealed_certs_read(void *site, struct p11_certs **ret, struct problem *p)
{
    (void)site;
    (void)p;
    *ret = NULL;
    return 0;
}

static bool sealed_certs_are_current(void *site)
{
    (void)site;
    return true;
}

static void sealed_certs_forget(void *site)
{
    (void)site;
}

static void sealed_certs_unref(struct p11_certs *certs)
{
    (void)certs;
}

static bool sealed_certs_has(const struct p11_certs *certs, const uint8_t hash[LB_HASH_SIZE])
{
    (void)certs;
    (void)hash;
    return false;
}

static unsigned put_none(struct wire_writer *w)
{
    if (w != NULL)
        wire_put_u16(w, 0);
    return 0;
}

static unsigned sealed_certs_chain(const struct p11_certs *certs, const uint8_t hash[LB_HASH_SIZE], struct wire_writer *w)
{
    (void)certs;
    (void)hash;
    return put_none(w);
}

static unsigned sealed_certs_named(const struct p11_certs *certs, const struct p11uri *want, struct wire_writer *w)
{
    (void)certs;
    (void)want;
    return put_none(w);
}

const struct site_ops sealed_site_ops = {
    .open = sealed_open,
    .close = sealed_close,
    .unlock = sealed_unlock,
    .lock = sealed_lock,
    .hold = sealed_hold,
    .connect = sealed_connect,
    .login = sealed_login,
    .status = sealed_status,
    .objects = sealed_objects,
    .certs = sealed_certs,
    .certs_read = sealed_certs_read,
    .certs_are_current = sealed_certs_are_current,
    .certs_forget = sealed_certs_forget,
    .certs_unref = sealed_certs_unref,
    .certs_has = sealed_certs_has,
    .certs_chain = sealed_certs_chain,
    .certs_named = sealed_certs_named,
};
