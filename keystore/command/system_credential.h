/* What systemd has for the unit of a box: its user, and the credential that it keeps encrypted (systemd.exec(5)). */
#ifndef LB_COMMAND_SYSTEM_CREDENTIAL_H
#define LB_COMMAND_SYSTEM_CREDENTIAL_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

/*
 * The file that LoadCredentialEncrypted=littlebox:littlebox.BOX of the unit finds at a start. False: there is none, or the
 * machine does not run systemd.
 */
bool systemcred_find(const char *box, char ret[PATH_MAX]);

/*
 * Does the unit have the credential 'littlebox' from elsewhere too, by an absolute path or a value in the unit? True also if that
 * cannot be told.
 */
bool systemcred_elsewhere(const char *box);

/* The user as whom the unit's next start runs the box; false: systemd does not tell, or the unit names none. */
bool systemcred_user(const char *box, char *ret, size_t size);

/*
 * Decrypts the file with systemd-creds(1), as root, into secret_alloc()ed memory of LB_SECRET_MAX bytes. p has one clause and the
 * cure. LB_E_UNSUPPORTED: there is no systemd-creds. LB_E_SECRET: the file does not decrypt, and so systemd will not start the
 * box. LB_E_NOMEM, LB_E_SYSTEM.
 */
LB_MUST_USE int systemcred_read(const char *path, void **ret, size_t *ret_len, struct problem *p);

#endif
