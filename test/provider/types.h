/* The key types of the provider, and a box with a key of each: what the tests walk over. */
#ifndef LB_TEST_TYPES_H
#define LB_TEST_TYPES_H

#include "crypto.h"
#include "suite.h"

struct type {
    const char *key;     /* its name in the box */
    const char *type;    /* of littlebox create */
    const char *name;    /* as OpenSSL calls it */
    const char *digests; /* separated by spaces; NULL: signs whole texts */
};

/* The first TYPES of them are in every OpenSSL 3, and in TLS 1.2 and 1.3. */
#define TYPES 8
#if OPENSSL_VERSION_PREREQ(3, 5)
#define ALL_TYPES (TYPES + 2)
#else
#define ALL_TYPES TYPES
#endif
extern const struct type types[ALL_TYPES];

/* Library contexts that load littlebox first and default first; both live all the time. */
extern OSSL_LIB_CTX *contexts[2];

extern struct boxproc box;

/* Starts the box with its keys and makes the contexts; ends them. */
void types_begin(void);
void types_end(void);

/* Runs a part of a test for each type in both contexts; says which of them failed. */
void each(void (*test)(OSSL_LIB_CTX *libctx, const struct type *t, EVP_PKEY *key, EVP_PKEY *plain));

/* Is the word in a list of words, separated by spaces? */
bool in_list(const char *list, const char *word);

#endif
