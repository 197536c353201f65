/* doctor --server: what is said of one private key that a server's configuration names. */
#ifndef LB_DOCTOR_VERDICT_H
#define LB_DOCTOR_VERDICT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "doctor/report.h"
#include "doctor/seen.h"
#include "doctor/servers/servers.h"
#include "doctor/worker.h"

struct wanted;

/* One configuration under examination. */
struct examination {
    struct doctor *d;
    const struct server_program *server;
    struct srvconf conf;
    const char *root;            /* in front of every path that is shown; "" for none */
    bool worker_known;
    struct doctor_worker worker;
    size_t said;                 /* about keys */
    bool usual;                  /* the configuration is where the server looks by itself */
    const struct wanted *wanted; /* about no other; NULL: about all */
};

/* One key of it. */
struct subject {
    const struct srv_key *key;
    const char *check;            /* NULL: "key" */
    const char *uri;              /* of the handle; NULL: there is none */
    char path[2 * PATH_MAX];      /* with the root */
    char text[3 * PATH_MAX + 40]; /* the file or URI, and where that stands */
};

/* Reports what seen is, and what is wrong with it; e->said counts. */
void server_key_verdict(struct examination *e, struct subject *s, const struct seen *seen);

#endif
