/* doctor: loads the provider and signs with it, in a process that may crash. */
#include "doctor/probe.h"

#include <errno.h>
#include <openssl/conf.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/storeerr.h>
#include <openssl/x509.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/passwd.h"
#include "base/socket.h"
#include "doctor/handle.h"
#include "model/key_types.h"
#include "model/limits.h"
#include "model/uri.h"

#define PLUGIN "littlebox"
#define PROBE_TIMEOUT_MS 60000

/* A reason, and the details, of which OpenSSL keeps 1023 bytes. */
#define ERROR_TEXT_MAX 1200

/* Takes the most telling error of OpenSSL's queue: the first with details, else the first. The provider's have their cures. */
static int openssl_problem(struct problem *p, int code, const char *what)
{
    const char *data;
    char first[ERROR_TEXT_MAX] = "", best[ERROR_TEXT_MAX] = "";
    char *mark;
    unsigned long e;
    bool none = false;
    int flags;

    while ((e = ERR_get_error_all(NULL, NULL, NULL, &data, &flags)) != 0) {
        const char *reason = ERR_reason_error_string(e);
        bool scheme = ERR_GET_LIB(e) == ERR_LIB_OSSL_STORE && ERR_GET_REASON(e) == OSSL_STORE_R_UNREGISTERED_SCHEME;
        bool more = (flags & ERR_TXT_STRING) != 0 && data[0] != '\0';
        char *into = more ? best : first;

        /* OpenSSL says so of whatever no loader took: at last it tries a file of that name. */
        if (scheme) {
            none = true;
            continue;
        }
        if (into[0] == '\0')
            snprintf(into, sizeof(first), "%s%s%s", reason == NULL ? "error" : reason, more ? ": " : "",
                     more ? data : "");
    }
    mark = strstr(best, LB_HINT_MARK);
    if (mark != NULL)
        *mark = '\0';
    problem_set(p, code, "%s: %s", what, best[0] != '\0' ? best : first[0] != '\0' ? first
                : none ? "OpenSSL finds nothing that loads it" : DOCTOR_NO_REASON);
    if (mark != NULL)
        problem_hint(p, "%s", mark + strlen(LB_HINT_MARK));
    return code;
}

/* What the process that uses the handle tells the one that waits for it. */
struct told {
    struct problem p;
    struct doctor_public public;
};

/* The one private key behind a URI or in a file, whoever loads it. */
static EVP_PKEY *load_key(OSSL_LIB_CTX *ctx, const char *handle)
{
    OSSL_STORE_CTX *store = OSSL_STORE_open_ex(handle, ctx, NULL, NULL, NULL, NULL, NULL, NULL);
    EVP_PKEY *key = NULL;

    while (store != NULL && key == NULL && !OSSL_STORE_eof(store)) {
        OSSL_STORE_INFO *info = OSSL_STORE_load(store);

        if (info != NULL && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
            key = OSSL_STORE_INFO_get1_PKEY(info);
        OSSL_STORE_INFO_free(info);
    }
    OSSL_STORE_close(store);
    return key;
}

/* As a key of the default provider. */
static EVP_PKEY *public_half(EVP_PKEY *key, OSSL_LIB_CTX *ctx)
{
    uint8_t *der = NULL;
    const uint8_t *at;
    int len = key == NULL ? -1 : i2d_PUBKEY(key, &der);
    EVP_PKEY *public = NULL;

    at = der;
    if (len > 0)
        public = d2i_PUBKEY_ex(NULL, &at, len, ctx, NULL);
    OPENSSL_free(der);
    return public;
}

static bool agree(OSSL_LIB_CTX *libctx, EVP_PKEY *mine, EVP_PKEY *peer, uint8_t *ret, size_t *len)
{
    EVP_PKEY_CTX *ctx = mine == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(libctx, mine, NULL);
    bool ok = ctx != NULL && peer != NULL && EVP_PKEY_derive_init(ctx) > 0 &&
              EVP_PKEY_derive_set_peer(ctx, peer) > 0 && EVP_PKEY_derive(ctx, ret, len) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

/* Verifies with the public half alone and the default provider, as the other end of a connection does. */
static bool verifies(EVP_PKEY *key, const char *md, const uint8_t *text, size_t text_len, const uint8_t *sig,
                     size_t len)
{
    OSSL_LIB_CTX *ctx = OSSL_LIB_CTX_new();
    EVP_MD_CTX *verify = EVP_MD_CTX_new();
    EVP_PKEY *public = ctx == NULL || verify == NULL ? NULL : public_half(key, ctx);
    bool ok = false;

    if (public != NULL && EVP_DigestVerifyInit_ex(verify, NULL, md, ctx, NULL, public, NULL) > 0)
        ok = EVP_DigestVerify(verify, sig, len, text, text_len) == 1;
    EVP_PKEY_free(public);
    EVP_MD_CTX_free(verify);
    OSSL_LIB_CTX_free(ctx);
    return ok;
}

static int test_signature(OSSL_LIB_CTX *ctx, EVP_PKEY *key, struct problem *p)
{
    static const uint8_t text[] = "littlebox doctor: a test signature";
    EVP_MD_CTX *sign = EVP_MD_CTX_new();
    char digest[64] = "";
    const char *md = NULL;
    uint8_t sig[4096];
    size_t len = sizeof(sig);
    int r = 0;

    snprintf(p->text, sizeof(p->text), "signature");
    if (EVP_PKEY_get_default_digest_name(key, digest, sizeof(digest)) > 0 && strcasecmp(digest, "UNDEF") != 0)
        md = digest;
    if (sign == NULL || EVP_DigestSignInit_ex(sign, NULL, md, ctx, NULL, key, NULL) <= 0 ||
        EVP_DigestSign(sign, sig, &len, text, sizeof(text)) <= 0)
        r = openssl_problem(p, LB_E_CRYPTO, "no signature");
    else if (!verifies(key, md, text, sizeof(text), sig, len))
        r = openssl_problem(p, LB_E_CRYPTO, "the signature does not verify");
    EVP_MD_CTX_free(sign);
    return r;
}

/*
 * For a key that does not sign. The handle and a fresh key must agree on the same secret as that fresh key and the public
 * half.
 */
static int test_agreement(OSSL_LIB_CTX *ctx, EVP_PKEY *key, struct problem *p)
{
    EVP_PKEY *other = EVP_PKEY_Q_keygen(ctx, NULL, EVP_PKEY_get0_type_name(key));
    EVP_PKEY *other_public = public_half(other, ctx), *public = public_half(key, ctx);
    uint8_t a[LB_SHARED_MAX], b[LB_SHARED_MAX];
    size_t a_len = sizeof(a), b_len = sizeof(b);
    int r = 0;

    snprintf(p->text, sizeof(p->text), "key agreement");
    if (!agree(ctx, key, other_public, a, &a_len))
        r = openssl_problem(p, LB_E_CRYPTO, "no key agreement");
    else if (!agree(ctx, other, public, b, &b_len) || a_len != b_len || memcmp(a, b, a_len) != 0)
        r = openssl_problem(p, LB_E_CRYPTO, "the other side agrees on another secret");
    EVP_PKEY_free(public);
    EVP_PKEY_free(other_public);
    EVP_PKEY_free(other);
    return r;
}

static int test_key(OSSL_LIB_CTX *ctx, EVP_PKEY *key, struct problem *p)
{
    const struct key_algorithm *a = key_algorithm_of(key);

    if (a != NULL && (a->operations & KEY_SIGNS) == 0)
        return test_agreement(ctx, key, p);
    return test_signature(ctx, key, p);
}

/* Sets the directories that decide which box a user means: those of the service, not of whoever runs doctor. */
static void have_environment_of(uid_t uid)
{
    static const char *const of_caller[] = { "HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR" };
    char home[PATH_MAX];

    for (size_t i = 0; i < sizeof(of_caller) / sizeof(of_caller[0]); i++)
        unsetenv(of_caller[i]);
    if (passwd_home_of(uid, home) == 0)
        setenv("HOME", home, /* overwrite= */ 1);
}

/* Takes the worker's rights for good: this process has no others any more. */
static int become(const struct doctor_worker *w, struct problem *p)
{
    uid_t r, e, s;

    have_environment_of(w->uid);
    if ((w->chroot != NULL && (chroot(w->chroot) < 0 || chdir("/") < 0)) ||
        setgroups((size_t)w->group_count, w->groups) < 0 || setresgid(w->gid, w->gid, w->gid) < 0 ||
        setresuid(w->uid, w->uid, w->uid) < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot become %s%s%s: %s", w->name, w->chroot == NULL ? "" : " in ",
                           w->chroot == NULL ? "" : w->chroot, strerror(errno));
    if (getresuid(&r, &e, &s) < 0 || r != w->uid || e != w->uid || s != w->uid)
        return problem_set(p, LB_E_SYSTEM, "cannot become %s", w->name);
    /* Cleared by the change. */
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    return 0;
}

static void tell(int out, const struct told *told) __attribute__((noreturn));

static void tell(int out, const struct told *told)
{
    _exit(write(out, told, sizeof(*told)) == (ssize_t)sizeof(*told) ? 0 : 1);
}

/*
 * Uses the key as a server's worker uses one that the server has loaded: in another process, with other rights. Reports by
 * itself, and does not return.
 */
static void test_as_worker(OSSL_LIB_CTX *ctx, EVP_PKEY *key, const struct doctor_worker *w, int out, struct told *told)
    __attribute__((noreturn));

static void test_as_worker(OSSL_LIB_CTX *ctx, EVP_PKEY *key, const struct doctor_worker *w, int out, struct told *told)
{
    struct problem *p = &told->p;
    int status = 0;
    pid_t pid = fork();

    if (pid == 0) {
        p->code = become(w, p);
        if (p->code == 0)
            p->code = test_key(ctx, key, p);
    } else if (pid < 0) {
        p->code = problem_set(p, LB_E_SYSTEM, "fork: %s", strerror(errno));
    } else {
        (void)waitpid(pid, &status, 0);
        if (WIFEXITED(status))
            _exit(WEXITSTATUS(status));
        p->code = problem_set(p, LB_E_CONFIG, "the process that uses the key died of signal %d", WTERMSIG(status));
    }
    tell(out, told);
}

static void note_public(EVP_PKEY *key, struct doctor_public *ret)
{
    uint8_t *at = ret->der;
    int len = i2d_PUBKEY(key, NULL);

    if (len > 0 && (size_t)len <= sizeof(ret->der) && i2d_PUBKEY(key, &at) == len)
        ret->len = (size_t)len;
    ERR_clear_error();
}

/* For a file that is not there and has the name of a key: whoever gave it may have meant the key. */
static void propose_key(OSSL_LIB_CTX *ctx, const char *name, struct problem *p)
{
    char uri[LB_NAME_MAX + 20];
    EVP_PKEY *key = NULL;

    if (!keyname_ok(name, strlen(name)) || access(name, F_OK) == 0)
        return;
    snprintf(uri, sizeof(uri), LB_URI_SCHEME ":%s", name);
    key = load_key(ctx, uri);
    if (key != NULL)
        problem_hint(p, "the box has a key of this name: littlebox doctor --handle %s", uri);
    EVP_PKEY_free(key);
    ERR_clear_error();
}

static int use_handle(OSSL_LIB_CTX *ctx, const char *handle, const struct doctor_worker *worker, int out,
                      struct told *told)
{
    const char *file = doctor_handle_file(handle);
    const OSSL_PROVIDER *provider;
    struct problem *p = &told->p;
    EVP_PKEY *key;
    int r;

    /* Checked here, because OpenSSL says of a file that it cannot read that it does not know the scheme of that URI. */
    if (file != NULL && doctor_file_readable(file, p) != 0) {
        propose_key(ctx, handle, p);
        return LB_E_NO_KEY;
    }
    key = load_key(ctx, handle);
    if (key == NULL && file != NULL && doctor_file_certificate(file)) {
        problem_set(p, LB_E_NO_KEY, "it is a certificate: there is no handle and no private key in it");
        problem_hint(p, "give the handle of its key: --handle littlebox:KEY, or a handle file");
        return LB_E_NO_KEY;
    }
    if (key == NULL)
        return openssl_problem(p, LB_E_NO_KEY, "it does not load");
    note_public(key, &told->public);
    provider = EVP_PKEY_get0_provider(key);
    if (provider == NULL || strcmp(OSSL_PROVIDER_get0_name(provider), PLUGIN) != 0)
        r = problem_set(p, LB_E_UNSUPPORTED, "it is a plain private key, which the server holds itself");
    else if (worker != NULL && !worker->loads)
        test_as_worker(ctx, key, worker, out, told);
    else
        r = test_key(ctx, key, p);
    EVP_PKEY_free(key);
    return r;
}

static int run(const char *conf, const char *handle, const struct doctor_worker *worker, int out, struct told *told)
{
    struct problem *p = &told->p;
    OSSL_LIB_CTX *ctx = NULL;
    int r = worker != NULL && worker->loads ? become(worker, p) : 0;

    if (r != 0)
        return r;
    ctx = OSSL_LIB_CTX_new();
    OPENSSL_load_builtin_modules();
    if (ctx == NULL || !OSSL_LIB_CTX_load_config(ctx, conf) || !OSSL_PROVIDER_available(ctx, PLUGIN))
        r = openssl_problem(p, LB_E_CONFIG, "OpenSSL does not load the provider");
    else if (handle != NULL)
        r = use_handle(ctx, handle, worker, out, told);
    OSSL_LIB_CTX_free(ctx);
    return r;
}

/*
 * Makes openssl.cnf as it would be with the lines, in a file without a name. ret is its path for this process and its
 * children.
 */
static int make_conf(const struct doctor_conf *conf, const char *lines, char ret[40], int *ret_fd, struct problem *p)
{
    int fd = memfd_create("openssl.cnf", MFD_CLOEXEC);

    if (fd < 0 || (conf->error[0] == '\0' && dprintf(fd, ".include %s\n", conf->path) < 0) ||
        dprintf(fd, "%s", lines) < 0) {
        socket_close(fd);
        return problem_set(p, LB_E_SYSTEM, "memfd_create: %s", strerror(errno));
    }
    snprintf(ret, 40, "/proc/self/fd/%d", fd);
    *ret_fd = fd;
    return 0;
}

/* All of it, or nothing. */
static bool hear(int fd, struct told *ret)
{
    size_t at = 0;

    while (at < sizeof(*ret)) {
        ssize_t n = read(fd, (char *)ret + at, sizeof(*ret) - at);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        at += (size_t)n;
    }
    return at == sizeof(*ret) && ret->public.len <= sizeof(ret->public.der);
}

/* Waits for what the child found, or for what became of the child. */
static int wait_child(pid_t pid, int fd, struct problem *p, struct doctor_public *ret_public)
{
    struct told told = { .p = { 0 } };
    struct pollfd in = { .fd = fd, .events = POLLIN };
    int status = 0, r = 0;

    if (poll(&in, 1, PROBE_TIMEOUT_MS) <= 0) {
        kill(pid, SIGKILL);
        r = problem_set(p, LB_E_TIMEOUT, "the provider did not come back within %d seconds", PROBE_TIMEOUT_MS / 1000);
    } else if (hear(fd, &told)) {
        *p = told.p;
        r = p->code;
        if (ret_public != NULL)
            *ret_public = told.public;
    } else {
        r = LB_E_CONFIG;
    }
    (void)waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && r != LB_E_TIMEOUT)
        r = problem_set(p, LB_E_CONFIG, "the process that uses the provider died of signal %d", WTERMSIG(status));
    else if (r == LB_E_CONFIG && p->text[0] == '\0')
        problem_set(p, r, "the process that uses the provider ended without a word");
    return r;
}

int doctor_probe(const struct doctor_conf *conf, const char *lines, const char *handle,
                 const struct doctor_worker *worker, struct problem *p, struct doctor_public *ret_public)
{
    struct told told = { .p = { 0 } };
    char path[40];
    int file = -1, fds[2] = { -1, -1 }, r = make_conf(conf, lines, path, &file, p);
    pid_t pid;

    memset(p, 0, r == 0 ? sizeof(*p) : 0);
    if (ret_public != NULL)
        ret_public->len = 0;
    if (r == 0 && pipe(fds) < 0)
        r = problem_set(p, LB_E_SYSTEM, "pipe: %s", strerror(errno));
    if (r != 0)
        goto out;
    fflush(NULL);
    pid = fork();
    if (pid == 0) {
        told.p.code = run(path, handle, worker, fds[1], &told);
        tell(fds[1], &told);
    }
    socket_close(fds[1]);
    fds[1] = -1;
    r = pid < 0 ? problem_set(p, LB_E_SYSTEM, "fork: %s", strerror(errno)) : wait_child(pid, fds[0], p, ret_public);
out:
    socket_close(fds[0]);
    socket_close(fds[1]);
    socket_close(file);
    return r;
}
