/* Does OpenSSL start with a configuration? It is tried before it counts, in processes of their own. */
#include "activation/trial.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/conf.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/provider.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "activation/edit.h"
#include "base/socket.h"
#include "doctor/probe.h"

#define PLUGIN "littlebox"
#define TLS13 0x0304
#define PATIENCE 60 /* seconds for one process */
#define SAID_MAX 8192

/* The configuration in files without a name. path is openssl.cnf's, for this process and its children. */
struct files {
    int conf, drop_in;
    char path[40];
};

static int make_file(const char *text, int *ret_fd, char ret_path[40], struct problem *p)
{
    *ret_fd = memfd_create("openssl.cnf", MFD_CLOEXEC);
    if (*ret_fd < 0 || dprintf(*ret_fd, "%s", text) < 0)
        return problem_set(p, LB_E_SYSTEM, "memfd_create: %s", strerror(errno));
    snprintf(ret_path, 40, "/proc/self/fd/%d", *ret_fd);
    return 0;
}

static int make_files(const struct trial *t, struct files *ret, struct problem *p)
{
    char instead[40], *text;
    int r = make_file(t->drop_text == NULL ? "" : t->drop_text, &ret->drop_in, instead, p);

    if (r != 0)
        return r;
    text = edit_redirect(t->text, t->drop_in, instead);
    r = text == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : make_file(text, &ret->conf, ret->path, p);
    free(text);
    return r;
}

/* In the child: what a TLS library does with a configuration */

static bool loads(OSSL_LIB_CTX *ctx, const char *conf)
{
    return OSSL_LIB_CTX_load_config(ctx, conf) > 0;
}

static bool has_default(OSSL_LIB_CTX *ctx, const char *conf)
{
    (void)conf;
    return OSSL_PROVIDER_available(ctx, "default") ||
           (OSSL_PROVIDER_available(ctx, "fips") && OSSL_PROVIDER_available(ctx, "base"));
}

static bool has_cipher(OSSL_LIB_CTX *ctx, const char *conf)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(ctx, "AES-256-GCM", NULL);

    (void)conf;
    EVP_CIPHER_free(cipher);
    return cipher != NULL;
}

static bool has_digest(OSSL_LIB_CTX *ctx, const char *conf)
{
    EVP_MD *md = EVP_MD_fetch(ctx, "SHA256", NULL);

    (void)conf;
    EVP_MD_free(md);
    return md != NULL;
}

static bool has_kdf(OSSL_LIB_CTX *ctx, const char *conf)
{
    EVP_KDF *kdf = EVP_KDF_fetch(ctx, "TLS13-KDF", NULL);

    (void)conf;
    EVP_KDF_free(kdf);
    return kdf != NULL;
}

struct group_search {
    OSSL_LIB_CTX *ctx;
    bool found;
};

/* A group that a provider offers to TLS: it counts if a key can be made in it. */
static int try_group(const OSSL_PARAM params[], void *arg)
{
    const OSSL_PARAM *name = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_NAME_INTERNAL),
                     *alg = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_ALG),
                     *max = OSSL_PARAM_locate_const(params, OSSL_CAPABILITY_TLS_GROUP_MAX_TLS);
    struct group_search *s = arg;
    const char *group = NULL, *algorithm = NULL;
    EVP_PKEY_CTX *ctx = NULL;
    EVP_PKEY *key = NULL;
    int last = 0;

    if (s->found || name == NULL || alg == NULL || max == NULL || !OSSL_PARAM_get_int(max, &last) ||
        (last != 0 && last < TLS13) || !OSSL_PARAM_get_utf8_string_ptr(name, &group) ||
        !OSSL_PARAM_get_utf8_string_ptr(alg, &algorithm))
        return 1;
    ctx = EVP_PKEY_CTX_new_from_name(s->ctx, algorithm, NULL);
    s->found = ctx != NULL && EVP_PKEY_keygen_init(ctx) > 0 && EVP_PKEY_CTX_set_group_name(ctx, group) > 0 &&
               EVP_PKEY_keygen(ctx, &key) > 0;
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
    return 1;
}

static int ask_provider(OSSL_PROVIDER *provider, void *arg)
{
    (void)OSSL_PROVIDER_get_capabilities(provider, "TLS-GROUP", try_group, arg);
    return 1;
}

static bool has_group(OSSL_LIB_CTX *ctx, const char *conf)
{
    struct group_search s = { ctx, false };

    (void)conf;
    (void)OSSL_PROVIDER_do_all(ctx, ask_provider, &s);
    return s.found;
}

static const struct {
    bool (*passes)(OSSL_LIB_CTX *ctx, const char *conf);
    const char *text; /* what is so if not */
} checks[] = {
    { loads, "libcrypto cannot load it" },
    { has_default, "the provider 'default' is not there" },
    { has_cipher, "TLS has no AES-256-GCM" },
    { has_digest, "TLS has no SHA256" },
    { has_kdf, "TLS has no TLS13-KDF" },
    { has_group, "TLS 1.3 has no group" },
};

/* The most telling error of OpenSSL's queue: the first with details, else the first. */
static void add_reason(struct problem *p, const char *what)
{
    const char *data;
    char reason[300] = "";
    bool detailed = false;
    unsigned long e;
    int flags;

    while ((e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const char *text = ERR_reason_error_string(e);
        bool more = (flags & ERR_TXT_STRING) != 0 && data[0] != '\0';

        if (reason[0] != '\0' && (detailed || !more))
            continue;
        detailed = more;
        snprintf(reason, sizeof(reason), ": %s%s%s", text == NULL ? "error" : text, more ? ": " : "", more ? data : "");
    }
    problem_set(p, LB_E_CONFIG, "%s%s", what, reason);
}

static void run_checks(const char *conf, struct problem *ret)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();

    OPENSSL_load_builtin_modules();
    for (size_t i = 0; ret->code == 0 && i < sizeof(checks) / sizeof(checks[0]); i++) {
        ERR_clear_error();
        if (ctx == NULL || !checks[i].passes(ctx, conf))
            add_reason(ret, checks[i].text);
    }
    OSSL_LIB_CTX_free(ctx);
}

/* Processes */

/* Reads until the end, and throws away what has no room. */
static size_t read_all(int fd, char *buf, size_t size)
{
    char more[512];
    size_t len = 0;

    for (;;) {
        ssize_t n = len < size ? read(fd, buf + len, size - len) : read(fd, more, sizeof(more));

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return len;
        len += len < size ? (size_t)n : 0;
    }
}

/* Starts a process: 0 in the child, which writes to *ret_fd, as its parent reads there. It ends when PATIENCE does. */
static pid_t start(int *ret_fd, struct problem *p)
{
    int fds[2];
    pid_t pid;

    if (pipe2(fds, O_CLOEXEC) < 0) {
        problem_set(p, LB_E_SYSTEM, "pipe: %s", strerror(errno));
        return -1;
    }
    fflush(NULL);
    pid = fork();
    if (pid < 0)
        problem_set(p, LB_E_SYSTEM, "fork: %s", strerror(errno));
    socket_close(fds[pid == 0 ? 0 : 1]);
    *ret_fd = fds[pid == 0 ? 1 : 0];
    if (pid < 0)
        socket_close(*ret_fd);
    if (pid == 0)
        alarm(PATIENCE);
    return pid;
}

static int try_library(const char *conf, struct problem *p)
{
    struct problem found = { 0 };
    int fd, status = 0;
    pid_t pid = start(&fd, p);
    size_t got;

    if (pid < 0)
        return p->code;
    if (pid == 0) {
        run_checks(conf, &found);
        _exit(write(fd, &found, sizeof(found)) == (ssize_t)sizeof(found) ? 0 : 1);
    }
    got = read_all(fd, (char *)&found, sizeof(found));
    socket_close(fd);
    (void)waitpid(pid, &status, 0);
    if (WIFSIGNALED(status))
        return problem_set(p, LB_E_CONFIG, "the process that loads it died of signal %d", WTERMSIG(status));
    if (got != sizeof(found))
        return problem_set(p, LB_E_CONFIG, "the process that loads it ended without a word");
    *p = found;
    return p->code;
}

#define NO_PROGRAM 127

/* Runs openssl(1) of the PATH with this configuration; returns its exit status, or 128 and more for a signal. */
static int run_openssl(const struct files *f, const char *conf, const char *const argv[], char ret[SAID_MAX], struct problem *p)
{
    int fd, status = 0, null;
    pid_t pid = start(&fd, p);

    ret[0] = '\0';
    if (pid < 0)
        return p->code;
    if (pid == 0) {
        null = open("/dev/null", O_RDWR | O_CLOEXEC);
        /* What the configuration's path means goes along. */
        if (null < 0 || dup2(null, 0) < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || fcntl(f->conf, F_SETFD, 0) < 0 ||
            fcntl(f->drop_in, F_SETFD, 0) < 0 || setenv("OPENSSL_CONF", conf, /* overwrite= */ 1) < 0)
            _exit(NO_PROGRAM - 1);
        execvp(argv[0], (char *const *)argv);
        _exit(NO_PROGRAM);
    }
    ret[read_all(fd, ret, SAID_MAX - 1)] = '\0';
    socket_close(fd);
    (void)waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/* Is there an openssl(1) that reads the openssl.cnf of the library of this process? */
static bool has_openssl(const struct files *f, struct problem *p)
{
    static const char *const argv[] = { "openssl", "version", "-d", NULL };
    const char *dir = OPENSSL_info(OPENSSL_INFO_CONFIG_DIR);
    char said[SAID_MAX];

    return run_openssl(f, "/dev/null", argv, said, p) == 0 && dir != NULL && strstr(said, dir) != NULL;
}

static bool lists(const char *said, const char *provider)
{
    char line[60];

    snprintf(line, sizeof(line), "\n  %s\n", provider);
    return strstr(said, line) != NULL;
}

static bool says_anything(const char *said, bool ours)
{
    (void)ours;
    return said[0] != '\0';
}

static bool says_providers(const char *said, bool ours)
{
    return (!ours || lists(said, PLUGIN)) && (lists(said, "default") || lists(said, "fips"));
}

static const struct {
    const char *argv[5];
    bool (*good)(const char *said, bool ours);
} programs[] = {
    { { "openssl", "version", "-d", NULL }, says_anything },
    { { "openssl", "list", "-providers", NULL }, says_providers },
    /* It makes a TLS context, with what the configuration says of those. */
    { { "openssl", "ciphers", "-s", "-tls1_3", NULL }, says_anything },
};

static int try_openssl(const struct files *f, bool ours, struct problem *p)
{
    char said[SAID_MAX];

    for (size_t i = 0; i < sizeof(programs) / sizeof(programs[0]); i++) {
        const char *const *argv = programs[i].argv;
        int status;

        p->code = 0;
        status = run_openssl(f, f->path, argv, said, p);
        if (p->code != 0)
            return p->code;
        if (status == 0 && programs[i].good(said, ours))
            continue;
        said[strcspn(said, "\n")] = '\0';
        return problem_set(p, LB_E_CONFIG, "'%s %s' %s with it: %.200s", argv[0], argv[1],
                           status == 0 ? "finds no provider" : "does not start", said);
    }
    return 0;
}

int trial_run(const struct trial *t, struct problem *p)
{
    struct doctor_conf *conf = calloc(1, sizeof(*conf));
    struct files f = { -1, -1, "" };
    int r = conf == NULL ? problem_set(p, LB_E_NOMEM, "out of memory") : make_files(t, &f, p);

    if (r == 0)
        r = try_library(f.path, p);
    if (r == 0 && t->ours) {
        snprintf(conf->path, sizeof(conf->path), "%s", f.path);
        r = doctor_probe(conf, "", /* handle= */ NULL, /* worker= */ NULL, p, /* ret_public= */ NULL);
    }
    if (r == 0 && has_openssl(&f, p))
        r = try_openssl(&f, t->ours, p);
    socket_close(f.conf);
    socket_close(f.drop_in);
    free(conf);
    return r;
}
