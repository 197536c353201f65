/* doctor: what of openssl.cnf keeps the provider from being used. */
#ifndef LB_DOCTOR_OPENSSL_H
#define LB_DOCTOR_OPENSSL_H

#include "doctor/report.h"

/* Which providers openssl.cnf activates. */
void doctor_activated(struct doctor *d);
/* Reports a setting of the provider's section that it cannot use; false: there is one, and then no handle works. */
bool doctor_settings_ok(struct doctor *d);
/* Reports default_properties that keep handles, or TLS, from working; false: there are such. */
bool doctor_properties_ok(struct doctor *d);

#endif
