/* A PKCS#11 module in this process: whether it may be loaded, and loading it. */
#include "token/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/id_map.h"
#include "token/names.h"

static bool is_below(const char *path, const char *dir, size_t len)
{
    while (len > 1 && dir[len - 1] == '/')
        len--;
    return strncmp(path, dir, len) == 0 && (path[len] == '/' || len == 1);
}

/* dirs may name links, /lib for one: where they lead counts. */
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

int p11_module_load(const struct p11conf *conf, CK_FUNCTION_LIST **ret, struct problem *p)
{
    char real[PATH_MAX], name[P11_RV_SIZE];
    CK_C_GetFunctionList get = NULL;
    CK_FUNCTION_LIST *list = NULL;
    void *handle, *symbol;
    CK_RV rv;
    int r = check_file(conf, real, p);

    if (r == 0)
        r = set_environment(conf, p);
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
    /* What POSIX wants of dlsym(), and ISO C does not let one write as a cast. */
    memcpy(&get, &symbol, sizeof(get));
    rv = get(&list);
    if (rv != CKR_OK || list == NULL)
        return problem_set(p, LB_E_TOKEN, "the module %.200s gives no functions: C_GetFunctionList: %s", real,
                           p11_rv_name(rv, name));
    if (list->version.major != 2 && list->version.major != 3)
        return problem_set(p, LB_E_TOKEN, "the module %.200s speaks PKCS#11 %u.%u, not 2 or 3", real,
                           list->version.major, list->version.minor);
    *ret = list;
    return 0;
}
