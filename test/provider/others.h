/* Things of others that are read from files: plain keys, parameters, certificates, rubbish. */
#ifndef LB_TEST_OTHERS_H
#define LB_TEST_OTHERS_H

#include <openssl/evp.h>

struct blob {
    const char *name;
    uint8_t *data;
    size_t len;
};

/* Makes them in a library context that does not know littlebox. */
void others_begin(OSSL_LIB_CTX *libctx);
void others_end(void);

/* All of them, one after the other; NULL: no more. */
const struct blob *others_blob(size_t i);

/* PKCS#8 PEM of a plain key of the type of that row of types[], by its name; "other": of one more key. */
const char *others_key_pem(const char *key);
/* That key itself; it stays theirs. */
const EVP_PKEY *others_key(const char *key);
/* PEM: C a certificate, R a CRL, D DH parameters, P EC parameters, E an encrypted key; NULL: another letter. */
const char *others_pem(char part);

/* Gives "secret". */
int others_passphrase(char *buf, int size, int rwflag, void *arg);

/* A file with that content, always the same one: its name is good until the next call. Gone with others_end(). */
const char *others_file(const struct blob *b);

#endif
