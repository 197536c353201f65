/* Texts that real software signed, each with what it is: the corpus of test_forms.c, and of test/fuzz/fuzz_forms.c. */
#ifndef TEXTS_H
#define TEXTS_H

#include <openssl/x509.h>
#include <stdbool.h>

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

/* For who looks at them */

/* What form_of() says, over SHA-256. */
unsigned purpose_of(struct bytes text, const struct form_key *key);
/* The first text of that name; of those of that name, the first of that purpose. There is one. */
const struct text *by_name(const char *name);
const struct text *by_purpose(const char *name, unsigned purpose);
/* A copy that may be changed, with room for 64 octets more, for free(). */
uint8_t *copy_of(const struct text *t);
/* Has it any? In memory of exactly that size, for a sanitizer to see what is read behind it. */
bool is_some_form(const uint8_t *text, size_t len, const struct form_key *key);
/* Expects that purpose of the text with len octets at that place replaced. */
void expect(const struct text *t, size_t at, const void *octets, size_t len, unsigned purpose, unsigned line);
#define EXPECT(t, at, octets, purpose) expect(t, at, octets, sizeof(octets) - 1, purpose, __LINE__)

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
