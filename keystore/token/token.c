/*
 * The token of a box: its mechanisms read, logged in, connected. libp11 starts the module and finds the token
 * (token/slot.c). Logging in is not left to it: up to 0.4.18 at least it keeps a copy of the PIN in ordinary memory, and
 * has no login for one use of a key (CKU_CONTEXT_SPECIFIC) that stands apart from its own signing.
 */
#include "token/token.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fair_lock.h"
#include "base/log.h"
#include "guard/secret.h"
#include "guard/secret_file.h"
#include "token/certificates.h"
#include "token/copy.h"
#include "token/message_api.h"
#include "token/module.h"
#include "token/token_priv.h"

static const char *label_of(const struct p11_token *t)
{
    return t->info.label[0] != '\0' ? t->info.label : "(not found yet)";
}

int p11_failed(struct p11_token *t, const char *what, CK_RV rv, struct problem *p)
{
    char name[P11_RV_SIZE];

    if (rv == P11_TOLD)
        return p->code;
    problem_set(p, LB_E_TOKEN, "token '%s': %s: %s", label_of(t), what, p11_rv_name(rv, name));
    if (rv == CKR_KEY_FUNCTION_NOT_PERMITTED)
        problem_hint(p, "the key on the token was made without the attribute for this (CKA_SIGN, CKA_DECRYPT, CKA_DERIVE)");
    else if (rv == CKR_MECHANISM_INVALID)
        problem_hint(p, "the token, or the key on it (CKA_ALLOWED_MECHANISMS), is not for this mechanism");
    else if (rv == CKR_TOKEN_WRITE_PROTECTED || rv == CKR_SESSION_READ_ONLY)
        problem_hint(p, "the token cannot be written to: make the key with its vendor's tools, then 'littlebox attach'");
    else if (rv == CKR_SESSION_COUNT)
        problem_hint(p, "the token has no sessions left: fewer 'sessions =' in BOX.conf");
    return LB_E_TOKEN;
}

/* Mechanisms */

static int read_mechanisms(struct p11_token *t, struct problem *p)
{
    CK_MECHANISM_TYPE *list = calloc(P11_MECHANISMS_MAX, sizeof(*list));
    CK_ULONG count = P11_MECHANISMS_MAX;
    CK_RV rv = CKR_HOST_MEMORY;

    t->mechanism_count = 0;
    if (list != NULL)
        rv = P11_CALL(&t->control.call, C_GetMechanismList, t->slot, list, &count);
    if (rv != CKR_OK || count > P11_MECHANISMS_MAX) {
        free(list);
        return p11_failed(t, "C_GetMechanismList", rv == CKR_OK ? CKR_BUFFER_TOO_SMALL : rv, p);
    }
    for (CK_ULONG i = 0; i < count; i++) {
        CK_MECHANISM_INFO info;

        memset(&info, 0, sizeof(info));
        if (P11_CALL(&t->control.call, C_GetMechanismInfo, t->slot, list[i], &info) == CKR_OK)
            t->mechanisms[t->mechanism_count++] = (struct p11_mechanism){ list[i], info.flags };
    }
    free(list);
    p11_message_find(t);
    return 0;
}

bool p11_token_can(const struct p11_token *t, CK_MECHANISM_TYPE m, CK_FLAGS flags)
{
    for (CK_ULONG i = 0; i < t->mechanism_count; i++) {
        if (t->mechanisms[i].type == m)
            return (t->mechanisms[i].flags & flags) == flags;
    }
    return false;
}

int p11_token_must(const struct p11_token *t, CK_MECHANISM_TYPE m, CK_FLAGS flags, struct problem *p)
{
    if (p11_token_can(t, m, flags))
        return 0;
    return problem_set(p, LB_E_SCHEME, "token '%s' (%s) does not do this: it has no %s", t->info.label, t->info.model,
                       p11_mechanism_name(m));
}

/* The PIN */

/*
 * A PIN that was refused is not tried again by ourselves, not even by the next child: a note beside the store says which
 * file it was of, by what a file has that a changed PIN changes.
 */
static void pin_note(const struct p11_token *t, char ret[160])
{
    struct stat st;

    ret[0] = '\0';
    if (t->conf->pin == PIN_FILE && stat(t->conf->pin_path, &st) == 0)
        snprintf(ret, 160, "%s %llu %lld %lld.%09ld\n", t->info.serial, (unsigned long long)st.st_ino,
                 (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static bool was_refused(const struct p11_token *t)
{
    char note[160], had[160];
    FILE *f;
    bool same;

    pin_note(t, note);
    f = note[0] == '\0' ? NULL : fopen(t->remember, "re");
    if (f == NULL)
        return false;
    same = fgets(had, sizeof(had), f) != NULL && strcmp(had, note) == 0;
    fclose(f);
    return same;
}

static void remember_refusal(const struct p11_token *t)
{
    char note[160];
    int fd;

    pin_note(t, note);
    if (note[0] == '\0')
        return;
    fd = open(t->remember, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, note, strlen(note)) != (ssize_t)strlen(note) || fsync(fd) < 0)
        log_warning("cannot keep note of the refused PIN in %s: %s", t->remember, strerror(errno));
    if (fd >= 0)
        close(fd);
}

static int read_pin(struct p11_token *t, struct problem *p)
{
    void *file = NULL;
    size_t len = 0;
    const struct secretfile from = { .path = t->conf->pin_path, .max = P11_PIN_MAX + 1, .also = geteuid() };
    struct problem why;
    int r = secretfile_read(&from, &file, &len, &why);

    if (r != 0) {
        problem_set(p, LB_E_PIN, "cannot read the PIN of token '%s' from %.200s: %.120s", t->info.label,
                    t->conf->pin_path, why.text);
        problem_hint(p, "%s", why.hint[0] != '\0' ? why.hint
                                                  : "the file must hold the PIN in one line, readable for the user of "
                                                    "the box and no other");
        return LB_E_PIN;
    }
    /* Editors end files with a line's end, which is not of the PIN. */
    while (len > 0 && (((char *)file)[len - 1] == '\n' || ((char *)file)[len - 1] == '\r'))
        len--;
    if (len > P11_PIN_MAX)
        len = 0;
    memcpy(t->pin, file, len);
    t->pin_len = len;
    secret_free(file, P11_PIN_MAX + 1);
    if (len == 0)
        return problem_set(p, LB_E_PIN, "there is no PIN in %.200s, or one longer than %d bytes", t->conf->pin_path,
                           P11_PIN_MAX);
    return 0;
}

static int pin_wanted(struct p11_token *t, struct problem *p)
{
    if ((t->flags & CKF_USER_PIN_LOCKED) != 0) {
        problem_set(p, LB_E_PIN, "the PIN of token '%s' is locked: too many wrong ones were tried", t->info.label);
        problem_hint(p, "set a new one as its security officer: pkcs11-tool --init-pin");
        return LB_E_PIN;
    }
    if (atomic_load(&t->pin_refused) || (!t->pin_good && was_refused(t))) {
        problem_set(p, LB_E_PIN, "token '%s' refused this PIN before: it is not tried again", t->info.label);
        problem_hint(p, "mend %s, or give the PIN: littlebox login",
                     t->conf->pin == PIN_FILE ? t->conf->pin_path : "it");
        return LB_E_PIN;
    }
    if ((t->flags & CKF_USER_PIN_FINAL_TRY) != 0 && !t->pin_good) {
        problem_set(p, LB_E_PIN, "token '%s' allows one more wrong PIN and is then locked: none is tried", t->info.label);
        problem_hint(p, "make sure of the PIN, then: littlebox login");
        return LB_E_PIN;
    }
    return 0;
}

static int get_pin(struct p11_token *t, struct problem *p)
{
    int r = pin_wanted(t, p);

    if (r != 0 || t->pin_good)
        return r;
    switch (t->conf->pin) {
    case PIN_FILE:
        return read_pin(t, p);
    case PIN_PROMPT:
        problem_set(p, LB_E_PIN, "token '%s' waits for its PIN", t->info.label);
        problem_hint(p, "run: littlebox login");
        return LB_E_PIN;
    default:
        if ((t->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
            return 0; /* it asks by itself, on its own keys */
        problem_set(p, LB_E_PIN, "token '%s' wants a PIN, and BOX.conf names none", t->info.label);
        problem_hint(p, "add 'pin = file:/PATH', 'pin = credential:NAME' or 'pin = prompt'");
        return LB_E_PIN;
    }
}

static int try_pin(struct p11_token *t, struct problem *p)
{
    char name[P11_RV_SIZE];
    CK_RV rv = P11_CALL(&t->control.call, C_Login, t->control.h, CKU_USER, t->pin_len == 0 ? NULL : t->pin, t->pin_len);

    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) {
        t->logged_in = t->pin_good = true;
        atomic_store(&t->pin_refused, false);
        (void)unlink(t->remember);
        return 0;
    }
    if (rv != CKR_PIN_INCORRECT && rv != CKR_PIN_INVALID && rv != CKR_PIN_LEN_RANGE && rv != CKR_PIN_LOCKED &&
        rv != CKR_PIN_EXPIRED && rv != CKR_USER_PIN_NOT_INITIALIZED)
        return p11_failed(t, "C_Login", rv, p);
    atomic_store(&t->pin_refused, true);
    t->pin_good = false;
    remember_refusal(t);
    secret_wipe(t->pin, P11_PIN_MAX + 1);
    problem_set(p, LB_E_PIN, "token '%s' refuses the PIN: %s", t->info.label, p11_rv_name(rv, name));
    problem_hint(p, "it is not tried again: mend %s, or give the PIN: littlebox login",
                 t->conf->pin == PIN_FILE ? t->conf->pin_path : "it");
    return LB_E_PIN;
}

int p11_login(struct p11_token *t, struct problem *p)
{
    int r;

    t->logged_in = false;
    if (t->conf->login == LOGIN_NEVER || (t->conf->login == LOGIN_AUTO && (t->flags & CKF_LOGIN_REQUIRED) == 0))
        return 0;
    r = get_pin(t, p);
    return r != 0 ? r : try_pin(t, p);
}

/* Connecting */

static int open_control(struct p11_token *t, struct problem *p)
{
    CK_FLAGS flags = CKF_SERIAL_SESSION | CKF_RW_SESSION;
    CK_RV rv = P11_CALL(&t->control.call, C_OpenSession, t->slot, flags, NULL, NULL, &t->control.h);

    if (rv == CKR_TOKEN_WRITE_PROTECTED)
        rv = P11_CALL(&t->control.call, C_OpenSession, t->slot, CKF_SERIAL_SESSION, NULL, NULL, &t->control.h);
    t->control.open = rv == CKR_OK;
    return rv == CKR_OK ? 0 : p11_failed(t, "C_OpenSession", rv, p);
}

void p11_disconnect(struct p11_token *t)
{
    t->connected = t->logged_in = t->control.open = false;
    atomic_fetch_add(&t->generation, 1);
    pthread_mutex_lock(&t->pool_lock);
    for (struct p11_session *s = t->idle; s != NULL; s = s->next)
        s->open = false;
    t->open_count = 0;
    pthread_mutex_unlock(&t->pool_lock);
    p11_copies_free(t);
    /* Ends all sessions, and the login with them. */
    p11_finalize(t);
}

/* Up to the login. */
static int reach(struct p11_token *t, struct problem *p)
{
    int r = p11_initialize(t, p);

    if (r == 0)
        r = p11_find_slot(t, p);
    if (r == 0)
        r = read_mechanisms(t, p);
    return r == 0 ? open_control(t, p) : r;
}

/* What comes behind the login, which gave r. */
static int connected(struct p11_token *t, int r, struct problem *p)
{
    if (r != 0) {
        p11_disconnect(t);
        t->info.problem = *p;
        return r;
    }
    t->connected = true;
    t->control.generation = atomic_fetch_add(&t->generation, 1) + 1;
    memset(&t->info.problem, 0, sizeof(t->info.problem));
    log_info("token '%s' (%s, serial %s) in slot %lu is ready", t->info.label, t->info.model, t->info.serial, t->slot);
    return 0;
}

int p11_connect(struct p11_token *t, struct problem *p)
{
    int r = reach(t, p);

    return connected(t, r == 0 ? p11_login(t, p) : r, p);
}

int p11_token_login(struct p11_token *t, struct bytes pin, struct problem *p)
{
    int r = 0;

    if (pin.len == 0 || pin.len > P11_PIN_MAX)
        return problem_set(p, LB_E_PIN, "a PIN has 1 to %d bytes", P11_PIN_MAX);
    pthread_rwlock_wrlock(&t->lock);
    p11_disconnect(t);
    r = t->locked ? problem_set(p, LB_E_LOCKED, "the box is locked") : reach(t, p);
    if (r == 0) {
        memcpy(t->pin, pin.p, pin.len);
        t->pin_len = pin.len;
        r = try_pin(t, p);
    }
    r = connected(t, r, p);
    pthread_rwlock_unlock(&t->lock);
    return r;
}

/* Whoever asks for the state must not wait for a token that does not answer: then the last state is told. */
void p11_token_info(struct p11_token *t, struct p11_token_info *ret)
{
    bool busy = pthread_rwlock_tryrdlock(&t->lock) != 0;

    pthread_mutex_lock(&t->pool_lock);
    if (!busy) {
        t->told = t->info;
        t->told.connected = t->connected;
    }
    *ret = t->told;
    ret->sessions = t->open_count;
    pthread_mutex_unlock(&t->pool_lock);
    ret->sessions_max = t->conf->sessions;
    if (busy) {
        ret->connected = false;
        problem_set(&ret->problem, LB_E_BUSY, "the token is being connected");
        return;
    }
    pthread_rwlock_unlock(&t->lock);
}

unsigned p11_token_generation(const struct p11_token *t)
{
    return atomic_load(&t->generation);
}

/* Making and ending */

static int make_pool(struct p11_token *t)
{
    unsigned n = t->conf->sessions;

    t->pool = calloc(n, sizeof(*t->pool));
    t->callers = calloc(n + 1, sizeof(*t->callers));
    t->pin = secret_alloc(P11_PIN_MAX + 1);
    if (t->pool == NULL || t->callers == NULL || t->pin == NULL)
        return LB_E_NOMEM;
    t->control.call.f = t->f;
    t->control.token = t;
    t->callers[0] = &t->control.call;
    for (unsigned i = 0; i < n; i++) {
        t->pool[i] = (struct p11_session){ .call.f = t->f, .token = t, .next = t->idle };
        t->idle = &t->pool[i];
        t->callers[i + 1] = &t->pool[i].call;
    }
    return p11_watchdog_start(t->callers, n + 1, t->conf->timeout, &t->watchdog);
}

int p11_token_new(const struct p11conf *conf, const char *remember, struct p11_token **ret, struct problem *p)
{
    struct p11_token *t = calloc(1, sizeof(*t));
    pthread_condattr_t monotonic;
    int r;

    if (t == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    t->conf = conf;
    t->locked = true;
    snprintf(t->remember, sizeof(t->remember), "%s", remember);
    snprintf(t->info.module, sizeof(t->info.module), "%s", conf->module);
    /* Until it is found, what is looked for is what is known of it. */
    t->info.id = t->told.id = conf->token;
    r = fairlock_init(&t->lock);
    if (r != 0) {
        free(t);
        return problem_set(p, r, "out of memory");
    }
    pthread_mutex_init(&t->connector_lock, NULL);
    pthread_mutex_init(&t->copies_lock, NULL);
    pthread_mutex_init(&t->pool_lock, NULL);
    pthread_mutex_init(&t->certs_reading, NULL);
    pthread_mutex_init(&t->certs_lock, NULL);
    pthread_mutex_init(&t->hold_lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->hold_over, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_cond_init(&t->pool_ready, NULL);
    r = p11_module_load(conf, &t->f, p);
    if (r == 0) {
        r = make_pool(t);
        if (r != 0)
            problem_set(p, r, "cannot make the sessions of the token: %s", lb_strerror(r));
    }
    if (r != 0) {
        p11_token_free(t);
        return r;
    }
    *ret = t;
    return 0;
}

void p11_token_free(struct p11_token *t)
{
    if (t == NULL)
        return;
    p11_join_connector(t);
    if (t->f != NULL)
        p11_disconnect(t);
    p11_watchdog_stop(t->watchdog);
    secret_free(t->pin, P11_PIN_MAX + 1);
    free(t->message);
    free(t->pool);
    free(t->callers);
    p11_certs_unref(t->certs);
    pthread_mutex_destroy(&t->certs_lock);
    pthread_mutex_destroy(&t->certs_reading);
    pthread_cond_destroy(&t->pool_ready);
    pthread_mutex_destroy(&t->pool_lock);
    pthread_mutex_destroy(&t->copies_lock);
    pthread_cond_destroy(&t->hold_over);
    pthread_mutex_destroy(&t->hold_lock);
    pthread_mutex_destroy(&t->connector_lock);
    pthread_rwlock_destroy(&t->lock);
    free(t);
}
