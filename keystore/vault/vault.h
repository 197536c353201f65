/* The vault: store, seals, backend and keyring of one box, and every change to them. */
#ifndef LB_VAULT_VAULT_H
#define LB_VAULT_VAULT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "backends/backend.h"
#include "base/errors.h"
#include "daemon/box_conf.h"
#include "model/change.h"
#include "model/description.h"
#include "model/vocabulary.h"
#include "policy/policy.h"
#include "policy/subjects.h"
#include "protocol/keys.h"
#include "vault/keyring.h"

/*
 * Reading functions may be called by any number of threads. Changing functions (from vault_init on) by one thread
 * only, beside the readers. All put the text of a failure into p. A change that fails has changed nothing, neither in
 * the store nor in memory.
 */
struct vault {
    const struct boxconf *conf;
    struct store *store;          /* NULL: none made yet */
    const struct backend_ops *ops;
    struct backend_sealed *sealer; /* the store key; NULL: locked */
    void *backend;                /* of ops; NULL: locked */
    struct p11_token *p11;        /* of a box on a token: from vault_open() on */
    struct keyring ring;
    struct p11uri token;          /* as PKCS#11 URIs name it; of a token what is known while locked. By the ring's lock */
    atomic_int lock;              /* enum lock_state */
    atomic_bool by_credential;
    atomic_bool credential_refused; /* the file is there, and could not be read or does not open the store */
    atomic_uint keys, damaged;
    unsigned wrong_secrets;       /* in a row */
    /* What vault_opening() looks at, beside the changing thread: the store's seals as that one knows them. */
    struct {
        pthread_mutex_t lock;
        uint8_t how, kind;        /* enum opened_how, a kind of seal: by what the store is open, zeros if it is not */
        uint32_t seal;
        struct store *store;
        struct seal_record *seals;
        size_t seal_count;
    } opened;
    atomic_bool serving;          /* vault_serve() was called */
    atomic_uint certs_wanted;     /* threads that may wait for the token because of certificates */
    uint64_t next_destroy;        /* when the next destruction is due; UINT64_MAX: none is scheduled. The changing thread's */
    uint64_t settles_at;          /* of the machine's running time: what is due has then been so for long enough. Likewise */
    uint64_t used_written;        /* when the last uses were written last. Likewise */
};

/* Opens the store if there is one; the vault is locked then. The public halves can be read from now on. */
LB_MUST_USE int vault_open(struct vault *v, const struct boxconf *conf, struct problem *p);
/*
 * Opens it without a person: with the credential file of the configuration, if that exists, else with seals that have a place of
 * their own. A secret that does not fit, or that others can get at, is an error in the log, not fatal: the box stays locked, and
 * its status says why.
 */
void vault_try_credential(struct vault *v);
/*
 * From now on the token is connected as soon as the vault is unlocked, which it may be already: what a module does then,
 * ending this process included, meets the system call filter and a keeper that knows that the box did start. Where it has
 * ended so many processes in a row (failures), it is left alone for a time. settled() is called, by any thread, when that is
 * behind us. Beside any other function.
 */
void vault_serve(struct vault *v, unsigned failures, void (*settled)(void));
void vault_close(struct vault *v);
/*
 * Closes the keys of a sealed store that nobody used for after milliseconds; they are opened again when they are used. now:
 * milliseconds by a clock of the caller's, who calls this again and again: the time of a use is that of the call before
 * it. Beside any other function but vault_open() and vault_close().
 */
void vault_rest(struct vault *v, uint64_t now, uint64_t after);
/* The bytes that secret_alloc() locks at most for one vault which so many threads use at once. */
size_t vault_memory(unsigned threads);

/*
 * The private key of ref for who to do op with: a reference, to be given back with livekey_unref(). Refuses, in this
 * order: LB_E_NO_STORE, LB_E_NO_KEY, LB_E_DENIED, LB_E_DAMAGED, LB_E_NO_VERSION, LB_E_PUBLIC_KEY, LB_E_DESTROYED,
 * LB_E_NOT_ACTIVE (also of what is to be destroyed), LB_E_LOCKED.
 */
LB_MUST_USE int vault_use(struct vault *v, const struct key_ref *ref, const struct caller *who, enum key_op op,
                          struct livekey **ret, struct problem *p);

/*
 * The public half. ret->spki points into spki_buf (LB_SPKI_MAX bytes). Works while locked. LB_E_NO_STORE, NO_KEY,
 * NO_VERSION, DESTROYED, PUBLIC_KEY, NOT_ACTIVE: it is to be destroyed.
 */
LB_MUST_USE int vault_get(struct vault *v, const struct key_ref *ref, uint8_t *spki_buf, struct key_info *ret,
                          struct problem *p);
/*
 * The chain of a version, as the whole answer to CERT_GET; refuses as vault_get() does. Where the box has none for a key
 * on its token, what is on the token for this public key: it is asked now and then, without the ring's lock. What
 * p11_certs_read() says; LB_E_BUSY: half of the threads wait for that already.
 */
LB_MUST_USE int vault_cert_get(struct vault *v, const struct key_ref *ref, uint32_t id, void *buf, size_t size,
                               size_t *ret_len, struct problem *p);
/*
 * The certificates on the token that a PKCS#11 URI names, as the whole answer to CERT_FIND; none, if it names another
 * token. LB_E_VALUE: neither label nor id in it. LB_E_AMBIGUOUS: more than an answer holds. Else as vault_cert_get().
 */
LB_MUST_USE int vault_cert_find(struct vault *v, const struct p11uri *want, uint32_t id, void *buf, size_t size,
                                size_t *ret_len, struct problem *p);
/*
 * The objects that a PKCS#11 URI means, as the whole answer to FIND: where it has a label or an id, of all keys; else of
 * those that LIST would show. Only of the active version of a key, if that fits. LB_E_NO_STORE; LB_E_LOCKED: what the
 * token calls its objects is known while the box is unlocked.
 */
LB_MUST_USE int vault_find(struct vault *v, const struct p11uri *want, const struct caller *who, uint32_t id, void *buf,
                           size_t size, size_t *ret_len, struct problem *p);
/* One page of LIST into w, from header to end: all keys for admins, the granted ones for others. */
LB_MUST_USE int vault_list(struct vault *v, const struct msg_list *from, const struct caller *who, uint32_t id,
                           void *buf, size_t size, size_t *ret_len, struct problem *p);
/*
 * Whether there is a key that one of these ids has a grant for: a look-up. What it says
 * may change when vault_grants_changed() does, which costs next to nothing and is never 0.
 */
bool vault_knows(struct vault *v, const struct subjects *ids);
unsigned vault_grants_changed(const struct vault *v);
LB_MUST_USE int vault_show(struct vault *v, const char *name, struct key_details *ret, struct problem *p);

/* LB_E_NO_STORE in words: none was made yet, or the one that was is gone. */
int vault_no_store(const struct vault *v, struct problem *p);

/* Makes the store with its first seal; the vault is unlocked then. LB_E_EXISTS. */
LB_MUST_USE int vault_init(struct vault *v, const struct seal_request *seal, struct problem *p);
/*
 * LB_E_SECRET when no seal of that kind opens with the secret; what is open already stays open, and the secret is
 * tried all the same.
 */
LB_MUST_USE int vault_unlock(struct vault *v, unsigned kind, struct bytes secret, struct problem *p);
/*
 * What the store is open by, and which seals the secret opens: a credential, or with length 0 what the file has that a
 * start reads, as this process can read it. Opens nothing, changes no store, and waits for no change. Beside any other function. LB_E_NO_STORE, LB_E_NOMEM.
 */
LB_MUST_USE int vault_opening(struct vault *v, struct bytes secret, struct box_opening *ret, struct problem *p);
/* Forgets the store key and all private keys; requests under way finish first. */
void vault_lock(struct vault *v);
LB_MUST_USE int vault_create(struct vault *v, const struct create_request *m, uint8_t *spki_buf, struct key_info *ret,
                             struct problem *p);
LB_MUST_USE int vault_import(struct vault *v, const struct import_request *m, uint8_t *spki_buf, struct key_info *ret,
                             struct problem *p);
/* A key that is on the token already. LB_E_UNSUPPORTED: this box has no token. */
LB_MUST_USE int vault_attach(struct vault *v, const struct attach_request *m, uint8_t *spki_buf, struct key_info *ret,
                             struct problem *p);
/* Gives the token its PIN. LB_E_UNSUPPORTED. */
LB_MUST_USE int vault_login(struct vault *v, struct bytes pin, struct problem *p);
/* What there is to say about the token. LB_E_UNSUPPORTED. */
LB_MUST_USE int vault_token(struct vault *v, struct token_status *ret, struct problem *p);
/* One page of the private keys on the token, as the whole answer to TOKEN_LIST. */
LB_MUST_USE int vault_token_list(struct vault *v, uint32_t from, uint32_t id, void *buf, size_t size, size_t *ret_len,
                                 struct problem *p);
/* At once and for good. LB_E_NO_VERSION, LB_E_DESTROYED. */
LB_MUST_USE int vault_destroy(struct vault *v, const struct destroy_request *m, struct problem *p);
/*
 * From now on it does nothing, and at *ret_at it is destroyed, unless that is cancelled before. LB_E_UNSUPPORTED: the keys
 * are on a token; LB_E_NOT_ACTIVE: it is scheduled already; LB_E_SYSTEM: the clock is behind what it was at an earlier change.
 */
LB_MUST_USE int vault_schedule_destroy(struct vault *v, const struct destroy_request *m, uint64_t *ret_at, struct problem *p);
/* It is what it was before, also where it is due and still there. LB_E_VALUE: nothing of it is scheduled; LB_E_DESTROYED. */
LB_MUST_USE int vault_cancel_destroy(struct vault *v, const struct destroy_request *m, struct problem *p);
/*
 * Carries out what is due, if the store is unlocked. What fails is in the log, and is tried again. The system's clock says
 * what is due, and a clock may be wrong for a while: so it has to have said so for VAULT_SETTLE seconds of the machine's
 * running time (destroy-after, where that is shorter).
 */
#define VAULT_SETTLE 3600
void vault_expire(struct vault *v);
/*
 * To be called now and then, also without a change: what is due is destroyed, and uses are written down. Returns when to
 * call it next, in seconds since 1970, at the latest.
 */
#define VAULT_TEND_EVERY 60
#define VAULT_USED_EVERY 3600
uint64_t vault_tend(struct vault *v);
/*
 * Another name. What it had stays its own: handles with it go on, and no other key can get it. LB_E_EXISTS: another key has
 * the new name, or had it.
 */
LB_MUST_USE int vault_rename(struct vault *v, const struct rename_request *m, struct problem *p);
/* A file that a handle of this key was written to, for people who are about to destroy it. */
LB_MUST_USE int vault_note_handle(struct vault *v, const struct handle_note *m, struct problem *p);
/* Those files, as the whole answer to HANDLE_LIST: by the changing thread, because they are in the store alone. */
LB_MUST_USE int vault_handles(struct vault *v, const char *name, uint32_t id, void *buf, size_t size, size_t *ret_len,
                              struct problem *p);
/* allow: adds the operations, else takes them away. LB_E_VALUE: there is nothing to take away. */
LB_MUST_USE int vault_grant(struct vault *v, const struct grant_request *m, bool allow, struct problem *p);
/*
 * The certificate chain of a version, checked against its public half and within itself; an empty one takes away what
 * is there. LB_E_VALUE, LB_E_PUBLIC_KEY.
 */
LB_MUST_USE int vault_cert_set(struct vault *v, const struct chain_request *m, uint32_t *ret_version,
                               struct problem *p);
/* "2026-12-06 12:00:00 UTC", for people. */
#define VAULT_TIME_SIZE 40
void vault_time_text(uint64_t at, char ret[VAULT_TIME_SIZE]);
LB_MUST_USE int vault_seals(struct vault *v, struct seal_record **ret, size_t *ret_count, struct problem *p);
LB_MUST_USE int vault_seal_add(struct vault *v, const struct seal_request *seal, struct problem *p);
LB_MUST_USE int vault_seal_remove(struct vault *v, uint32_t id, struct problem *p);

#endif
