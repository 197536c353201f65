/* The way to a file that programs with rights believe: who could put another one in its place? */
#ifndef LB_DOCTOR_SYSTEM_WAY_H
#define LB_DOCTOR_SYSTEM_WAY_H

#include "doctor/system/audit.h"

/* For way_find_fault(): nobody but root. */
#define WAY_ROOT_ALONE 0

/*
 * Walks path name by name, links too, from the root of a on. Each directory, each link and the file must belong to root or to
 * also, and others must not be able to write to any; a directory that is sticky may be written to, and a group that nobody is
 * in is nobody. With --root the caller counts as root does, who has unpacked an image.
 *
 * 0: it is so. LB_E_DENIED: p says who could change what, and the cure. LB_E_SYSTEM: it cannot be looked at, and p says why;
 * *ret_absent (may be NULL) says if it is not there.
 */
LB_MUST_USE int way_find_fault(const struct audit *a, const char *path, uid_t also, bool *ret_absent, struct problem *p);

/*
 * Reports a fault as FAIL, what cannot be looked at as unknown. True: there is no fault, and the caller says what is well.
 * absent: that is no fault either, and true.
 */
bool way_report(struct audit *a, const char *check, const char *path, uid_t also, bool absent);

#endif
