/* Which users and groups this process can tell apart: its user namespace, and the ids that stand for all the others. */
#include "base/id_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define OVERFLOW_ID 65534
/* All ids but 4294967295, which is none. */
#define ALL_IDS 4294967295U
/* Enough for one line, which is three numbers and blanks. A longer text is no map of all ids. */
#define TEXT_SIZE 128

static struct idmap own = { .overflow_uid = OVERFLOW_ID, .overflow_gid = OVERFLOW_ID };

/* Does without stdio, since programs that load the provider run this wherever they sign. LB_E_SYSTEM with errno. */
static int read_text(const char *path, char ret[TEXT_SIZE])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC), saved;
    ssize_t n;

    if (fd < 0)
        return LB_E_SYSTEM;
    do
        n = read(fd, ret, TEXT_SIZE - 1);
    while (n < 0 && errno == EINTR);
    saved = errno;
    close(fd);
    errno = saved;
    ret[n < 0 ? 0 : n] = '\0';
    return n < 0 ? LB_E_SYSTEM : 0;
}

bool idmap_text_complete(const char *text)
{
    unsigned long inside, outside, count;
    int end = 0;

    return sscanf(text, "%lu %lu %lu %n", &inside, &outside, &count, &end) == 3 && end > 0 && text[end] == '\0' &&
           inside == 0 && outside == 0 && count == ALL_IDS;
}

static bool map_complete(const char *path)
{
    char text[TEXT_SIZE];

    if (read_text(path, text) == 0)
        return idmap_text_complete(text);
    /* A kernel without user namespaces has no such file: its ids are all mapped. Without /proc nobody knows. */
    return errno == ENOENT && access("/proc/self/status", F_OK) == 0;
}

static uint32_t overflow_id(const char *path)
{
    char text[TEXT_SIZE], *end;
    unsigned long id;

    if (read_text(path, text) != 0)
        return OVERFLOW_ID;
    id = strtoul(text, &end, 10);
    return end == text || id >= ALL_IDS ? OVERFLOW_ID : (uint32_t)id;
}

void idmap_read(struct idmap *ret)
{
    *ret = (struct idmap){
        .users_complete = map_complete("/proc/self/uid_map"),
        .groups_complete = map_complete("/proc/self/gid_map"),
        .overflow_uid = overflow_id("/proc/sys/kernel/overflowuid"),
        .overflow_gid = overflow_id("/proc/sys/kernel/overflowgid"),
    };
}

bool idmap_no_user(const struct idmap *m, uint32_t uid)
{
    return !m->users_complete && uid == m->overflow_uid;
}

bool idmap_no_group(const struct idmap *m, uint32_t gid)
{
    return !m->groups_complete && gid == m->overflow_gid;
}

bool idmap_is_ours(const struct idmap *m, uint32_t uid)
{
    return (uid == 0 || uid == geteuid()) && !idmap_no_user(m, uid);
}

void idmap_assume(const struct idmap *m)
{
    own = *m;
}

void idmap_load(void)
{
    struct idmap m;

    idmap_read(&m);
    idmap_assume(&m);
}

const struct idmap *idmap_own(void)
{
    return &own;
}

bool idmap_tell(const struct idmap *m, char *ret, size_t size)
{
    char uid[32], gid[32];

    if (m->users_complete && m->groups_complete)
        return false;
    snprintf(uid, sizeof(uid), "uid %u", m->overflow_uid);
    snprintf(gid, sizeof(gid), "gid %u", m->overflow_gid);
    snprintf(ret, size, "the box's user namespace does not map all %s: %s%s%s stands for all others, and is granted nothing",
             m->groups_complete ? "users" : m->users_complete ? "groups" : "users and groups",
             m->users_complete ? gid : uid, m->users_complete || m->groups_complete ? "" : " or ",
             m->users_complete || m->groups_complete ? "" : gid);
    return true;
}

bool idmap_hint(const struct idmap *m, uint32_t uid, struct problem *p)
{
    if (!idmap_no_user(m, uid))
        return false;
    problem_hint(p,
                 "uid %u stands for every user that the box's user namespace does not map: run the box without "
                 "PrivateUsers=, or in no container",
                 uid);
    return true;
}
