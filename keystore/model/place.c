/* Which box a name means: the user's own, or the system's. */
#include "model/place.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model/paths.h"

/*
 * A box is made once its directory is there; the store in it is made later. A directory that this process may not see is not
 * there for it (ProtectHome= hides the home directory).
 */
static bool is_made(const char *state)
{
    struct stat st;

    return stat(state, &st) == 0 && S_ISDIR(st.st_mode) && st.st_uid == geteuid();
}

static bool is_socket(const char *path)
{
    struct stat st;

    return lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
}

static int too_long(const char *box, struct problem *p)
{
    problem_set(p, LB_E_CONFIG, "the path of the socket of your own box '%s' is too long", box);
    problem_hint(p, "choose a shorter XDG_RUNTIME_DIR or HOME");
    return LB_E_CONFIG;
}

static int own_socket(const char *box, char ret_socket[PATH_MAX], struct problem *p)
{
    struct stat st;
    int r = paths_own_socket(box, ret_socket);

    if (r == LB_E_STRANGER) {
        problem_set(p, r, "%.200s, where the socket of your own box '%s' would be, is not a directory of uid %lu alone",
                    ret_socket, box, (unsigned long)geteuid());
        problem_hint(p, "correct its owner and mode, or XDG_RUNTIME_DIR, which leads there");
        return r;
    }
    if (r != 0)
        return too_long(box, p);
    /* Links are refused too: one leads wherever its maker wants. */
    if (lstat(ret_socket, &st) == 0 && !S_ISSOCK(st.st_mode)) {
        problem_set(p, LB_E_CONFIG, "%.200s, where the socket of your own box '%s' would be, is something else", ret_socket,
                    box);
        problem_hint(p, "move it away");
        return LB_E_CONFIG;
    }
    return 0;
}

static int refuse_unknown(const char *box, const char *socket, struct problem *p)
{
    problem_set(p, LB_E_CONFIG, "%.200s is the socket of a box '%s' of yours, whose directory is not where this program "
                "looks", socket, box);
    problem_hint(p, "if it was made with another HOME or XDG_STATE_HOME, set that; or name the directory of the socket: "
                 "littlebox-directory in openssl.cnf");
    return LB_E_CONFIG;
}

int place_find(const char *box, enum place *ret, char ret_socket[PATH_MAX], struct problem *p)
{
    int r = 0;

    *ret = PLACE_SYSTEM;
    if (geteuid() != 0) {
        r = paths_own_state(box, ret_socket);
        if (r == 0 && is_made(ret_socket)) {
            *ret = PLACE_OWN;
            return own_socket(box, ret_socket, p);
        }
        if (r == LB_E_TOO_LONG)
            return too_long(box, p);
        if (paths_own_socket(box, ret_socket) == 0 && is_socket(ret_socket))
            return refuse_unknown(box, ret_socket, p);
    }
    r = paths_system_socket(box, ret_socket);
    return r == 0 ? 0 : problem_set(p, r, "the path of the socket of box '%s' is too long", box);
}

bool place_has_own(const char *box)
{
    char path[PATH_MAX];

    return paths_own_state(box, path) == 0 && is_made(path);
}

bool place_has_system(const char *box)
{
    char path[PATH_MAX];
    struct stat st;

    return (paths_system_socket(box, path) == 0 && is_socket(path)) ||
           (paths_system_state(box, path) == 0 && stat(path, &st) == 0);
}

const char *place_whose(enum place place)
{
    if (place == PLACE_OWN)
        return "your own box";
    return place == PLACE_SYSTEM && geteuid() != 0 ? "the system's box" : "a box";
}

const char *place_name(enum place place)
{
    static const char *const names[] = {
        [PLACE_DIRECTORY] = "directory", [PLACE_SYSTEM] = "system", [PLACE_OWN] = "own"
    };

    return names[place];
}

void place_tell(enum place place, struct problem *p)
{
    size_t len = strlen(p->text);

    if (place == PLACE_OWN || (place == PLACE_SYSTEM && geteuid() != 0))
        snprintf(p->text + len, sizeof(p->text) - len, " (%s)", place_whose(place));
}
