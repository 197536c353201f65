/* doctor: a handle that the user or a configuration names. */
#ifndef LB_DOCTOR_HANDLE_H
#define LB_DOCTOR_HANDLE_H

#include <stdbool.h>

#include "base/errors.h"
#include "model/key_name.h"

/* The file that a handle is in, which is a path or a file: URI; NULL: it is another URI. */
const char *doctor_handle_file(const char *handle);
/* LB_E_NO_KEY, and p says what keeps this process from reading it, and the cure. */
LB_MUST_USE int doctor_file_readable(const char *path, struct problem *p);

/* Has the file certificates, and nothing else that OpenSSL or littlebox would read? */
bool doctor_file_certificate(const char *path);

/* The box and the key that a handle names, "" if none: of a URI or a handle file. */
void doctor_handle_key(const char *handle, char ret_box[LB_NAME_MAX + 1], char ret_key[LB_NAME_MAX + 1]);

#endif
