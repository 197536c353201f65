/* doctor: a handle that the user or a configuration names. */
#ifndef LB_DOCTOR_HANDLE_H
#define LB_DOCTOR_HANDLE_H

#include <stdbool.h>

#include "base/errors.h"
#include "model/key_name.h"

/* The file of a handle that is a path or a file: URI; NULL: the handle is another URI. */
const char *doctor_handle_file(const char *handle);
/* Can this process read the file? LB_E_NO_KEY: no, and p has the reason and the cure. */
LB_MUST_USE int doctor_file_readable(const char *path, struct problem *p);

/* Has the file certificates, and nothing else that OpenSSL or littlebox would read? */
bool doctor_file_certificate(const char *path);

/* The box and the key that a handle, a URI or a file, names; "" for what it does not name. */
void doctor_handle_key(const char *handle, char ret_box[LB_NAME_MAX + 1], char ret_key[LB_NAME_MAX + 1]);

#endif
