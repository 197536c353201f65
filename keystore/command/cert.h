/* What other commands tell about certificates. */
#ifndef LB_COMMAND_CERT_H
#define LB_COMMAND_CERT_H

#include "command/client.h"
#include "command/table.h"

/* A table with a row for each version of show (or that one, if not 0) that has certificates, or had. */
LB_MUST_USE int cert_overview(struct client *c, const struct key_details *show, uint32_t only, struct table **ret,
                              struct problem *p);
/* Until when the certificate of a version is valid. LB_E_VALUE: it has none. */
LB_MUST_USE int cert_until(struct client *c, const struct key_ref *ref, char ret[RFC3339_SIZE], struct problem *p);
/* Says that this version has no certificate, and how it gets one: LB_E_VALUE. */
int cert_none(const struct client *c, const struct key_info *key, struct problem *p);

#endif
