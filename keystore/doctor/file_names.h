/* doctor: the names that a configuration's key files would give their keys. */
#ifndef LB_DOCTOR_FILE_NAMES_H
#define LB_DOCTOR_FILE_NAMES_H

#include "doctor/servers/conf.h"

/* The names, found once for all keys. */
struct file_names;

/* The caller frees them with file_names_free(). NULL: out of memory. */
struct file_names *file_names_new(const struct srvconf *c);
void file_names_free(struct file_names *n);
/* Would another key file than that of key have this name? */
bool file_names_taken(const struct file_names *n, const char *name, const struct srv_key *key);

#endif
