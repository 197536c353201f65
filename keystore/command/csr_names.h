/* What a certificate request asks for: subject, names and the demand for a stapled status, out of words or of a certificate. */
#ifndef LB_COMMAND_CSR_NAMES_H
#define LB_COMMAND_CSR_NAMES_H

#include <openssl/x509v3.h>
#include <stdbool.h>

#include "base/errors.h"

/* Zeros ask for nothing; csr_names_clear() frees what is set. */
struct csr_names {
    X509_NAME *subject;
    GENERAL_NAMES *names;
    bool must_staple;    /* RFC 7633 */
};

void csr_names_clear(struct csr_names *n);

/*
 * Sets the subject by text, which is "/CN=www.example.org/O=Example": type and value by turns, in UTF-8, as openssl req -subj
 * takes it. '\' before a character takes its meaning, '+' puts two into one RDN, "/" alone is the empty subject. LB_E_VALUE,
 * LB_E_NOMEM.
 */
LB_MUST_USE int csr_names_subject(struct csr_names *n, const char *text, struct problem *p);

/*
 * Sets the names by list, with commas between them: "DNS:www.example.org,IP:192.0.2.1". There are DNS, IP, email and URI; what has
 * no kind is an address if it can be, and else a DNS name. LB_E_VALUE, LB_E_NOMEM.
 */
LB_MUST_USE int csr_names_list(struct csr_names *n, const char *list, struct problem *p);

/* Sets what is not set yet by the certificate. LB_E_VALUE: what it has there cannot be read; LB_E_NOMEM. */
LB_MUST_USE int csr_names_of(struct csr_names *n, X509 *x, struct problem *p);

/* Where there is no subject, makes one of the first DNS name, if that fits into a CN. LB_E_NOMEM. */
LB_MUST_USE int csr_names_complete(struct csr_names *n, struct problem *p);

/* Puts all into the request. LB_E_NOMEM. */
LB_MUST_USE int csr_names_put(const struct csr_names *n, X509_REQ *request, struct problem *p);

#endif
