/* Files that hold a secret: read only if nobody else can read or change them. */
#include "guard/secret_file.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/posix_acl.h>
#include <linux/posix_acl_xattr.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "guard/secret.h"

/* Longer lists are refused. Root and two users need less, also with entries that give nothing. */
#define ACL_ENTRIES_MAX 32

static bool is_trusted(const struct secretfile *f, uid_t uid)
{
    return uid == 0 || uid == geteuid() || uid == f->also;
}

/*
 * Does the access control list give something to trusted users alone? LB_E_VALUE: to others too, or there is no list;
 * LB_E_SYSTEM. With a list, the mode's bits of the group are the list's mask, and tell nothing of the group.
 */
static int check_acl(const struct secretfile *f, int fd)
{
    uint8_t buf[sizeof(struct posix_acl_xattr_header) + ACL_ENTRIES_MAX * sizeof(struct posix_acl_xattr_entry)];
    ssize_t size = fgetxattr(fd, "system.posix_acl_access", buf, sizeof(buf));
    struct posix_acl_xattr_header header;

    if (size < 0)
        return errno == ENODATA || errno == ENOTSUP || errno == ERANGE ? LB_E_VALUE : LB_E_SYSTEM;
    if ((size_t)size < sizeof(header))
        return LB_E_VALUE;
    memcpy(&header, buf, sizeof(header));
    if (le32toh(header.a_version) != POSIX_ACL_XATTR_VERSION)
        return LB_E_VALUE;
    for (size_t at = sizeof(header); at < (size_t)size; at += sizeof(struct posix_acl_xattr_entry)) {
        struct posix_acl_xattr_entry e;
        uint16_t tag;

        if ((size_t)size - at < sizeof(e))
            return LB_E_VALUE;
        memcpy(&e, buf + at, sizeof(e));
        tag = le16toh(e.e_tag);
        /* These need no look here: the owner had one, a mask gives nothing, and what others have is in the mode. */
        if (le16toh(e.e_perm) == 0 || tag == ACL_USER_OBJ || tag == ACL_MASK || tag == ACL_OTHER)
            continue;
        if (tag != ACL_USER || !is_trusted(f, le32toh(e.e_id)))
            return LB_E_VALUE;
    }
    return 0;
}

static int check_mode(const struct secretfile *f, int fd, const struct stat *st, struct problem *p)
{
    int r = (st->st_mode & 07) != 0 ? LB_E_VALUE : (st->st_mode & 070) != 0 ? check_acl(f, fd) : 0;

    if (r == LB_E_SYSTEM)
        return problem_set(p, r, "its access control list cannot be read: %s", strerror(errno));
    if (r != 0) {
        problem_set(p, r, "its mode %04o lets others than its owner (uid %u) get at it", st->st_mode & 07777,
                    st->st_uid);
        problem_hint(p, "chmod 600 %s; if others may have read it, change the secret, and keep this file until then",
                     f->path);
    }
    return r;
}

static int check(const struct secretfile *f, int fd, struct problem *p)
{
    struct stat st;

    if (fstat(fd, &st) < 0)
        return problem_set(p, LB_E_SYSTEM, "%s", strerror(errno));
    if (!S_ISREG(st.st_mode) && !(f->pipe && S_ISFIFO(st.st_mode)))
        return problem_set(p, LB_E_VALUE, "it is not a plain file");
    if (!is_trusted(f, st.st_uid)) {
        problem_set(p, LB_E_VALUE, "it belongs to uid %u (mode %04o), and it is for root or uid %u alone",
                    st.st_uid, st.st_mode & 07777, f->also);
        problem_hint(p, "chown %u %s; if that user may have read it, change the secret, and keep this file until then",
                     f->also, f->path);
        return LB_E_VALUE;
    }
    return check_mode(f, fd, &st, p);
}

int secretfile_read(const struct secretfile *f, void **ret, size_t *ret_len, struct problem *p)
{
    /* Does not block: opening a pipe or a device must not keep a box waiting. */
    int r, saved, fd = open(f->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | (f->pipe ? 0 : O_NONBLOCK));

    if (fd < 0)
        return problem_set(p, LB_E_SYSTEM, "%s", strerror(errno));
    r = check(f, fd, p);
    if (r != 0)
        goto out;
    r = secret_read_fd(fd, f->max, ret, ret_len);
    if (r == LB_E_SYSTEM)
        problem_set(p, r, "%s", errno == ENODATA ? "it is empty" : strerror(errno));
    else if (r == LB_E_TOO_LONG)
        problem_set(p, r, "it is longer than %zu bytes", f->max);
    else if (r != 0)
        problem_set(p, r, "no locked memory left");
out:
    saved = errno;
    close(fd);
    errno = saved;
    return r;
}
