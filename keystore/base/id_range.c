/* Numbers of users and groups that are lent: who has one today may be somebody else tomorrow. */
#include "base/id_range.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>

/* systemd's UIDS-GIDS and, for the last one, DEF_OVERFLOWUID of the kernel. */
static const struct {
    uint32_t first, last;
    bool unless_named;
    const char *why, *cure;
} ranges[] = {
    { 61184, 65519, false,
      "is of those that systemd gives to units with DynamicUser=, and after this unit has ended to another one",
      "give the unit a user that stays: User= without DynamicUser=, a user made by useradd --system or sysusers.d" },
    { 60514, 60577, false, "is of those that systemd-nspawn gives to users that it binds into a container, by need",
      "grant it to a user of the system that the box runs in" },
    { 524288, 1879048191, true,
      "is of those that systemd-nspawn gives to containers, and after this one has ended to another one",
      "give the container a range that stays: PrivateUsers= with a number in its .nspawn file" },
    { 65534, 65534, false,
      "stands for everybody whom a user namespace does not map, and for every program that runs as nobody",
      "give the program a user of its own: User= in its unit" },
};

static bool has_name(bool is_group, uint32_t id)
{
    return is_group ? getgrgid(id) != NULL : getpwuid(id) != NULL;
}

bool idrange_lent(bool is_group, uint32_t id, char *ret, size_t size, const char **ret_cure)
{
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++) {
        if (id < ranges[i].first || id > ranges[i].last || (ranges[i].unless_named && has_name(is_group, id)))
            continue;
        snprintf(ret, size, "%s %u %s", is_group ? "gid" : "uid", id, ranges[i].why);
        *ret_cure = ranges[i].cure;
        return true;
    }
    return false;
}
