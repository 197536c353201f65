/* What was deleted is overwritten in the log as well. */
#include "store/scrub.h"

/*
 * Overwrites the log, in which deleted material still stands. Called only when all of the log is in the database and synced,
 * so that nobody reads the log any more. The header goes first, and is synced: after a power failure, a log without a header
 * is not replayed.
 */
static int overwrite_log(struct store *s)
{
    static const uint8_t zeros[4096];
    sqlite3_file *log = NULL;
    sqlite3_int64 size = 0;
    int rc = sqlite3_file_control(s->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);

    if (rc != SQLITE_OK || log == NULL || log->pMethods == NULL)
        return rc;
    rc = log->pMethods->xFileSize(log, &size);
    for (sqlite3_int64 at = 0; rc == SQLITE_OK && at < size; at += (sqlite3_int64)sizeof(zeros)) {
        sqlite3_int64 left = size - at, most = sizeof(zeros);

        rc = log->pMethods->xWrite(log, zeros, (int)(left < most ? left : most), at);
        if (rc == SQLITE_OK && at == 0)
            rc = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
    }
    return rc == SQLITE_OK ? log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) : rc;
}

void store_scrub(struct store *s)
{
    int frames = 0, done = 0;
    int rc;

    schema_writing(s);
    rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_FULL, &frames, &done);
    if (rc == SQLITE_OK && frames == done)
        rc = overwrite_log(s);
    if (rc == SQLITE_OK)
        rc = sqlite3_wal_checkpoint_v2(s->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
    schema_stamp(s);
    /* No failure of the change, which is on disk. The log is overwritten after the next change, or at the end. */
    s->scrub_pending = rc != SQLITE_OK;
}
