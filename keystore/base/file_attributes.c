/* What a file has beside its content, owner and mode. */
#include "base/file_attributes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

static int unread(const char *path, struct problem *p)
{
    return problem_set(p, LB_E_SYSTEM, "cannot read the attributes of '%s': %s", path, strerror(errno));
}

static int copy_attribute(int from, int to, const char *path, const char *name, struct problem *p)
{
    ssize_t size = fgetxattr(from, name, NULL, 0);
    char *value;
    int r = 0;

    if (size < 0)
        return unread(path, p);
    value = malloc((size_t)size + 1);
    if (value == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    size = fgetxattr(from, name, value, (size_t)size);
    if (size < 0)
        r = unread(path, p);
    else if (fsetxattr(to, name, value, (size_t)size, 0) < 0 && strncmp(name, "security.", 9) != 0)
        r = problem_set(p, LB_E_SYSTEM, "cannot keep the attribute %.80s of '%s': %s", name, path, strerror(errno));
    free(value);
    return r;
}

int file_attributes_copy(int from, int to, const char *path, struct problem *p)
{
    ssize_t size = flistxattr(from, NULL, 0);
    char *names;
    int r = 0;

    if (size <= 0)
        return size == 0 || errno == ENOTSUP ? 0 : unread(path, p);
    names = malloc((size_t)size);
    if (names == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    size = flistxattr(from, names, (size_t)size);
    if (size < 0)
        r = unread(path, p);
    for (const char *name = names; r == 0 && name < names + size; name += strlen(name) + 1)
        r = copy_attribute(from, to, path, name, p);
    free(names);
    return r;
}
