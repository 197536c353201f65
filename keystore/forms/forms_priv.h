/* The families of forms, a file each, and how they say what a text is. */
#ifndef LB_FORMS_FORMS_PRIV_H
#define LB_FORMS_FORMS_PRIV_H

#include <stdbool.h>

#include "forms/forms.h"

/* A text that has a form. */
struct reading {
    unsigned purpose; /* 0: it has the form, but it is not this key's business */
    const char *what; /* a literal */
};

/*
 * True: the text has a form of that family, to its last byte; *ret says which. False: it has none, and *ret is not written. None
 * leaves anything on OpenSSL's queue behind but for what libcrypto's readers put there: form_of() takes that away.
 */

/* Texts of any bytes. */
bool tls13_read(struct bytes text, const struct form_key *key, struct reading *ret);
bool tls12_exchange_read(struct bytes text, const struct form_key *key, struct reading *ret);
bool tls12_client_read(struct bytes text, const struct form_key *key, struct reading *ret);
bool ssh_read(struct bytes text, const struct form_key *key, struct reading *ret);

/* Texts for which der_is_strict() holds. */
bool request_read(struct bytes text, const struct form_key *key, struct reading *ret);
bool certificate_read(struct bytes text, const struct form_key *key, struct reading *ret);
bool crl_read(struct bytes text, const struct form_key *key, struct reading *ret);
bool ocsp_read(struct bytes text, const struct form_key *key, struct reading *ret);
bool cms_read(struct bytes text, const struct form_key *key, struct reading *ret);

#endif
