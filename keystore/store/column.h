/* Columns of a row that may be damaged: each getter says whether it found what should be there. */
#ifndef LB_STORE_COLUMN_H
#define LB_STORE_COLUMN_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An integer from min to max. False: something else is there; *ret is 0. */
bool column_uint(sqlite3_stmt *stmt, int column, uint64_t min, uint64_t max, uint64_t *ret);
/* A text shorter than size, without control characters. False: something else is there; ret holds "". */
bool column_text(sqlite3_stmt *stmt, int column, char *ret, size_t size);
/* A blob of min to max bytes, copied with malloc(). False: something else is there, or no memory; *ret is NULL. */
bool column_blob(sqlite3_stmt *stmt, int column, size_t min, size_t max, uint8_t **ret, size_t *ret_len);

#endif
