/* Copies of keys in the session, where signing with the copy was measured to be faster. */
#ifndef LB_TOKEN_COPY_H
#define LB_TOKEN_COPY_H

#include "token/listener.h"
#include "token/object.h"

/*
 * Some tokens keep their objects encrypted or far away, and objects of a session at hand. So a key that signs more than a
 * few times is copied into the session (C_CopyObject with CKA_TOKEN false, all else as it is), both are timed in turn, by
 * the signatures that are asked for, and the copy stays if it is faster by a tenth. The token may refuse: then the key
 * itself is used, and that is all.
 *
 * A copy lives as long as the connection at most. The key itself is used once a second all the same, so that one that
 * was destroyed by others does not go on signing.
 */
struct p11_copy; /* of one private object, in one connection; owned by the token */

/* One signature: with what it is made. */
struct p11_use {
    CK_OBJECT_HANDLE object;
    struct p11_copy *copy;      /* NULL: nothing to be copied */
    bool by_copy;
    unsigned long long began;   /* nanoseconds; 0: not measured */
};

/* All inside of a work of p11_do(). */

/* Of this private object, known as name. NULL: the configuration wants none, or there is no memory. */
struct p11_copy *p11_copy_of(struct p11_session *s, CK_OBJECT_HANDLE object, const struct p11_name *name);
/* What to sign with now: u->object, or a copy of it. */
CK_OBJECT_HANDLE p11_copy_pick(struct p11_session *s, struct p11_use *u);
/* It came out as rv. True: it was for the copy that it failed, so it is to be done again. */
LB_MUST_USE bool p11_copy_over(struct p11_session *s, struct p11_use *u, CK_RV rv);
/* The object behind it is stale: so is the copy, whether the token thinks so or not. NULL is fine. */
void p11_copy_drop(struct p11_session *s, struct p11_copy *c);
/* The object is about to be destroyed. */
void p11_copy_drop_of(struct p11_session *s, CK_OBJECT_HANDLE object);
/* Whether a handle is a copy's, and so not on the token. */
bool p11_copy_is(struct p11_session *s, CK_OBJECT_HANDLE h);

/* Of a token, all; LB_E_NOMEM. Its copies go where the connection does: with p11_copies_listener. */
struct p11_copies;
LB_MUST_USE int p11_copies_new(struct p11_copies **ret);
void p11_copies_free(struct p11_copies *all); /* NULL is fine */

/* The login was lost: copies that are left are destroyed, since private objects of sessions are gone. Disconnected: all go. */
extern const struct p11_listener p11_copies_listener;

#endif
