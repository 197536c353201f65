/* Whose a box may be for a caller to talk to it. */
#include "client/owner.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id_map.h"
#include "base/passwd.h"
#include "base/socket.h"

#define SEPARATORS " \t,"

/* Takes names of shadow and of directory services. Control characters are refused: the name may stand in a message. */
static bool is_user_name(const char *word, size_t len)
{
    static const char odd[] = ":/\"'";

    for (size_t i = 0; i < len; i++) {
        if ((unsigned char)word[i] <= ' ' || word[i] == 0x7f || strchr(odd, word[i]) != NULL)
            return false;
    }
    return len > 0 && len <= LB_OWNER_NAME_MAX && word[0] != '-';
}

static bool is_uid(const char *word, size_t len, uid_t *ret)
{
    unsigned long long n = strtoull(word, NULL, 10);

    if (strspn(word, "0123456789") != len || len > 10 || n >= (uid_t)-1)
        return false;
    *ret = (uid_t)n;
    return true;
}

static int bad_word(const char *where, const char *word, size_t len, struct problem *p)
{
    problem_set(p, LB_E_CONFIG, "%s: '%.*s' is not a user", where, len > 60 ? 60 : (int)len, word);
    problem_hint(p, "give names or numbers of users, separated by blanks or commas");
    return LB_E_CONFIG;
}

int owner_list_parse(const char *text, const char *where, struct owner_list *ret, struct problem *p)
{
    ret->count = 0;
    for (;;) {
        size_t len;

        text += strspn(text, SEPARATORS);
        len = strcspn(text, SEPARATORS);
        if (len == 0)
            break;
        if (ret->count == LB_OWNERS_MAX)
            return problem_set(p, LB_E_CONFIG, "%s: more than %d users", where, LB_OWNERS_MAX);
        ret->who[ret->count].name[0] = '\0';
        if (text[0] < '0' || text[0] > '9') {
            if (!is_user_name(text, len))
                return bad_word(where, text, len, p);
            memcpy(ret->who[ret->count].name, text, len);
            ret->who[ret->count].name[len] = '\0';
        } else if (!is_uid(text, len, &ret->who[ret->count].uid)) {
            return bad_word(where, text, len, p);
        }
        ret->count++;
        text += len;
    }
    return ret->count > 0 ? 0 : bad_word(where, "", 0, p);
}

static int look_up(const char *name, const char *where, uid_t *ret, struct problem *p)
{
    int r = passwd_uid_of(name, ret);

    if (r == LB_E_VALUE) {
        problem_set(p, LB_E_CONFIG, "%s: there is no user '%s'", where, name);
        problem_hint(p, "give the number of the user, or the right name");
        return LB_E_CONFIG;
    }
    if (r == LB_E_SYSTEM)
        return problem_set(p, r, "%s: the user '%s' cannot be looked up: %s", where, name, strerror(errno));
    return r == 0 ? 0 : problem_set(p, r, "%s: %s", where, lb_strerror(r));
}

int owner_list_resolve(const struct owner_list *list, const char *where, struct owner_uids *ret, struct problem *p)
{
    int r = 0;

    ret->count = 0;
    for (unsigned i = 0; r == 0 && i < list->count; i++) {
        uid_t *uid = &ret->uids[ret->count++];

        *uid = list->who[i].uid;
        if (list->who[i].name[0] != '\0')
            r = look_up(list->who[i].name, where, uid, p);
    }
    return r;
}

static int refuse(const struct idmap *m, uid_t owner, const char *where, const char *box, const char *path,
                  struct problem *p)
{
    bool setting = strcmp(where, LB_OWNERS_SETTING) == 0;

    if (idmap_no_user(m, owner)) {
        problem_set(p, LB_E_STRANGER,
                    "box '%s' is of a user whom this process's user namespace does not map (uid %u): it answers at %.200s",
                    box, owner, path);
        problem_hint(p, "map its owner into the namespace; or, if nobody else can put a socket there: %s%s%u", where,
                     setting ? " = " : " ", owner);
        return LB_E_STRANGER;
    }
    problem_set(p, LB_E_STRANGER, "box '%s' is of uid %u, not of root or uid %u, who asks: it answers at %.200s", box, owner,
                geteuid(), path);
    problem_hint(p, "if it is the right one, say so%s: %s%s%u",
                 setting ? " in the provider's section of openssl.cnf" : "", where, setting ? " = " : " ", owner);
    return LB_E_STRANGER;
}

int owner_check(int fd, const struct owner_uids *named, const char *where, const char *box, const char *path,
                struct problem *p)
{
    struct idmap map;
    struct peer owner;

    if (socket_peer(fd, &owner) != 0)
        return problem_set(p, LB_E_SYSTEM, "the owner of the box at %.200s is not known: %s", path, strerror(errno));
    for (unsigned i = 0; i < named->count; i++) {
        if (named->uids[i] == owner.uid)
            return 0;
    }
    idmap_read(&map);
    return idmap_is_ours(&map, owner.uid) ? 0 : refuse(&map, owner.uid, where, box, path, p);
}
