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

/* What a site is made from. A site copies nothing of it: the caller keeps it, unchanged, as long as the site is there. */
struct backend_settings {
    enum backend_kind kind;
    const char *box;             /* its name, for texts */
    const char *state;           /* the box's directory */
    const struct p11conf *token; /* of BACKEND_PKCS11 */
};

/* The backend of that kind, from the table of all kinds. */
const struct backend_ops *backend_of(enum backend_kind kind);

/* A private key that is at a site, whether or not it is one of the box. */
struct site_object {
    struct bytes id, label; /* at most P11_VALUE_MAX */
    struct bytes spki;      /* empty: the site does not tell it */
};

/*
 * Takes the objects one by one; false: there is no room for this one. The site may be lost in between, and asked again. So
 * start() comes before the first object, each time; objects that were taken before it are to be forgotten.
 */
struct site_object_taker {
    void (*start)(void *arg);
    bool (*take)(const struct site_object *o, void *arg);
    void *arg;
};

/* The certificates that a site knew at one moment: they never change. Counted references, for any number of threads. */
struct p11_certs;

/*
 * What a kind of backend does about its site. site is what open() gave. Any number of threads may use it at once, unless a
 * call says otherwise. Every kind has every call: a call with nothing to do does nothing, and a call that the kind cannot
 * do says so.
 */
struct site_ops {
    /* Makes a locked site, and asks it nothing yet. On failure *ret is as it was. By one thread, as close() is. */
    int (*open)(const struct backend_settings *settings, void **ret, struct problem *p);
    void (*close)(void *site); /* nobody uses it any more; NULL is fine */
    /*
     * The store is open: work with keys may begin. *ret is the b of struct backend_ops; sealer outlives it. LB_E_NOMEM. By
     * the thread that changes the vault, as lock() is.
     */
    int (*unlock)(void *site, struct backend_sealed *sealer, void **ret);
    /* The store is closed: ends the work under way, frees b, and refuses all work with LB_E_LOCKED. */
    void (*lock)(void *site, void *b);
    /*
     * To be called before connect(). The site has ended so many processes in a row at their start (failures). It is left
     * alone for pause milliseconds. settled() is called, by any thread, each time that a connect() is through.
     */
    void (*hold)(void *site, unsigned failures, unsigned pause, void (*settled)(void));
    /*
     * Begins to connect an unlocked site, in a thread of its own. False: there is nothing to connect, and settled() is not
     * called.
     */
    bool (*connect)(void *site);
    /* A PIN from a person. LB_E_UNSUPPORTED: there is no token. */
    int (*login)(void *site, struct bytes pin, struct problem *p);
    /* How the token is now; how it was, if an answer would have to wait for it. LB_E_UNSUPPORTED; LB_E_NOMEM. */
    int (*status)(void *site, struct token_status *ret, struct problem *p);
    /* The private keys at the site from that place on. *ret_more: there was no room for one. LB_E_UNSUPPORTED. */
    int (*objects)(void *site, uint32_t from, const struct site_object_taker *taker, bool *ret_more, struct problem *p);

    /*
     * True: the site may know certificates of keys besides those of the store. False: it never knows any, and the calls
     * below are not asked for what it knows.
     */
    bool own_certificates;
    /*
     * The certificates that are known, a reference; NULL: nothing is known. ask: if the site is there, it may be asked.
     * That may take long, so the caller then holds no lock that others need.
     */
    struct p11_certs *(*certs)(void *site, bool ask);
    /*
     * The same, read anew if what is known is old. If the site cannot be asked, what was read before; if nothing was read,
     * the reason why: LB_E_LOCKED, or what of a token. May wait as certs() does.
     */
    int (*certs_read)(void *site, struct p11_certs **ret, struct problem *p);
    /* Would certs_read() give what is known, without asking the site? */
    bool (*certs_are_current)(void *site);
    /* The certificates are read anew as soon as somebody asks. */
    void (*certs_forget)(void *site);
    void (*certs_unref)(struct p11_certs *certs); /* NULL is fine */
    /* Is there a certificate for the public key of this spki_hash()? */
    bool (*certs_has)(const struct p11_certs *certs, const uint8_t hash[LB_HASH_SIZE]);
    /*
     * Writes that certificate and its issuers, as far as they are known: u16 count and the certificates, as in struct
     * chain_request. Returns the count. w NULL: writes nothing.
     */
    unsigned (*certs_chain)(const struct p11_certs *certs, const uint8_t hash[LB_HASH_SIZE], struct wire_writer *w);
    /*
     * Writes the certificates that a PKCS#11 URI names by their own label and id, in the same form. Returns how many there
     * are. If they are more than LB_CERTS_MAX, or than LB_CHAIN_MAX bytes, writes none.
     */
    unsigned (*certs_named)(const struct p11_certs *certs, const struct p11uri *want, struct wire_writer *w);
};

#endif
