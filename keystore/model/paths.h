/* Where the files of a box are. */
#ifndef LB_MODEL_PATHS_H
#define LB_MODEL_PATHS_H

#include <limits.h>
#include <stdbool.h>

#include "base/errors.h"

/*
 * A program with more rights than who started it does not read the environment (secure_getenv(3)). In such a program the user's
 * directories are those of the passwd entry, and /run/user of the effective uid.
 *
 * Directories, without a slash at the end:
 *   system   /etc/littlebox, /var/lib/littlebox, /run/littlebox
 *   user     $XDG_CONFIG_HOME/littlebox (~/.config), $XDG_STATE_HOME/littlebox (~/.local/state),
 *            $XDG_RUNTIME_DIR/littlebox (/run/user/UID, else the state directory)
 *   DIR      all three in one directory of the administrator's choice (--dir)
 * The system's are set by configure (--sysconfdir, --localstatedir, --runstatedir).
 */
struct dirs {
    char config[PATH_MAX];
    char state[PATH_MAX];
    char run[PATH_MAX];
};

enum dirs_kind { DIRS_DEFAULT, DIRS_SYSTEM, DIRS_USER };

/* DIRS_DEFAULT becomes what it is for this process: the system's for root, the user's for everybody else. Others stay. */
enum dirs_kind dirs_kind(enum dirs_kind kind);

/*
 * dir not NULL: all in dir, made absolute. Else by kind; DIRS_DEFAULT is the system's for root and the user's for
 * everybody else. Makes nothing. LB_E_CONFIG when there is no home directory, LB_E_TOO_LONG.
 */
LB_MUST_USE int dirs_find(const char *dir, enum dirs_kind kind, struct dirs *ret);

struct box_paths {
    char config[PATH_MAX];     /* CONFIG/BOX.conf */
    char credential[PATH_MAX]; /* CONFIG/BOX.credential */
    char state[PATH_MAX];      /* STATE/BOX, a directory of mode 0700 */
    char store[PATH_MAX];      /* STATE/BOX/store.db */
    char socket[PATH_MAX];     /* RUN/BOX.sock */
};

/* box is a checked box name. LB_E_TOO_LONG. */
LB_MUST_USE int box_paths(const struct dirs *dirs, const char *box, struct box_paths *ret);

/*
 * The paths of a box that place_find() looks at. They are built in ret, because the provider has little stack inside of an
 * ASYNC_JOB. LB_E_CONFIG: this user has no such directory. LB_E_TOO_LONG. paths_own_socket() alone, LB_E_STRANGER: the socket's
 * directory, which ret is then, belongs to another user, or another user may write to it.
 */
LB_MUST_USE int paths_own_state(const char *box, char ret[PATH_MAX]);
LB_MUST_USE int paths_own_socket(const char *box, char ret[PATH_MAX]);
LB_MUST_USE int paths_system_state(const char *box, char ret[PATH_MAX]);
LB_MUST_USE int paths_system_socket(const char *box, char ret[PATH_MAX]);

/*
 * Calls each() for the name of every box that has a socket in dir, or where place_find() looks if dir is NULL. A name may come
 * twice. A directory that is not there has no box. LB_E_SYSTEM: a directory cannot be read.
 */
LB_MUST_USE int paths_each_box(const char *dir, void (*each)(void *arg, const char *box), void *arg);

#endif
