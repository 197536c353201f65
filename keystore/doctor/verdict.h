/* doctor --server: what is said of one private key that a server's configuration names. */
#ifndef LB_DOCTOR_VERDICT_H
#define LB_DOCTOR_VERDICT_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "doctor/pairs.h"
#include "doctor/probe.h"
#include "doctor/report.h"
#include "doctor/seen.h"
#include "doctor/servers/servers.h"
#include "doctor/worker.h"

struct file_names;
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
    bool begun;                  /* the workers were told of */
    struct pairs *pairs;
    struct file_names *names;    /* that the key files would give their keys */
    bool sums_up;                /* what is well is counted, and told in one line */
    size_t summed;               /* handles that are well */
    size_t keys;                 /* about which there was something to say */
};

/* One key of it. */
struct subject {
    const struct srv_key *key;
    const char *check;            /* NULL: "key" */
    const char *uri;              /* of the handle; NULL: there is none */
    char path[2 * PATH_MAX];      /* with the root */
    char text[3 * PATH_MAX + 40]; /* the file or URI, and where that stands */
    char self[40];                /* the open file, as a path */
};

/* For whom handles are tried, in the words of doctor_probe(). */
const struct doctor_worker *server_other_user(const struct examination *e);
/*
 * The URI or file with which it has to be found out if the key works for the server's workers; NULL: there is nothing to find out.
 * Good as long as s and seen.
 */
const char *server_key_to_try(const struct examination *e, struct subject *s, const struct seen *seen);
/* Reports what seen is, and what is wrong with it; e->said counts. tried: what came of server_key_to_try(); NULL: nothing. */
void server_key_verdict(struct examination *e, struct subject *s, const struct seen *seen, struct doctor_trial *tried);

#endif
