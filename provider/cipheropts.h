/* The options of a decryption: from OSSL_PARAM and back, checked on the way. */
#ifndef LB_CIPHEROPTS_H
#define LB_CIPHEROPTS_H

#include <openssl/core.h>
#include <stddef.h>

#include "model/operation.h"

struct provctx;

struct cipheropts {
    unsigned padding;     /* enum decrypt_padding */
    unsigned digest;      /* of OAEP; DIGEST_NONE: not said */
    unsigned mgf1_digest; /* DIGEST_NONE: the same as digest */
    unsigned client_version, negotiated_version;
    unsigned char *label; /* owned; NULL: empty */
    size_t label_len;
};

/* PKCS#1 v1.5 and nothing else said. What was there is forgotten. */
void cipheropts_init(struct cipheropts *ret);
/* ret is uninitialised. 1, or 0 with an error on the queue, as all that follow. */
int cipheropts_copy(const struct provctx *prov, const struct cipheropts *o, struct cipheropts *ret);
void cipheropts_clear(struct cipheropts *o);

/* An option of an unknown name is refused: it might matter. */
int cipheropts_set(const struct provctx *prov, struct cipheropts *o, const OSSL_PARAM params[]);
int cipheropts_get(const struct cipheropts *o, OSSL_PARAM params[]);
extern const OSSL_PARAM cipheropts_settable[], cipheropts_gettable[];

/* All of a request but key and data; points into o. */
int cipheropts_to_request(const struct provctx *prov, const struct cipheropts *o, struct decrypt_request *ret);

#endif
