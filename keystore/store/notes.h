/* What a store remembers for people alone: when keys were used last, where their handles were written. */
#ifndef LB_STORE_NOTES_H
#define LB_STORE_NOTES_H

#include <stdint.h>

#include "base/errors.h"
#include "store/store.h"

/*
 * Nothing of this is bound to a key and nothing depends on it: what is damaged is left out. A failure is told, and means
 * nothing for the keys. What puts one brings it into the database file before it returns, as each other change of the store
 * does (store_scrub()).
 */
struct used_note {
    uint8_t key_id[KEY_ID_SIZE];
    uint32_t version;
    uint64_t used; /* seconds since 1970 */
};

/* One transaction. */
LB_MUST_USE int store_put_used(struct store *s, const struct used_note *notes, size_t count, struct problem *p);
void store_each_used(struct store *s, void (*each)(const struct used_note *n, void *arg), void *arg);

/* A handle of that key was written to that file. Of one key the last LB_HANDLES_MAX are kept. */
LB_MUST_USE int store_put_handle(struct store *s, const uint8_t key_id[KEY_ID_SIZE], const char *path, uint64_t noted,
                                 struct problem *p);
void store_each_handle(struct store *s, const uint8_t key_id[KEY_ID_SIZE], void (*each)(const char *path, void *arg),
                       void *arg);

#endif
