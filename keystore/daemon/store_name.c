/* What the keeper's descriptors are called in the service manager's descriptor store: which one it is, and who made it. */
#include "daemon/store_name.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/keeper_link.h"

#define MARK '~'
#define BASE 36
/* Of the largest number, with its NUL. */
#define DIGITS_SIZE 8
/* More do not fit into a name. */
#define GROUPS_MAX ((STORE_NAME_SIZE - 1) / 2)

static const char digits[] = "0123456789abcdefghijklmnopqrstuvwxyz";

static const struct {
    enum stored_kind kind;
    const char *word;
} words[] = {
    { STORED_LISTENER, "~listen" },
    { STORED_LOCKED, "~locked" },
    { STORED_BY_HAND, "~byhand" },
    { STORED_DEAD, "~dead" },
};
#define WORDS (sizeof(words) / sizeof(words[0]))

bool store_name_ours(const char *text)
{
    return text[0] == MARK;
}

/* Returns its length. */
static size_t number_text(uint32_t n, char ret[DIGITS_SIZE])
{
    char reversed[DIGITS_SIZE];
    size_t len = 0;

    do {
        reversed[len++] = digits[n % BASE];
        n /= BASE;
    } while (n > 0);
    for (size_t i = 0; i < len; i++)
        ret[i] = reversed[len - 1 - i];
    ret[len] = '\0';
    return len;
}

/* False: it does not fit, and nothing was added. */
static bool add_number(char *name, size_t *len, uint32_t n)
{
    char text[DIGITS_SIZE];
    size_t more = number_text(n, text);

    if (*len + 1 + more >= STORE_NAME_SIZE)
        return false;
    name[(*len)++] = '.';
    memcpy(name + *len, text, more + 1);
    *len += more;
    return true;
}

void store_name_write(const struct stored_name *n, char ret[STORE_NAME_SIZE])
{
    char slot[DIGITS_SIZE];
    size_t len;

    for (size_t i = 0; i < WORDS; i++) {
        if (words[i].kind == n->kind) {
            strcpy(ret, words[i].word);
            return;
        }
    }
    number_text(n->slot, slot);
    len = (size_t)snprintf(ret, STORE_NAME_SIZE, "%c%c%s", MARK, n->kind == STORED_ACCEPTED ? 'a' : 'p', slot);
    if (n->kind == STORED_ACCEPTED)
        return;
    add_number(ret, &len, (uint32_t)n->maker.peer.pid);
    add_number(ret, &len, n->maker.peer.uid);
    add_number(ret, &len, n->maker.peer.gid);
    for (size_t i = 0; i < n->maker.group_count && add_number(ret, &len, n->maker.groups[i]); i++)
        continue;
}

/* Reads a number in its one form, and moves *at behind it. */
static bool read_number(const char **at, uint32_t max, uint32_t *ret)
{
    const char *start = *at;
    uint64_t n = 0;

    for (; **at != '\0' && **at != '.'; (*at)++) {
        const char *digit = strchr(digits, **at);

        if (digit == NULL)
            return false;
        n = n * BASE + (uint64_t)(digit - digits);
        if (n > max)
            return false;
    }
    *ret = (uint32_t)n;
    return *at > start && (start[0] != '0' || *at == start + 1);
}

/* The same with a dot in front. */
static bool read_next(const char **at, uint32_t max, uint32_t *ret)
{
    return *(*at)++ == '.' && read_number(at, max, ret);
}

/* An id of -1 is none (chown(2)). */
static bool read_maker(const char *at, struct maker *ret, gid_t groups[GROUPS_MAX])
{
    uint32_t pid, uid, gid;

    if (!read_next(&at, INT_MAX, &pid) || !read_next(&at, UINT32_MAX - 1, &uid) || !read_next(&at, UINT32_MAX - 1, &gid) ||
        pid == 0)
        return false;
    *ret = (struct maker){ { (pid_t)pid, uid, gid }, groups, 0 };
    while (*at != '\0') {
        if (!read_next(&at, UINT32_MAX - 1, &groups[ret->group_count++]))
            return false;
    }
    return true;
}

int store_name_read(const char *text, struct stored_name *ret)
{
    gid_t groups[GROUPS_MAX];
    const char *at;

    memset(ret, 0, sizeof(*ret));
    for (size_t i = 0; i < WORDS; i++) {
        if (strcmp(text, words[i].word) == 0) {
            ret->kind = words[i].kind;
            return 0;
        }
    }
    if (strlen(text) >= STORE_NAME_SIZE || text[0] != MARK || (text[1] != 'a' && text[1] != 'p'))
        return LB_E_VALUE;
    at = text + 2;
    if (!read_number(&at, KEEP_SLOTS_MAX - 1, &ret->slot))
        return LB_E_VALUE;
    ret->kind = text[1] == 'a' ? STORED_ACCEPTED : STORED_PAIR;
    if (ret->kind == STORED_ACCEPTED)
        return *at == '\0' ? 0 : LB_E_VALUE;
    if (!read_maker(at, &ret->maker, groups)) {
        ret->maker = (struct maker){ .groups = NULL };
        return LB_E_VALUE;
    }
    ret->maker.groups = NULL;
    if (ret->maker.group_count == 0)
        return 0;
    ret->maker.groups = malloc(ret->maker.group_count * sizeof(*groups));
    if (ret->maker.groups == NULL) {
        ret->maker = (struct maker){ .groups = NULL };
        return LB_E_NOMEM;
    }
    memcpy(ret->maker.groups, groups, ret->maker.group_count * sizeof(*groups));
    return 0;
}
