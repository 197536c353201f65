/* The keys of the hostile module: files, and what OpenSSL does with them in a library context of its own. */
#ifndef BADTOKEN_H
#define BADTOKEN_H

#include <p11-kit/pkcs11.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * A key is DIR/keys/HEXID.LABEL.pem (PrivateKeyInfo). It is a private object, and a public one unless `state no-public 1`.
 * Keys are numbered from 0 in the order in which they were first seen; a number is never used again.
 */
#define BAD_KEYS_MAX 64
#define BAD_VALUE_MAX 2048

int bad_keys_load(void);   /* looks for new files and for files that went; 0, or -1 */
unsigned bad_key_count(void);
bool bad_key_there(unsigned n);
/* The value of an attribute of the private or public object; false: it has none such. */
bool bad_key_attribute(unsigned n, bool private_half, CK_ATTRIBUTE_TYPE type, uint8_t value[BAD_VALUE_MAX], size_t *len);
/* EVP_PKEY_RSA2 and so on in words of PKCS#11: CKK_RSA or CKK_EC. */
CK_KEY_TYPE bad_key_type(unsigned n);
size_t bad_key_signature_size(unsigned n);
/* Signature by CKM_RSA_PKCS, CKM_RSA_PKCS_PSS or CKM_ECDSA. */
CK_RV bad_key_sign(unsigned n, const CK_MECHANISM *m, const uint8_t *data, size_t data_len, uint8_t *sig, size_t *len);
/* CKM_RSA_PKCS, CKM_RSA_PKCS_OAEP or CKM_RSA_X_509. */
CK_RV bad_key_decrypt(unsigned n, const CK_MECHANISM *m, const uint8_t *in, size_t in_len, uint8_t *out, size_t *len);
/* A new key in a file: CKK_RSA of bits, or CKK_EC (P-256). */
CK_RV bad_key_generate(CK_KEY_TYPE type, unsigned bits, const uint8_t *id, size_t id_len, const char *label, unsigned *ret);
CK_RV bad_key_destroy(unsigned n);
/* Those that were made while there was `state unwritten 1` are gone from now on. */
void bad_keys_forget(void);

/*
 * A certificate is DIR/certs/HEXID.LABEL.der: whatever is in the file. Those that are there when bad_certs_load() is
 * called are numbered from 0.
 */
#define BAD_CERTS_MAX 32
unsigned bad_certs_load(void); /* how many there are */
bool bad_cert_attribute(unsigned n, CK_ATTRIBUTE_TYPE type, uint8_t value[BAD_VALUE_MAX], size_t *len);

#endif
