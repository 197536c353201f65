/* Users of this system, looked up as a library may: in no buffer that belongs to the program. */
#include "base/passwd.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an entry may need, in bytes; larger ones are read with more. */
#define ENTRY_FIRST 1024
#define ENTRY_LAST (1024 * 1024)

/* Finds a user by name, or by uid where name is NULL. *ret_buffer has the entry's texts; the caller frees it. */
static int find(const char *name, uid_t uid, struct passwd *ret, char **ret_buffer)
{
    struct passwd *found = NULL;
    int error = ERANGE;

    *ret_buffer = NULL;
    for (size_t size = ENTRY_FIRST; error == ERANGE && size <= ENTRY_LAST; size *= 4) {
        free(*ret_buffer);
        *ret_buffer = malloc(size);
        if (*ret_buffer == NULL)
            return LB_E_NOMEM;
        do
            error = name != NULL ? getpwnam_r(name, ret, *ret_buffer, size, &found)
                                 : getpwuid_r(uid, ret, *ret_buffer, size, &found);
        while (error == EINTR);
    }
    if (error == 0 && found != NULL)
        return 0;
    errno = error;
    /* Databases say in three ways that there is no such user: POSIX leaves it open. */
    return error == 0 || error == ENOENT || error == ESRCH ? LB_E_VALUE : LB_E_SYSTEM;
}

int passwd_uid_of(const char *name, uid_t *ret)
{
    struct passwd entry;
    char *buffer;
    int r = find(name, 0, &entry, &buffer);

    if (r == 0)
        *ret = entry.pw_uid;
    free(buffer);
    return r;
}

int passwd_home_of(uid_t uid, char ret[PATH_MAX])
{
    struct passwd entry;
    char *buffer;
    int r = find(/* name= */ NULL, uid, &entry, &buffer);

    if (r == 0 && entry.pw_dir[0] != '/')
        r = LB_E_VALUE;
    else if (r == 0 && strlen(entry.pw_dir) >= PATH_MAX)
        r = LB_E_TOO_LONG;
    if (r == 0)
        memcpy(ret, entry.pw_dir, strlen(entry.pw_dir) + 1);
    free(buffer);
    return r;
}

bool passwd_is_login_shell(const char *shell)
{
    const char *slash = strrchr(shell, '/');
    const char *name = slash == NULL ? shell : slash + 1;

    return strcmp(name, "nologin") != 0 && strcmp(name, "false") != 0;
}

int passwd_is_person(uid_t uid, bool *ret, char ret_name[64])
{
    struct passwd entry;
    char *buffer;
    int r = find(/* name= */ NULL, uid, &entry, &buffer);

    *ret = r == 0 && uid >= PASSWD_PEOPLE && passwd_is_login_shell(entry.pw_shell);
    if (r == 0)
        snprintf(ret_name, 64, "%s", entry.pw_name);
    else
        snprintf(ret_name, 64, "%lu", (unsigned long)uid);
    free(buffer);
    return r == LB_E_VALUE ? 0 : r;
}
