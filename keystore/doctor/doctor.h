/* What 'doctor' finds out: OpenSSL's configuration, and a probe of the provider in a process of its own. */
#ifndef LB_DOCTOR_DOCTOR_H
#define LB_DOCTOR_DOCTOR_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/errors.h"
#include "command/cli.h"
#include "command/client.h"
#include "command/table.h"
#include "model/description.h"
#include "model/key_name.h"
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

/*
 * The lines that are missing at the end of that openssl.cnf for the plugin to be there; "" when none is. OpenSSL
 * goes on with a section that it has seen, so appending is enough. module NULL: found by name. directory NULL: the
 * usual places. users NULL: what is there will do.
 */
void doctor_conf_lines(const struct doctor_conf *conf, const char *module, const char *directory, const char *users,
                       char ret[DOCTOR_LINES_MAX]);

/* The providers fips and base stand in for the provider 'default', or are meant to: it is of no use there. */
bool doctor_conf_fips(const struct doctor_conf *conf);

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

/* DER SubjectPublicKeyInfo. */
struct doctor_public {
    size_t len;
    uint8_t der[LB_SPKI_MAX];
};

/*
 * In a process of its own, which may crash: loads openssl.cnf with the lines added, and with handle (URI or file;
 * NULL: none) makes a signature that the default provider verifies, or agrees with it on a secret. LB_E_CONFIG: the
 * provider is not there then; LB_E_NO_KEY: the handle does not load; LB_E_UNSUPPORTED: it is no handle but a key;
 * LB_E_CRYPTO: no good signature. p tells; after success with a handle its text is what was tried, "signature" or "key
 * agreement". worker NULL: all as the caller; else what the worker does is done with its rights, as a server does it:
 * in another process that the one which loaded the handle has forked. That takes root: LB_E_SYSTEM. ret_public: the public
 * half of what was loaded, len 0 where nothing was; NULL: not wanted.
 */
#define DOCTOR_NO_REASON "no reason given" /* ends a text where OpenSSL says none */
LB_MUST_USE int doctor_probe(const struct doctor_conf *conf, const char *lines, const char *handle,
                             const struct doctor_worker *worker, struct problem *p, struct doctor_public *ret_public);

/* doctor/handle.c */

/* The file that a handle is in, which is a path or a file: URI; NULL: it is another URI. */
const char *doctor_handle_file(const char *handle);
/* LB_E_NO_KEY, and p says what keeps this process from reading it, and the cure. */
LB_MUST_USE int doctor_file_readable(const char *path, struct problem *p);

/* Has the file certificates, and nothing else that OpenSSL or littlebox would read? */
bool doctor_file_certificate(const char *path);

/* The box and the key that a handle names, "" if none: of a URI or a handle file. */
void doctor_handle_key(const char *handle, char ret_box[LB_NAME_MAX + 1], char ret_key[LB_NAME_MAX + 1]);

/* What a check is about, for programs that read the report. NULL: about no such thing. */
struct doctor_about {
    const char *server, *file, *uri, *user;
};

/* One run of the command: what it is about, and what it found so far. */
struct doctor {
    const struct cli *cli;
    struct json json;
    bool failed;
    struct doctor_conf conf;
    const char *conf_unit;       /* whose OPENSSL_CONF conf is, for one "nginx.service"; NULL: the caller's, or none */
    char module[PATH_MAX];
    const char *module_line;     /* for 'module =', NULL: OpenSSL finds it by its name */
    const char *directory;       /* for 'littlebox-directory =', NULL: the usual places */
    const char *users;           /* for 'littlebox-users =', NULL: as it is */
    char box[LB_NAME_MAX + 1];   /* the box that is asked */
    bool conf_failed;            /* its file or the module cannot be read: that is why OpenSSL loads no provider */
    bool conf_ok;                /* nothing in openssl.cnf keeps handles from working once the lines are there */
    char key[LB_NAME_MAX + 1];   /* that --handle names; "" for none */
    char lines[DOCTOR_LINES_MAX];
    struct doctor_about about;   /* of what is reported next */
};

/* UNKNOWN: nobody knows if it is well, so it is not. SKIPPED: it was not asked for. */
enum doctor_verdict { DOCTOR_OK, DOCTOR_FAIL, DOCTOR_UNKNOWN, DOCTOR_SKIPPED };

/* Prints a line of the report, or a JSON object. hint NULL or "": none. */
void doctor_report(struct doctor *d, enum doctor_verdict v, const char *check, const char *hint, const char *fmt, ...)
    LB_PRINTF(5, 6);

/* True: p of a probe has no reason, since that was reported before; then it does not say either that it has none. */
bool doctor_reason_above(const struct doctor *d, struct problem *p);

/* doctor/openssl.c */

/* Which providers openssl.cnf activates. */
void doctor_activated(struct doctor *d);
/* Reports a setting of the provider's section that it cannot use; false: there is one, and then no handle works. */
bool doctor_settings_ok(struct doctor *d);
/* Reports default_properties that keep handles, or TLS, from working; false: there are such. */
bool doctor_properties_ok(struct doctor *d);

/* doctor/box.c: d->box has its socket at path */

/* After nobody answered there. True: it is known why, and was reported. */
bool doctor_box_failed(struct doctor *d, const char *path);
/* After somebody did: reports what will not last, or not hold for every caller. */
void doctor_box_place(struct doctor *d, const char *path);
/* Reports a box of systemd's that does not come back when the machine is started. */
void doctor_box_lasts(struct doctor *d, const char *path);
/* Reports a box that does not see its callers' processes; s is its status. */
void doctor_box_process(struct doctor *d, struct client *c, const struct box_status *s);

/* doctor/next_start.c */

/* Whether the box of c would open itself at its next start; nothing, if that is not for this caller to know. */
void doctor_next_start(struct doctor *d, struct client *c);

/* doctor/worker.c */

/*
 * The user of that name or number, in group ("": its own). bare: without supplementary groups. NULL, or what
 * there is none of: "user", "group".
 */
const char *doctor_worker_find(const char *name, const char *group, bool bare, struct doctor_worker *ret);

/* doctor/server.c */

/* False: a usage error was printed. */
bool doctor_server_ok(const struct cli *cli);
/* The keys in a server's configuration, each with its verdict. */
void doctor_server(struct doctor *d);
/* The servers whose configuration names this handle, or its key: if it works for their workers. */
void doctor_handle_servers(struct doctor *d, const char *handle);
/* What is reported next is about this handle; NULL: about none. */
void doctor_about_handle(struct doctor *d, const char *handle);

#endif
