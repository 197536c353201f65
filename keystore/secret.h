/* Memory for secrets: locked, never dumped, not inherited by a fork, wiped when freed. */
#ifndef LB_SECRET_H
#define LB_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "errors.h"

/*
 * size bytes, zeroed, on pages of their own between two guard pages, so placed that writing past the end (rounded up to
 * 16) faults: mlock(2)ed, and where the kernel has it MADV_DONTDUMP and MADV_WIPEONFORK. NULL when memory or
 * RLIMIT_MEMLOCK is short. Page-granular: for buffers and long-lived keys, not for many small things. Thread-safe.
 */
void *secret_alloc(size_t size);
/* Wipes and gives back; size is the one that was asked for. NULL is fine. */
void secret_free(void *p, size_t size);
/* Wipes in place; not optimised away. */
void secret_wipe(void *p, size_t size);

/*
 * Makes libcrypto wipe every allocation it frees and opens its secure heap, where it keeps private numbers: as large as
 * the limit on locked memory lets it be, at least 1 MiB, at most 32 MiB. openssl.cnf is not
 * read in this process: it may load the plugin, and a box must not ask itself. To be called before
 * any other use of libcrypto in a process that will hold keys: LB_E_CRYPTO when it comes too late. Calling it again
 * does nothing.
 */
LB_MUST_USE int secret_setup_libcrypto(void);

/* More than half of the secure heap is in use: the rest is for what is under way. */
bool secret_heap_is_short(void);

/*
 * Overwrites the unused stack below the caller (32 KiB), where callees that handled a key may have left parts of it.
 */
void secret_wipe_stack(void);

/*
 * Makes this process one that holds secrets: no core file, not dumpable (no ptrace, no /proc/PID/mem for its own uid),
 * all memory locked if RLIMIT_MEMLOCK is or can be made infinite (*ret_locked says if): then each page is locked once
 * it is touched, present and future ones. To be called before privileges are dropped. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int secret_harden_process(bool *ret_locked);

/*
 * Reads all of 1 to max bytes into secret_alloc()ed memory of max bytes. LB_E_SYSTEM with errno (ENODATA: there is
 * nothing), LB_E_TOO_LONG, LB_E_NOMEM.
 */
LB_MUST_USE int secret_read_fd(int fd, size_t max, void **ret, size_t *ret_len);
/* The same of a file, whoever else may read it: secretfile.h is for those that must be nobody else's. */
LB_MUST_USE int secret_read_file(const char *path, size_t max, void **ret, size_t *ret_len);

#endif
