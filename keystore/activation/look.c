/* What openssl.cnf says of the provider, and by whose lines. */
#include "activation/look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "activation/edit.h"
#include "base/socket.h"

/* Reads a text as OpenSSL reads a file. */
static int read_text(const char *text, struct doctor_conf *ret, struct problem *p)
{
    int fd = memfd_create("openssl.cnf", MFD_CLOEXEC);
    char path[40];

    if (fd < 0 || dprintf(fd, "%s", text) < 0) {
        problem_set(p, LB_E_SYSTEM, "memfd_create: %s", strerror(errno));
        socket_close(fd);
        return p->code;
    }
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    doctor_conf_read_file(path, ret);
    socket_close(fd);
    return 0;
}

int look_read(const struct cli *c, struct look *ret, struct problem *p)
{
    const char *text;
    int r;

    memset(ret, 0, sizeof(*ret));
    r = conf_files_read(c, &ret->f, p);
    if (r != 0)
        return r;
    text = ret->f.conf.there ? ret->f.conf.text : "";
    ret->included = edit_is_in(text, ret->f.drop_in.path);
    ret->drop_in_ours = ret->f.drop_in.there && edit_is_drop_in(ret->f.drop_in.text);
    ret->bare_text = edit_take_out(text, ret->f.drop_in.path, ret->f.before.text);
    if (ret->bare_text == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    r = read_text(text, &ret->now, p);
    if (r == 0)
        r = read_text(ret->bare_text, &ret->bare, p);
    snprintf(ret->now.path, sizeof(ret->now.path), "%s", ret->f.conf.path);
    snprintf(ret->bare.path, sizeof(ret->bare.path), "%s", ret->f.conf.path);
    return r;
}

void look_clear(struct look *l)
{
    conf_files_clear(&l->f);
    free(l->bare_text);
    l->bare_text = NULL;
}

bool look_is_active(const struct doctor_conf *conf)
{
    return conf->littlebox_active && (conf->default_active || (conf->fips_active && conf->base_active));
}
