/* The SQLite store of a box: seals, keys, versions, policy; every change one transaction. */
#ifndef LB_STORE_STORE_H
#define LB_STORE_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/errors.h"
#include "store/record.h"

struct store; /* an open database; one thread at a time */

/*
 * Opens STATE/BOX/store.db; LB_E_NO_STORE when there is none. Sets WAL, synchronous=FULL, foreign_keys, secure_delete,
 * and migrates an older schema in one transaction, up to the last that needs no key for it (store/schema.h). LB_E_STORE,
 * LB_E_STORE_READONLY (opened for reading all the same: *ret is set, changes fail), LB_E_STORE_SCHEMA (made by a newer
 * version), LB_E_IN_USE: the store is locked exclusively as long as it is open, and another process did not let go of it
 * within 2 seconds. p gets the text. *ret is NULL after every other failure.
 */
LB_MUST_USE int store_open(const char *path, struct store **ret, struct problem *p);
/*
 * Makes a new store (mode 0600, its directory must exist) with its first seal, and opens it. It gets its name when it
 * is whole: a store without a seal never exists, whatever the moment of a crash. LB_E_EXISTS, LB_E_STORE_FULL,
 * LB_E_STORE_READONLY, LB_E_STORE.
 */
LB_MUST_USE int store_create(const char *path, const uint8_t id[STORE_ID_SIZE], const struct seal_record *seal,
                             struct store **ret, struct problem *p);
/*
 * Whether the file of the store is another one than the one that is open, is gone, or was written by somebody else since:
 * then what is in memory and what is on disk are two stores, and every change is refused (LB_E_STORE), so that they are
 * not mixed. Any thread, as long as the store is open.
 */
bool store_was_replaced(struct store *s);
/* Checkpoints and closes; NULL is fine. */
void store_close(struct store *s);
const uint8_t *store_id(const struct store *s);

/*
 * Calls each() for every key, ordered by name, each name once, records valid during the call only. damaged true: rows
 * of the key are missing, cannot be read as what they should be, or contradict each other; the record holds what could
 * be read, which may be no version at all. Where the rows of one key give several names, it is reported under each of
 * them; "?" when no name can be read or all belong to keys that are whole. Never a whole key hidden or called damaged
 * for the sake of another. each() returning non-zero ends the walk with that value. Returns 0 with p->code LB_E_DAMAGED
 * and a text when a part of the file could not be read (else p->code 0), and LB_E_STORE only when nothing could be.
 * A certificate chain that is damaged is left out: its key is whole without it. p->code is LB_E_DAMAGED then too.
 * A key with a policy of an unknown kind is whole, and k->unknown is set. One of which the policy alone is damaged is called
 * whole too, with k->policy_damaged: its versions are known, and none of them authenticates.
 */
LB_MUST_USE int store_each_key(struct store *s, int (*each)(const struct key_record *k, bool damaged, void *arg),
                               void *arg, struct problem *p);

/*
 * Replaces everything about one key (by key_id) by what the record says: inserts, updates and deletes rows as needed,
 * one transaction, on disk when it returns 0. A record without versions removes the key, its name too. Material that
 * goes away is overwritten in the file and the log (secure_delete, checkpoint). On any failure nothing has changed:
 * LB_E_STORE_FULL, LB_E_STORE_READONLY, LB_E_STORE, LB_E_EXISTS (another key has the name), LB_E_VALUE and so on (the
 * record is not whole: name, key id, spki, material of each version; or it is of the old form), with p telling which.
 */
LB_MUST_USE int store_put_key(struct store *s, const struct key_record *k, struct problem *p);
/* The same for count keys in one transaction: all of them or none. */
LB_MUST_USE int store_put_keys(struct store *s, const struct key_record *keys, size_t count, struct problem *p);
/* Only the chains of a key, which are bound to nothing. Also for a record of the old form. */
LB_MUST_USE int store_put_chains(struct store *s, const struct key_record *k, struct problem *p);

#endif
