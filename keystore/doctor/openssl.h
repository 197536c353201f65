/* doctor: what of openssl.cnf keeps the provider from being used. */
#ifndef LB_DOCTOR_OPENSSL_H
#define LB_DOCTOR_OPENSSL_H

#include "doctor/report.h"

/* Reports which providers openssl.cnf activates. */
void doctor_activated(struct doctor *d);
/* Reports a setting that the provider cannot use. False: there is one, and no handle works. */
bool doctor_settings_ok(struct doctor *d);
/* Reports default_properties that keep handles, or TLS, from working. False: there are such. */
bool doctor_properties_ok(struct doctor *d);

#endif
