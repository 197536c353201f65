/* The files that a unit is made of (systemd.unit(5)), for a machine or an image where systemd does not run. */
#ifndef LB_DOCTOR_UNIT_FILES_H
#define LB_DOCTOR_UNIT_FILES_H

#include <stdbool.h>
#include <stddef.h>

/*
 * NAME=VALUE lines of the named settings of a unit, of its file and its drop-ins below root (NULL: this machine's), into
 * ret, which has size bytes: what does not fit is left out. A list has one line a setting. NULL ends properties. False: the
 * unit has no file.
 */
bool unit_files_read(const char *root, const char *name, const char *const properties[], char *ret, size_t size);

/* Is there one of the links that 'systemctl enable' makes for the unit? */
bool unit_files_linked(const char *root, const char *name);

#endif
