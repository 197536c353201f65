/* What Cryptoki calls its return codes and its mechanisms. */
#ifndef LB_TOKEN_NAMES_H
#define LB_TOKEN_NAMES_H

#include <p11-kit/pkcs11.h>

/* PKCS#11 3.0, which p11-kit 0.24 has but for these. */
#ifndef CKK_EC_MONTGOMERY
#define CKK_EC_MONTGOMERY (0x41UL)
#endif
#ifndef CKM_EC_MONTGOMERY_KEY_PAIR_GEN
#define CKM_EC_MONTGOMERY_KEY_PAIR_GEN (0x1056UL)
#endif

/* "CKR_PIN_INCORRECT". A number that Cryptoki does not have is written into buf. */
#define P11_RV_SIZE 40
const char *p11_rv_name(CK_RV rv, char buf[P11_RV_SIZE]);
/* "CKM_ECDSA" of those that are used here. */
const char *p11_mechanism_name(CK_MECHANISM_TYPE m);

#endif
