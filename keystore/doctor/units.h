/* What systemd knows of a unit: by systemctl(1) where systemd runs, else by the files that the unit is made of. */
#ifndef LB_DOCTOR_UNITS_H
#define LB_DOCTOR_UNITS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

#define UNIT_TEXT_MAX 16384

enum unit_source {
    UNIT_UNKNOWN, /* no systemd, and no file */
    UNIT_SYSTEMD, /* as loaded, with its state */
    UNIT_FILES    /* as it would be loaded from disk: only what the files say, and no state */
};

struct unit {
    enum unit_source source;
    char text[UNIT_TEXT_MAX]; /* NAME=VALUE lines; a list may have several of one name */
};

/*
 * Reads the named properties of a unit, such as "nginx.service". Properties are those of systemctl show, which files have
 * as settings of the same names; at most 20, and NULL ends them. With root NULL systemctl is asked, if systemd is this
 * machine's init; else the files below root are read. A property that cannot be found out is left out of ret.
 */
void unit_read(const char *root, const char *name, const char *const properties[], struct unit *ret);
/* The last value of that name, without its newline, into ret. False: there is none, or it is empty. */
bool unit_value(const struct unit *u, const char *property, char *ret, size_t size);
bool unit_is(const struct unit *u, const char *property, const char *value);

/* May its processes make sockets of AF_UNIX (RestrictAddressFamilies=, systemd.exec(5))? */
bool unit_allows_unix(const struct unit *u);
/*
 * Does a list (BindPaths=, Environment=) have a word that begins with this? *ret, of size bytes, is the last such word.
 * path: the word is a path, and must end there or have a ':' there. If there is a ':' in the word, what is behind the first
 * one is compared.
 */
bool unit_word(const struct unit *u, const char *property, const char *begins, bool path, char *ret, size_t size);

/*
 * The value of an environment variable in the unit's processes. It comes from Environment= and EnvironmentFile=
 * (systemd.exec(5)), or from systemd's own environment, if systemd runs. The unit must have been read with UNIT_ENVIRONMENT
 * among its properties. root: as given to unit_read(). False: there is none.
 */
#define UNIT_ENVIRONMENT "Environment", "EnvironmentFile", "EnvironmentFiles"
bool unit_variable(const char *root, const struct unit *u, const char *name, char *ret, size_t size);

/*
 * Does the unit start when the machine does? ret is systemd's word for that: "enabled", "disabled", "masked" and so on
 * (systemctl is-enabled), or UNIT_WANTED if a unit starts it that is not named in own (NULL ends them). root: as given to
 * unit_read(). False: there is no such unit, or no systemd.
 */
#define UNIT_WANTED "wanted"
bool unit_enablement(const char *root, const char *name, const char *const own[], char *ret, size_t size);

#endif
