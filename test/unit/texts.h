/* Texts that real software signed, each with what it is: the corpus of test_forms.c, and of test/fuzz/fuzz_forms.c. */
#ifndef TEXTS_H
#define TEXTS_H

#include <openssl/x509.h>

#include "forms/forms.h"

/* A key that records what it signs, and its certificate. */
struct signer {
    EVP_PKEY *plain, *recording;
    X509 *certificate;
    struct form_key key; /* its DER */
};

/* A text that was signed. */
struct text {
    char name[64];
    unsigned purpose; /* what form_of() must say of it */
    unsigned digest;
    struct bytes bytes;
    const struct signer *signer;
};

/* Who signs: made once, and freed by texts_end(). */
enum who { CA, OTHER_CA, LEAF_RSA, LEAF_EC, LEAF_ED25519, LEAF_ED448, CLIENT_RSA, CLIENT_EC, CLIENT_ED25519, WHO_COUNT };
const struct signer *signer(enum who who);

/* All of them; made by the first call. */
const struct text *texts(size_t *ret_count);
void texts_end(void);

/* For who makes them */

/* What was recorded since the last call and signed by that signer is kept, as such; returns how many there are. */
size_t texts_keep(const struct signer *s, unsigned purpose, const char *name);
/* One that was not recorded. */
void texts_add(const struct signer *s, unsigned purpose, unsigned digest, const void *bytes, size_t len, const char *name);
/* What was recorded is forgotten. */
void texts_forget(void);

void texts_of_tls(void);
void texts_of_datagrams(void);
void texts_of_certificates(void);
void texts_of_messages(void);
void texts_of_ssh(void);

/* A certificate for subject's key by issuer, with key identifiers, unsigned; more: an extension as in openssl.cnf, or NULL. */
X509 *texts_certificate(EVP_PKEY *subject, const char *name, const struct signer *issuer, int more, const char *value);

#endif
