/* Which processes used which versions, and when last: in memory, bounded, for people who roll over a key. */
#ifndef LB_VAULT_USERS_H
#define LB_VAULT_USERS_H

#include <stdint.h>

#include "base/errors.h"
#include "base/socket.h"
#include "model/description.h"
#include "store/record.h"

/*
 * A table of a fixed size: when a place is needed, the use that is longest ago is forgotten. Any number of threads.
 */
struct users;

/* LB_E_NOMEM. */
LB_MUST_USE int users_new(struct users **ret);
void users_free(struct users *u); /* NULL is fine */
/* That process used this version now (seconds since 1970). */
void users_note(struct users *u, const uint8_t key_id[KEY_ID_SIZE], uint32_t version, const struct peer *who, uint64_t now);
/* Those of one key, in no order; at most room of them. Returns how many. */
size_t users_of(struct users *u, const uint8_t key_id[KEY_ID_SIZE], struct user_entry *ret, size_t room);

#endif
