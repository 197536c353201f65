/* Why a box is away, as far as its files show it. */
#include "command/why_away.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/key_name.h"

bool whyaway_tell(const struct cli *cli, const struct dirs *dirs, const struct box_paths *used, struct problem *p)
{
    struct box_paths paths;
    struct stat store, directory;
    char start[2 * LB_NAME_MAX + 60] = "", what[sizeof(p->text)];

    /* Only if the files are this box's: doctor asks at sockets whose boxes have their files elsewhere. */
    if (box_paths(dirs, cli->box, &paths) != 0 || strcmp(paths.socket, used->socket) != 0)
        return false;
    if (stat(paths.store, &store) < 0 || stat(paths.state, &directory) < 0 || store.st_uid == directory.st_uid)
        return false;
    /* The directory is the box's, but a copy that root has put into it is root's. */
    if (access("/run/systemd/system", F_OK) == 0 && cli->dir == NULL)
        snprintf(start, sizeof(start), " && systemctl reset-failed 'littleboxd@*'; systemctl start littleboxd@%s.socket",
                 cli->box);
    snprintf(what, sizeof(what), "%s", p->text);
    problem_set(p, p->code, "%.200s; the box cannot open %.100s, which belongs to uid %lu and not to uid %lu as its directory does",
                what, paths.store, (unsigned long)store.st_uid, (unsigned long)directory.st_uid);
    problem_hint(p, "chown --reference=%s %s%s", paths.state, paths.store, start);
    return true;
}
