/* Why a call of the module failed, as users are told. */
#include "token/failure.h"

int p11_failed(const char *label, const char *what, CK_RV rv, struct problem *p)
{
    char name[P11_RV_SIZE];

    if (rv == P11_TOLD)
        return p->code;
    problem_set(p, LB_E_TOKEN, "token '%s': %s: %s", label[0] != '\0' ? label : "(not found yet)", what,
                p11_rv_name(rv, name));
    if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED)
        problem_hint(p, "the key on the token was made without the attribute for this (CKA_SIGN, CKA_DECRYPT, CKA_DERIVE)");
    else if (rv == CKR_MECHANISM_INVALID)
        problem_hint(p, "the token, or the key on it (CKA_ALLOWED_MECHANISMS), is not for this mechanism");
    else if (rv == CKR_TOKEN_WRITE_PROTECTED || rv == CKR_SESSION_READ_ONLY)
        problem_hint(p, "the token cannot be written to: make the key with its vendor's tools, then 'littlebox attach'");
    else if (rv == CKR_SESSION_COUNT)
        problem_hint(p, "the token has no sessions left: fewer 'sessions =' in BOX.conf");
    return LB_E_TOKEN;
}
