/* Gives a file extended attributes, an access control list among them, and shows those that a file has. */
#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/xattr.h>

/*
 * fileattr set FILE    user.note, and a list that lets uid 12345 read:
 *                      user::rw- user:12345:r-- group::--- mask::r-- other::---
 * fileattr acl FILE u|g ID PERM GROUP
 *                      a list alone: r-- for the owner, PERM (a digit) for that user or group, GROUP for the file's group,
 *                      nothing for others: "u UID 4 0" is what systemd makes of a credential for a service's user
 * fileattr get FILE    a line each, the value in hexadecimal; not those of security modules, which are the system's
 */
#define VALUE_MAX 65536

/* system.posix_acl_access as the kernel takes it (linux/posix_acl_xattr.h): version 2, then entries, little endian. */
struct acl_entry {
    uint16_t tag, perm;
    uint32_t id;
};
struct acl {
    uint32_t version;
    struct acl_entry entries[5];
};

static int fail(const char *path, const char *what)
{
    fprintf(stderr, "fileattr: %s: %s: %s\n", path, what, strerror(errno));
    return 1;
}

static int set_acl(const char *path, const struct acl_entry entries[5])
{
    struct acl acl = { .version = htole32(2) };

    for (size_t i = 0; i < 5; i++) {
        acl.entries[i] = (struct acl_entry){ htole16(entries[i].tag), htole16(entries[i].perm),
                                             htole32(entries[i].id) };
    }
    return setxattr(path, "system.posix_acl_access", &acl, sizeof(acl), 0) < 0 ? fail(path, "system.posix_acl_access") : 0;
}

static int set(const char *path)
{
    static const char note[] = "hello";
    static const struct acl_entry entries[] = {
        { 0x01, 6, UINT32_MAX }, { 0x02, 4, 12345 },      { 0x04, 0, UINT32_MAX },
        { 0x10, 4, UINT32_MAX }, { 0x20, 0, UINT32_MAX },
    };

    return setxattr(path, "user.note", note, strlen(note), 0) < 0 ? fail(path, "user.note") : set_acl(path, entries);
}

static int acl(const char *path, char **words)
{
    const struct acl_entry whose = { words[0][0] == 'u' ? 0x02 : 0x08, (uint16_t)atoi(words[2]),
                                     (uint32_t)strtoul(words[1], NULL, 10) };
    const struct acl_entry group = { 0x04, (uint16_t)atoi(words[3]), UINT32_MAX };
    const struct acl_entry entries[] = {
        { 0x01, 4, UINT32_MAX }, whose.tag == 0x02 ? whose : group, whose.tag == 0x02 ? group : whose,
        { 0x10, 7, UINT32_MAX }, { 0x20, 0, UINT32_MAX },
    };

    return set_acl(path, entries);
}

static int get(const char *path)
{
    static char names[VALUE_MAX], value[VALUE_MAX];
    ssize_t len = listxattr(path, names, sizeof(names));

    if (len < 0)
        return fail(path, "listxattr");
    for (const char *name = names; name < names + len; name += strlen(name) + 1) {
        ssize_t size;

        if (strncmp(name, "security.", strlen("security.")) == 0)
            continue;
        size = getxattr(path, name, value, sizeof(value));
        if (size < 0)
            return fail(path, name);
        printf("%s ", name);
        for (ssize_t i = 0; i < size; i++)
            printf("%02x", (unsigned char)value[i]);
        putchar('\n');
    }
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "set") == 0)
        return set(argv[2]);
    if (argc == 3 && strcmp(argv[1], "get") == 0)
        return get(argv[2]);
    if (argc == 7 && strcmp(argv[1], "acl") == 0)
        return acl(argv[2], argv + 3);
    fputs("usage: fileattr set|get|acl FILE\n", stderr);
    return 2;
}
