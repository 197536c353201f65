/* The table of requests: message, permission, handler. */
#include "box/request.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id_map.h"
#include "base/log.h"
#include "base/memfile.h"
#include "guard/secret.h"
#include "model/chain.h"
#include "protocol/change.h"
#include "protocol/keys.h"
#include "protocol/seals.h"
#include "protocol/status.h"
#include "protocol/token.h"
#include "protocol/use.h"

/*
 * After the first wrong secret the answer waits this long, in milliseconds, and twice as long after each further one.
 */
#define DELAY_FIRST 500
#define DELAY_MAX 32000

#define ANSWER(rq) ((uint16_t)((rq)->header.type | MSG_ANSWER)), (rq)->header.id
#define INTO(rq) (rq)->answer, (rq)->size, &(rq)->answer_len

static int answer_empty(struct request *rq)
{
    return msg_empty_encode(ANSWER(rq), INTO(rq));
}

/* Using keys */

/* The operation knows why, and here is known with which key. */
static int key_refused(struct request *rq, const struct key_ref *key, int code)
{
    struct problem why = rq->problem;

    problem_set(&rq->problem, code, "key '%s' in box '%s': %.300s", key->name, rq->box->conf->box, why.text);
    if (why.hint[0] != '\0')
        problem_hint(&rq->problem, "%s", why.hint);
    return code;
}

/* Only after the policy was asked: whoever may not sign costs the box nothing. */
static int map_text(struct request *rq, struct sign_request *m)
{
    int r;

    if (m->input != INPUT_FILE)
        return !rq->attached ? 0 : problem_set(&rq->problem, LB_E_VALUE, "a file came with a request that needs none");
    r = rq->fd < 0 ? LB_E_VALUE : textfile_map(rq->fd, &m->data);
    if (r == LB_E_TOO_LONG)
        return problem_set(&rq->problem, r, "the text is longer than the %llu bytes that a box signs",
                           (unsigned long long)LB_FILE_MAX);
    if (r == LB_E_VALUE)
        return problem_set(&rq->problem, r, "the text did not come in a sealed memory file");
    if (r != 0)
        return problem_set(&rq->problem, r, "the text cannot be mapped: %s", strerror(errno));
    return 0;
}

static int handle_sign(struct request *rq)
{
    struct livekey *key = NULL;
    struct sign_request m;
    size_t room, len = 0;
    uint8_t *sig = msg_bytes_place(rq->answer, rq->size, &room);
    int r = msg_sign_decode(rq->body, &m);

    if (r != 0)
        return r;
    r = vault_use(rq->box->vault, &m.key, &rq->who, OP_SIGN, &key, &rq->problem);
    if (r != 0)
        return r;
    r = map_text(rq, &m);
    if (r == 0) {
        r = keyop_sign(key, &m, sig, room, &len, &rq->problem);
        if (r != 0)
            r = key_refused(rq, &m.key, r);
        if (m.input == INPUT_FILE)
            textfile_unmap(m.data);
    }
    livekey_unref(key);
    if (r != 0)
        return r;
    atomic_fetch_add_explicit(&rq->box->signatures, 1, memory_order_relaxed);
    return msg_bytes_finish(ANSWER(rq), len, INTO(rq));
}

/* The answer is made where it is sent from, which is secret memory, and no copy of it stays anywhere. */
static int handle_decrypt(struct request *rq)
{
    struct livekey *key = NULL;
    struct decrypt_request m;
    size_t room, len = 0;
    uint8_t *plain = msg_bytes_place(rq->answer, rq->size, &room);
    int r = msg_decrypt_decode(rq->body, &m);

    if (r == 0)
        r = vault_use(rq->box->vault, &m.key, &rq->who, OP_DECRYPT, &key, &rq->problem);
    if (r != 0)
        return r;
    r = keyop_decrypt(key, &m, plain, room, &len, &rq->problem);
    livekey_unref(key);
    if (r != 0) {
        secret_wipe(plain, LB_CIPHERTEXT_MAX);
        return key_refused(rq, &m.key, r);
    }
    atomic_fetch_add_explicit(&rq->box->decryptions, 1, memory_order_relaxed);
    return msg_bytes_finish(ANSWER(rq), len, INTO(rq));
}

static int handle_derive(struct request *rq)
{
    struct livekey *key = NULL;
    struct derive_request m;
    size_t room, len = 0;
    uint8_t *shared = msg_bytes_place(rq->answer, rq->size, &room);
    int r = msg_derive_decode(rq->body, &m);

    if (r == 0)
        r = vault_use(rq->box->vault, &m.key, &rq->who, OP_DERIVE, &key, &rq->problem);
    if (r != 0)
        return r;
    r = keyop_derive(key, &m, shared, room, &len, &rq->problem);
    livekey_unref(key);
    if (r != 0) {
        secret_wipe(shared, LB_SHARED_MAX);
        return key_refused(rq, &m.key, r);
    }
    atomic_fetch_add_explicit(&rq->box->derivations, 1, memory_order_relaxed);
    return msg_bytes_finish(ANSWER(rq), len, INTO(rq));
}

/* Telling */

static int handle_get(struct request *rq)
{
    uint8_t spki[LB_SPKI_MAX];
    struct key_ref ref;
    struct key_info key;
    int r = msg_key_ref_decode(rq->body, &ref);

    if (r == 0)
        r = vault_get(rq->box->vault, &ref, spki, &key, &rq->problem);
    return r != 0 ? r : msg_key_encode(ANSWER(rq), &key, INTO(rq));
}

/*
 * An answer that is made entry by entry: what stands in front of them is known at the end, and written then, with the same
 * length.
 */
struct page {
    struct wire_writer w, start; /* start: where the first entry goes */
    size_t room;                 /* that one entry takes at most */
    unsigned count, most;
    const struct found_token *found; /* of FIND: in front of the first entry */
};

static void page_begin(struct request *rq, struct page *ret, size_t room, unsigned most)
{
    *ret = (struct page){ .room = room, .most = most };
    msg_begin(&ret->w, rq->answer, rq->size, ANSWER(rq));
}

/* Is there room for one more entry? Then it counts. */
static bool page_has_room(struct page *page)
{
    if (page->w.left < page->room || page->count == page->most)
        return false;
    page->count++;
    return true;
}

/* What comes in front: written anew, once all is known. */
static void page_front(struct request *rq, struct wire_writer *ret)
{
    wire_write(ret, (uint8_t *)rq->answer + LB_HEADER_SIZE, rq->size - LB_HEADER_SIZE);
}

/* LIST, TOKEN_LIST: bool more, u16 count. */
static void put_numbers(struct wire_writer *w, bool more, unsigned count)
{
    wire_put_u8(w, more);
    wire_put_u16(w, (uint16_t)count);
}

/* Room that one entry of LIST may take: the longest name and type and the fixed fields. */
#define LIST_ROOM (2 + LB_NAME_MAX + 2 + LB_TYPE_MAX + 4 + 4 + 1 + 1 + 8 + 1)

static bool take_key(const struct key_entry *e, void *arg)
{
    struct page *page = arg;

    if (!page_has_room(page))
        return false;
    msg_list_entry_put(&page->w, e);
    return true;
}

static int handle_list(struct request *rq)
{
    struct wire_writer front;
    struct msg_list m;
    struct page page;
    bool more;
    int r = msg_list_decode(rq->body, &m);

    page_begin(rq, &page, LIST_ROOM, UINT16_MAX);
    put_numbers(&page.w, false, 0);
    if (r == 0)
        r = vault_list(rq->box->vault, m.after, &rq->who, take_key, &page, &more, &rq->problem);
    if (r != 0)
        return r;
    page_front(rq, &front);
    put_numbers(&front, more, page.count);
    return wire_written(&page.w, &rq->answer_len);
}

static int handle_cert_get(struct request *rq)
{
    struct wire_writer w;
    struct key_ref ref;
    int r = msg_key_ref_decode(rq->body, &ref);

    msg_begin(&w, rq->answer, rq->size, ANSWER(rq));
    if (r == 0)
        r = vault_cert_get(rq->box->vault, &ref, &w, &rq->problem);
    return r != 0 ? r : wire_written(&w, &rq->answer_len);
}

/* Room that one entry of FIND may take: the longest name, type, label and id, and the fixed fields. */
#define FIND_ROOM (2 + LB_NAME_MAX + 4 + 2 + LB_TYPE_MAX + 1 + 2 + 2 * (2 + P11_VALUE_MAX))

static bool take_found(const struct found_object *e, void *arg)
{
    struct page *page = arg;

    if (page->count == 0)
        msg_found_put(&page->w, page->found);
    if (!page_has_room(page))
        return false;
    msg_found_entry_put(&page->w, e);
    return true;
}

static int handle_find(struct request *rq)
{
    struct wire_writer front;
    struct found_token found;
    struct msg_find m;
    struct page page;
    int r = msg_find_decode(rq->body, &m);

    page_begin(rq, &page, FIND_ROOM, LB_FOUND_MAX);
    page.found = &found;
    if (r == 0)
        r = vault_find(rq->box->vault, &m.want, &rq->who, take_found, &page, &found, &rq->problem);
    if (r != 0)
        return r;
    page_front(rq, &front);
    msg_found_put(page.count == 0 ? &page.w : &front, &found);
    return wire_written(&page.w, &rq->answer_len);
}

static int handle_cert_find(struct request *rq)
{
    struct wire_writer w;
    struct msg_find m;
    int r = msg_find_decode(rq->body, &m);

    msg_begin(&w, rq->answer, rq->size, ANSWER(rq));
    if (r == 0)
        r = vault_cert_find(rq->box->vault, &m.want, &w, &rq->problem);
    return r != 0 ? r : wire_written(&w, &rq->answer_len);
}

static int handle_token(struct request *rq)
{
    struct token_status *m = malloc(sizeof(*m));
    int r = m == NULL ? LB_E_NOMEM : msg_empty_decode(rq->body);

    if (r == 0)
        r = vault_token(rq->box->vault, m, &rq->problem);
    if (r == 0)
        r = msg_token_encode(ANSWER(rq), m, INTO(rq));
    free(m);
    return r;
}

/* Room that one entry of TOKEN_LIST may take. */
#define TOKEN_LIST_ROOM (2 + LB_NAME_MAX + 2 + LB_TYPE_MAX + 2 * (2 + P11_VALUE_MAX))

static void start_token_keys(void *arg)
{
    struct page *page = arg;

    page->w = page->start;
    page->count = 0;
}

static bool take_token_key(const struct token_key *e, void *arg)
{
    struct page *page = arg;

    if (!page_has_room(page))
        return false;
    msg_token_entry_put(&page->w, e);
    return true;
}

static int handle_token_list(struct request *rq)
{
    struct page page;
    const struct token_key_taker taker = { start_token_keys, take_token_key, &page };
    struct wire_writer front;
    struct msg_token_list m;
    bool more;
    int r = msg_token_list_decode(rq->body, &m);

    page_begin(rq, &page, TOKEN_LIST_ROOM, UINT16_MAX);
    put_numbers(&page.w, false, 0);
    page.start = page.w;
    if (r == 0)
        r = vault_token_list(rq->box->vault, m.from, &taker, &more, &rq->problem);
    if (r != 0)
        return r;
    page_front(rq, &front);
    put_numbers(&front, more, page.count);
    return wire_written(&page.w, &rq->answer_len);
}

static int handle_show(struct request *rq)
{
    struct key_details *show = malloc(sizeof(*show));
    struct msg_name m;
    int r = show == NULL ? LB_E_NOMEM : msg_name_decode(rq->body, &m);

    if (r == 0)
        r = vault_show(rq->box->vault, m.name, show, &rq->problem);
    if (r == 0)
        r = msg_show_encode(ANSWER(rq), show, INTO(rq));
    free(show);
    return r;
}

static struct vault_summary summary(const struct box *b)
{
    struct vault_summary s;

    vault_summary(b->vault, &s);
    return s;
}

static int handle_status(struct request *rq)
{
    struct box *b = rq->box;
    struct vault_summary vault = summary(b);
    struct box_status s = {
        .software = "littlebox " LB_VERSION,
        .lock = (uint8_t)vault.lock,
        .credential = (uint8_t)vault.credential,
        .memory_locked = b->memory.state == SECRETS_ALL_LOCKED,
        .sandbox = (uint8_t)b->sandbox,
        .closed = b->closed,
        .admin = policy_is_admin(b->conf->admins, &rq->who),
        .uid = rq->who.sender.peer.uid,
        .pid = (uint32_t)getpid(),
        .restarts = b->restarts,
        .threads = b->conf->threads,
        .connections = atomic_load(&b->connections),
        .keys = vault.keys,
        .damaged = vault.damaged,
        .started = b->started,
        .signatures = atomic_load(&b->signatures),
        .decryptions = atomic_load(&b->decryptions),
        .derivations = atomic_load(&b->derivations),
        .refusals = atomic_load(&b->refusals),
        .users_mapped = idmap_own()->users_complete,
        .groups_mapped = idmap_own()->groups_complete,
        .overflow_uid = idmap_own()->overflow_uid,
        .overflow_gid = idmap_own()->overflow_gid,
        .memory = (uint8_t)b->memory.state,
        .memory_needed = (uint32_t)(b->memory.needed / 1024),
        .memory_limit = b->memory.limit == SIZE_MAX ? LB_MEMORY_NO_LIMIT : (uint32_t)(b->memory.limit / 1024),
    };
    int r = msg_empty_decode(rq->body);

    snprintf(s.box, sizeof(s.box), "%s", b->conf->box);
    snprintf(s.backend, sizeof(s.backend), "%s", vault.backend);
    return r != 0 ? r : msg_status_encode(ANSWER(rq), &s, INTO(rq));
}

static int handle_opening(struct request *rq)
{
    struct msg_opening_ask m;
    struct box_opening opening;
    int r = msg_opening_ask_decode(rq->body, &m);

    if (r == 0)
        r = vault_opening(rq->box->vault, m.secret, &opening, &rq->problem);
    return r != 0 ? r : msg_opening_encode(ANSWER(rq), &opening, INTO(rq));
}

/* Changing: each leaves a line in the log */

static void log_change(const struct request *rq, const char *what, const char *name, uint32_t version)
{
    if (version == 0)
        log_info("uid %u pid %d: %s '%s'", rq->who.sender.peer.uid, (int)rq->who.sender.peer.pid, what, name);
    else
        log_info("uid %u pid %d: %s '%s' version %u", rq->who.sender.peer.uid, (int)rq->who.sender.peer.pid, what, name, version);
}

static int handle_create(struct request *rq)
{
    uint8_t spki[LB_SPKI_MAX];
    struct create_request m;
    struct key_info key;
    int r = msg_create_decode(rq->body, &m);

    if (r == 0)
        r = vault_create(rq->box->vault, &m, spki, &key, &rq->problem);
    if (r != 0)
        return r;
    log_change(rq, "created key", key.name, key.version);
    return msg_key_encode(ANSWER(rq), &key, INTO(rq));
}

static int handle_import(struct request *rq)
{
    uint8_t spki[LB_SPKI_MAX];
    struct import_request m;
    struct key_info key;
    int r = msg_import_decode(rq->body, &m);

    if (r == 0)
        r = vault_import(rq->box->vault, &m, spki, &key, &rq->problem);
    if (r != 0)
        return r;
    log_change(rq, "imported key", key.name, key.version);
    return msg_key_encode(ANSWER(rq), &key, INTO(rq));
}

static int handle_attach(struct request *rq)
{
    uint8_t spki[LB_SPKI_MAX];
    struct attach_request m;
    struct key_info key;
    int r = msg_attach_decode(rq->body, &m);

    if (r == 0)
        r = vault_attach(rq->box->vault, &m, spki, &key, &rq->problem);
    if (r != 0)
        return r;
    log_change(rq, "attached key", key.name, key.version);
    return msg_key_encode(ANSWER(rq), &key, INTO(rq));
}

static int handle_login(struct request *rq)
{
    struct msg_login m;
    int r = msg_login_decode(rq->body, &m);

    if (r == 0)
        r = vault_login(rq->box->vault, m.pin, &rq->problem);
    if (r != 0)
        return r;
    log_info("uid %u pid %d: gave the PIN of the token", rq->who.sender.peer.uid, (int)rq->who.sender.peer.pid);
    return answer_empty(rq);
}

static int handle_destroy(struct request *rq)
{
    struct destroy_request m;
    int r = msg_destroy_decode(rq->body, &m);

    if (r == 0)
        r = vault_destroy(rq->box->vault, &m, &rq->problem);
    if (r != 0)
        return r;
    log_change(rq, "destroyed key", m.name, m.version);
    return answer_empty(rq);
}

static int handle_schedule(struct request *rq)
{
    char at[VAULT_TIME_SIZE];
    struct destroy_request m;
    struct msg_time answer;
    int r = msg_destroy_decode(rq->body, &m);

    if (r == 0)
        r = vault_schedule_destroy(rq->box->vault, &m, &answer.at, &rq->problem);
    if (r != 0)
        return r;
    vault_time_text(answer.at, at);
    log_change(rq, "scheduled the destruction of key", m.name, m.version);
    log_info("key '%s' is to be destroyed at %s", m.name, at);
    return msg_time_encode(ANSWER(rq), &answer, INTO(rq));
}

static int handle_cancel(struct request *rq)
{
    struct destroy_request m;
    int r = msg_destroy_decode(rq->body, &m);

    if (r == 0)
        r = vault_cancel_destroy(rq->box->vault, &m, &rq->problem);
    if (r != 0)
        return r;
    log_change(rq, "cancelled the destruction of key", m.name, m.version);
    return answer_empty(rq);
}

static int handle_rename(struct request *rq)
{
    struct rename_request m;
    int r = msg_rename_decode(rq->body, &m);

    if (r == 0)
        r = vault_rename(rq->box->vault, &m, &rq->problem);
    if (r != 0)
        return r;
    log_info("uid %u pid %d: renamed key '%s' to '%s'", rq->who.sender.peer.uid, (int)rq->who.sender.peer.pid, m.name, m.to);
    return answer_empty(rq);
}

static int handle_handle_note(struct request *rq)
{
    struct handle_note m;
    int r = msg_handle_note_decode(rq->body, &m);

    if (r == 0)
        r = vault_note_handle(rq->box->vault, &m, &rq->problem);
    return r != 0 ? r : answer_empty(rq);
}

static void take_handle(const char *path, void *arg)
{
    struct page *page = arg;

    wire_put_str(&page->w, path);
    page->count++;
}

static int handle_handle_list(struct request *rq)
{
    struct wire_writer front;
    struct msg_name m;
    struct page page;
    int r = msg_name_decode(rq->body, &m);

    page_begin(rq, &page, /* room= */ 0, UINT16_MAX);
    wire_put_u16(&page.w, 0);
    if (r == 0)
        r = vault_handles(rq->box->vault, m.name, take_handle, &page, &rq->problem);
    if (r != 0)
        return r;
    page_front(rq, &front);
    wire_put_u16(&front, (uint16_t)page.count);
    r = wire_written(&page.w, &rq->answer_len);
    return r == 0 ? 0 : problem_set(&rq->problem, r, "the list of handles cannot be made: %s", lb_strerror(r));
}

static int change_grant(struct request *rq, bool allow)
{
    char ops[OP_NAMES_SIZE];
    struct grant_request m;
    int r = msg_grant_decode(rq->body, &m);

    if (r == 0)
        r = vault_grant(rq->box->vault, &m, allow, &rq->problem);
    if (r != 0)
        return r;
    key_op_names(m.grant.ops, ops);
    log_info("uid %u pid %d: %s %s %u to %s with key '%s'", rq->who.sender.peer.uid, (int)rq->who.sender.peer.pid,
             allow ? "allowed" : "denied", m.grant.kind == SUBJECT_USER ? "uid" : "gid", m.grant.id, ops, m.name);
    return answer_empty(rq);
}

static int handle_allow(struct request *rq)
{
    return change_grant(rq, true);
}

static int handle_deny(struct request *rq)
{
    return change_grant(rq, false);
}

static int handle_cert_set(struct request *rq)
{
    struct wire_reader reader;
    struct chain_request m;
    unsigned count = 0;
    uint32_t version;
    int r = msg_cert_set_decode(rq->body, &m);

    if (r == 0)
        r = chain_read(m.chain, &count, &reader);
    if (r == 0)
        r = vault_cert_set(rq->box->vault, &m, &version, &rq->problem);
    if (r != 0)
        return r;
    log_change(rq, count == 0 ? "removed the certificates of key" : "set the certificates of key", m.name, version);
    return answer_empty(rq);
}

/* The store key and its seals */

static int handle_init(struct request *rq)
{
    struct seal_request m;
    int r = msg_secret_decode(rq->body, &m);

    if (r == 0)
        r = vault_init(rq->box->vault, &m, &rq->problem);
    if (r != 0)
        return r;
    log_change(rq, "made the store with seal", seal_kind_name(m.kind), 0);
    return answer_empty(rq);
}

static int handle_seal_list(struct request *rq)
{
    struct seal_record *seals = NULL;
    struct wire_writer w;
    size_t count = 0;
    int r = msg_empty_decode(rq->body);

    if (r == 0)
        r = vault_seals(rq->box->vault, &seals, &count, &rq->problem);
    if (r != 0)
        return r;
    wire_write(&w, rq->answer, rq->size);
    msg_header_put(&w, ANSWER(rq));
    wire_put_u16(&w, (uint16_t)count);
    for (size_t i = 0; i < count; i++) {
        struct seal_info e = { .id = seals[i].id, .kind = seals[i].kind, .created = seals[i].created };

        memcpy(e.label, seals[i].label, sizeof(e.label));
        msg_seal_entry_put(&w, &e);
    }
    seal_records_free(seals, count);
    return wire_written(&w, &rq->answer_len);
}

static int handle_seal_add(struct request *rq)
{
    struct seal_request m;
    int r = msg_secret_decode(rq->body, &m);

    if (r == 0)
        r = vault_seal_add(rq->box->vault, &m, &rq->problem);
    if (r != 0)
        return r;
    log_change(rq, "added seal", seal_kind_name(m.kind), 0);
    return answer_empty(rq);
}

static int handle_seal_remove(struct request *rq)
{
    struct msg_seal_remove m;
    int r = msg_seal_remove_decode(rq->body, &m);

    if (r == 0)
        r = vault_seal_remove(rq->box->vault, m.id, &rq->problem);
    if (r != 0)
        return r;
    log_info("uid %u pid %d: removed seal %u", rq->who.sender.peer.uid, (int)rq->who.sender.peer.pid, m.id);
    return answer_empty(rq);
}

/* The keeper tells the next child, which would open the store with the credential otherwise. */
static void remember_lock(struct box *b, bool locked)
{
    if (b->keeper.locked(b->keeper.link, locked) != 0)
        log_error("the keeper does not answer");
}

static int handle_lock(struct request *rq)
{
    int r = msg_empty_decode(rq->body);

    if (r != 0)
        return r;
    if (summary(rq->box).lock == LOCK_NO_STORE)
        return vault_no_store(rq->box->vault, &rq->problem);
    remember_lock(rq->box, true);
    vault_lock(rq->box->vault);
    log_info("uid %u pid %d: locked the box", rq->who.sender.peer.uid, (int)rq->who.sender.peer.pid);
    return answer_empty(rq);
}

/*
 * Guessing is slowed down, by waiting before the answer: only this one thread waits, so that signatures go on, and
 * stopping the box ends the wait.
 */
static void delay_after_wrong_secret(struct box *b)
{
    struct pollfd stop = { .fd = b->stop_fd, .events = POLLIN };
    unsigned wrong = vault_wrong_secrets(b->vault);
    int ms = wrong > 7 ? DELAY_MAX : DELAY_FIRST << (wrong == 0 ? 0 : wrong - 1);

    (void)poll(&stop, 1, ms > DELAY_MAX ? DELAY_MAX : ms);
}

static int handle_unlock(struct request *rq)
{
    struct seal_request m;
    int r = msg_secret_decode(rq->body, &m);

    if (r == 0)
        r = vault_unlock(rq->box->vault, m.kind, m.secret, &rq->problem);
    if (r == LB_E_SECRET) {
        log_warning("uid %u pid %d: wrong %s, %u in a row", rq->who.sender.peer.uid, (int)rq->who.sender.peer.pid,
                    seal_kind_name(m.kind), vault_wrong_secrets(rq->box->vault));
        delay_after_wrong_secret(rq->box);
    }
    if (r != 0)
        return r;
    remember_lock(rq->box, false);
    log_info("uid %u pid %d: unlocked the box with a %s", rq->who.sender.peer.uid, (int)rq->who.sender.peer.pid,
             seal_kind_name(m.kind));
    return answer_empty(rq);
}

static const struct request_kind kinds[] = {
    /* type            name           admin  change secret s.ans. fd     handler */
    { MSG_SIGN,        "sign",        false, false, false, false, true,  handle_sign },
    { MSG_DECRYPT,     "decrypt",     false, false, false, true,  false, handle_decrypt },
    { MSG_DERIVE,      "derive",      false, false, false, true,  false, handle_derive },
    { MSG_GET,         "get",         false, false, false, false, false, handle_get },
    { MSG_LIST,        "list",        false, false, false, false, false, handle_list },
    { MSG_SHOW,        "show",        true,  false, false, false, false, handle_show },
    { MSG_STATUS,      "status",      false, false, false, false, false, handle_status },
    { MSG_CERT_GET,    "get certificates", false, false, false, false, false, handle_cert_get },
    { MSG_FIND,        "find",        false, false, false, false, false, handle_find },
    { MSG_CERT_FIND,   "find certificates", false, false, false, false, false, handle_cert_find },
    { MSG_TOKEN,       "token",       false, false, false, false, false, handle_token },
    { MSG_TOKEN_LIST,  "token list",  true,  false, false, false, false, handle_token_list },
    { MSG_OPENING,     "ask what opens the store", true,  false, true,  false, false, handle_opening },
    { MSG_CREATE,      "create",      true,  true,  false, false, false, handle_create },
    { MSG_IMPORT,      "import",      true,  true,  true,  false, false, handle_import },
    { MSG_ATTACH,      "attach",      true,  true,  false, false, false, handle_attach },
    { MSG_DESTROY,     "destroy",     true,  true,  false, false, false, handle_destroy },
    { MSG_DESTROY_SCHEDULE, "schedule destruction", true, true, false, false, false, handle_schedule },
    { MSG_DESTROY_CANCEL, "cancel destruction", true, true, false, false, false, handle_cancel },
    { MSG_RENAME,      "rename",      true,  true,  false, false, false, handle_rename },
    { MSG_HANDLE_NOTE, "note a handle", true, true, false, false, false, handle_handle_note },
    { MSG_HANDLE_LIST, "list handles", true, true,  false, false, false, handle_handle_list },
    { MSG_ALLOW,       "allow",       true,  true,  false, false, false, handle_allow },
    { MSG_DENY,        "deny",        true,  true,  false, false, false, handle_deny },
    { MSG_CERT_SET,    "set certificates", true,  true,  false, false, false, handle_cert_set },
    { MSG_INIT,        "init",        true,  true,  true,  false, false, handle_init },
    { MSG_SEAL_LIST,   "seal list",   true,  true,  false, false, false, handle_seal_list },
    { MSG_SEAL_ADD,    "seal add",    true,  true,  true,  false, false, handle_seal_add },
    { MSG_SEAL_REMOVE, "seal remove", true,  true,  false, false, false, handle_seal_remove },
    { MSG_LOCK,        "lock",        true,  true,  false, false, false, handle_lock },
    { MSG_UNLOCK,      "unlock",      true,  true,  true,  false, false, handle_unlock },
    { MSG_LOGIN,       "login",       true,  true,  true,  false, false, handle_login },
};

const struct request_kind *request_kind(uint16_t type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type == type)
            return &kinds[i];
    }
    return NULL;
}

static void answer_problem(struct request *rq)
{
    /* The buffer has room for the longest text: an encoder that fails here is a defect, and silence would hide it. */
    if (msg_error_encode(MSG_ERROR, rq->header.id, &rq->problem, INTO(rq)) != 0)
        abort();
}

void request_refuse(struct request *rq, int code, const char *text)
{
    problem_set(&rq->problem, code, "%s", text);
    answer_problem(rq);
}

/* Codes that only a decoder gives: what the caller sent is not of the protocol's form. */
static bool breaks_protocol(int code)
{
    return code == LB_E_CUT_OFF || code == LB_E_TRAILING || code == LB_E_TOO_LONG || code == LB_E_VALUE;
}

static void note_refusal(const struct request *rq)
{
    atomic_fetch_add_explicit(&rq->box->refusals, 1, memory_order_relaxed);
    log_caused(rq->who.sender.peer.uid, "refused: %s (pid %d)", rq->problem.text, (int)rq->who.sender.peer.pid);
}

bool request_may(const struct request_kind *kind, struct request *rq)
{
    uid_t uid;

    if (!kind->admin || policy_is_admin(rq->box->conf->admins, &rq->who))
        return true;
    uid = policy_not_admin(rq->box->conf->admins, &rq->who)->uid;
    problem_set(&rq->problem, LB_E_DENIED, "uid %u may not %s in box '%s'", uid, kind->name, rq->box->conf->box);
    if (!idmap_hint(idmap_own(), uid, &rq->problem))
        problem_hint(&rq->problem, "ask an administrator of the box, or see 'admin' in littlebox.conf(5)");
    note_refusal(rq);
    answer_problem(rq);
    return false;
}

bool request_run(const struct request_kind *kind, struct request *rq)
{
    int r;

    rq->answer_len = 0;
    memset(&rq->problem, 0, sizeof(rq->problem));
    if (!request_may(kind, rq))
        return true;
    r = kind->handle(rq);
    /* libcrypto leaves shared secrets of X25519 there. */
    if (kind->secret_answer)
        secret_wipe_stack();
    if (r == 0)
        return true;
    if (r == LB_E_DENIED)
        note_refusal(rq);
    if (rq->problem.code != 0) {
        answer_problem(rq);
        return true;
    }
    problem_set(&rq->problem, r, "%s: %s", kind->name, lb_strerror(r));
    if (r == LB_E_NAME)
        problem_hint(&rq->problem, "a key name is " LB_NAME_RULE);
    answer_problem(rq);
    return !breaks_protocol(r);
}
