/* base/memfile.c: long texts there and back, and every file that a box must not map. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/memfile.h"
#include "unit.h"

#define SIZE 100000

static void there_and_back(void)
{
    uint8_t *text = malloc(SIZE);
    struct bytes got = { NULL, 0 };
    int fd = -1;

    for (size_t i = 0; i < SIZE; i++)
        text[i] = (uint8_t)(i * 7);
    OK(textfile_make(text, SIZE, &fd));
    OK(textfile_map(fd, &got));
    CU_ASSERT_EQUAL_FATAL(got.len, SIZE);
    CU_ASSERT(memcmp(got.p, text, SIZE) == 0);
    /* Nobody changes it any more, whoever has it. */
    CU_ASSERT(pwrite(fd, "x", 1, 0) < 0);
    CU_ASSERT(ftruncate(fd, 1) < 0);
    CU_ASSERT(ftruncate(fd, SIZE + 1) < 0);
    CU_ASSERT(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096) < 0);
    CU_ASSERT(fcntl(fd, F_GETFD) == FD_CLOEXEC);
    textfile_unmap(got);
    close(fd);
    free(text);
}

static int memory_file(size_t size, unsigned seals)
{
    int fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    static uint8_t zeros[8192];

    for (size_t left = size; left > 0; left -= left < sizeof(zeros) ? left : sizeof(zeros))
        CU_ASSERT(write(fd, zeros, left < sizeof(zeros) ? left : sizeof(zeros)) > 0);
    CU_ASSERT(seals == 0 || fcntl(fd, F_ADD_SEALS, seals) == 0);
    return fd;
}

static void what_is_none(void)
{
    static const unsigned all = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
    static const unsigned seals[] = { F_SEAL_SEAL, F_SEAL_SHRINK, F_SEAL_GROW, F_SEAL_WRITE };
    struct bytes got;
    int fd, ends[2];

    for (size_t i = 0; i < COUNT(seals); i++) {
        fd = memory_file(SIZE, all & ~seals[i]);
        FAILS(textfile_map(fd, &got), LB_E_VALUE);
        close(fd);
    }
    /* Empty. */
    fd = memory_file(0, all);
    FAILS(textfile_map(fd, &got), LB_E_VALUE);
    close(fd);
    /* Larger than what is in it, or than a box would read. */
    fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CU_ASSERT(pwrite(fd, "x", 1, SIZE) == 1 && fcntl(fd, F_ADD_SEALS, all) == 0);
    FAILS(textfile_map(fd, &got), LB_E_VALUE);
    close(fd);
    fd = memfd_create("test", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    CU_ASSERT(ftruncate(fd, (off_t)LB_FILE_MAX + 1) == 0 && fcntl(fd, F_ADD_SEALS, all) == 0);
    FAILS(textfile_map(fd, &got), LB_E_TOO_LONG);
    close(fd);
    /* No memory file at all. */
    fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    FAILS(textfile_map(fd, &got), LB_E_VALUE);
    close(fd);
    CU_ASSERT_EQUAL(pipe2(ends, O_CLOEXEC), 0);
    FAILS(textfile_map(ends[0], &got), LB_E_VALUE);
    close(ends[0]);
    close(ends[1]);
    fd = open("/dev/zero", O_RDONLY | O_CLOEXEC);
    FAILS(textfile_map(fd, &got), LB_E_VALUE);
    close(fd);
    FAILS(textfile_map(-1, &got), LB_E_VALUE);
}

static const struct unit_test tests[] = {
    { "there and back", there_and_back },
    { "what is none", what_is_none },
    { NULL, NULL },
};
const struct unit_suite suite_textfile = { "textfile", tests };
