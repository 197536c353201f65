/* What vault/vault.c and vault/change.c share. */
#ifndef LB_VAULT_VAULT_PRIV_H
#define LB_VAULT_VAULT_PRIV_H

#include <pthread.h>
#include <stdatomic.h>

#include "backends/backend.h"
#include "policy/admit.h"
#include "store/store.h"
#include "vault/box_clock.h"
#include "vault/keyring.h"
#include "vault/users.h"
#include "vault/vault.h"

/* A change that is in the store's transaction, and not on disk yet. */
struct pending {
    struct boxkey *old;  /* in the ring as long; NULL: next is new */
    struct boxkey *next; /* nobody else sees it */
    void *change;
};

/* Changes that are committed together (vault_together_begin()). By the changing thread. */
struct together {
    bool on;
    bool clash;     /* the last change has to wait for those before it */
    size_t begun;   /* changes */
    void *change;   /* whose the next pending ones are */
    size_t count;
    struct pending pending[VAULT_TOGETHER_MAX];
};

struct vault {
    const struct vault_settings *conf;
    struct store *store;          /* NULL: none made yet */
    const struct backend_ops *ops;
    struct backend_sealed *sealer; /* the store key; NULL: locked */
    void *backend;                /* of ops; NULL: locked */
    void *site;                   /* of ops->site: from vault_open() on */
    struct keyring ring;
    struct users *users;          /* who used what */
    struct p11uri token;          /* as PKCS#11 URIs name it; of a token, what is known while locked. By the ring's lock */
    atomic_int lock;              /* enum lock_state */
    atomic_bool by_credential;
    atomic_bool credential_refused; /* the file is there, but could not be read or opens no store */
    atomic_uint keys, damaged;
    unsigned wrong_secrets;       /* in a row */
    /* What vault_opening() looks at, beside the changing thread: the store's seals as that thread knows them. */
    struct {
        pthread_mutex_t lock;
        uint8_t how, kind;        /* what the store is open by: enum opened_how, enum seal_kind; zeros: it is not */
        uint32_t seal;
        struct store *store;
        struct seal_record *seals;
        size_t seal_count;
    } opened;
    atomic_bool serving;          /* vault_serve() was called */
    atomic_uint certs_wanted;     /* threads that may be waiting for the token because of certificates */
    uint64_t next_destroy;        /* when the next destruction is due; UINT64_MAX: none is scheduled. The changing thread's */
    uint64_t next_life;           /* when the next version becomes current or is deactivated. Likewise */
    struct box_clock clock;       /* the changing thread looks, and any thread reads */
    struct clock_step step;       /* by which times are still to be moved. The changing thread's */
    bool told_to_wait;            /* the log says that this waits for the clock. Likewise */
    uint64_t settles_at;          /* when the first due key has been due for long enough, by running time. Likewise */
    struct together together;
    uint64_t used_written;        /* when the last uses were written last. Likewise */
};

/* The store key is there: makes the backend, and opens every version. */
LB_MUST_USE int vault_opened(struct vault *v, const uint8_t *store_key, struct problem *p);
/*
 * Gives keys of the old form the new one, in one transaction, in the store and in memory: all keys that authenticate. A
 * damaged key stays as it is. A failure is in the log, and the keys go on as they are. By the changing thread, before
 * others can use the keys.
 */
void vault_bring_up(struct vault *v);
/* From now on the store is open by this seal. By the changing thread. */
void vault_note_opened(struct vault *v, enum opened_how how, unsigned kind, uint32_t seal);
/* The store has these seals from now on; a seal that cannot be read is in the log. By the changing thread. */
void vault_note_seals(struct vault *v);
/*
 * The store is open by this secret. Notes whether the box will come back unlocked by itself: the credential file holds the
 * same secret, or the secret is at a place that a seal of this kind keeps.
 */
void vault_note_credential(struct vault *v, unsigned kind, struct bytes secret);
/*
 * Opens version i of k, which is closed, and gives a reference. With the ring's lock held and the vault unlocked.
 * LB_E_DAMAGED, LB_E_NOMEM.
 */
LB_MUST_USE int vault_open_version(struct vault *v, struct boxkey *k, size_t i, struct livekey **ret, struct problem *p);
/* Makes a live key of what the backend gave for rec, with what the token calls it. Takes over key. NULL: out of memory. */
struct livekey *vault_livekey(struct vault *v, const struct version_record *rec, EVP_PKEY *key);
/*
 * Certificates of version i of k, for answers that ask the token nothing; certs is of vault_certs(). The first: has the
 * version any, or may it have some, since the token was not asked yet? The second: how many are known.
 */
bool vault_may_be_certified(const struct vault *v, const struct p11_certs *certs, const struct boxkey *k, size_t i);
unsigned vault_count_certificates(const struct vault *v, const struct p11_certs *certs, const struct boxkey *k, size_t i);
/*
 * The certificates that are known to be on the token, a reference; NULL: nothing is known. ask: the token may be asked, if
 * it is there; then the ring's lock is not held.
 */
struct p11_certs *vault_certs(struct vault *v, bool ask);
void vault_certs_unref(const struct vault *v, struct p11_certs *certs); /* NULL is fine */
/* Does want mean the box's token? token is what is known of that. */
bool vault_is_the_token(const struct vault *v, const struct p11uri *want, const struct p11uri *token);
/* Notes what the backend says of its token (token_of()), which is there: the vault is unlocked. */
void vault_token_uri(const struct vault *v, struct p11uri *ret);
/* Version i of k as an answer. */
void vault_describe(const struct vault *v, const struct boxkey *k, size_t i, uint8_t *spki_buf, struct key_info *ret);

/*
 * Gathers what the rules look at, of k (NULL: there is no such key) and the version that ref means. Returns the version's
 * place, 0-based, or -1. The caller fills in who asks what, and when. With the lock held, or by the changing thread.
 */
int vault_admission(const struct vault *v, const struct boxkey *k, const struct key_ref *ref, struct admission *ret);
/*
 * Finds the version that ref means, for questions about its public half: not damaged, and in any state but destroyed.
 * Returns its place, 0-based, or refuses. With the lock held, or by the changing thread.
 */
LB_MUST_USE int vault_pick_version(const struct vault *v, const struct boxkey *k, const struct key_ref *ref,
                                   struct problem *p);

/* Changes, by the changing thread alone. A new record is prepared, stored in one transaction, and then published. */
/*
 * Publishes next, which was stored, in the place of old (NULL: next is new); or, where changes are committed together, keeps
 * it for the end of that. On success next belongs to the vault, on failure to the caller. LB_E_NOMEM.
 */
LB_MUST_USE int vault_publish(struct vault *v, struct boxkey *old, struct boxkey *next, struct problem *p);
/*
 * Refuses a change that is to wait for those before it, where changes are committed together: vault_together_clash() then.
 * The first: it takes long. The second: a change before it was about a key that has or had this name, and the ring does not
 * say so yet. Every change asks for each name before it looks that up.
 */
LB_MUST_USE int vault_together_alone(struct vault *v, struct problem *p);
LB_MUST_USE int vault_together_name(struct vault *v, const char *name, struct problem *p);
/* Refuses a change while the store is not open. LB_E_NO_STORE, LB_E_LOCKED. */
LB_MUST_USE int vault_check_open(const struct vault *v, struct problem *p);
/* The key of that name, of an open store. LB_E_NO_KEY. LB_E_EXISTS: the name is a former name of another key. */
LB_MUST_USE int vault_find_to_change(struct vault *v, const char *name, struct boxkey **ret, struct problem *p);
/*
 * Puts next, whose metadata or grants are new, in the place of old. Each version is the same key, bound to its new record,
 * in one transaction. Open versions that go on stay open. On success next belongs to the ring. On failure next is the
 * caller's and nothing is changed, but for one case: LB_E_NOMEM after next was stored, of which p tells.
 */
LB_MUST_USE int vault_replace(struct vault *v, struct boxkey *old, struct boxkey *next, struct problem *p);
/* Makes version i of next, whose metadata or grants are new, of what old has: the same key, bound to the new record. */
LB_MUST_USE int vault_rebind(struct vault *v, const struct boxkey *old, struct boxkey *next, size_t i, struct problem *p);
/* Keeps the live halves of versions that go on: same version, same key, neither destroyed nor to be. */
void vault_keep_live(struct vault *v, struct boxkey *old, struct boxkey *next);
/*
 * Stores next with put, and puts next in the place of old (NULL: next is new). On success next belongs to the vault, on
 * failure to the caller. *ret_stored (ret_stored may be NULL): next is in the store, whatever came then.
 */
typedef int store_put_fn(struct store *s, const struct key_record *k, struct problem *p);
LB_MUST_USE int vault_put(struct vault *v, store_put_fn *put, struct boxkey *old, struct boxkey *next, bool *ret_stored,
                          struct problem *p);
/*
 * Puts the chain (in the form of struct chain_request) in place of what version i of next has, checked against the public
 * half and within itself. An empty chain takes that away. LB_E_VALUE, LB_E_PUBLIC_KEY.
 */
LB_MUST_USE int vault_put_chain(struct vault *v, struct boxkey *next, size_t i, struct bytes chain, struct problem *p);
/* Refuses a name that no key has. LB_E_EXISTS: a key had it, and the name still means that key; else LB_E_NO_KEY. */
LB_MUST_USE int vault_other_name(struct vault *v, const char *name, struct problem *p);

/* What changes a life, and when: seconds since 1970. */
struct life_act {
    bool by_known; /* false: the box itself */
    uint32_t by;   /* uid */
    uint64_t at;
};
/* Version i of a key that is not published yet becomes current as it was planned, and the one before drains from at on. */
void vault_turn_planned(struct boxkey *k, size_t i, uint64_t at);
/* The place of the version that ref means, 0-based; -1: there is none. With the lock held, or by the changing thread. */
int vault_find_version(const struct boxkey *k, const struct key_ref *ref);
/* The key and the version that ref means, of an open store and whole. LB_E_NO_KEY, LB_E_NO_VERSION, LB_E_PUBLIC_KEY, LB_E_DAMAGED. */
LB_MUST_USE int vault_version_to_change(struct vault *v, const struct key_ref *ref, struct boxkey **ret, size_t *ret_i,
                                        struct problem *p);
/* Refuses an event that the version's state does not allow: LB_E_VALUE. */
int vault_refuse_event(const struct vault *v, const struct version_record *rec, unsigned event, struct problem *p);
/* When the version changes its state by itself, but for its destruction; UINT64_MAX: it does not. */
uint64_t life_due_at(const struct version_record *rec);
/* The time that the box goes by, to be written down. Looks at the system's clock, and the log tells what it did. By the changing thread. */
uint64_t vault_now(struct vault *v);
/* The latest time at which a key that authenticates was changed; 0: there is none. */
uint64_t vault_latest_change(const struct vault *v);
/* Looks what time the box has seen: when the store was opened. */
void vault_note_clock(struct vault *v);
/* Makes versions current and deactivates those that are due, if the store is unlocked. A failure is in the log, and is tried again. */
void vault_age(struct vault *v);

/* Computes anew when the next destruction is due: after a change of schedules, and when the keys were read. */
void vault_note_schedules(struct vault *v);
/* Reads what is remembered of uses, when the keys were read. */
void vault_read_used(struct vault *v);
/* Writes the new uses; a failure is in the log. */
void vault_write_used(struct vault *v);
/* Notes that version i of k was used now. Any number of threads. */
void vault_note_use(struct boxkey *k, size_t i, uint64_t now);

/* Sets what a key that is not published yet is for. LB_E_NOMEM. */
LB_MUST_USE int vault_set_purposes(struct boxkey *next, uint16_t purposes, struct problem *p);

/* Refusals: each sets p and returns its code. */
int vault_locked(const struct vault *v, struct problem *p);
int vault_no_key(const struct vault *v, const char *name, struct problem *p);
/* Refuses rec, whose destruction is scheduled: LB_E_NOT_ACTIVE. whole: all that is left of the key is scheduled. */
int vault_scheduled(const struct vault *v, const struct version_record *rec, bool whole, struct problem *p);
/*
 * Refuses a damaged key: LB_E_DAMAGED. LB_E_UNSUPPORTED: it is whole, but has a policy of a kind that this littlebox does
 * not know. With the ring's lock held, or by the changing thread.
 */
int vault_damaged(const struct vault *v, const char *name, uint32_t version, struct problem *p);

#endif
