/* Why a box is away, as far as its files show it. */
#include "command/why_away.h"

#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/key_name.h"
#include "model/limits.h"

static uint32_t number_at(const uint8_t *header, size_t at)
{
    return (uint32_t)header[at] << 24 | (uint32_t)header[at + 1] << 16 | (uint32_t)header[at + 2] << 8 | header[at + 3];
}

/* The schema of a store, by its header. 0: it is no store, or cannot be read. Nothing is waited for, and no link followed. */
static uint32_t schema_of(const char *path)
{
    uint8_t header[LB_STORE_APPLICATION_AT + 4];
    int fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    struct stat st;
    bool is_store = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && read(fd, header, sizeof(header)) == sizeof(header) &&
                    number_at(header, LB_STORE_APPLICATION_AT) == LB_STORE_APPLICATION;

    if (fd >= 0)
        close(fd);
    return is_store ? number_at(header, LB_STORE_SCHEMA_AT) : 0;
}

/* The box ends at its start then, and its log says why. */
static bool tell_newer(const struct box_paths *paths, struct problem *p)
{
    uint32_t schema = schema_of(paths->store);
    char what[sizeof(p->text)];

    if (schema <= LB_STORE_SCHEMA)
        return false;
    snprintf(what, sizeof(what), "%s", p->text);
    problem_set(p, p->code, "%.160s; its store is of a newer littlebox: %.120s has schema %u, and this littlebox knows up to %d", what,
                paths->store, (unsigned)schema, LB_STORE_SCHEMA);
    problem_hint(p, "install that littlebox again: the store is as it was, and older ones leave it alone");
    return true;
}

/* The directory is the box's, but a copy that root has put into it is root's. */
static bool tell_owner(const struct cli *cli, const struct box_paths *paths, struct problem *p)
{
    struct stat store, directory;
    char start[2 * LB_NAME_MAX + 60] = "", what[sizeof(p->text)];

    if (stat(paths->store, &store) < 0 || stat(paths->state, &directory) < 0 || store.st_uid == directory.st_uid)
        return false;
    if (access("/run/systemd/system", F_OK) == 0 && cli->dir == NULL)
        snprintf(start, sizeof(start), " && systemctl reset-failed 'littleboxd@*'; systemctl start littleboxd@%s.socket",
                 cli->box);
    snprintf(what, sizeof(what), "%s", p->text);
    problem_set(p, p->code, "%.200s; the box cannot open %.100s, which belongs to uid %lu and not to uid %lu as its directory does",
                what, paths->store, (unsigned long)store.st_uid, (unsigned long)directory.st_uid);
    problem_hint(p, "chown --reference=%s %s%s", paths->state, paths->store, start);
    return true;
}

bool whyaway_tell(const struct cli *cli, const struct dirs *dirs, const struct box_paths *used, struct problem *p)
{
    struct box_paths paths;

    /* Only if the files are this box's: doctor asks at sockets whose boxes have their files elsewhere. */
    if (box_paths(dirs, cli->box, &paths) != 0 || strcmp(paths.socket, used->socket) != 0)
        return false;
    return tell_newer(&paths, p) || tell_owner(cli, &paths, p);
}
