/* Long texts to sign: in a sealed memory file that is passed to the box, where a packet is too short for them. */
#include "base/memfile.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

/* Newer than some headers: not executable, for good (Linux 6.3). */
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

#define SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)
/* Of st_blocks. */
#define BLOCK 512

static int new_file(void)
{
    static const char name[] = "littlebox text";
    int fd = memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL);

    return fd < 0 && errno == EINVAL ? memfd_create(name, MFD_CLOEXEC | MFD_ALLOW_SEALING) : fd;
}

static int write_all(int fd, const uint8_t *p, size_t len)
{
    while (len > 0) {
        ssize_t n = write(fd, p, len);

        if (n < 0 && errno != EINTR)
            return LB_E_SYSTEM;
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

int textfile_make(const void *text, size_t len, int *ret_fd)
{
    int fd, saved;

    if (len > LB_FILE_MAX)
        return LB_E_TOO_LONG;
    fd = new_file();
    if (fd < 0)
        return LB_E_SYSTEM;
    if (write_all(fd, text, len) != 0 || fcntl(fd, F_ADD_SEALS, SEALS) < 0) {
        saved = errno;
        close(fd);
        errno = saved;
        return LB_E_SYSTEM;
    }
    *ret_fd = fd;
    return 0;
}

/* Only files in memory have seals. After this check nothing asks a file system of somebody's own making. */
bool textfile_is_sealed(int fd)
{
    int seals = fcntl(fd, F_GET_SEALS);

    return seals >= 0 && (seals & SEALS) == SEALS;
}

int textfile_map(int fd, struct bytes *ret)
{
    struct statfs fs;
    struct stat st;
    void *map;

    /* Files of huge pages are refused: a reader could be left without a page. */
    if (!textfile_is_sealed(fd) || fstatfs(fd, &fs) < 0 || fs.f_type != TMPFS_MAGIC ||
        fstat(fd, &st) < 0 || st.st_size <= 0)
        return LB_E_VALUE;
    if ((uint64_t)st.st_size > LB_FILE_MAX)
        return LB_E_TOO_LONG;
    /* Holes are refused: reading fills them, at the reader's cost. The seals keep the sender from making one later. */
    if ((uint64_t)st.st_blocks * BLOCK < (uint64_t)st.st_size)
        return LB_E_VALUE;
    map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (map == MAP_FAILED)
        return LB_E_SYSTEM;
    *ret = (struct bytes){ map, (size_t)st.st_size };
    return 0;
}

void textfile_unmap(struct bytes text)
{
    if (text.p != NULL)
        munmap((void *)text.p, text.len);
}
