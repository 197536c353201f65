/* What 'doctor' finds out: OpenSSL's configuration, and a probe of the provider in a process of its own. */
#ifndef LB_DOCTOR_H
#define LB_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cli.h"
#include "errors.h"
#include "keyname.h"
#include "table.h"

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
};

/* Reads the openssl.cnf that a program run like this one reads. Nothing in it is acted on. */
void doctor_conf_read(struct doctor_conf *ret);

/*
 * The lines that are missing at the end of that openssl.cnf for the plugin to be there; "" when none is. OpenSSL
 * goes on with a section that it has seen, so appending is enough. module NULL: found by name. directory NULL: the
 * usual places. users NULL: what is there will do.
 */
void doctor_conf_lines(const struct doctor_conf *conf, const char *module, const char *directory, const char *users,
                       char ret[DOCTOR_LINES_MAX]);

/* The file that OpenSSL will load as the plugin: given (--module), configured, or in the modules directory. */
void doctor_module_path(const struct doctor_conf *conf, const char *given, char ret[PATH_MAX]);

#define DOCTOR_GROUPS_MAX 256

/* For whom a handle must work: the user that a server's workers run as. */
struct doctor_worker {
    char name[64];
    uid_t uid;
    gid_t gid;
    gid_t groups[DOCTOR_GROUPS_MAX]; /* supplementary */
    int group_count;
    const char *chroot;              /* where it is by then; NULL: nowhere else */
    bool loads;                      /* it reads the key file itself; else whoever calls doctor does, and it signs */
};

/*
 * In a process of its own, which may crash: loads openssl.cnf with the lines added, and with handle (URI or file;
 * NULL: none) makes a signature that the default provider verifies, or agrees with it on a secret. LB_E_CONFIG: the
 * provider is not there then; LB_E_NO_KEY: the handle does not load; LB_E_UNSUPPORTED: it is no handle but a key;
 * LB_E_CRYPTO: no good signature. p tells; after success with a handle its text is what was tried, "signature" or "key
 * agreement". worker NULL: all as the caller; else what the worker does is done with its rights, as a server does it:
 * in another process that the one which loaded the handle has forked. That takes root: LB_E_SYSTEM.
 */
LB_MUST_USE int doctor_probe(const struct doctor_conf *conf, const char *lines, const char *handle,
                             const struct doctor_worker *worker, struct problem *p);

/* The box that a handle names, "" if none: of a URI or a handle file. */
void doctor_handle_box(const char *handle, char ret[LB_NAME_MAX + 1]);

/* One run of the command: what it is about, and what it found so far. */
struct doctor {
    const struct cli *cli;
    struct json json;
    bool failed;
    struct doctor_conf conf;
    char module[PATH_MAX];
    const char *module_line;     /* for 'module =', NULL: OpenSSL finds it by its name */
    const char *directory;       /* for 'littlebox-directory =', NULL: the usual places */
    const char *users;           /* for 'littlebox-users =', NULL: as it is */
    char box[LB_NAME_MAX + 1];   /* the box that is asked */
    char lines[DOCTOR_LINES_MAX];
};

/* UNKNOWN: nobody knows if it is well, so it is not. SKIPPED: it was not asked for. */
enum doctor_verdict { DOCTOR_OK, DOCTOR_FAIL, DOCTOR_UNKNOWN, DOCTOR_SKIPPED };

/* Prints a line of the report, or a JSON object. hint NULL or "": none. */
void doctor_report(struct doctor *d, enum doctor_verdict v, const char *check, const char *hint, const char *fmt, ...)
    LB_PRINTF(5, 6);

struct client;
/* Whether the box of c would open itself at its next start; nothing, if that is not for this caller to know. */
void doctor_next_start(struct doctor *d, struct client *c);

/* The keys in a server's configuration, each with its verdict. False: a usage error was printed. */
bool doctor_server_ok(const struct cli *cli);
void doctor_server(struct doctor *d);

#endif
