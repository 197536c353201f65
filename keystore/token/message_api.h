/* PKCS#11 3.0's C_SignMessage: a key's context stays in the session, and a signature is one call. */
#ifndef LB_TOKEN_MESSAGE_API_H
#define LB_TOKEN_MESSAGE_API_H

#include "token/listener.h"
#include "token/work.h"

/*
 * It is used with mechanisms that have CKF_MESSAGE_SIGN. If the token cannot begin, it is given up for this connection, and
 * C_SignInit and C_Sign are used, which are always there. A context is begun anew after a second: a key that others
 * destroyed must not go on signing.
 */
struct p11_messages; /* of a token: the functions, and what is known of them in this connection */
/* LB_E_NOMEM. */
LB_MUST_USE int p11_messages_new(struct p11_messages **ret);
void p11_messages_free(struct p11_messages *m); /* NULL is fine */

/* Connected: asks the module for the functions, if any mechanism has the flag. The login was lost: forgets contexts. */
extern const struct p11_listener p11_messages_listener;
/* No context that was begun before is used any more: of a key that is destroyed, for one. */
void p11_message_forget(struct p11_token *t);

/* Inside of a work of p11_do(). */

/* Is it worth trying with this mechanism? */
bool p11_message_can(const struct p11_session *s, const CK_MECHANISM *m);
/*
 * Signs in one call if the session has a context of this key and mechanism; else the context is made first. *len: room,
 * then size. P11_NO_MESSAGE: nothing was signed, use C_SignInit and C_Sign.
 */
#define P11_NO_MESSAGE ((CK_RV)CKR_VENDOR_DEFINED | 0x4c43)
CK_RV p11_message_sign(struct p11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct bytes in, uint8_t *out,
                       CK_ULONG *len);
/* Before the session is used for an operation of another kind. */
void p11_message_end(struct p11_session *s);

#endif
