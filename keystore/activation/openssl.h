/* littlebox openssl: a function a word. */
#ifndef LB_ACTIVATION_OPENSSL_H
#define LB_ACTIVATION_OPENSSL_H

#include "activation/look.h"

/* These return an exit status, or say why not by p, whose code is set then. */
int openssl_status(const struct cli *c, struct look *l, struct problem *p);
int openssl_enable(const struct cli *c, struct look *l, struct problem *p);
int openssl_disable(const struct cli *c, struct look *l, struct problem *p);

#endif
