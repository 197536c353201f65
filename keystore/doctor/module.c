/* doctor: why the dynamic linker does not take a file as the provider's module. */
#include "doctor/module.h"

#include <dlfcn.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/config.h"

#define LIBCRYPTO "libcrypto.so."

/* The major version of the libcrypto that the linker misses, or misses something in; 0: it is about something else. */
static unsigned long built_for(const char *error)
{
    const char *name = strstr(error, LIBCRYPTO);

    return name == NULL ? 0 : strtoul(name + strlen(LIBCRYPTO), NULL, 10);
}

static void tell(const char *module, const char *error, struct problem *p)
{
    unsigned long major = built_for(error);

    if (major == 0) {
        problem_set(p, p->code, "OpenSSL does not load the provider: %s", error);
        return;
    }
    if (major != OPENSSL_version_major())
        problem_set(p, p->code, "OpenSSL does not load the provider: %.120s was built for OpenSSL %lu, whose libcrypto is not here, and "
                    "this is OpenSSL %.20s", module, major, OpenSSL_version(OPENSSL_VERSION_STRING));
    else
        problem_set(p, p->code, "OpenSSL does not load the provider: it was built for a newer OpenSSL than %.20s: %.200s",
                    OpenSSL_version(OPENSSL_VERSION_STRING), error);
    problem_hint(p, "install the provider that was built for OpenSSL %u, or build it again here",
                 OPENSSL_version_major());
}

void doctor_module_why(const char *conf, struct problem *p)
{
    struct doctor_conf *c = malloc(sizeof(*c));
    char module[PATH_MAX];
    const char *error;

    if (c == NULL)
        return;
    doctor_conf_read_file(conf, c);
    doctor_module_path(c, /* given= */ NULL, module);
    /* One that is not there was told of. */
    if (access(module, R_OK) == 0 && dlopen(module, RTLD_NOW | RTLD_LOCAL) == NULL && (error = dlerror()) != NULL)
        tell(module, error, p);
    free(c);
}
