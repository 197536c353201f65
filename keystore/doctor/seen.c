/* Key files that a server's configuration names, as they are found. */
#include "doctor/seen.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "guard/secret.h"

void seen_look(const struct srvconf *c, const char *path, struct seen *ret)
{
    uint8_t *data = NULL;
    size_t size = 0;
    ssize_t n = 0;
    int r;

    memset(ret, 0, sizeof(*ret));
    ret->fd = -1;
    r = srv_open(c, path, &ret->fd, &ret->st);
    if (r == 0 && ret->st.st_size <= KEYFILE_MAX)
        size = ret->st.st_size == 0 ? 1 : (size_t)ret->st.st_size;
    if (r == LB_E_SYSTEM)
        ret->error = errno;
    else if (r != 0)
        ret->why = "it is no plain file";
    else if (size == 0)
        ret->why = "it is too long for a key file";
    else if ((data = secret_alloc(size)) == NULL)
        ret->why = "no locked memory left";
    else if ((n = pread(ret->fd, data, size, 0)) < 0)
        ret->error = errno;
    else if (keyfile_look(data, (size_t)n, &ret->sight, &ret->handle) != 0)
        ret->why = "out of memory";
    secret_free(data, size);
}

void seen_clear(struct seen *s)
{
    handle_clear(&s->handle);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

bool seen_key(const struct seen *s)
{
    return s->error == 0 && s->why == NULL && s->sight != KEYFILE_NOTHING;
}

/* FILE.key, or with in_place FILE with .key for its last ending. False: there is no such name. */
static bool key_beside(const char *path, bool in_place, char ret[PATH_MAX])
{
    const char *slash = strrchr(path, '/'), *dot = strrchr(path, '.');
    size_t len = strlen(path);

    if (in_place && (dot == NULL || (slash != NULL && dot < slash)))
        return false;
    if (in_place)
        len = (size_t)(dot - path);
    if (len + sizeof(".key") > PATH_MAX)
        return false;
    memcpy(ret, path, len);
    memcpy(ret + len, ".key", sizeof(".key"));
    return true;
}

void seen_look_bundle(const struct srvconf *c, char path[PATH_MAX], struct seen *ret)
{
    char cert[PATH_MAX], other[PATH_MAX];
    struct seen next;

    memcpy(cert, path, PATH_MAX);
    seen_look(c, path, ret);
    for (int i = 0; i < 2 && !seen_key(ret); i++) {
        if (!key_beside(cert, /* in_place= */ i == 1, other))
            continue;
        seen_look(c, other, &next);
        if (next.error == ENOENT) {
            seen_clear(&next);
            continue;
        }
        seen_clear(ret);
        *ret = next;
        memcpy(path, other, PATH_MAX);
    }
}
