/* Logging in to a token: where the PIN comes from, and that a refused one is not tried again. */
#include "token/login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "guard/secret.h"
#include "guard/secret_file.h"
#include "token/failure.h"

int p11_login_init(struct p11_user_login *l, const struct p11conf *conf, const char *remember)
{
    l->conf = conf;
    snprintf(l->remember, sizeof(l->remember), "%s", remember);
    l->pin = secret_alloc(P11_PIN_MAX + 1);
    return l->pin == NULL ? LB_E_NOMEM : 0;
}

void p11_login_clear(struct p11_user_login *l)
{
    secret_free(l->pin, P11_PIN_MAX + 1);
    l->pin = NULL;
}

void p11_login_forget(struct p11_user_login *l)
{
    secret_wipe(l->pin, P11_PIN_MAX + 1);
    l->pin_len = 0;
    l->pin_good = false;
}

/*
 * Makes the note beside the store about a PIN that was refused: which file the PIN was from, by what a changed PIN changes
 * in a file. Such a PIN is not tried again by ourselves, not even by the next child.
 */
static void pin_note(const struct p11_user_login *l, const struct p11_slot *slot, char ret[160])
{
    struct stat st;

    ret[0] = '\0';
    if (l->conf->pin == PIN_FILE && stat(l->conf->pin_path, &st) == 0)
        snprintf(ret, 160, "%s %llu %lld %lld.%09ld\n", slot->serial, (unsigned long long)st.st_ino,
                 (long long)st.st_size, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
}

static bool was_refused(const struct p11_user_login *l, const struct p11_slot *slot)
{
    char note[160], had[160];
    FILE *f;
    bool same;

    pin_note(l, slot, note);
    f = note[0] == '\0' ? NULL : fopen(l->remember, "re");
    if (f == NULL)
        return false;
    same = fgets(had, sizeof(had), f) != NULL && strcmp(had, note) == 0;
    fclose(f);
    return same;
}

static void remember_refusal(const struct p11_user_login *l, const struct p11_slot *slot)
{
    char note[160];
    int fd;

    pin_note(l, slot, note);
    if (note[0] == '\0')
        return;
    fd = open(l->remember, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0 || write(fd, note, strlen(note)) != (ssize_t)strlen(note) || fsync(fd) < 0)
        log_warning("cannot keep note of the refused PIN in %s: %s", l->remember, strerror(errno));
    if (fd >= 0)
        close(fd);
}

static int read_pin(struct p11_user_login *l, const struct p11_slot *slot, struct problem *p)
{
    void *file = NULL;
    size_t len = 0;
    const struct secretfile from = { .path = l->conf->pin_path, .max = P11_PIN_MAX + 1, .also = geteuid() };
    struct problem why;
    int r = secretfile_read(&from, &file, &len, &why);

    if (r != 0) {
        problem_set(p, LB_E_PIN, "cannot read the PIN of token '%s' from %.200s: %.120s", slot->label,
                    l->conf->pin_path, why.text);
        problem_hint(p, "%s", why.hint[0] != '\0' ? why.hint
                                                  : "the file must hold the PIN in one line, readable for the user of "
                                                    "the box and no other");
        return LB_E_PIN;
    }
    /* Editors end a file with a line's end, which is not part of the PIN. */
    while (len > 0 && (((char *)file)[len - 1] == '\n' || ((char *)file)[len - 1] == '\r'))
        len--;
    if (len > P11_PIN_MAX)
        len = 0;
    memcpy(l->pin, file, len);
    l->pin_len = len;
    secret_free(file, P11_PIN_MAX + 1);
    if (len == 0)
        return problem_set(p, LB_E_PIN, "there is no PIN in %.200s, or one longer than %d bytes", l->conf->pin_path,
                           P11_PIN_MAX);
    return 0;
}

static int pin_wanted(const struct p11_user_login *l, const struct p11_slot *slot, struct problem *p)
{
    if ((slot->flags & CKF_USER_PIN_LOCKED) != 0) {
        problem_set(p, LB_E_PIN, "the PIN of token '%s' is locked: too many wrong ones were tried", slot->label);
        problem_hint(p, "set a new one as its security officer: pkcs11-tool --init-pin");
        return LB_E_PIN;
    }
    if (atomic_load(&l->pin_refused) || (!l->pin_good && was_refused(l, slot))) {
        problem_set(p, LB_E_PIN, "token '%s' refused this PIN before: it is not tried again", slot->label);
        problem_hint(p, "mend %s, or give the PIN: littlebox login",
                     l->conf->pin == PIN_FILE ? l->conf->pin_path : "it");
        return LB_E_PIN;
    }
    if ((slot->flags & CKF_USER_PIN_FINAL_TRY) != 0 && !l->pin_good) {
        problem_set(p, LB_E_PIN, "token '%s' allows one more wrong PIN and is then locked: none is tried", slot->label);
        problem_hint(p, "make sure of the PIN, then: littlebox login");
        return LB_E_PIN;
    }
    return 0;
}

static int get_pin(struct p11_user_login *l, const struct p11_slot *slot, struct problem *p)
{
    int r = pin_wanted(l, slot, p);

    if (r != 0 || l->pin_good)
        return r;
    switch (l->conf->pin) {
    case PIN_FILE:
        return read_pin(l, slot, p);
    case PIN_PROMPT:
        problem_set(p, LB_E_PIN, "token '%s' waits for its PIN", slot->label);
        problem_hint(p, "run: littlebox login");
        return LB_E_PIN;
    default:
        if ((slot->flags & CKF_PROTECTED_AUTHENTICATION_PATH) != 0)
            return 0; /* it asks by itself, on its own keys */
        problem_set(p, LB_E_PIN, "token '%s' wants a PIN, and BOX.conf names none", slot->label);
        problem_hint(p, "add 'pin = file:/PATH', 'pin = credential:NAME' or 'pin = prompt'");
        return LB_E_PIN;
    }
}

static int try_pin(struct p11_user_login *l, struct p11_session *control, const struct p11_slot *slot,
                   struct problem *p)
{
    char name[P11_RV_SIZE];
    CK_RV rv = P11_CALL(&control->call, C_Login, control->h, CKU_USER, l->pin_len == 0 ? NULL : l->pin, l->pin_len);

    if (rv == CKR_OK || rv == CKR_USER_ALREADY_LOGGED_IN) {
        l->logged_in = l->pin_good = true;
        atomic_store(&l->pin_refused, false);
        (void)unlink(l->remember);
        return 0;
    }
    if (rv != CKR_PIN_INCORRECT && rv != CKR_PIN_INVALID && rv != CKR_PIN_LEN_RANGE && rv != CKR_PIN_LOCKED &&
        rv != CKR_PIN_EXPIRED && rv != CKR_USER_PIN_NOT_INITIALIZED)
        return p11_failed(slot->label, "C_Login", rv, p);
    atomic_store(&l->pin_refused, true);
    l->pin_good = false;
    remember_refusal(l, slot);
    secret_wipe(l->pin, P11_PIN_MAX + 1);
    problem_set(p, LB_E_PIN, "token '%s' refuses the PIN: %s", slot->label, p11_rv_name(rv, name));
    problem_hint(p, "it is not tried again: mend %s, or give the PIN: littlebox login",
                 l->conf->pin == PIN_FILE ? l->conf->pin_path : "it");
    return LB_E_PIN;
}

int p11_login(struct p11_user_login *l, struct p11_session *control, const struct p11_slot *slot, struct problem *p)
{
    int r;

    l->logged_in = false;
    if (l->conf->login == LOGIN_NEVER || (l->conf->login == LOGIN_AUTO && (slot->flags & CKF_LOGIN_REQUIRED) == 0))
        return 0;
    r = get_pin(l, slot, p);
    return r != 0 ? r : try_pin(l, control, slot, p);
}

int p11_login_with(struct p11_user_login *l, struct p11_session *control, const struct p11_slot *slot, struct bytes pin,
                   struct problem *p)
{
    memcpy(l->pin, pin.p, pin.len);
    l->pin_len = pin.len;
    return try_pin(l, control, slot, p);
}

CK_RV p11_login_for_use(struct p11_user_login *l, struct p11_session *s, const char *label, struct problem *p)
{
    CK_RV rv = CKR_PIN_INCORRECT;

    if (!atomic_load(&l->pin_refused))
        rv = P11_CALL(&s->call, C_Login, s->h, CKU_CONTEXT_SPECIFIC, l->pin_len == 0 ? NULL : l->pin, l->pin_len);
    if (rv != CKR_PIN_INCORRECT && rv != CKR_PIN_LOCKED)
        return rv;
    /* Once is enough, since each further signature would be one more wrong PIN. */
    atomic_store(&l->pin_refused, true);
    problem_set(p, LB_E_PIN, "token '%s' refuses the PIN that this key wants for each use", label);
    problem_hint(p, "give the right one: littlebox login");
    return P11_TOLD;
}
