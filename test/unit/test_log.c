/* base/log.c and base/log_quota.c: what is written in a line, and that nobody's lines take the place of another's. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/log_quota.h"
#include "unit.h"

/* The quota */

static void each_user_has_a_share(void)
{
    struct logquota_share left_out[LOGQUOTA_USERS + 1];
    struct logquota q = { .second = 0 };

    for (int i = 0; i < 1000; i++)
        CU_ASSERT_EQUAL(logquota_take(&q, 7, 100), i < LOGQUOTA_LINES);
    for (int i = 0; i < LOGQUOTA_LINES; i++) {
        CU_ASSERT_TRUE(logquota_take(&q, 8, 100));
        CU_ASSERT_TRUE(logquota_take(&q, 0, 100));
        CU_ASSERT_TRUE(logquota_take(&q, LOGQUOTA_OTHERS, 100));
    }
    CU_ASSERT_FALSE(logquota_take(&q, 8, 100));
    CU_ASSERT_EQUAL(logquota_next(&q, 100, left_out), 0);
    CU_ASSERT_EQUAL_FATAL(logquota_next(&q, 101, left_out), 2);
    CU_ASSERT_TRUE(left_out[0].uid == 7 && left_out[0].left_out == 1000 - LOGQUOTA_LINES);
    CU_ASSERT_TRUE(left_out[1].uid == 8 && left_out[1].left_out == 1);
    /* It is told once, and a new second is a new start. */
    CU_ASSERT_EQUAL(logquota_next(&q, 101, left_out), 0);
    CU_ASSERT_EQUAL(logquota_next(&q, 102, left_out), 0);
    CU_ASSERT_TRUE(logquota_take(&q, 7, 102));
}

static void many_users_share_one(void)
{
    struct logquota_share left_out[LOGQUOTA_USERS + 1];
    struct logquota q = { .second = 0 };
    unsigned written = 0;

    for (uid_t uid = 0; uid < 10000; uid++)
        written += logquota_take(&q, uid, 5);
    CU_ASSERT_EQUAL(written, LOGQUOTA_USERS + LOGQUOTA_LINES);
    /* Who was seen before them has the share still. */
    CU_ASSERT_TRUE(logquota_take(&q, 3, 5));
    CU_ASSERT_EQUAL_FATAL(logquota_next(&q, 6, left_out), 1);
    CU_ASSERT_EQUAL(left_out[0].uid, LOGQUOTA_OTHERS);
    CU_ASSERT_EQUAL(left_out[0].left_out, 10000 - LOGQUOTA_USERS - LOGQUOTA_LINES);
}

/* The lines: standard error is a file meanwhile. */

struct capture {
    char *dir;
    const char *path;
    int saved;
};

static void capture_begin(struct capture *c)
{
    int fd;

    c->dir = unit_dir_new();
    c->path = unit_path(c->dir, "log");
    c->saved = dup(STDERR_FILENO);
    fd = open(c->path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    CU_ASSERT_TRUE_FATAL(c->saved >= 0 && fd >= 0 && dup2(fd, STDERR_FILENO) >= 0);
    close(fd);
    log_open("test", LOG_LEVEL_INFO);
}

/* What was written, NUL-terminated, malloc()ed. */
static char *capture_end(struct capture *c)
{
    size_t len = 0;
    uint8_t *data = unit_read_file(c->path, &len);
    char *text = calloc(1, len + 1);

    dup2(c->saved, STDERR_FILENO);
    close(c->saved);
    if (text != NULL && data != NULL)
        memcpy(text, data, len);
    free(data);
    unit_dir_remove(c->dir);
    CU_ASSERT_PTR_NOT_NULL_FATAL(text);
    return text;
}

static unsigned lines_with(const char *text, const char *part)
{
    unsigned n = 0;

    for (const char *at = strstr(text, part); at != NULL; at = strstr(at + 1, part))
        n++;
    return n;
}

static void lines_are_plain(void)
{
    static const struct {
        const char *given, *written;
    } cases[] = {
        { "a\nlittleboxd[test]: b", "a?littleboxd[test]: b" },
        { "\033[2Jgone\r\b\177", "?[2Jgone???" },
        { "tab\there", "tab?here" },
        { "gr\303\274n \342\202\254 \360\237\224\221", "gr\303\274n \342\202\254 \360\237\224\221" },
        { "\302\233" "31m red", "??31m red" },
        { "\302\200\302\237\302\240", "????\302\240" },
        { "right \342\200\256 to left \342\201\246", "right ??? to left ???" },
        { "line\342\200\250end", "line???end" },
        { "\342\200\247\342\200\257\342\201\252", "\342\200\247\342\200\257\342\201\252" },
        { "\233 \377 \300\212 \340 \365\200\200\200 \200", "? ? ?? ? ???? ?" },
        { "cut \303", "cut ?" },
        { "cut \360\237\224", "cut ???" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        struct capture c;
        char *text, expected[200];

        capture_begin(&c);
        log_error("%s", cases[i].given);
        text = capture_end(&c);
        snprintf(expected, sizeof(expected), "littleboxd[test]: %s\n", cases[i].written);
        TEXT_HAS(text, expected);
        CU_ASSERT_EQUAL(lines_with(text, "\n"), 1);
        free(text);
    }
}

static void long_lines_are_cut(void)
{
    char *text, much[5000];
    struct capture c;

    memset(much, 'x', sizeof(much) - 1);
    much[sizeof(much) - 1] = '\0';
    capture_begin(&c);
    log_error("%s", much);
    log_error("next");
    text = capture_end(&c);
    CU_ASSERT_EQUAL(lines_with(text, "\n"), 2);
    TEXT_HAS(text, "x\n");
    free(text);
}

static void wait_for_another_second(void)
{
    const struct timespec moment = { .tv_nsec = 10000000 };

    for (time_t now = time(NULL); time(NULL) == now;)
        nanosleep(&moment, NULL);
}

static void a_flood_hides_nothing(void)
{
    enum { FLOOD = 5000 };
    unsigned long long told = 0;
    struct capture c;
    char *text;
    unsigned written;

    capture_begin(&c);
    for (int i = 0; i < FLOOD; i++)
        log_caused(4000000, "refused: flood");
    log_caused(1234, "refused: another");
    for (int i = 0; i < 2 * LOGQUOTA_LINES; i++)
        log_warning("wrong passphrase");
    for (int i = 0; i < 2 * LOGQUOTA_LINES; i++)
        log_error("an error");
    wait_for_another_second();
    errno = ERANGE;
    log_info("whatever comes next");
    CU_ASSERT_EQUAL(errno, ERANGE);
    text = capture_end(&c);
    CU_ASSERT_EQUAL(lines_with(text, "refused: another\n"), 1);
    CU_ASSERT_EQUAL(lines_with(text, "wrong passphrase\n"), 2 * LOGQUOTA_LINES);
    CU_ASSERT_EQUAL(lines_with(text, "an error\n"), 2 * LOGQUOTA_LINES);
    written = lines_with(text, "refused: flood\n");
    CU_ASSERT_TRUE(written >= LOGQUOTA_LINES);
    CU_ASSERT_TRUE(written < FLOOD);
    for (const char *at = text; (at = strstr(at, "]: ")) != NULL; at += 3) {
        unsigned n;
        int end = 0;

        if (sscanf(at, "]: %u more lines of uid 4000000 were left out of this log%n", &n, &end) == 1 && end > 0)
            told += n;
    }
    CU_ASSERT_EQUAL(written + told, FLOOD);
    free(text);
}

static const struct unit_test tests[] = {
    { "each user has a share of the lines of a second", each_user_has_a_share },
    { "very many users share one", many_users_share_one },
    { "what is written is plain text in one line", lines_are_plain },
    { "long lines are cut", long_lines_are_cut },
    { "a flood of one user hides nothing of others", a_flood_hides_nothing },
    { NULL, NULL },
};

const struct unit_suite suite_log = { "log", tests };
