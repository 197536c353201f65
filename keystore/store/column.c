/* Columns of a row that may be damaged: each getter says whether it found what should be there. */
#include "store/column.h"

#include <stdlib.h>
#include <string.h>

bool column_uint(sqlite3_stmt *stmt, int column, uint64_t min, uint64_t max, uint64_t *ret)
{
    sqlite3_int64 v;

    *ret = 0;
    if (sqlite3_column_type(stmt, column) != SQLITE_INTEGER)
        return false;
    v = sqlite3_column_int64(stmt, column);
    if (v < 0 || (uint64_t)v < min || (uint64_t)v > max)
        return false;
    *ret = (uint64_t)v;
    return true;
}

bool column_text(sqlite3_stmt *stmt, int column, char *ret, size_t size)
{
    const unsigned char *text;
    size_t len;

    ret[0] = '\0';
    if (sqlite3_column_type(stmt, column) != SQLITE_TEXT)
        return false;
    text = sqlite3_column_text(stmt, column);
    len = (size_t)sqlite3_column_bytes(stmt, column);
    if (text == NULL || len >= size)
        return false;
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] == 0x7f)
            return false;
    }
    memcpy(ret, text, len);
    ret[len] = '\0';
    return true;
}

bool column_blob(sqlite3_stmt *stmt, int column, size_t min, size_t max, uint8_t **ret, size_t *ret_len)
{
    const void *blob;
    size_t len;

    *ret = NULL;
    *ret_len = 0;
    if (sqlite3_column_type(stmt, column) != SQLITE_BLOB)
        return false;
    blob = sqlite3_column_blob(stmt, column);
    len = (size_t)sqlite3_column_bytes(stmt, column);
    if ((blob == NULL && len > 0) || len < min || len > max || (*ret = malloc(len + 1)) == NULL)
        return false;
    if (len > 0)
        memcpy(*ret, blob, len);
    *ret_len = len;
    return true;
}
