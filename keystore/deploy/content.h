/* What a server needs of a key: its handle, and the certificates. */
#ifndef LB_DEPLOY_CONTENT_H
#define LB_DEPLOY_CONTENT_H

#include <openssl/evp.h>

#include "command/talk.h"
#include "deploy/deployment.h"

/* Of the current version. Zeros are none. */
struct content {
    char name[LB_NAME_MAX + 1]; /* of the key, which may have had another before */
    uint32_t version;
    EVP_PKEY *key;              /* its public half */
    char *sni;                  /* the first name of a host in its certificate; NULL: there is none */
    BIO *files[DEPLOY_FILES];   /* NULL: those with certificates, where the version has none */
    struct problem no_chain;    /* why */
};

/*
 * Asks the box. The handle pins the public key (model/handle.h), so it never stands for another version than the chain is of; the
 * chain is that of this very version. p is the box's refusal, or LB_E_UNSUPPORTED, LB_E_NOMEM.
 */
LB_MUST_USE int content_get(struct client *c, const char *name, struct content *ret, struct problem *p);
void content_clear(struct content *all);

/* The bytes of a file. LB_E_VALUE: the version has no certificate. */
LB_MUST_USE int content_of(const struct content *all, enum deploy_file file, struct bytes *ret, struct problem *p);

#endif
