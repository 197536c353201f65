/* doctor: the user that a server's workers run as. */
#include "doctor/worker.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>

static bool as_number(const char *text, unsigned long *ret)
{
    char *end;

    errno = 0;
    *ret = strtoul(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 && *ret < (uid_t)-1;
}

static bool find_group(const char *name, gid_t *ret)
{
    const struct group *gr = getgrnam(name);
    unsigned long number;

    if (gr != NULL)
        *ret = gr->gr_gid;
    else if (as_number(name, &number))
        *ret = (gid_t)number;
    else
        return false;
    return true;
}

const char *doctor_worker_find(const char *name, const char *group, bool bare, struct doctor_worker *ret)
{
    const struct passwd *pw = getpwnam(name);
    unsigned long number;

    if (pw == NULL && !as_number(name, &number))
        return "user";
    if (pw == NULL) {
        pw = getpwuid((uid_t)number);
        ret->uid = (uid_t)number;
        ret->gid = (gid_t)number;
    }
    if (pw != NULL) {
        ret->uid = pw->pw_uid;
        ret->gid = pw->pw_gid;
    }
    snprintf(ret->name, sizeof(ret->name), "%.63s", pw != NULL ? pw->pw_name : name);
    if (group[0] != '\0' && !find_group(group, &ret->gid))
        return "group";
    ret->group_count = DOCTOR_GROUPS_MAX;
    if (bare || pw == NULL) {
        ret->groups[0] = ret->gid;
        ret->group_count = 1;
    } else if (getgrouplist(ret->name, ret->gid, ret->groups, &ret->group_count) < 0) {
        ret->group_count = DOCTOR_GROUPS_MAX; /* the first ones */
    }
    return NULL;
}
