/* The rows of which keys are put together, as they stand in a file that may be damaged, for store/read.c. */
#ifndef LB_STORE_ROWS_H
#define LB_STORE_ROWS_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "store/schema.h"

/* ok: every column is what it should be. What is not is zero or empty. */
struct key_row {
    sqlite3_int64 rowid;
    uint8_t key_id[KEY_ID_SIZE];
    char name[LB_NAME_MAX + 1];
    uint64_t versions, grants;
    bool ok;
};

struct version_row {
    sqlite3_int64 rowid;
    struct version_record v;
    bool ok;
};

struct grant_row {
    sqlite3_int64 rowid;
    uint8_t key_id[KEY_ID_SIZE];
    struct grant g;
    bool ok;
};

struct schedule_row {
    sqlite3_int64 rowid;
    uint8_t key_id[KEY_ID_SIZE];
    uint32_t version;
    uint64_t destroy_at;
    bool ok;
};

struct former_row {
    sqlite3_int64 rowid;
    uint8_t key_id[KEY_ID_SIZE];
    char names[LB_FORMER_MAX + 1];
    bool ok;
};

struct policy_row {
    sqlite3_int64 rowid;
    uint8_t key_id[KEY_ID_SIZE];
    uint8_t *entries; /* a blob of store/policy_blob.h, not looked at yet */
    size_t len;
    bool ok;
};

struct chain_row {
    sqlite3_int64 rowid;
    uint8_t key_id[KEY_ID_SIZE];
    uint32_t version;
    uint8_t *certificates; /* of the form of a chain, with the right digest */
    size_t len;
    bool ok;
};

/* An array of one of these: each begins with its rowid. */
struct rows {
    void *at;
    size_t count, room;
    size_t size, id; /* of a row; where its key id is in it */
};

struct reading {
    struct rows keys, versions, policies, chains;
    struct rows grants, schedules, formers; /* of keys of the old form */
    unsigned partial; /* tables of which some part could not be read */
    unsigned chains_lost; /* chains that are damaged, or are of no version; one more if a part could not be read */
    int failure;      /* SQLite's code for the last of those */
};

/*
 * Reads all tables of keys whole, each by itself and in the order of its rows, without an index: what is wrong in one
 * place is then wrong in one place. A part that cannot be read is left out and counted. LB_E_NOMEM; LB_E_STORE when
 * nothing could be read. ret is reading_clear()ed in any case.
 */
LB_MUST_USE int reading_load(struct store *s, struct reading *ret, struct problem *p);
/*
 * Sorts keys, policies and former names by key id; versions and their schedules by key id and number; grants by key id, kind and
 * id; chains by key id and version, sound ones first. Each row once: a damaged page may point to the same row in two
 * places, which is no fault of that row.
 */
void reading_sort(struct reading *all);
void reading_clear(struct reading *all);

#endif
