/* The one way to use a private key: decode, find, admit, open, run, count, record, answer. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include "base/memfile.h"
#include "box/request_priv.h"
#include "keys/key_op.h"
#include "model/scheme.h"
#include "protocol/use.h"

/* The body of a request. Each names its key first. */
union use_body {
    struct key_ref key;
    struct sign_request sign;
    struct decrypt_request decrypt;
    struct derive_request derive;
};
/* The key that is admitted is the key that is used. */
_Static_assert(offsetof(struct sign_request, key) == 0 && offsetof(struct decrypt_request, key) == 0 &&
                   offsetof(struct derive_request, key) == 0,
               "a request names its key first");

/* What is its own of each use. */
struct use_row {
    enum key_op op;
    int (*decode)(struct bytes body, union use_body *ret);
    /*
     * Gets what comes with the request, once that is admitted: so whoever may not use the key costs the box nothing. NULL:
     * nothing comes.
     */
    int (*fetch)(struct request *rq, union use_body *m);
    void (*drop)(union use_body *m);
    /* Writes the answer's bytes into out. The operation says why it fails; which key it was is said here. */
    int (*run)(struct livekey *key, const union use_body *m, uint8_t *out, size_t room, size_t *ret_len, struct problem *p);
    size_t secret; /* if run() fails, so many first bytes of out may hold a secret */
};

/* Signing */

static int decode_sign(struct bytes body, union use_body *ret)
{
    return msg_sign_decode(body, &ret->sign);
}

static int map_text(struct request *rq, union use_body *m)
{
    int r;

    if (m->sign.input != INPUT_FILE)
        return !rq->attached ? 0 : problem_set(&rq->problem, LB_E_VALUE, "a file came with a request that needs none");
    r = rq->fd < 0 ? LB_E_VALUE : textfile_map(rq->fd, &m->sign.data);
    if (r == LB_E_TOO_LONG)
        return problem_set(&rq->problem, r, "the text is longer than the %llu bytes that a box signs",
                           (unsigned long long)LB_FILE_MAX);
    if (r == LB_E_VALUE)
        return problem_set(&rq->problem, r, "the text did not come in a sealed memory file");
    if (r != 0)
        return problem_set(&rq->problem, r, "the text cannot be mapped: %s", strerror(errno));
    return 0;
}

static void unmap_text(union use_body *m)
{
    if (m->sign.input == INPUT_FILE)
        textfile_unmap(m->sign.data);
}

static int run_sign(struct livekey *key, const union use_body *m, uint8_t *out, size_t room, size_t *ret_len, struct problem *p)
{
    return keyop_sign(key, &m->sign, out, room, ret_len, p);
}

/* Decrypting and deriving: the answer is made in secret memory and sent from there, so that no copy of it stays anywhere */

static int decode_decrypt(struct bytes body, union use_body *ret)
{
    return msg_decrypt_decode(body, &ret->decrypt);
}

static int run_decrypt(struct livekey *key, const union use_body *m, uint8_t *out, size_t room, size_t *ret_len,
                       struct problem *p)
{
    return keyop_decrypt(key, &m->decrypt, out, room, ret_len, p);
}

static int decode_derive(struct bytes body, union use_body *ret)
{
    return msg_derive_decode(body, &ret->derive);
}

static int run_derive(struct livekey *key, const union use_body *m, uint8_t *out, size_t room, size_t *ret_len,
                      struct problem *p)
{
    return keyop_derive(key, &m->derive, out, room, ret_len, p);
}

static const struct use_row rows[USE_COUNT] = {
    /*                op          decode          fetch     drop        run          secret */
    [USE_SIGN] =    { OP_SIGN,    decode_sign,    map_text, unmap_text, run_sign,    0 },
    [USE_DECRYPT] = { OP_DECRYPT, decode_decrypt, NULL,     NULL,       run_decrypt, LB_CIPHERTEXT_MAX },
    [USE_DERIVE] =  { OP_DERIVE,  decode_derive,  NULL,     NULL,       run_derive,  LB_SHARED_MAX },
};

/* All of them */

#define NO_TEXT ((struct bytes){ NULL, 0 })

/* Schemes that sign what stands for a text; PKCS#1 without a digest signs any bytes as if they were one (RFC 8017 9.2). */
static bool signs_texts(const struct sign_request *m)
{
    return m->scheme != SCHEME_ED25519PH && m->scheme != SCHEME_ED448PH && (m->scheme != SCHEME_RSA_PKCS1 || m->digest != DIGEST_NONE);
}

/*
 * What is to be signed, where all of it is in the request. Behind a digest that has collisions nobody knows which text was meant:
 * one that a rule allows may have the digest of one that no rule allows.
 */
static struct bytes whole_text(const struct sign_request *m)
{
    if (!signs_texts(m) || m->input != INPUT_TEXT || (m->flags & (SIGN_MU | SIGN_RAW_MESSAGE)) != 0 || m->context_len != 0)
        return NO_TEXT;
    return m->digest == DIGEST_SHA1 || m->digest == DIGEST_MD5_SHA1 ? NO_TEXT : m->data;
}

static int refused(struct request *rq, const struct key_ref *key, int code)
{
    struct problem why = rq->problem;

    problem_set(&rq->problem, code, "key '%s' in box '%s': %.300s", key->name, rq->box->conf->box, why.text);
    if (why.hint[0] != '\0')
        problem_hint(&rq->problem, "%s", why.hint);
    return code;
}

static int run(struct request *rq, const struct use_row *row, struct livekey *key, union use_body *m, size_t *ret_len)
{
    size_t room;
    uint8_t *out = msg_bytes_place(rq->answer, rq->size, &room);
    int r = row->fetch == NULL ? 0 : row->fetch(rq, m);

    if (r != 0)
        return r;
    r = row->run(key, m, out, room, ret_len, &rq->problem);
    if (r != 0 && row->secret > 0)
        secret_wipe(out, row->secret);
    if (r != 0)
        r = refused(rq, &m->key, r);
    if (row->drop != NULL)
        row->drop(m);
    return r;
}

static int use_key(struct request *rq, enum use use)
{
    const struct use_row *row = &rows[use];
    struct used_key key;
    union use_body m;
    size_t len = 0;
    int r = row->decode(rq->body, &m);

    if (r != 0)
        return r;
    r = vault_use(rq->box->vault,
                  &(struct use_wish){ &m.key, &rq->who, row->op, (uint64_t)time(NULL), use == USE_SIGN ? whole_text(&m.sign) : NO_TEXT,
                                      use == USE_DECRYPT && m.decrypt.padding == PADDING_TLS },
                  &key, &rq->problem);
    note_key(rq, key.name[0] != '\0' ? key.name : m.key.name, key.version != 0 ? key.version : m.key.version);
    if (r != 0)
        return r;
    r = run(rq, row, key.live, &m, &len);
    livekey_unref(key.live);
    if (r != 0)
        return r;
    atomic_fetch_add_explicit(&rq->box->uses[use], 1, memory_order_relaxed);
    return msg_bytes_finish(ANSWER(rq), len, INTO(rq));
}

int handle_sign(struct request *rq)
{
    return use_key(rq, USE_SIGN);
}

int handle_decrypt(struct request *rq)
{
    return use_key(rq, USE_DECRYPT);
}

int handle_derive(struct request *rq)
{
    return use_key(rq, USE_DERIVE);
}
