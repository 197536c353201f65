/* A PKCS#11 module in this process: whether it may be loaded, loading it, starting and ending it. */
#include "token/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <libp11.h>
#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/id_map.h"
#include "token/failure.h"

/* Loading */

static bool is_below(const char *path, const char *dir, size_t len)
{
    while (len > 1 && dir[len - 1] == '/')
        len--;
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || len == 1);
}

/* Is the path below one of dirs? These may name links, such as /lib: the place where they lead counts. */
static bool is_allowed(const char *path, const char *dirs)
{
    for (const char *dir = dirs;;) {
        size_t len = strcspn(dir, ":");
        char name[PATH_MAX], real[PATH_MAX];

        snprintf(name, sizeof(name), "%.*s", (int)len, dir);
        if (is_below(path, dir, len) || (realpath(name, real) != NULL && is_below(path, real, strlen(real))))
            return true;
        if (dir[len] == '\0')
            return false;
        dir += len + 1;
    }
}

static int check_file(const struct p11conf *conf, char real[PATH_MAX], struct problem *p)
{
    struct stat st;

    if (realpath(conf->module, real) == NULL || stat(real, &st) < 0) {
        problem_set(p, LB_E_CONFIG, "cannot find the module %.200s: %s", conf->module, strerror(errno));
        problem_hint(p, "the modules of this system: p11-kit list-modules");
        return LB_E_CONFIG;
    }
    if (!is_allowed(real, conf->dirs)) {
        problem_set(p, LB_E_CONFIG, "the module %.200s is in none of the directories that modules may be in", real);
        problem_hint(p, "move it, or name its directory in BOX.conf: module-dirs = DIR:DIR (now %s)", conf->dirs);
        return LB_E_CONFIG;
    }
    if (!S_ISREG(st.st_mode))
        return problem_set(p, LB_E_CONFIG, "the module %.200s is not a file", real);
    if (!idmap_is_ours(idmap_own(), st.st_uid) || (st.st_mode & 022) != 0) {
        problem_set(p, LB_E_CONFIG, "the module %.200s can be changed by others (owner uid %u, mode %03o)", real,
                    st.st_uid, st.st_mode & 0777);
        problem_hint(p, "chown root %s && chmod 755 %s", real, real);
        return LB_E_CONFIG;
    }
    return 0;
}

static int set_environment(const struct p11conf *conf, struct problem *p)
{
    for (unsigned i = 0; i < conf->env_count; i++) {
        char name[P11_ENV_SIZE], *value;

        strcpy(name, conf->env[i]);
        value = strchr(name, '=');
        *value++ = '\0';
        if (setenv(name, value, /* overwrite= */ 1) < 0)
            return problem_set(p, LB_E_NOMEM, "out of memory");
    }
    return 0;
}

int p11_module_load(struct p11_module *m, struct problem *p)
{
    char real[PATH_MAX], name[P11_RV_SIZE];
    CK_C_GetFunctionList get = NULL;
    CK_FUNCTION_LIST *list = NULL;
    void *handle, *symbol;
    CK_RV rv;
    int r = check_file(m->conf, real, p);

    if (r == 0)
        r = set_environment(m->conf, p);
    if (r != 0)
        return r;
    handle = dlopen(real, RTLD_NOW | RTLD_LOCAL);
    if (handle == NULL)
        return problem_set(p, LB_E_CONFIG, "cannot load the module: %.300s", dlerror());
    symbol = dlsym(handle, "C_GetFunctionList");
    if (symbol == NULL) {
        dlclose(handle);
        problem_set(p, LB_E_CONFIG, "%.200s is not a PKCS#11 module: it has no C_GetFunctionList", real);
        return LB_E_CONFIG;
    }
    /* POSIX wants this of dlsym(), and ISO C does not let one write it as a cast. */
    memcpy(&get, &symbol, sizeof(get));
    rv = get(&list);
    if (rv != CKR_OK || list == NULL)
        return problem_set(p, LB_E_TOKEN, "the module %.200s gives no functions: C_GetFunctionList: %s", real,
                           p11_rv_name(rv, name));
    if (list->version.major != 2 && list->version.major != 3)
        return problem_set(p, LB_E_TOKEN, "the module %.200s speaks PKCS#11 %u.%u, not 2 or 3", real,
                           list->version.major, list->version.minor);
    m->f = list;
    return 0;
}

/* Starting and ending */

void p11_text(const char *from, char *to, size_t size)
{
    size_t len = from == NULL ? 0 : strlen(from);

    if (len >= size)
        len = size - 1;
    for (size_t i = 0; i < len; i++)
        to[i] = (unsigned char)from[i] < 0x20 || from[i] == 0x7f ? '?' : from[i];
    while (len > 0 && to[len - 1] == ' ')
        len--;
    to[len] = '\0';
}

/* libp11 leaves the code as the reason of an error of its own library. */
int p11_libp11_failed(const char *label, const char *what, struct problem *p)
{
    unsigned long e = ERR_peek_last_error();
    int r = p11_failed(label, what, e == 0 ? CKR_GENERAL_ERROR : (CK_RV)ERR_GET_REASON(e), p);

    ERR_clear_error();
    return r;
}

static int initialize_list(struct p11_module *m, struct p11_caller *call, const char *label, struct problem *p)
{
    CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
    CK_RV rv;

    if (m->conf->arguments[0] != '\0')
        args.pReserved = (void *)m->conf->arguments;
    rv = P11_CALL(call, C_Initialize, &args);
    return rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? 0 : p11_failed(label, "C_Initialize", rv, p);
}

int p11_module_start(struct p11_module *m, struct p11_caller *call, const char *label, struct problem *p)
{
    PKCS11_CTX *ctx;
    int loaded;

    if (m->libp11 != NULL)
        return 0;
    if (initialize_list(m, call, label, p) != 0)
        return p->code;
    ERR_clear_error();
    ctx = PKCS11_CTX_new();
    if (ctx == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    if (m->conf->arguments[0] != '\0')
        PKCS11_CTX_init_args(ctx, m->conf->arguments);
    p11_enter(call, "C_Initialize");
    loaded = PKCS11_CTX_load(ctx, m->conf->module);
    (void)p11_left(call, CKR_OK);
    if (loaded != 0) {
        int r = p11_libp11_failed(label, "C_Initialize", p);

        PKCS11_CTX_free(ctx);
        (void)P11_CALL(call, C_Finalize, NULL);
        return r;
    }
    p11_text(ctx->description, m->library, sizeof(m->library));
    m->libp11 = ctx;
    return 0;
}

void p11_module_end(struct p11_module *m, struct p11_caller *call)
{
    if (m->libp11 == NULL)
        return;
    p11_enter(call, "C_Finalize");
    PKCS11_CTX_unload(m->libp11);
    (void)m->f->C_Finalize(NULL); /* of one list: it is finalized already, and says so */
    (void)p11_left(call, CKR_OK);
    PKCS11_CTX_free(m->libp11);
    m->libp11 = NULL;
    ERR_clear_error();
}
