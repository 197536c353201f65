/* Which processes used which versions, and when last: in memory, bounded, for people who roll over a key. */
#include "vault/users.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Places of one set, which is looked through as a whole; sets; and locks, each for every LOCKS-th set. */
#define WAYS 8
#define SETS 1024
#define LOCKS 64

struct place {
    uint8_t key_id[KEY_ID_SIZE];
    struct user_entry use; /* last 0: it is free */
};

struct users {
    pthread_mutex_t locks[LOCKS];
    struct place places[SETS][WAYS];
};

int users_new(struct users **ret)
{
    struct users *u = calloc(1, sizeof(*u));

    if (u == NULL)
        return LB_E_NOMEM;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_init(&u->locks[i], NULL);
    *ret = u;
    return 0;
}

void users_free(struct users *u)
{
    if (u == NULL)
        return;
    for (size_t i = 0; i < LOCKS; i++)
        pthread_mutex_destroy(&u->locks[i]);
    free(u);
}

/* Key ids are random. Who is granted a key and makes many processes pushes out uses of others at most. */
static size_t set_of(const uint8_t *key_id, uint32_t version, pid_t pid)
{
    uint64_t h;

    memcpy(&h, key_id, sizeof(h));
    h ^= ((uint64_t)version << 32 | (uint32_t)pid) * 0x9e3779b97f4a7c15u;
    return (size_t)((h ^ h >> 32) % SETS);
}

void users_note(struct users *u, const uint8_t key_id[KEY_ID_SIZE], uint32_t version, const struct peer *who, uint64_t now)
{
    size_t set = set_of(key_id, version, who->pid);
    struct place *places = u->places[set], *at = NULL, *oldest = places;

    pthread_mutex_lock(&u->locks[set % LOCKS]);
    for (size_t i = 0; at == NULL && i < WAYS; i++) {
        struct place *p = &places[i];

        if (p->use.last != 0 && p->use.pid == (uint32_t)who->pid && p->use.uid == (uint32_t)who->uid &&
            p->use.version == version && memcmp(p->key_id, key_id, KEY_ID_SIZE) == 0)
            at = p;
        else if (p->use.last < oldest->use.last)
            oldest = p;
    }
    if (at == NULL) {
        at = oldest;
        memcpy(at->key_id, key_id, KEY_ID_SIZE);
        at->use = (struct user_entry){ .version = version, .pid = (uint32_t)who->pid, .uid = (uint32_t)who->uid, .first = now };
    }
    at->use.last = now;
    at->use.uses++;
    pthread_mutex_unlock(&u->locks[set % LOCKS]);
}

size_t users_of(struct users *u, const uint8_t key_id[KEY_ID_SIZE], struct user_entry *ret, size_t room)
{
    size_t count = 0;

    for (size_t set = 0; set < SETS; set++) {
        pthread_mutex_lock(&u->locks[set % LOCKS]);
        for (size_t i = 0; i < WAYS && count < room; i++) {
            const struct place *p = &u->places[set][i];

            if (p->use.last != 0 && memcmp(p->key_id, key_id, KEY_ID_SIZE) == 0)
                ret[count++] = p->use;
        }
        pthread_mutex_unlock(&u->locks[set % LOCKS]);
    }
    return count;
}
