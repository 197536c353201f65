/* What 'doctor' finds out: OpenSSL's configuration, and a probe of the provider in a process of its own. */
#ifndef LB_DOCTOR_H
#define LB_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "errors.h"
#include "keyname.h"

#define DOCTOR_SECTION_MAX 128
#define DOCTOR_LINES_MAX 8192

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
};

/* Reads the openssl.cnf that a program run like this one reads. Nothing in it is acted on. */
void doctor_conf_read(struct doctor_conf *ret);

/*
 * The lines that are missing at the end of that openssl.cnf for the plugin to be there; "" when none is. OpenSSL
 * goes on with a section that it has seen, so appending is enough. module NULL: found by name. directory NULL: the
 * usual places.
 */
void doctor_conf_lines(const struct doctor_conf *conf, const char *module, const char *directory,
                       char ret[DOCTOR_LINES_MAX]);

/* The file that OpenSSL will load as the plugin: given (--module), configured, or in the modules directory. */
void doctor_module_path(const struct doctor_conf *conf, const char *given, char ret[PATH_MAX]);

/*
 * In a process of its own, which may crash: loads openssl.cnf with the lines added, and with handle (URI or file;
 * NULL: none) makes a signature that the default provider verifies, or agrees with it on a secret. LB_E_CONFIG: the
 * provider is not there then; LB_E_NO_KEY: the handle does not load; LB_E_UNSUPPORTED: it is no handle but a key;
 * LB_E_CRYPTO: no good signature. p tells; after success with a handle its text is what was tried, "signature" or "key
 * agreement".
 */
LB_MUST_USE int doctor_probe(const struct doctor_conf *conf, const char *lines, const char *handle,
                             struct problem *p);

/* The box that a handle names, "" if none: of a URI or a handle file. */
void doctor_handle_box(const char *handle, char ret[LB_NAME_MAX + 1]);

#endif
