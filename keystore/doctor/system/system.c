/* littlebox doctor --system: what somebody who examines this machine would look at. */
#include <errno.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/system/audit.h"

/* In the order in which one thing says how bad another one is: swap before memory. */
static void (*const of_machine[])(struct audit *a) = { audit_swap,        audit_core,   audit_ptrace,      audit_landlock, audit_clock,
                                                       audit_openssl_cnf, audit_module, audit_directories, NULL };
static void (*const of_box[])(struct audit *a, const struct audit_box *b) = { audit_box_unit, audit_box_memory, audit_box_store,
                                                                              audit_box_credential, NULL };

static int begin(struct audit *a, struct problem *p)
{
    const char *root = a->d->cli->options[OPT_ROOT];
    int r = dirs_find(/* dir= */ NULL, DIRS_SYSTEM, &a->dirs);

    if (r != 0)
        return problem_set(p, r, "the system's directories: %s", lb_strerror(r));
    a->here = root == NULL;
    a->root = open(a->here ? "/" : root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (a->root < 0) {
        problem_set(p, LB_E_SYSTEM, "--root %.200s: %s", root, strerror(errno));
        return LB_E_SYSTEM;
    }
    return audit_find_boxes(a, p);
}

static void look(struct audit *a)
{
    for (size_t i = 0; of_machine[i] != NULL; i++)
        of_machine[i](a);
    for (size_t i = 0; i < a->box_count; i++) {
        for (size_t k = 0; of_box[k] != NULL; k++)
            of_box[k](a, &a->boxes[i]);
    }
    if (a->box_count == 0)
        doctor_report(a->d, DOCTOR_SKIPPED, "box", NULL, "no box of the system has a socket in %s or a directory in %s", a->dirs.run,
                      a->dirs.state);
}

int cmd_doctor_system(struct cli *cli)
{
    struct doctor *d = calloc(1, sizeof(*d));
    struct audit a = { .d = d, .root = -1 };
    struct problem p = { 0 };
    int status = EXIT_FAILED;

    if (d == NULL) {
        problem_set(&p, LB_E_NOMEM, "out of memory");
        return cli_fail(&p);
    }
    d->cli = cli;
    OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG, NULL);
    doctor_conf_read(&d->conf);
    doctor_module_path(&d->conf, cli->options[OPT_MODULE], d->module);
    if (begin(&a, &p) != 0) {
        cli_fail(&p);
        goto out;
    }
    if (cli->json) {
        json_start(&d->json, stdout);
        json_open(&d->json, NULL, '{');
        json_open(&d->json, "checks", '[');
    }
    look(&a);
    if (cli->json) {
        json_close(&d->json, ']');
        json_bool(&d->json, "ok", !d->failed);
        json_close(&d->json, '}');
        json_end(&d->json);
    }
    status = d->failed ? EXIT_FAILED : EXIT_DONE;
out:
    if (a.root >= 0)
        close(a.root);
    free(a.boxes);
    free(d);
    return status;
}
