/* What is in certificates that signed texts have to agree with. */
#ifndef LB_FORMS_NAMES_PRIV_H
#define LB_FORMS_NAMES_PRIV_H

#include <stdbool.h>

#include "forms/forms.h"

/* RFC 5280 4.1: views into the DER. extensions: what is inside of the SEQUENCE; len 0: none. */
struct tbs {
    struct bytes issuer, subject; /* Name */
    struct bytes spki;            /* SubjectPublicKeyInfo */
    struct bytes extensions;
};

/* The fields of a TBSCertificate, which is der and nothing else; false: it is none. Thread-safe, as all of these. */
bool tbs_fields(struct bytes der, struct tbs *ret);

/*
 * Does a text that names this issuer, and has these extensions, come from the key? Its certificate's subject is the issuer, and has
 * the key identifier that the text names, if both name one (RFC 5280 4.2.1.1). Where no certificate is known: yes.
 */
bool is_issuer(const struct form_key *key, struct bytes name, struct bytes extensions);

/* Is the Name the subject of the key's certificate? Where none is known: yes. */
bool is_subject(const struct form_key *key, struct bytes name);

#endif
