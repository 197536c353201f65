/* A box that test vectors' keys are brought into, and what every reader of vectors asks of it. */
#ifndef LB_TEST_VECTORBOX_H
#define LB_TEST_VECTORBOX_H

#include "crypto.h"
#include "suite.h"

extern struct boxproc box;
/* Library contexts that load littlebox first and default first. */
extern OSSL_LIB_CTX *contexts[2];
extern unsigned ran; /* vectors, in the test that runs */

void vectorbox_begin(void);
void vectorbox_end(void);
/* The context that this vector runs in: they take turns. */
OSSL_LIB_CTX *context_of(void);

/* Brings a key into the box under a new name, and gives its handle; the key is freed. */
EVP_PKEY *in_box(EVP_PKEY *key);
/* The same under a name that is not taken. */
EVP_PKEY *in_box_as(const char *name, EVP_PKEY *key);

/* Says which vector it is, prints OpenSSL's queue, and fails the test. */
void vector_failed(const char *what, unsigned number);

/* Ed25519, Ed448, X25519 and X448 keys. NULL: libcrypto does not take it. */
EVP_PKEY *raw_key(const char *algorithm, const char *hex);
/* EC keys from hexadecimal; d NULL: a public one. NULL: libcrypto does not take them. */
EVP_PKEY *ec_key(const char *group, const char *d, const char *x, const char *y);
/* The same, where the vector does not have the public half: libcrypto can tell it. */
EVP_PKEY *ec_private_key(const char *group, const char *d);

/* -1: it was refused; else whether the secret is that one. */
int agrees(OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_PKEY *peer, const char *expected);

/* Values are kept under these labels until the last of a vector is there. */
#define FIELDS 16
struct fields {
    struct {
        char label[64];
        char *value;
    } f[FIELDS];
};
void field_put(struct fields *f, const char *label, const char *value);
/* NULL: there is none. */
const char *field_get(const struct fields *f, const char *label);
void fields_clear(struct fields *f);

#endif
