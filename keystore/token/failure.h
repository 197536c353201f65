/* Why a call of the module failed, as users are told. */
#ifndef LB_TOKEN_FAILURE_H
#define LB_TOKEN_FAILURE_H

#include "base/errors.h"
#include "token/names.h"

/* A work that has a text of its own sets p and returns this (token/work.h). */
#define P11_TOLD ((CK_RV)CKR_VENDOR_DEFINED | 0x4c42)

/*
 * LB_E_TOKEN with "token 'LABEL': what: CKR_..." and a hint where there is a cure. P11_TOLD: p stays, and its code is
 * returned. label "": the token was not found yet.
 */
int p11_failed(const char *label, const char *what, CK_RV rv, struct problem *p);

#endif
