/* What openssl.cnf says of the provider, and by whose lines. */
#ifndef LB_ACTIVATION_LOOK_H
#define LB_ACTIVATION_LOOK_H

#include <stdbool.h>

#include "activation/conf_file.h"
#include "doctor/config.h"

struct look {
    struct conf_files f;
    bool included;           /* openssl.cnf includes the drop-in */
    bool drop_in_ours;       /* it is there, and 'enable' wrote it */
    struct doctor_conf now;  /* what OpenSSL reads */
    char *bare_text;         /* openssl.cnf without our lines */
    struct doctor_conf bare; /* what OpenSSL would read then */
};

/* LB_E_CONFIG, LB_E_SYSTEM, LB_E_NOMEM. */
LB_MUST_USE int look_read(const struct cli *c, struct look *ret, struct problem *p);
/* Harmless on zeros. */
void look_clear(struct look *l);

/* Does it activate littlebox, and default, or what stands in for that? */
bool look_is_active(const struct doctor_conf *conf);

#endif
