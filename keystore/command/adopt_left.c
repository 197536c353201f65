/* What an adoption that was killed has left beside its file: the new file, not in its place yet, or the old one. */
#include "command/adopt_left.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/socket.h"
#include "guard/secret.h"
#include "model/spki.h"

/* Behind the name of the file: a dot and a number (base/atomic_file.c). */
#define NUMBER_SIZE 16

struct leftover {
    char *path; /* of the file */
    char *name; /* of what was left, in the same directory */
};

struct leftovers {
    struct leftover *at;
    size_t count, room;
};

bool leftover_is_name(const char *name)
{
    size_t len = strlen(name);

    return name[0] == '.' && len > NUMBER_SIZE + 2 && name[len - NUMBER_SIZE - 1] == '.' &&
           strspn(name + len - NUMBER_SIZE, "0123456789abcdef") == NUMBER_SIZE;
}

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

static int add(struct leftovers *all, const char *dir, const char *name, struct problem *p)
{
    struct leftover *at;

    if (all->count == all->room) {
        size_t room = all->room == 0 ? 16 : all->room * 2;
        struct leftover *more = realloc(all->at, room * sizeof(*more));

        if (more == NULL)
            return out_of_memory(p);
        all->at = more;
        all->room = room;
    }
    at = &all->at[all->count];
    at->name = strdup(name);
    if (asprintf(&at->path, "%s%s%.*s", dir, dir[1] == '\0' ? "" : "/", (int)(strlen(name) - NUMBER_SIZE - 2), name + 1) < 0)
        at->path = NULL;
    if (at->name == NULL || at->path == NULL) {
        free(at->name);
        free(at->path);
        return out_of_memory(p);
    }
    all->count++;
    return 0;
}

/* A directory that cannot be read has nothing to tell. */
static int look_into(struct leftovers *all, const char *path, struct problem *p)
{
    DIR *dir = opendir(path);
    const struct dirent *e;
    int r = 0;

    while (dir != NULL && r == 0 && (e = readdir(dir)) != NULL) {
        if (leftover_is_name(e->d_name))
            r = add(all, path, e->d_name, p);
    }
    if (dir != NULL)
        closedir(dir);
    return r;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static int compare_leftovers(const void *a, const void *b)
{
    return strcmp(((const struct leftover *)a)->path, ((const struct leftover *)b)->path);
}

/* The directories that the files are in, links followed; NULL where there is none. */
static char **directories(const struct bulk_list *l)
{
    char **dirs = calloc(l->count + 1, sizeof(*dirs));

    for (size_t i = 0; dirs != NULL && i < l->count; i++) {
        char *slash, *whole = realpath(l->files[i].path, NULL);

        slash = whole == NULL ? NULL : strrchr(whole, '/');
        if (slash != NULL)
            slash[slash == whole] = '\0';
        dirs[i] = slash == NULL ? strdup("") : whole;
        if (dirs[i] == NULL) {
            for (size_t j = 0; j < i; j++)
                free(dirs[j]);
            free(dirs);
            return NULL;
        }
    }
    return dirs;
}

int leftovers_find(const struct bulk_list *l, struct leftovers **ret, struct problem *p)
{
    struct leftovers *all = calloc(1, sizeof(*all));
    char **dirs = directories(l);
    int r = all == NULL || dirs == NULL ? out_of_memory(p) : 0;

    if (r == 0)
        qsort(dirs, l->count, sizeof(*dirs), compare_texts);
    for (size_t i = 0; r == 0 && i < l->count; i++) {
        if (dirs[i][0] != '\0' && (i == 0 || strcmp(dirs[i - 1], dirs[i]) != 0))
            r = look_into(all, dirs[i], p);
    }
    for (size_t i = 0; dirs != NULL && i < l->count; i++)
        free(dirs[i]);
    free(dirs);
    if (r != 0) {
        leftovers_free(all);
        return r;
    }
    if (all->count > 0)
        qsort(all->at, all->count, sizeof(*all->at), compare_leftovers);
    *ret = all;
    return 0;
}

void leftovers_free(struct leftovers *all)
{
    for (size_t i = 0; all != NULL && i < all->count; i++) {
        free(all->at[i].path);
        free(all->at[i].name);
    }
    if (all != NULL)
        free(all->at);
    free(all);
}

static bool is_trusted(const struct adoption *a, const struct stat *st)
{
    return S_ISREG(st->st_mode) && st->st_nlink == 1 && st->st_size <= KEYFILE_MAX &&
           (st->st_uid == 0 || st->st_uid == geteuid() || st->st_uid == a->file.st.st_uid);
}

const char *leftover_of(const struct leftovers *all, const struct adoption *a)
{
    const struct leftover like = { .path = (char *)a->file.path };
    const struct leftover *at =
        all->count == 0 ? NULL : bsearch(&like, all->at, all->count, sizeof(*all->at), compare_leftovers);
    struct stat st;

    if (at == NULL || fstatat(a->file.way.dir, at->name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !is_trusted(a, &st))
        return NULL;
    return at->name;
}

/* The key of the file, which is a handle by now, whether it was one before or has become one. */
static bool is_key_of(const struct adoption *a, EVP_PKEY *key)
{
    EVP_PKEY *public;
    bool is;

    if (!a->key.is_handle)
        return EVP_PKEY_eq(a->key.key, key) == 1;
    public = spki_key(/* libctx= */ NULL, a->key.handle.spki, a->key.handle.spki_len);
    is = public != NULL && EVP_PKEY_eq(public, key) == 1;

    EVP_PKEY_free(public);
    return is;
}

/* Reads what was left. *ret_key: there is a key in it, and its handle is in the place of the file. */
static int look(const struct adoption *a, const char *name, int fd, uint8_t *data, size_t size, bool *ret_key, struct problem *p)
{
    enum keyfile_sight sight = KEYFILE_NOTHING;
    struct handle h = { .type = 0 };
    struct keyfile file = { 0 };
    int r;

    *ret_key = false;
    if (size == 0)
        return 0;
    if (pread(fd, data, size, 0) != (ssize_t)size)
        return problem_set(p, LB_E_SYSTEM, "cannot read '%s' beside '%s': %s", name, a->file.path, strerror(errno));
    r = keyfile_look(data, size, &sight, &h);
    handle_clear(&h);
    if (r != 0)
        return problem_set(p, r, "cannot look at '%s': %s", name, lb_strerror(r));
    if (sight == KEYFILE_HANDLE)
        return 0;
    r = keyfile_parse(a->cli, name, data, size, &file, p);
    if (r == 0 && !file.is_handle && !is_key_of(a, file.key))
        r = problem_set(p, LB_E_VALUE, "'%.100s' beside it is no old content of this file, and stays", name);
    *ret_key = r == 0 && !file.is_handle;
    keyfile_clear(&file);
    return r;
}

static int overwrite(int fd, uint8_t *data, size_t size)
{
    if (RAND_bytes(data, (int)size) <= 0 || pwrite(fd, data, size, 0) != (ssize_t)size || fsync(fd) < 0)
        return LB_E_SYSTEM;
    return 0;
}

int leftover_clear(const struct adoption *a, const char *name, struct problem *p)
{
    int fd = openat(a->file.way.dir, name, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), r = 0;
    uint8_t *data = NULL;
    bool has_key = false;
    struct stat st;

    if (fd < 0 || fstat(fd, &st) < 0 || !is_trusted(a, &st)) {
        r = problem_set(p, LB_E_SYSTEM, "cannot open '%s' beside '%s'", name, a->file.path);
        goto out;
    }
    if (st.st_size > 0 && (data = secret_alloc((size_t)st.st_size)) == NULL) {
        r = secret_no_memory(p);
        goto out;
    }
    r = look(a, name, fd, data, (size_t)st.st_size, &has_key, p);
    if (r == 0 && has_key)
        r = overwrite(fd, data, (size_t)st.st_size);
    if (r == 0 && unlinkat(a->file.way.dir, name, 0) < 0)
        r = LB_E_SYSTEM;
    if (r == LB_E_SYSTEM && p->code == 0)
        problem_set(p, r, "cannot overwrite '%s' beside '%s': %s", name, a->file.path, strerror(errno));
out:
    secret_free(data, data == NULL ? 0 : (size_t)st.st_size);
    socket_close(fd);
    return r;
}
