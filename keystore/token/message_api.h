/* PKCS#11 3.0's C_SignMessage: a key's context stays in the session, and a signature is one call. */
#ifndef LB_TOKEN_MESSAGE_API_H
#define LB_TOKEN_MESSAGE_API_H

#include "token/listener.h"
#include "token/work.h"

/*
 * Used with mechanisms of the token that have CKF_MESSAGE_SIGN, and given up for the connection where the token fails to
 * begin: C_SignInit and C_Sign are always there. A context is begun anew after a second, so that a key that was destroyed
 * by others does not go on signing.
 */
struct p11_messages; /* of a token: the functions, and what is known of them in this connection */
/* LB_E_NOMEM. */
LB_MUST_USE int p11_messages_new(struct p11_messages **ret);
void p11_messages_free(struct p11_messages *m); /* NULL is fine */

/*
 * Connected: asks the module for the functions, if a mechanism is for that. The login was lost: contexts so far are not
 * used any more.
 */
extern const struct p11_listener p11_messages_listener;
/* A key is destroyed: the same. */
void p11_message_forget(struct p11_token *t);

/* Inside of a work of p11_do(). */

/* Whether to try, for this mechanism. */
bool p11_message_can(const struct p11_session *s, const CK_MECHANISM *m);
/*
 * One call, if the session has this key's context for this mechanism; else it gets it first. *len: room, then size.
 * P11_NO_MESSAGE: nothing was signed, and this is not the way.
 */
#define P11_NO_MESSAGE ((CK_RV)CKR_VENDOR_DEFINED | 0x4c43)
CK_RV p11_message_sign(struct p11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct bytes in, uint8_t *out,
                       CK_ULONG *len);
/* Before the session is used for an operation of another kind. */
void p11_message_end(struct p11_session *s);

#endif
