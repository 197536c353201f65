/* doctor: one run, and the lines that it reports. */
#ifndef LB_DOCTOR_REPORT_H
#define LB_DOCTOR_REPORT_H

#include <limits.h>
#include <stdbool.h>

#include "base/errors.h"
#include "command/cli.h"
#include "command/table.h"
#include "doctor/config.h"
#include "model/key_name.h"

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
    bool conf_failed;            /* openssl.cnf or the module cannot be read, so OpenSSL loads no provider */
    bool conf_ok;                /* with the lines, nothing in openssl.cnf keeps handles from working */
    char key[LB_NAME_MAX + 1];   /* that --handle names; "" for none */
    char lines[DOCTOR_LINES_MAX];
    struct doctor_about about;   /* of what is reported next */
};

/*
 * WARN: well enough to go on, but somebody should decide. UNKNOWN: nobody knows whether it is well, which counts as a failure. SKIPPED: it was not asked
 * for, or there is nothing to look at.
 */
enum doctor_verdict { DOCTOR_OK, DOCTOR_FAIL, DOCTOR_UNKNOWN, DOCTOR_SKIPPED, DOCTOR_WARN };

/* Prints a line of the report, or a JSON object. hint NULL or "": none. */
void doctor_report(struct doctor *d, enum doctor_verdict v, const char *check, const char *hint, const char *fmt, ...)
    LB_PRINTF(5, 6);

/* Was the reason of a probe's failure reported before? Then p's text loses the words which say that no reason is known. */
bool doctor_reason_above(const struct doctor *d, struct problem *p);
/* What is reported next is about this handle; NULL: about none. */
void doctor_about_handle(struct doctor *d, const char *handle);

#endif
