/* Where the keys of a box are for as long as its vault is there, locked or not; and every kind of backend. */
#ifndef LB_BACKENDS_SITE_H
#define LB_BACKENDS_SITE_H

#include <stdbool.h>

#include "base/errors.h"
#include "base/wire.h"
#include "model/description.h"
#include "model/limits.h"
#include "model/pkcs11_uri.h"

struct backend_ops;
struct backend_sealed;
struct p11conf;

enum backend_kind { BACKEND_SEALED, BACKEND_PKCS11 };

/* What a site is made from. Nothing of it is copied: it stays the caller's, as it is, for as long as there is the site. */
struct backend_settings {
    enum backend_kind kind;
    const char *box;             /* its name, for texts */
    const char *state;           /* the box's directory */
    const struct p11conf *token; /* of BACKEND_PKCS11 */
};

/* The backend of that kind: a row of the one table of them. */
const struct backend_ops *backend_of(enum backend_kind kind);

/* A private key that is at a site, whether or not it is one of the box. */
struct site_object {
    struct bytes id, label; /* at most P11_VALUE_MAX */
    struct bytes spki;      /* empty: the site does not tell it */
};

/*
 * Takes them one by one; false: it has no room for this one. The site may be lost and asked again in between: start() comes
 * before the first, each time, and what was taken before it is to be forgotten.
 */
struct site_object_taker {
    void (*start)(void *arg);
    bool (*take)(const struct site_object *o, void *arg);
    void *arg;
};

/* Certificates that a site knows, as they were at one moment: they never change. Counted references, for any number of threads. */
struct p11_certs;

/*
 * What a kind of backend does about its site. site is what open() gave; any number of threads may use it at once, but for
 * what is said. Every kind has every call: one that has nothing to do does nothing, one that cannot says so.
 */
struct site_ops {
    /* Makes it, not asking it anything yet, and locked. On failure *ret is as it was. By one thread, as close() is. */
    int (*open)(const struct backend_settings *settings, void **ret, struct problem *p);
    void (*close)(void *site); /* nobody uses it any more; NULL is fine */
    /*
     * The store is open: *ret is the b of struct backend_ops, and what works with keys may begin. sealer outlives it.
     * LB_E_NOMEM. By the thread that changes the vault, as lock() is.
     */
    int (*unlock)(void *site, struct backend_sealed *sealer, void **ret);
    /* The store is closed: b is freed, and all work is refused with LB_E_LOCKED. Work under way ends first. */
    void (*lock)(void *site, void *b);
    /*
     * Before connect(): what is at the site has ended so many processes in a row when it was started (failures). It is left
     * alone for pause milliseconds. settled() is called, by any thread, each time that a connect() is through.
     */
    void (*hold)(void *site, unsigned failures, unsigned pause, void (*settled)(void));
    /*
     * Begins to connect, in a thread of its own. It has been unlocked. False: there is nothing to connect, and settled() is
     * not called.
     */
    bool (*connect)(void *site);
    /* A PIN from a person. LB_E_UNSUPPORTED: there is no token. */
    int (*login)(void *site, struct bytes pin, struct problem *p);
    /* How the token is now; where that would have to wait for it, how it was. LB_E_UNSUPPORTED; LB_E_NOMEM. */
    int (*status)(void *site, struct token_status *ret, struct problem *p);
    /* The private keys at the site from that place on. *ret_more: there was no room for one. LB_E_UNSUPPORTED. */
    int (*objects)(void *site, uint32_t from, const struct site_object_taker *taker, bool *ret_more, struct problem *p);

    /*
     * It may know certificates of keys besides those that the store has. Else nothing is known, ever, and what follows
     * is not asked for what it knows.
     */
    bool own_certificates;
    /*
     * What is known of them, a reference; NULL: nothing. ask: if the site is there, it may be asked, which may take long;
     * the caller then holds no lock that others need.
     */
    struct p11_certs *(*certs)(void *site, bool ask);
    /*
     * The same, read anew where what is known is old. If the site cannot be asked, it is what was read before; if nothing
     * was, the reason why: LB_E_LOCKED, or what of a token. May wait as certs() does.
     */
    int (*certs_read)(void *site, struct p11_certs **ret, struct problem *p);
    /* Would certs_read() give what is known, without asking? */
    bool (*certs_are_current)(void *site);
    /* They are read anew as soon as somebody asks. */
    void (*certs_forget)(void *site);
    void (*certs_unref)(struct p11_certs *certs); /* NULL is fine */
    /* Is there one for the public key of this spki_hash()? */
    bool (*certs_has)(const struct p11_certs *certs, const uint8_t hash[LB_HASH_SIZE]);
    /*
     * Writes that one and its issuers, as far as they are known: u16 count and the certificates, as in struct
     * chain_request. Returns the count. w NULL: writes nothing.
     */
    unsigned (*certs_chain)(const struct p11_certs *certs, const uint8_t hash[LB_HASH_SIZE], struct wire_writer *w);
    /*
     * Writes those that a PKCS#11 URI names by their own label and id, in the same form. Returns how many there are. If they
     * are more than LB_CERTS_MAX, or than LB_CHAIN_MAX bytes, none is written.
     */
    unsigned (*certs_named)(const struct p11_certs *certs, const struct p11uri *want, struct wire_writer *w);
};

#endif
