/* A PKCS#11 module in this process: loading it, and calls that are watched so that none hangs unseen. */
#include "token/module.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/id_map.h"
#include "base/log.h"

unsigned long long p11_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (unsigned long long)t.tv_sec * 1000 + (unsigned long long)t.tv_nsec / 1000000;
}

void p11_enter(struct p11_caller *c, const char *what)
{
    atomic_store_explicit(&c->since, p11_now_ms(), memory_order_relaxed);
    atomic_store_explicit(&c->what, what, memory_order_release);
}

/* Loading */

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

/* Names */

#define RV(name) { CKR_##name, "CKR_" #name }
static const struct {
    CK_RV rv;
    const char *name;
} rvs[] = {
    RV(OK), RV(CANCEL), RV(HOST_MEMORY), RV(SLOT_ID_INVALID), RV(GENERAL_ERROR), RV(FUNCTION_FAILED),
    RV(ARGUMENTS_BAD), RV(CANT_LOCK), RV(ATTRIBUTE_READ_ONLY), RV(ATTRIBUTE_SENSITIVE), RV(ATTRIBUTE_TYPE_INVALID),
    RV(ATTRIBUTE_VALUE_INVALID), RV(DATA_INVALID), RV(DATA_LEN_RANGE), RV(DEVICE_ERROR), RV(DEVICE_MEMORY),
    RV(DEVICE_REMOVED), RV(ENCRYPTED_DATA_INVALID), RV(ENCRYPTED_DATA_LEN_RANGE), RV(FUNCTION_CANCELED),
    RV(FUNCTION_NOT_SUPPORTED), RV(KEY_HANDLE_INVALID), RV(KEY_SIZE_RANGE), RV(KEY_TYPE_INCONSISTENT),
    RV(KEY_FUNCTION_NOT_PERMITTED), RV(MECHANISM_INVALID), RV(MECHANISM_PARAM_INVALID), RV(OBJECT_HANDLE_INVALID),
    RV(OPERATION_ACTIVE), RV(OPERATION_NOT_INITIALIZED), RV(PIN_INCORRECT), RV(PIN_INVALID), RV(PIN_LEN_RANGE),
    RV(PIN_EXPIRED), RV(PIN_LOCKED), RV(SESSION_CLOSED), RV(SESSION_COUNT), RV(SESSION_HANDLE_INVALID),
    RV(SESSION_READ_ONLY), RV(SESSION_EXISTS), RV(TEMPLATE_INCOMPLETE), RV(TEMPLATE_INCONSISTENT),
    RV(TOKEN_NOT_PRESENT), RV(TOKEN_NOT_RECOGNIZED), RV(TOKEN_WRITE_PROTECTED), RV(USER_ALREADY_LOGGED_IN),
    RV(USER_NOT_LOGGED_IN), RV(USER_PIN_NOT_INITIALIZED), RV(USER_TYPE_INVALID), RV(RANDOM_NO_RNG),
    RV(DOMAIN_PARAMS_INVALID), RV(CURVE_NOT_SUPPORTED), RV(BUFFER_TOO_SMALL), RV(CRYPTOKI_NOT_INITIALIZED),
    RV(CRYPTOKI_ALREADY_INITIALIZED), RV(FUNCTION_REJECTED), RV(ACTION_PROHIBITED),
};

const char *p11_rv_name(CK_RV rv, char buf[P11_RV_SIZE])
{
    for (size_t i = 0; i < sizeof(rvs) / sizeof(rvs[0]); i++) {
        if (rvs[i].rv == rv)
            return rvs[i].name;
    }
    snprintf(buf, P11_RV_SIZE, rv >= CKR_VENDOR_DEFINED ? "CKR_VENDOR_DEFINED+0x%lx" : "the unknown code 0x%lx",
             rv >= CKR_VENDOR_DEFINED ? rv - CKR_VENDOR_DEFINED : rv);
    return buf;
}

#define MECHANISM(name) { CKM_##name, "CKM_" #name }
static const struct {
    CK_MECHANISM_TYPE mechanism;
    const char *name;
} mechanisms[] = {
    MECHANISM(RSA_PKCS), MECHANISM(RSA_PKCS_PSS), MECHANISM(RSA_PKCS_OAEP), MECHANISM(RSA_PKCS_KEY_PAIR_GEN),
    MECHANISM(ECDSA), MECHANISM(EC_KEY_PAIR_GEN), MECHANISM(ECDH1_DERIVE), MECHANISM(EDDSA),
    MECHANISM(EC_EDWARDS_KEY_PAIR_GEN),
    MECHANISM(EC_MONTGOMERY_KEY_PAIR_GEN),
    MECHANISM(RSA_X_509), MECHANISM(SHA1_RSA_PKCS), MECHANISM(SHA256_RSA_PKCS), MECHANISM(SHA384_RSA_PKCS),
    MECHANISM(SHA512_RSA_PKCS), MECHANISM(SHA256_RSA_PKCS_PSS), MECHANISM(SHA384_RSA_PKCS_PSS),
    MECHANISM(SHA512_RSA_PKCS_PSS), MECHANISM(ECDSA_SHA1), MECHANISM(ECDSA_SHA256), MECHANISM(ECDSA_SHA384),
    MECHANISM(ECDSA_SHA512),
};

const char *p11_mechanism_name(CK_MECHANISM_TYPE m)
{
    for (size_t i = 0; i < sizeof(mechanisms) / sizeof(mechanisms[0]); i++) {
        if (mechanisms[i].mechanism == m)
            return mechanisms[i].name;
    }
    return "this mechanism";
}

/* Watching */

struct p11_watchdog {
    struct p11_caller *const *callers;
    unsigned count;
    unsigned long long limit; /* milliseconds */
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t stop;
    bool stopping;
};

static void look(const struct p11_watchdog *w)
{
    unsigned long long now = p11_now_ms();

    for (unsigned i = 0; i < w->count; i++) {
        const char *what = atomic_load_explicit(&w->callers[i]->what, memory_order_acquire);

        if (what == NULL || now < atomic_load_explicit(&w->callers[i]->since, memory_order_relaxed) + w->limit)
            continue;
        /* The caller may just have left that call and entered another one: then since is new. */
        if (atomic_load_explicit(&w->callers[i]->what, memory_order_acquire) != what)
            continue;
        log_error("the module's %s did not return within %llu s (token-timeout): this process is replaced", what,
                  w->limit / 1000);
        _exit(EXIT_HUNG);
    }
}

static void *watch(void *arg)
{
    struct p11_watchdog *w = arg;
    unsigned long long pause = w->limit / 8 > 1000 ? 1000 : w->limit / 8;

    pthread_mutex_lock(&w->lock);
    while (!w->stopping) {
        struct timespec t;

        clock_gettime(CLOCK_MONOTONIC, &t);
        t.tv_nsec += (long)(pause % 1000) * 1000000;
        t.tv_sec += (time_t)(pause / 1000) + t.tv_nsec / 1000000000;
        t.tv_nsec %= 1000000000;
        (void)pthread_cond_timedwait(&w->stop, &w->lock, &t);
        look(w);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

int p11_watchdog_start(struct p11_caller *const callers[], unsigned count, unsigned seconds,
                       struct p11_watchdog **ret)
{
    struct p11_watchdog *w = calloc(1, sizeof(*w));
    pthread_condattr_t monotonic;

    if (w == NULL)
        return LB_E_NOMEM;
    w->callers = callers;
    w->count = count;
    w->limit = seconds * 1000ULL;
    pthread_mutex_init(&w->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&w->stop, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&w->thread, NULL, watch, w) != 0) {
        free(w);
        return LB_E_SYSTEM;
    }
    *ret = w;
    return 0;
}

void p11_watchdog_stop(struct p11_watchdog *w)
{
    if (w == NULL)
        return;
    pthread_mutex_lock(&w->lock);
    w->stopping = true;
    pthread_cond_signal(&w->stop);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    pthread_cond_destroy(&w->stop);
    pthread_mutex_destroy(&w->lock);
    free(w);
}
