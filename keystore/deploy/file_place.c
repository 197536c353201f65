/* Where a path leads: two paths may lead to one file. */
#include "deploy/file_place.h"

#include <string.h>
#include <sys/stat.h>

#include "base/trust_path.h"

void fileplace_of(const char *path, struct file_place *ret)
{
    struct problem ignored;
    struct trustpath way;
    struct stat st;

    memset(ret, 0, sizeof(*ret));
    ret->path = path;
    if (trustpath_open(path, &way, &ignored) != 0)
        return;
    if (fstat(way.dir, &st) == 0) {
        ret->dev = st.st_dev;
        ret->ino = st.st_ino;
        memcpy(ret->name, way.name, sizeof(ret->name));
    }
    trustpath_close(&way);
}

int fileplace_compare(const struct file_place *a, const struct file_place *b)
{
    if (a->ino == 0 && b->ino == 0)
        return strcmp(a->path, b->path);
    if (a->dev != b->dev)
        return a->dev < b->dev ? -1 : 1;
    if (a->ino != b->ino)
        return a->ino < b->ino ? -1 : 1;
    return strcmp(a->name, b->name);
}
