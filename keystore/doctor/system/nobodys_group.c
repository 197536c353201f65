/* A group that nobody is in. */
#include "doctor/system/nobodys_group.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

#include "doctor/system/tree.h"

#define FILE_MAX ((size_t)1 << 20)

/* NULL: it cannot be read, or is longer. ret_text: its memory, to be freed behind it. */
static FILE *open_whole(const struct audit *a, const char *path, char **ret_text)
{
    ssize_t len;

    *ret_text = malloc(FILE_MAX);
    if (*ret_text == NULL)
        return NULL;
    len = tree_read(a, path, *ret_text, FILE_MAX);
    return len <= 0 || (size_t)len == FILE_MAX - 1 ? NULL : fmemopen(*ret_text, (size_t)len, "r");
}

/* It is in /etc/group, each time without members. */
static bool has_no_members(FILE *groups, gid_t gid)
{
    const struct group *gr;
    bool found = false;

    while ((gr = fgetgrent(groups)) != NULL) {
        if (gr->gr_gid != gid)
            continue;
        if (gr->gr_mem[0] != NULL)
            return false;
        found = true;
    }
    return found;
}

static bool is_nobodys_primary(FILE *users, gid_t gid)
{
    const struct passwd *pw;

    while ((pw = fgetpwent(users)) != NULL) {
        if (pw->pw_gid == gid)
            return false;
    }
    return true;
}

bool is_nobodys_group(const struct audit *a, gid_t gid)
{
    char *group_text = NULL, *user_text = NULL;
    FILE *groups = open_whole(a, "/etc/group", &group_text), *users = open_whole(a, "/etc/passwd", &user_text);
    bool is = groups != NULL && users != NULL && has_no_members(groups, gid) && is_nobodys_primary(users, gid);
    /* Members may be elsewhere too (nsswitch.conf(5)). */
    const struct group *gr = is && a->here ? getgrgid(gid) : NULL;

    if (groups != NULL)
        fclose(groups);
    if (users != NULL)
        fclose(users);
    free(group_text);
    free(user_text);
    return is && (gr == NULL || gr->gr_mem[0] == NULL);
}
