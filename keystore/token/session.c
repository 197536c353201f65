/* One session with a token. */
#include "token/session.h"

CK_RV p11_session_open(struct p11_session *s, CK_SLOT_ID slot)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_RV rv = P11_CALL(&s->call, C_OpenSession, slot, flags, NULL, NULL, &s->h);

    if (rv == CKR_TOKEN_WRITE_PROTECTED)
        rv = P11_CALL(&s->call, C_OpenSession, slot, CKF_SERIAL_SESSION, NULL, NULL, &s->h);
    s->open = rv == CKR_OK;
    return rv;
}
