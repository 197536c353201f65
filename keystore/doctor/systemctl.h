/* What systemctl(1) says, where systemd runs on this machine. */
#ifndef LB_DOCTOR_SYSTEMCTL_H
#define LB_DOCTOR_SYSTEMCTL_H

#include <stdbool.h>
#include <stddef.h>

#define SYSTEMCTL_PROPERTIES_MAX 20

/*
 * NAME=VALUE lines of the named properties of a unit, and of LoadState, into ret, cut to size. NULL ends properties; those
 * behind the first SYSTEMCTL_PROPERTIES_MAX are left out. False: systemd is not this machine's init, or does not answer.
 */
bool systemctl_show(const char *name, const char *const properties[], char *ret, size_t size);

/* NAME=VALUE lines of systemd's own environment, which all that it starts has. False: nobody answers. */
bool systemctl_environment(char *ret, size_t size);

/* What 'is-enabled' says of a unit: one word, "" for a unit that is not there. False: systemd is not this machine's init. */
bool systemctl_enabled(const char *name, char *ret, size_t size);

#endif
