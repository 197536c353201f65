/* Copies of keys in the session, used where signing with the copy was measured to be faster. */
#ifndef LB_TOKEN_COPY_H
#define LB_TOKEN_COPY_H

#include "token/listener.h"
#include "token/object.h"

/*
 * Some tokens keep their objects encrypted or far away, and objects of a session at hand. So a key that signs more than a
 * few times is copied into the session (C_CopyObject with CKA_TOKEN false, all else as it is). Then the signatures that
 * are asked for are made with key and copy in turn, and timed. The copy stays if it is faster beyond noise. If the token
 * refuses to copy, the key itself is used.
 *
 * A copy does not outlive the connection. The key itself is still used once a second: a key that others destroyed must
 * not go on signing.
 */
struct p11_copy; /* of one private object, in one connection; owned by the token */

/* With what one signature is made. */
struct p11_use {
    CK_OBJECT_HANDLE object;
    struct p11_copy *copy;      /* NULL: nothing to be copied */
    bool by_copy;
    unsigned long long began;   /* nanoseconds; 0: not measured */
};

/* All of these run inside a work of p11_do(). */

/* The copy of this private object; name is for the log. NULL: the configuration wants none, or there is no memory. */
struct p11_copy *p11_copy_of(struct p11_session *s, CK_OBJECT_HANDLE object, const struct p11_name *name);
/* What to sign with now: u->object, or a copy of it. */
CK_OBJECT_HANDLE p11_copy_pick(struct p11_session *s, struct p11_use *u);
/* The signature came out as rv. True: it failed because of the copy, and is to be done again. */
LB_MUST_USE bool p11_copy_over(struct p11_session *s, struct p11_use *u, CK_RV rv);
/* The object's handle is stale, so the copy is given up, even if it still signs. NULL is fine. */
void p11_copy_drop(struct p11_session *s, struct p11_copy *c);
/* The object is about to be destroyed. */
void p11_copy_drop_of(struct p11_session *s, CK_OBJECT_HANDLE object);
/* Is this the handle of a copy? Then it is no object of the token. */
bool p11_copy_is(struct p11_session *s, CK_OBJECT_HANDLE h);

/* All copies of a token. LB_E_NOMEM. */
struct p11_copies;
LB_MUST_USE int p11_copies_new(struct p11_copies **ret);
void p11_copies_free(struct p11_copies *all); /* NULL is fine */

/*
 * The login was lost: the token forgot private objects of sessions, so copies are given up. Disconnected: the list is
 * emptied.
 */
extern const struct p11_listener p11_copies_listener;

#endif
