/* doctor: why the dynamic linker does not take a file as the provider's module. */
#ifndef LB_DOCTOR_MODULE_H
#define LB_DOCTOR_MODULE_H

#include "base/errors.h"

/*
 * For a process that may crash, after OpenSSL did not load the provider by the openssl.cnf at that path: OpenSSL does not say why.
 * If the linker does not load the module, p gets its reason, and the cure where the module was built for another OpenSSL than
 * there is here. Else p stays.
 */
void doctor_module_why(const char *conf, struct problem *p);

#endif
