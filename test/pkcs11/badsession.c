/* Sessions and logins of the hostile module. */
#include "badsession.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct bad_module bad_module = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Logs, finds the rule, and does what is common. */
CK_RV bad_enter(const char *function, struct bad_rule *rule)
{
    bad_rule_at(function, rule);
    return bad_common_action(rule);
}

/* bad_enter() for a function that has no action of its own, once the module is initialized. */
CK_RV bad_enter_plain(const char *function)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter(function, &rule);

    return rv != CKR_OK ? rv : bad_module.initialized ? CKR_OK : CKR_CRYPTOKI_NOT_INITIALIZED;
}

bool bad_removed(void) { return bad_state("removed", 0) != 0; }

/* With the lock. */
static bool logged_in(void)
{
    return bad_module.logged_in && bad_module.login_generation == bad_state("generation", 0) && bad_module.login_state == bad_state("login", 0);
}
bool bad_may_see_private(void) { return logged_in() || bad_state("login-required", 1) == 0; }

/* With the lock. */
CK_RV bad_find_session(CK_SESSION_HANDLE h, struct bad_session **ret)
{
    struct bad_session *s = h >= 1 && h <= BAD_SESSIONS_MAX ? &bad_module.sessions[h - 1] : NULL;

    if (!bad_module.initialized)
        return CKR_CRYPTOKI_NOT_INITIALIZED;
    if (bad_removed()) {
        bad_module.logged_in = false;
        for (size_t i = 0; i < BAD_SESSIONS_MAX; i++)
            bad_module.sessions[i].dead = true;
        return CKR_DEVICE_REMOVED;
    }
    if (s == NULL || !s->open || s->dead || s->generation != bad_state("generation", 0))
        return CKR_SESSION_HANDLE_INVALID;
    *ret = s;
    return CKR_OK;
}

/* Layout of a handle: generation and salt above, then BAD_COPY and the number of the key, the lowest bit: private. Never 0. */
CK_OBJECT_HANDLE bad_handle_of(unsigned key, bool private_half)
{
    return (bad_state("generation", 0) & 0xff) << 24 | (bad_module.salt & 0xff) << 16 | (key + 1) << 1 | (private_half ? 1 : 0);
}

CK_RV bad_resolve(CK_OBJECT_HANDLE h, unsigned *key, bool *private_half)
{
    unsigned n = (unsigned)((h & 0xffff & ~(CK_ULONG)BAD_COPY) >> 1), count = bad_key_count();
    bool copy = (h & BAD_COPY) != 0;

    if (h >> 16 == bad_handle_of(0, false) >> 16 && n > BAD_CERTS_FROM && n <= BAD_CERTS_FROM + BAD_CERTS_MAX) {
        *key = n - 1;
        *private_half = false;
        return CKR_OK;
    }
    if (h >> 16 != bad_handle_of(0, false) >> 16 || n == 0 || n > count)
        return CKR_OBJECT_HANDLE_INVALID;
    n = (unsigned)((n - 1 + bad_state("rotate", 0)) % count);
    *private_half = (h & 1) != 0;
    if (!(copy ? bad_copy_there(n) : bad_key_there(n) && bad_state("objects-gone", 0) == 0) || (*private_half && !bad_may_see_private()))
        return CKR_OBJECT_HANDLE_INVALID;
    *key = n;
    return CKR_OK;
}

CK_RV C_OpenSession(CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *ret)
{
    CK_RV rv = bad_enter_plain("C_OpenSession");
    unsigned long open = 0;
    struct bad_session *s = NULL;

    (void)application;
    (void)notify;
    if (rv != CKR_OK)
        return rv;
    if (slot != BAD_SLOT)
        return CKR_SLOT_ID_INVALID;
    if (bad_removed())
        return CKR_TOKEN_NOT_PRESENT;
    pthread_mutex_lock(&bad_module.lock);
    for (size_t i = 0; i < BAD_SESSIONS_MAX; i++) {
        bool valid = bad_module.sessions[i].open && !bad_module.sessions[i].dead &&
                     bad_module.sessions[i].generation == bad_state("generation", 0);

        open += valid ? 1 : 0;
        if (!bad_module.sessions[i].open && s == NULL)
            s = &bad_module.sessions[i];
    }
    if (s == NULL || open >= bad_state("sessions", BAD_SESSIONS_MAX)) {
        rv = CKR_SESSION_COUNT;
    } else {
        memset(s, 0, sizeof(*s));
        s->open = true;
        s->generation = bad_state("generation", 0);
        s->flags = flags;
        *ret = (CK_SESSION_HANDLE)(s - bad_module.sessions) + 1;
        bad_keys_load();
    }
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

/* With the lock: the last session takes the login with it. */
static void end_session(struct bad_session *s)
{
    s->open = false;
    for (size_t i = 0; i < BAD_SESSIONS_MAX; i++)
        if (bad_module.sessions[i].open && !bad_module.sessions[i].dead)
            return;
    bad_module.logged_in = false;
}

CK_RV C_CloseSession(CK_SESSION_HANDLE h)
{
    CK_RV rv = bad_enter_plain("C_CloseSession");
    struct bad_session *s = NULL;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK)
        end_session(s);
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

CK_RV C_CloseAllSessions(CK_SLOT_ID slot)
{
    CK_RV rv = bad_enter_plain("C_CloseAllSessions");

    if (rv != CKR_OK)
        return rv;
    if (slot != BAD_SLOT)
        return CKR_SLOT_ID_INVALID;
    pthread_mutex_lock(&bad_module.lock);
    for (size_t i = 0; i < BAD_SESSIONS_MAX; i++)
        bad_module.sessions[i].open = false;
    bad_module.logged_in = false;
    pthread_mutex_unlock(&bad_module.lock);
    return CKR_OK;
}

CK_RV C_GetSessionInfo(CK_SESSION_HANDLE h, CK_SESSION_INFO *info)
{
    CK_RV rv = bad_enter_plain("C_GetSessionInfo");
    struct bad_session *s = NULL;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK) {
        bool rw = (s->flags & CKF_RW_SESSION) != 0;

        memset(info, 0, sizeof(*info));
        info->slotID = BAD_SLOT;
        info->flags = s->flags;
        info->state = logged_in() ? rw ? CKS_RW_USER_FUNCTIONS : CKS_RO_USER_FUNCTIONS
                                  : rw ? CKS_RW_PUBLIC_SESSION : CKS_RO_PUBLIC_SESSION;
    }
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

size_t bad_wrong_pins(void)
{
    char path[BAD_PATH_MAX];
    struct stat st;

    return stat(bad_path(path, "pin-wrong"), &st) == 0 ? (size_t)st.st_size : 0;
}

/* With the lock. A wrong PIN costs a try, whoever asks and for what. */
static CK_RV check_pin(const CK_UTF8CHAR *pin, CK_ULONG len)
{
    char path[BAD_PATH_MAX], right[64] = "1234";
    FILE *f = fopen(bad_path(path, "pin"), "re");
    int fd;

    if (f != NULL) {
        if (fgets(right, sizeof(right), f) == NULL)
            right[0] = '\0';
        fclose(f);
    }
    right[strcspn(right, "\n")] = '\0';
    if (bad_wrong_pins() >= BAD_PIN_TRIES) {
        bad_log("C_Login", "locked");
        return CKR_PIN_LOCKED;
    }
    bad_path(path, "pin-wrong");
    if (pin != NULL && len == strlen(right) && memcmp(pin, right, len) == 0) {
        unlink(path);
        bad_log("C_Login", "right");
        return CKR_OK;
    }
    bad_log("C_Login", "wrong");
    fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    if (fd < 0 || write(fd, ".", 1) != 1)
        abort();
    close(fd);
    return CKR_PIN_INCORRECT;
}

CK_RV C_Login(CK_SESSION_HANDLE h, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG len)
{
    CK_RV rv = bad_enter_plain("C_Login");
    struct bad_session *s = NULL;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv != CKR_OK)
        goto out;
    if (user == CKU_CONTEXT_SPECIFIC) {
        rv = CKR_OPERATION_NOT_INITIALIZED;
        if (!s->operations[BAD_SIGN].active && !s->operations[BAD_DECRYPT].active)
            goto out;
        rv = check_pin(pin, len);
        if (rv == CKR_OK)
            s->operations[BAD_SIGN].needs_login = s->operations[BAD_DECRYPT].needs_login = false;
        goto out;
    }
    rv = user != CKU_USER ? CKR_USER_TYPE_INVALID : logged_in() ? CKR_USER_ALREADY_LOGGED_IN : check_pin(pin, len);
    if (rv == CKR_OK) {
        bad_module.logged_in = true;
        bad_module.login_generation = bad_state("generation", 0);
        bad_module.login_state = bad_state("login", 0);
    }
out:
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

CK_RV C_Logout(CK_SESSION_HANDLE h)
{
    CK_RV rv = bad_enter_plain("C_Logout");
    struct bad_session *s = NULL;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK)
        rv = logged_in() ? CKR_OK : CKR_USER_NOT_LOGGED_IN;
    if (rv == CKR_OK)
        bad_module.logged_in = false;
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}
