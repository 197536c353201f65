/* Memory for secrets: locked, never dumped, not inherited by a fork, wiped when freed. */
#ifndef LB_GUARD_SECRET_H
#define LB_GUARD_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

/*
 * size bytes, zeroed, on pages of their own between two guard pages, so placed that writing past the end (rounded up to
 * 16) faults: mlock(2)ed, and where the kernel has it MADV_DONTDUMP and MADV_WIPEONFORK. NULL when memory or
 * RLIMIT_MEMLOCK is short; see secret_need_lock(). Page-granular: for buffers and long-lived keys, not for many small
 * things. Thread-safe.
 */
void *secret_alloc(size_t size);
/* Wipes and gives back; size is the one that was asked for. NULL is fine. */
void secret_free(void *p, size_t size);
/* Wipes in place; not optimised away. */
void secret_wipe(void *p, size_t size);

/* The bytes that secret_alloc(size) locks: whole pages. */
size_t secret_locks(size_t size);
/*
 * Whether secret_alloc() fails where memory cannot be locked. It does unless told otherwise. For programs that keep no
 * secret, or were told to go on without locks; to be called before there are threads.
 */
void secret_need_lock(bool need);
/* What lets a process lock memory that the system refuses it for another reason than the limit. */
#define SECRET_REFUSED_CURE "systemd-nspawn's --capability=CAP_IPC_LOCK, SystemCallFilter=@memlock in a unit"
/* "no locked memory left", with the limit or the system's reason, and the cure. LB_E_NOMEM. */
int secret_no_memory(struct problem *p);

/*
 * What of a process is kept off the disk. SECRETS_LOCKED: what secret_alloc() gave, and libcrypto's secure heap, where
 * private numbers are. Not: stacks, the 64 MiB of Argon2, and what libcrypto keeps of a key outside of its secure heap
 * while the key is open (of RSA the primes, in Montgomery's form). The numbers are those of enum memory_state.
 */
enum secrets_state { SECRETS_NOT_LOCKED = 1, SECRETS_LOCKED = 2, SECRETS_ALL_LOCKED = 3 };

/* In bytes. */
struct secret_memory {
    size_t buffers;  /* what secret_alloc() may be asked for at one time: the sum of secret_locks() */
    size_t heap_min; /* the smallest secure heap that will do; a power of two */
    bool all_locked; /* of secret_harden_process() */
    /* Set by secret_setup(): */
    size_t needed;   /* to be locked, at least */
    size_t limit;    /* on what may be locked; SIZE_MAX: none, or it is not what counts */
    int refused;     /* errno of mlock(2) where the system locks nothing, whatever the limit; 0: it does not say so */
    enum secrets_state state;
};

/*
 * Makes libcrypto wipe every allocation it frees and opens its secure heap, where it keeps private numbers: as large as
 * the limit on locked memory lets it be beside the buffers, at least heap_min, at most 32 MiB. It is locked, or else
 * the state is SECRETS_NOT_LOCKED: that is never an error here, the caller has to look. openssl.cnf is not
 * read in this process: it may load the plugin, and a box must not ask itself. To be called before
 * any other use of libcrypto in a process that will hold keys: LB_E_CRYPTO when it comes too late.
 */
LB_MUST_USE int secret_setup(struct secret_memory *m);
/*
 * The same for a tool that has a few buffers. LB_E_NOMEM where they cannot be locked. Calling it again does nothing.
 */
LB_MUST_USE int secret_setup_libcrypto(void);
/* "64 KiB", or "none" for SIZE_MAX. */
#define SECRET_LIMIT_SIZE 32
const char *secret_limit_text(size_t limit, char ret[SECRET_LIMIT_SIZE]);
/* The bytes that may be locked; SIZE_MAX: any. Lifts the limit as far as this process may. */
size_t secret_lockable(void);

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
/* The same of a file, whoever else may read it: guard/secret_file.h is for those that must be nobody else's. */
LB_MUST_USE int secret_read_file(const char *path, size_t max, void **ret, size_t *ret_len);

#endif
