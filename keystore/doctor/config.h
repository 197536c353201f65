/* doctor: what openssl.cnf says of providers, and the lines that are missing in it. */
#ifndef LB_DOCTOR_CONFIG_H
#define LB_DOCTOR_CONFIG_H

#include <limits.h>
#include <stdbool.h>

#include "model/limits.h"

#define DOCTOR_SECTION_MAX 128
#define DOCTOR_LINES_MAX 8192
#define DOCTOR_USERS_MAX 1200 /* LB_OWNERS_MAX names, and more */

/* What openssl.cnf says. Strings are empty where it says nothing. */
struct doctor_conf {
    char path[PATH_MAX];
    char error[200];                        /* why it could not be read */
    char init[DOCTOR_SECTION_MAX];          /* section that openssl_conf names */
    char providers[DOCTOR_SECTION_MAX];     /* section of the providers */
    char default_section[DOCTOR_SECTION_MAX];
    char littlebox_section[DOCTOR_SECTION_MAX];
    bool default_active;
    bool littlebox_active;
    char module[PATH_MAX];                  /* of the plugin's section */
    char directory[PATH_MAX];               /* littlebox-directory */
    char box[LB_NAME_MAX + 1];              /* littlebox-box */
    char users[DOCTOR_USERS_MAX];           /* littlebox-users */
    char timeout[64];                       /* littlebox-timeout */
    char assume_fips[64];                   /* littlebox-assume-fips */
    bool fips_active, base_active;          /* the providers of these names */
    char properties[DOCTOR_SECTION_MAX];    /* default_properties, as OpenSSL gets them in the end */
};

/* The openssl.cnf of programs that have no OPENSSL_CONF; "" when it is not known. */
void doctor_conf_default(char ret[PATH_MAX]);
/* Reads the openssl.cnf that a program run like this one reads. Nothing in it is acted on. */
void doctor_conf_read(struct doctor_conf *ret);
/* Reads the one at path. NULL: out of memory. */
void doctor_conf_read_file(const char *path, struct doctor_conf *ret);

/*
 * The lines to append to that openssl.cnf so that the plugin is there; "" if nothing is missing. Appending is enough, since
 * OpenSSL goes on with a section that it has seen. module NULL: OpenSSL finds the plugin by its name. directory NULL: the usual
 * places. users NULL: the setting stays.
 */
void doctor_conf_lines(const struct doctor_conf *conf, const char *module, const char *directory, const char *users,
                       char ret[DOCTOR_LINES_MAX]);

/* Do the providers fips and base stand in for the provider 'default', or are they meant to? Then 'default' is of no use. */
bool doctor_conf_fips(const struct doctor_conf *conf);

/* The file that OpenSSL will load as the plugin: given (--module), configured, or in the modules directory. */
void doctor_module_path(const struct doctor_conf *conf, const char *given, char ret[PATH_MAX]);

#endif
