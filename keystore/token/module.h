/* A PKCS#11 module in this process: whether it may be loaded, and loading it. */
#ifndef LB_TOKEN_MODULE_H
#define LB_TOKEN_MODULE_H

#include <p11-kit/pkcs11.h>

#include "base/errors.h"
#include "token/settings.h"

/*
 * Checks that the configuration lets this file in (where it really is, who can write to it) and loads it. It stays loaded
 * as long as the process lives: what a module started in here may not outlive its code. LB_E_CONFIG, LB_E_TOKEN.
 */
LB_MUST_USE int p11_module_load(const struct p11conf *conf, CK_FUNCTION_LIST **ret, struct problem *p);

#endif
