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
    UNIT_FILES    /* as it would be loaded from disk: no state, and nothing but what the files say */
};

struct unit {
    enum unit_source source;
    char text[UNIT_TEXT_MAX]; /* NAME=VALUE lines; a list may have several of one name */
};

/*
 * The named properties (at most 20; those of systemctl show, which are settings of the same name in files; NULL ends them)
 * of name, for one "nginx.service". root NULL: this machine's, by systemctl if systemd is its init. Else by the files
 * below root. What cannot be found out is not there.
 */
void unit_read(const char *root, const char *name, const char *const properties[], struct unit *ret);
/* A value, without its newline, into ret; false: it is not there, or empty. The last one of a name counts. */
bool unit_value(const struct unit *u, const char *property, char *ret, size_t size);
bool unit_is(const struct unit *u, const char *property, const char *value);

/* May its processes make sockets of AF_UNIX (RestrictAddressFamilies=, systemd.exec(5))? */
bool unit_allows_unix(const struct unit *u);
/*
 * Is there one word of a list (BindPaths=, Environment=) that begins with this, up to its end or a ':'? *ret, of size bytes,
 * is the last such word. path: what is compared stands behind the first ':' of the word, or is all of it.
 */
bool unit_word(const struct unit *u, const char *property, const char *begins, bool path, char *ret, size_t size);

/*
 * The value that its processes have for an environment variable: of Environment= and EnvironmentFile= (systemd.exec(5); the
 * unit was read with UNIT_ENVIRONMENT among its properties), and of systemd's own environment where it runs. root: that of
 * unit_read(). False: none.
 */
#define UNIT_ENVIRONMENT "Environment", "EnvironmentFile", "EnvironmentFiles"
bool unit_variable(const char *root, const struct unit *u, const char *name, char *ret, size_t size);

/*
 * Is a unit that this machine (root: as above) has started with it? systemd's word for that: "enabled", "disabled", "masked"
 * and so on (systemctl is-enabled), or UNIT_WANTED where another unit than those named in own (NULL ends them) starts it.
 * False: there is no such unit, or no systemd that would.
 */
#define UNIT_WANTED "wanted"
bool unit_enablement(const char *root, const char *name, const char *const own[], char *ret, size_t size);

#endif
