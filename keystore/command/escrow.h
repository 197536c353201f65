/* A key sealed to a passphrase in a file, for the day on which the box is lost: standard PKCS#8, for any openssl(1). */
#ifndef LB_COMMAND_ESCROW_H
#define LB_COMMAND_ESCROW_H

#include <limits.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/errors.h"
#include "command/prompt.h"

/* The file that was made, kept as long as it may have to go again. */
struct escrow {
    char path[PATH_MAX];
    dev_t dev;
    ino_t ino;
    bool there;
};

/*
 * Writes the key to path as PEM "ENCRYPTED PRIVATE KEY" (RFC 5958; PBES2 of RFC 8018 with AES-256-CBC and scrypt, RFC 7914), mode
 * 0600, whole and on the disk or not at all. Then it reads the file back, decrypts it and compares the result with the key; only
 * if they are the same it returns 0. LB_E_EXISTS: path is there already, and stays. LB_E_CRYPTO, LB_E_SYSTEM, LB_E_NOMEM, and
 * what keyfile_pkcs8() returns.
 */
LB_MUST_USE int escrow_make(const char *path, EVP_PKEY *key, const struct passphrase *pass, struct escrow *ret,
                            struct problem *p);
/* Takes the file away again, if it is still the one that was made. Harmless when there is none. */
void escrow_undo(struct escrow *e);

#endif
