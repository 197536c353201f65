/* What a file has beside its content, owner and mode. */
#ifndef LB_BASE_FILE_ATTRIBUTES_H
#define LB_BASE_FILE_ATTRIBUTES_H

#include "base/errors.h"

/*
 * Gives the file "to" the extended attributes of the file "from", ACLs among them; path is for texts. A label that the system sets
 * itself (SELinux) need not be copied. LB_E_SYSTEM, LB_E_NOMEM.
 */
LB_MUST_USE int file_attributes_copy(int from, int to, const char *path, struct problem *p);

#endif
