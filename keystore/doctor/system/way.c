/* The way to a file that programs with rights believe. */
#include "doctor/system/way.h"

#include <errno.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "doctor/system/nobodys_group.h"
#include "doctor/system/tree.h"

#define LINKS_MAX 40

static const char *user_name(uid_t uid, char ret[64])
{
    const struct passwd *pw = getpwuid(uid);

    if (pw == NULL)
        snprintf(ret, 64, "uid %lu", (unsigned long)uid);
    else
        snprintf(ret, 64, "%.60s", pw->pw_name);
    return ret;
}

/* Who could change what is at path? */
static int look_at(const struct audit *a, const char *path, const struct stat *st, uid_t also, struct problem *p)
{
    bool dir = S_ISDIR(st->st_mode), group, others;
    char name[64], word[2 * PATH_MAX];
    const char *quoted = cli_quoted(path, word);

    if (st->st_uid != 0 && st->st_uid != also && (a->here || st->st_uid != geteuid())) {
        problem_set(p, LB_E_DENIED, "%.250s belongs to %s, who can put there what he likes", path, user_name(st->st_uid, name));
        problem_hint(p, "chown%s root %s", S_ISLNK(st->st_mode) ? " -h" : "", quoted);
        return LB_E_DENIED;
    }
    /* The mode of a link means nothing. In a sticky directory only owners can rename, and owners are looked at. */
    if (S_ISLNK(st->st_mode) || (dir && (st->st_mode & S_ISVTX) != 0))
        return 0;
    /* In root's group is who may do what root may. */
    group = (st->st_mode & S_IWGRP) != 0 && st->st_gid != 0;
    others = (st->st_mode & S_IWOTH) != 0;
    if (group && !others)
        group = !is_nobodys_group(a, st->st_gid);
    if (!group && !others)
        return 0;
    problem_set(p, LB_E_DENIED, "%s can write to %.250s (mode %04o)", others ? "everybody" : "its group", path,
                (unsigned)(st->st_mode & 07777));
    problem_hint(p, "chmod go-w %s", quoted);
    return LB_E_DENIED;
}

/* Puts what a link says in the place of its name: path is "DIRECTORY/NAME" up to at, NAME begins at name, and more follows. */
static bool follow(const struct audit *a, char path[PATH_MAX], size_t name, size_t at)
{
    char target[PATH_MAX], rest[PATH_MAX], upto[PATH_MAX];
    const char *to = target;
    size_t keep;

    snprintf(rest, sizeof(rest), "%s", path + at);
    snprintf(upto, sizeof(upto), "%.*s", (int)at, path);
    if (!tree_readlink(a, upto, target))
        return false;
    keep = target[0] == '/' ? 0 : name;
    /* There are no links in the directories before it any more, so that this is what ".." means. */
    for (; keep > 1 && strncmp(to, "../", 3) == 0; to += 3) {
        while (path[--keep - 1] != '/')
            ;
    }
    path[keep] = '\0';
    return keep + strlen(to) + strlen(rest) < PATH_MAX && snprintf(path + keep, PATH_MAX - keep, "%s%s", to, rest) >= 0;
}

static int cannot(const char *path, bool *ret_absent, struct problem *p)
{
    if (ret_absent != NULL)
        *ret_absent = errno == ENOENT || errno == ENOTDIR;
    problem_set(p, LB_E_SYSTEM, "cannot look at %.250s: %s", path, strerror(errno));
    if (errno == EACCES && geteuid() != 0)
        problem_hint(p, "run this as root");
    return LB_E_SYSTEM;
}

int way_find_fault(const struct audit *a, const char *path, uid_t also, bool *ret_absent, struct problem *p)
{
    char way[PATH_MAX], upto[PATH_MAX];
    unsigned links = 0;
    size_t at = 0;

    if (ret_absent != NULL)
        *ret_absent = false;
    if (snprintf(way, sizeof(way), "%s", path) >= PATH_MAX)
        return problem_set(p, LB_E_SYSTEM, "%.200s: the path is too long", path);
    /* way[at] is the '/' before the next name, or the end. The part before it was looked at. */
    for (;;) {
        size_t name, end;
        struct stat st;
        int r;

        snprintf(upto, sizeof(upto), "%.*s", at == 0 ? 1 : (int)at, at == 0 ? "/" : way);
        if (!tree_lstat(a, upto, &st))
            return cannot(upto, ret_absent, p);
        r = look_at(a, upto, &st, also, p);
        if (r != 0)
            return r;
        if (S_ISLNK(st.st_mode)) {
            name = at;
            while (name > 0 && way[name - 1] != '/')
                name--;
            if (++links > LINKS_MAX || !follow(a, way, name, at))
                return problem_set(p, LB_E_SYSTEM, "%.200s: too many links, or one that leads nowhere", path);
            /* The directory of the link is walked again, or the way from the root on. */
            at = way[0] == '/' && name > 1 && strncmp(way, upto, name) == 0 ? name - 1 : 0;
            continue;
        }
        end = at + strspn(way + at, "/");
        if (way[end] == '\0')
            return 0;
        at = end + strcspn(way + end, "/");
    }
}

bool way_report(struct audit *a, const char *check, const char *path, uid_t also, bool absent)
{
    struct problem p = { 0 };
    bool missing;
    int r = way_find_fault(a, path, also, &missing, &p);

    if (r == 0 || (absent && missing))
        return true;
    doctor_report(a->d, r == LB_E_DENIED || missing ? DOCTOR_FAIL : DOCTOR_UNKNOWN, check, p.hint, "%s", p.text);
    return false;
}
