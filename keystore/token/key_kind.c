/* Cryptoki's numbers for the kinds of keys that a token holds. */
#include "token/key_kind.h"

/* PKCS#11 3.0, 2.1, 2.3.3, 2.3.5 and 2.3.7 */
static const struct p11_kind kinds[] = {
    [KEY_ON_TOKEN_RSA] = { CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN },
    [KEY_ON_TOKEN_EC] = { CKK_EC, CKM_EC_KEY_PAIR_GEN },
    [KEY_ON_TOKEN_EDWARDS] = { CKK_EC_EDWARDS, CKM_EC_EDWARDS_KEY_PAIR_GEN },
    [KEY_ON_TOKEN_MONTGOMERY] = { CKK_EC_MONTGOMERY, CKM_EC_MONTGOMERY_KEY_PAIR_GEN },
};

const struct p11_kind *p11_kind_of(const struct key_algorithm *a)
{
    return a == NULL || a->on_token == KEY_NOT_ON_TOKEN ? NULL : &kinds[a->on_token];
}

bool p11_kind_is_known(CK_KEY_TYPE type)
{
    for (size_t i = KEY_NOT_ON_TOKEN + 1; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (kinds[i].type == type)
            return true;
    }
    return false;
}
