/* Private keys in files, in the forms that people have them. */
#ifndef LB_COMMAND_KEY_FILE_H
#define LB_COMMAND_KEY_FILE_H

#include <openssl/evp.h>

#include "command/cli.h"
#include "model/handle.h"

/* Largest file that is looked at, in bytes: a key with long chains of certificates fits easily. */
#define KEYFILE_MAX (256 * 1024)

/* Room for a file as long as it is now, so that few pages are locked; KEYFILE_MAX where that is not known, or it is longer. */
size_t keyfile_room(const char *path);

enum keyfile_form { KEYFILE_PEM, KEYFILE_DER, KEYFILE_PKCS12 };

struct keyfile {
    enum keyfile_form form;
    bool is_handle;
    struct handle handle; /* with is_handle; else zeros */
    EVP_PKEY *key;        /* without is_handle */
    size_t start, end;    /* where the private key's PEM block, lines and all, or the whole DER, is in the data */
};

/*
 * Finds the one private key in len bytes at data; name is what messages call them. The key is PEM (also between certificates)
 * or DER, in PKCS#8 or in a traditional form, encrypted or not, or PKCS#12. Passphrases are asked for as the options in c say.
 * A handle is reported, and not loaded. keyfile_clear() after success. LB_E_NO_KEY: there is no key. LB_E_VALUE: there are
 * several, or it is damaged. LB_E_SECRET: wrong passphrase. Else what ask_passphrase() returns.
 */
LB_MUST_USE int keyfile_parse(const struct cli *c, const char *name, const uint8_t *data, size_t len,
                              struct keyfile *ret, struct problem *p);
void keyfile_clear(struct keyfile *k);

/*
 * What is in a file, as far as that shows without a passphrase. If there are several things, the one that comes last here
 * counts.
 */
enum keyfile_sight {
    KEYFILE_NOTHING,
    KEYFILE_REFERENCE, /* to a key of a token, as pkcs11-provider writes it */
    KEYFILE_HANDLE,
    KEYFILE_DAMAGED,   /* a handle that cannot be read */
    KEYFILE_ENCRYPTED,
    KEYFILE_PLAIN
};
/* Loads no key and asks nobody. *ret is the first handle; the caller clears it in any case. LB_E_NOMEM. */
LB_MUST_USE int keyfile_look(const uint8_t *data, size_t len, enum keyfile_sight *ret_sight, struct handle *ret);

/*
 * The key as DER PrivateKeyInfo into secret memory of LB_PRIVATE_MAX bytes, freed with secret_free().
 * LB_E_TOO_LONG, LB_E_CRYPTO, LB_E_NOMEM, and LB_E_KEY_TYPE for types that a box does not hold.
 */
LB_MUST_USE int keyfile_pkcs8(EVP_PKEY *key, uint8_t **ret, size_t *ret_len, struct problem *p);

#endif
