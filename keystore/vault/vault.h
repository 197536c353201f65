/* The vault: store, seals, backend and keyring of one box, and every change to them. */
#ifndef LB_VAULT_VAULT_H
#define LB_VAULT_VAULT_H

#include <stdbool.h>

#include "backends/site.h"
#include "base/errors.h"
#include "base/wire.h"
#include "keys/key_op.h"
#include "model/change.h"
#include "model/description.h"
#include "model/vocabulary.h"
#include "policy/caller.h"
#include "policy/policy.h"

/*
 * What a vault needs to know of how its box is set up. A vault copies nothing of it: the caller keeps it, unchanged, as
 * long as the vault is there.
 */
struct vault_settings {
    const char *box;                  /* its name */
    const struct admins *admins;
    struct {
        const char *config, *state, *store; /* BOX.conf, for texts; the box's directory; the store in it */
    } paths;
    const char *credential;           /* the file that opens the store at start, if it is there */
    bool credential_handed;           /* that file is of the service manager, which makes it again at each start */
    unsigned threads;                 /* that ask at once */
    unsigned open_keys;               /* at once */
    unsigned destroy_after;           /* seconds from the order to the destruction of a key */
    struct backend_settings backend;  /* where the private halves are */
};

struct vault;

/*
 * Any number of threads may call the reading functions. Only one thread may call the changing functions (from vault_init
 * on), beside the readers. All put the text of a failure into p. A change that fails has changed nothing, neither in the
 * store nor in memory.
 */
/*
 * Opens the store, if there is one; the vault is locked then. The public halves can be read from now on. *ret is to be
 * closed; it is NULL on failure.
 */
LB_MUST_USE int vault_open(const struct vault_settings *settings, struct vault **ret, struct problem *p);
/*
 * Opens the store without a person: with the configured credential file, if that exists, else with seals that have a place
 * of their own. A secret that does not fit, or that others can get at, is an error in the log and not fatal: the box stays
 * locked, and its status says why.
 */
void vault_try_credential(struct vault *v);
/*
 * From now on the token is connected as soon as the vault is unlocked, which may be at once. So what a module does, even
 * ending this process, meets the system call filter, and a keeper that knows that the box did start. A token whose module
 * has ended so many processes in a row (failures) is left alone for pause milliseconds. settled() is called, by any thread,
 * when that is over. Beside any other function.
 */
void vault_serve(struct vault *v, unsigned failures, unsigned pause, void (*settled)(void));
/* Frees it. NULL is fine. */
void vault_close(struct vault *v);

/* How the vault is, for whoever asks. Beside any other function. */
struct vault_summary {
    enum lock_state lock;
    enum credential_use credential;
    unsigned keys, damaged;
    const char *backend; /* "sealed" */
};
void vault_summary(const struct vault *v, struct vault_summary *ret);
/* How many wrong secrets came in a row. By the changing thread. */
unsigned vault_wrong_secrets(const struct vault *v);
/*
 * Closes the keys of a sealed store that nobody used for after milliseconds; a key is opened again when it is used. now:
 * milliseconds by a clock of the caller's, who calls this again and again. A use counts as made at the time of the last
 * call before it. Beside any other function but vault_open() and vault_close().
 */
void vault_rest(struct vault *v, uint64_t now, uint64_t after);
/* The most bytes that secret_alloc() locks for one vault that so many threads use at once. */
size_t vault_memory(unsigned threads);

/* Who wants to do what with the private key of ref, and when: seconds since 1970. */
struct use_wish {
    const struct key_ref *ref;
    const struct caller *who;
    enum key_op op;
    uint64_t now;
    struct bytes text; /* OP_SIGN: the whole text, if it came in the request; else empty */
    bool tls;          /* OP_DECRYPT: with PADDING_TLS */
};
/* Name and version are set as far as they are known, also for a use that is refused. The name is the key's own. */
struct used_key {
    struct livekey *live;        /* a reference, to be given back with livekey_unref(); NULL: it is refused */
    char name[LB_NAME_MAX + 1];
    uint32_t version;
};
/* LB_E_NO_STORE; else what admit_use() says (policy/admit.h). LB_E_NOMEM, LB_E_DAMAGED: of a key that has to be opened. */
LB_MUST_USE int vault_use(struct vault *v, const struct use_wish *wish, struct used_key *ret, struct problem *p);

/*
 * The public half. ret->spki points into spki_buf (LB_SPKI_MAX bytes). Works while locked. LB_E_NO_STORE, NO_KEY,
 * NO_VERSION, DESTROYED, PUBLIC_KEY, NOT_ACTIVE (the version is to be destroyed).
 */
LB_MUST_USE int vault_get(struct vault *v, const struct key_ref *ref, uint8_t *spki_buf, struct key_info *ret,
                          struct problem *p);
/*
 * Appends the chain of a version to w, in the form of struct chain_request (model/change.h). Refuses as vault_get() does.
 * If the box has no chain for a key on its token, the chain is what is on the token for this public key. The token is asked
 * now and then, without the ring's lock. LB_E_BUSY: half of the threads wait for the token already. LB_E_TOO_LONG: w is
 * full. Else what the site says (certs_read() of backends/site.h).
 */
LB_MUST_USE int vault_cert_get(struct vault *v, const struct key_ref *ref, struct wire_writer *w, struct problem *p);
/*
 * Appends the certificates on the token that a PKCS#11 URI names, in the same form; none, if the URI names another token.
 * LB_E_VALUE: there is neither label nor id in it. LB_E_AMBIGUOUS: there are more than a chain holds. Else as
 * vault_cert_get().
 */
LB_MUST_USE int vault_cert_find(struct vault *v, const struct p11uri *want, struct wire_writer *w, struct problem *p);
/*
 * The objects that a PKCS#11 URI means. With a label or an id in it, those of all keys; else those of the keys that
 * vault_list() would give. If the active version of a key fits, only that one. ret has the token's part before take() gets
 * the first object. take() runs with the keys locked. It returns false if it has no room: then it gets no more, and
 * ret->more is set. LB_E_NO_STORE. LB_E_LOCKED: what the token calls its objects is known only while the box is unlocked.
 */
LB_MUST_USE int vault_find(struct vault *v, const struct p11uri *want, const struct caller *who,
                           bool (*take)(const struct found_object *e, void *arg), void *arg, struct found_token *ret,
                           struct problem *p);
/*
 * The keys behind a name, in the order of their names: all for administrators, the granted ones for others. take() as
 * above; *ret_more: take() had no room for one.
 */
LB_MUST_USE int vault_list(struct vault *v, const char *after, const struct caller *who,
                           bool (*take)(const struct key_entry *e, void *arg), void *arg, bool *ret_more,
                           struct problem *p);
/* What ends before a time, of the keys that vault_list() would give behind m->after. take() and *ret_more as there. */
LB_MUST_USE int vault_expiring(struct vault *v, const struct expiring_request *m, const struct caller *who,
                               bool (*take)(const struct expiring_entry *e, void *arg), void *arg, bool *ret_more,
                               struct problem *p);
/* The processes that used a key since the box was started, as far as they are remembered; at most room. */
LB_MUST_USE int vault_users(struct vault *v, const char *name, struct user_entry *ret, size_t room, size_t *ret_count,
                            struct problem *p);
/*
 * Is there a key with a grant for one of who's ids? Costs one look-up. The answer may change only when
 * vault_grants_changed() does, which costs next to nothing and is never 0.
 */
bool vault_knows(struct vault *v, const struct principal *who);
unsigned vault_grants_changed(const struct vault *v);
LB_MUST_USE int vault_show(struct vault *v, const char *name, struct key_details *ret, struct problem *p);

/* Puts LB_E_NO_STORE into words: no store was made yet, or the store is gone. */
int vault_no_store(const struct vault *v, struct problem *p);

/*
 * Changes that are committed together: from vault_together_begin() to vault_together_end() what creating, importing,
 * renaming, granting, chains and handles change is in one transaction. So all of them wait for the disk once. Until the end
 * nobody sees any of them, in answers about keys too. No other change may be made meanwhile. By the changing thread.
 *
 * False: this vault takes each change alone now, and nothing is begun.
 */
#define VAULT_TOGETHER_MAX 64
bool vault_together_begin(struct vault *v);
/* To be called before each change, VAULT_TOGETHER_MAX times at most. change: what vault_together_end() calls it. */
void vault_together_next(struct vault *v, void *change);
/*
 * The last change failed only because it has to come after those before it: it is to be made again, once they are published.
 * Never after the first change.
 */
bool vault_together_clash(const struct vault *v);
/*
 * Commits, and publishes. On failure every change failed, the store and the keys are as they were at the beginning, and p
 * says why. A change that is stored, and cannot be published for want of memory, fails alone: fail() is called for it.
 */
LB_MUST_USE int vault_together_end(struct vault *v, void (*fail)(void *change, const struct problem *p), struct problem *p);

/* Makes the store with its first seal. The vault is unlocked then. LB_E_EXISTS. */
LB_MUST_USE int vault_init(struct vault *v, const struct seal_request *seal, struct problem *p);
/* LB_E_SECRET: the secret opens no seal of that kind. An open store stays open, and the secret is tried all the same. */
LB_MUST_USE int vault_unlock(struct vault *v, unsigned kind, struct bytes secret, struct problem *p);
/*
 * What the store is open by, and which seals the secret opens. The secret is a credential; with length 0 it is what a start
 * reads from its file, as this process can read it. Opens nothing, changes no store, and waits for no change. Beside any
 * other function. LB_E_NO_STORE, LB_E_NOMEM.
 */
LB_MUST_USE int vault_opening(struct vault *v, struct bytes secret, struct box_opening *ret, struct problem *p);
/* Forgets the store key and all private keys, once the requests under way are finished. */
void vault_lock(struct vault *v);
LB_MUST_USE int vault_create(struct vault *v, const struct create_request *m, uint8_t *spki_buf, struct key_info *ret,
                             struct problem *p);
LB_MUST_USE int vault_import(struct vault *v, const struct import_request *m, uint8_t *spki_buf, struct key_info *ret,
                             struct problem *p);
/* Takes in a key that is on the token already. LB_E_UNSUPPORTED: this box has no token. */
LB_MUST_USE int vault_attach(struct vault *v, const struct attach_request *m, uint8_t *spki_buf, struct key_info *ret,
                             struct problem *p);
/* Gives the token its PIN. LB_E_UNSUPPORTED. */
LB_MUST_USE int vault_login(struct vault *v, struct bytes pin, struct problem *p);
/* What there is to say about the token. LB_E_UNSUPPORTED. */
LB_MUST_USE int vault_token(struct vault *v, struct token_status *ret, struct problem *p);
/*
 * The private keys on the token from that place on. take() as above. The token may be lost in between, and asked again. So
 * start() comes before the first key, each time; keys that were taken before it are to be forgotten. What e points to is
 * gone when take() returns.
 */
struct token_key_taker {
    void (*start)(void *arg);
    bool (*take)(const struct token_key *e, void *arg);
    void *arg;
};
LB_MUST_USE int vault_token_list(struct vault *v, uint32_t from, const struct token_key_taker *taker, bool *ret_more,
                                 struct problem *p);
/*
 * Makes the next version of a key; or gives the one that there is, and *ret_new is false. LB_E_EXISTS: the one that there is is
 * of another type than asked for. LB_E_NOT_ACTIVE: there is no version to roll over from. Else as vault_create().
 */
LB_MUST_USE int vault_roll(struct vault *v, const struct roll_request *m, uint8_t *spki_buf, struct key_info *ret, bool *ret_new,
                           struct problem *p);
/*
 * Makes a version the current one, now or at a time, and sets its chain, in one transaction. The one before goes on for those
 * who pinned it until it has drained. by: the uid that says so. LB_E_NO_VERSION, LB_E_PUBLIC_KEY; LB_E_VALUE: its state does not
 * allow that, or the chain is not of its key.
 */
LB_MUST_USE int vault_activate(struct vault *v, const struct activate_request *m, uint32_t by, struct life_answer *ret,
                               struct problem *p);
/*
 * Makes the version before the current one again; or takes a planned change back. If the key went back already, nothing is
 * changed. LB_E_NO_VERSION: no version before it drains any more.
 */
LB_MUST_USE int vault_back(struct vault *v, const struct back_request *m, uint32_t by, struct life_answer *ret, struct problem *p);
/* An event in the life of a version. LB_E_NO_VERSION; LB_E_VALUE: its state does not allow that. */
LB_MUST_USE int vault_state(struct vault *v, const struct state_request *m, uint32_t by, struct life_answer *ret,
                            struct problem *p);
/* Destroys at once and for good. LB_E_NO_VERSION, LB_E_DESTROYED. */
LB_MUST_USE int vault_destroy(struct vault *v, const struct destroy_request *m, struct problem *p);
/*
 * Schedules a destruction: from now on the version does nothing. It is destroyed at *ret_at, unless that is cancelled
 * before. LB_E_UNSUPPORTED: the keys are on a token. LB_E_NOT_ACTIVE: it is scheduled already. LB_E_SYSTEM: the clock is
 * behind what it was at an earlier change.
 */
LB_MUST_USE int vault_schedule_destroy(struct vault *v, const struct destroy_request *m, uint64_t *ret_at, struct problem *p);
/*
 * Cancels: the version is what it was before, even if it is due but still there. LB_E_VALUE: nothing is scheduled;
 * LB_E_DESTROYED.
 */
LB_MUST_USE int vault_cancel_destroy(struct vault *v, const struct destroy_request *m, struct problem *p);
/*
 * Carries out the destructions that are due, if the store is unlocked. A failure is in the log, and is tried again. The
 * system's clock says what is due. That clock may be wrong for a while, so it must have said so for VAULT_SETTLE seconds of
 * the machine's running time (or for destroy-after, if that is shorter).
 */
#define VAULT_SETTLE 3600
void vault_expire(struct vault *v);
/*
 * To be called now and then, also without a change: destroys what is due, and writes uses down. Returns the
 * milliseconds until the next call, at the latest. VAULT_TEND_EVERY, VAULT_USED_EVERY: seconds.
 */
#define VAULT_TEND_EVERY 60
#define VAULT_USED_EVERY 3600
uint64_t vault_tend(struct vault *v);
/*
 * Gives a key another name. The former name stays the key's own: handles with it go on, and no other key can get it.
 * LB_E_EXISTS: another key has the new name, or had it.
 */
LB_MUST_USE int vault_rename(struct vault *v, const struct rename_request *m, struct problem *p);
/* Notes a file with a handle of this key, for people who are about to destroy the key. */
LB_MUST_USE int vault_note_handle(struct vault *v, const struct handle_note *m, struct problem *p);
/* Gives those files one by one. By the changing thread: they are in the store alone. */
LB_MUST_USE int vault_handles(struct vault *v, const char *name, void (*take)(const char *path, void *arg), void *arg,
                              struct problem *p);
/*
 * What the key is for from now on; PURPOSE_ANY: for anything. *ret_changed: it was something else. Whoever has loaded the key
 * is held to it from the next request on. LB_E_DESTROYED: it has no version any more.
 */
LB_MUST_USE int vault_purpose(struct vault *v, const struct purpose_request *m, bool *ret_changed, struct problem *p);
/* The keys that are for something, as vault_list() gives keys. */
LB_MUST_USE int vault_purposes(struct vault *v, const char *after, const struct caller *who,
                               bool (*take)(const struct purposes_entry *e, void *arg), void *arg, bool *ret_more,
                               struct problem *p);
/* allow: adds the operations. Else takes them away; LB_E_VALUE: there is nothing to take away. */
LB_MUST_USE int vault_grant(struct vault *v, const struct grant_request *m, bool allow, struct problem *p);
/*
 * Sets the certificate chain of a version, checked against its public half and within itself. An empty chain takes away
 * what is there. LB_E_VALUE, LB_E_PUBLIC_KEY.
 */
LB_MUST_USE int vault_cert_set(struct vault *v, const struct chain_request *m, uint32_t *ret_version,
                               struct problem *p);
/*
 * The seals that can be read. A damaged seal is left out, and then p->code is LB_E_DAMAGED with a text (else 0).
 * LB_E_NO_STORE.
 */
LB_MUST_USE int vault_seals(struct vault *v, struct seal_info ret[LB_SEALS_MAX], size_t *ret_count, struct problem *p);
LB_MUST_USE int vault_seal_add(struct vault *v, const struct seal_request *seal, struct problem *p);
LB_MUST_USE int vault_seal_remove(struct vault *v, uint32_t id, struct problem *p);

#endif
