/* Credential files: random bytes that open a store. */
#include "command/credential.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/atomic_file.h"
#include "command/box_file.h"
#include "guard/secret.h"
#include "guard/secret_file.h"
#include "model/limits.h"
#include "model/seal_kinds.h"

/* Takes the result of reading the file; why has only the reason. */
static int take(int r, const char *path, struct credential *ret, const struct problem *why, struct problem *p)
{
    int saved = errno;

    if (r == 0 && ret->len < CREDENTIAL_MIN) {
        problem_set(p, LB_E_WEAK_SECRET, "the credential '%s' has less than %d bytes", path, CREDENTIAL_MIN);
        problem_hint(p, "name a file that does not exist, and it is made with random bytes");
        return LB_E_WEAK_SECRET;
    }
    if (r != 0) {
        problem_set(p, r, "cannot read the credential '%.200s': %.180s", path, why->text);
        if (why->hint[0] != '\0')
            problem_hint(p, "%s", why->hint);
    }
    errno = saved;
    return r;
}

static int begin(const char *path, struct credential *ret, struct problem *p)
{
    memset(ret, 0, sizeof(*ret));
    if (snprintf(ret->path, sizeof(ret->path), "%s", path) >= (int)sizeof(ret->path))
        return problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", path);
    return 0;
}

int credential_read(const char *path, const struct peer *box, struct credential *ret, struct problem *p)
{
    const struct secretfile from = { .path = path, .max = LB_SECRET_MAX, .also = box == NULL ? geteuid() : box->uid,
                                     .pipe = true };
    struct problem why;
    int r = begin(path, ret, p);

    return r != 0 ? r : take(secretfile_read(&from, &ret->data, &ret->len, &why), path, ret, &why, p);
}

int credential_read_as(const char *path, const struct peer *box, struct credential *ret, struct problem *p)
{
    struct problem why;
    int r = begin(path, ret, p);

    return r != 0 ? r : take(boxfile_read(box, path, LB_SECRET_MAX, &ret->data, &ret->len, &why), path, ret, &why, p);
}

int credential_read_stdin(struct credential *ret, struct problem *p)
{
    int r;

    memset(ret, 0, sizeof(*ret));
    r = secret_read_fd(STDIN_FILENO, LB_SECRET_MAX, &ret->data, &ret->len);
    if (r == LB_E_NOMEM)
        return secret_no_memory(p);
    if (r == LB_E_TOO_LONG)
        return problem_set(p, r, "a credential has at most %d bytes, and standard input has more", LB_SECRET_MAX);
    if (r != 0)
        return problem_set(p, r, "cannot read the credential from standard input: %s",
                           errno == ENODATA ? "it is empty" : strerror(errno));
    if (ret->len < CREDENTIAL_MIN)
        return problem_set(p, LB_E_WEAK_SECRET, "the credential on standard input has less than %d bytes", CREDENTIAL_MIN);
    return 0;
}

/* ret->data is filled with digits; nothing of the random bytes is left elsewhere. */
static int new_text(struct credential *ret, struct problem *p)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *random = secret_alloc(CREDENTIAL_MIN);
    char *text;
    int r = LB_E_NOMEM;

    ret->data = text = secret_alloc(LB_SECRET_MAX);
    if (random == NULL || ret->data == NULL) {
        r = secret_no_memory(p);
        goto out;
    }
    if (RAND_priv_bytes(random, CREDENTIAL_MIN) <= 0) {
        r = problem_set(p, LB_E_CRYPTO, "no random numbers");
        goto out;
    }
    for (int i = 0; i < CREDENTIAL_MIN; i++) {
        text[2 * i] = digits[random[i] >> 4];
        text[2 * i + 1] = digits[random[i] & 15];
    }
    text[2 * CREDENTIAL_MIN] = '\n';
    ret->len = 2 * CREDENTIAL_MIN + 1;
    r = 0;
out:
    secret_free(random, CREDENTIAL_MIN);
    return r;
}

/*
 * Checks the directory of a credential: whoever may write there can put another file in its place. In an ordinary user's
 * directory the group may write, since it may be that user's alone. In one of root's boxes it may not.
 */
static int check_directory(const char *path, int dir, const struct peer *owner, struct problem *p)
{
    const mode_t others = geteuid() == 0 ? 022 : 002;
    struct stat st;
    bool theirs;

    if (fstat(dir, &st) < 0)
        return problem_set(p, LB_E_SYSTEM, "%s: %s", path, strerror(errno));
    theirs = st.st_uid != 0 && st.st_uid != geteuid() && (owner == NULL || st.st_uid != owner->uid);
    if (theirs)
        problem_set(p, LB_E_VALUE, "the directory of '%s' belongs to uid %lu, who could replace the credential", path,
                    (unsigned long)st.st_uid);
    else if ((st.st_mode & others) != 0 && (st.st_mode & S_ISVTX) == 0)
        problem_set(p, LB_E_VALUE, "others can write in the directory of '%s', and replace the credential", path);
    else
        return 0;
    problem_hint(p, "put it into a directory where only root, or the box's user, can write");
    return LB_E_VALUE;
}

/* Gives the file to the box, which alone may read it. */
static int give(const char *path, int fd, const struct peer *owner, struct problem *p)
{
    if (owner != NULL && geteuid() == 0 && fchown(fd, owner->uid, owner->gid) < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot give '%s' to uid %lu: %s", path, (unsigned long)owner->uid,
                           strerror(errno));
    if (fchmod(fd, 0400) < 0)
        return problem_set(p, LB_E_SYSTEM, "%s: %s", path, strerror(errno));
    return 0;
}

static int make(const char *path, const struct peer *box, struct credential *ret, struct problem *p)
{
    struct newfile f;
    struct stat st;
    int r = newfile_begin(path, &f, p);

    if (r != 0)
        return r;
    memset(ret, 0, sizeof(*ret));
    snprintf(ret->path, sizeof(ret->path), "%s", path);
    r = check_directory(path, f.dir, box, p);
    if (r == 0)
        r = new_text(ret, p);
    if (r == 0)
        r = give(path, f.fd, box, p);
    if (r == 0)
        r = newfile_write(&f, ret->data, ret->len, p);
    if (r == 0 && fstat(f.fd, &st) < 0)
        r = problem_set(p, LB_E_SYSTEM, "cannot make '%s': %s", path, strerror(errno));
    if (r == 0)
        r = newfile_commit(&f, /* replace= */ false, &ret->made, p);
    if (ret->made) {
        ret->dir = fcntl(f.dir, F_DUPFD_CLOEXEC, 0);
        ret->inode = st.st_ino;
    }
    if (r != 0)
        credential_undo(ret);
    newfile_drop(&f);
    return r;
}

static bool is_there(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 || errno != ENOENT;
}

int credential_get(const char *path, const struct peer *box, struct credential *ret, struct problem *p)
{
    return is_there(path) ? credential_read(path, box, ret, p) : make(path, box, ret, p);
}

int credential_get_as(const char *path, const struct peer *box, struct credential *ret, struct problem *p)
{
    return is_there(path) ? credential_read_as(path, box, ret, p) : make(path, box, ret, p);
}

/*
 * Removes the file from the directory where it was made, wherever the path leads by now. Another file that has its name
 * stays.
 */
void credential_undo(struct credential *c)
{
    const char *slash = strrchr(c->path, '/'), *name = slash == NULL ? c->path : slash + 1;
    struct stat st;

    if (!c->made)
        return;
    if (c->dir >= 0 && fstatat(c->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == c->inode)
        (void)unlinkat(c->dir, name, 0);
    socket_close(c->dir);
    c->made = false;
}

void credential_clear(struct credential *c)
{
    if (c->made)
        socket_close(c->dir);
    c->made = false;
    secret_free(c->data, LB_SECRET_MAX);
    c->data = NULL;
    c->len = 0;
}
