/* Memory for secrets: locked, never dumped, not inherited by a fork, wiped when freed. */
#ifndef LB_GUARD_SECRET_H
#define LB_GUARD_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/errors.h"

/*
 * Gives size zeroed bytes on pages of their own between two guard pages. Writing past the end, rounded up to 16, faults. The
 * pages are mlock(2)ed and, where the kernel has it, MADV_DONTDUMP and MADV_WIPEONFORK. NULL: memory or RLIMIT_MEMLOCK is short;
 * see secret_need_lock(). Each call takes whole pages: it is for buffers and long-lived keys, not for many small things.
 * Thread-safe.
 */
void *secret_alloc(size_t size);
/* Wipes and gives back; size is the one that was asked for. NULL is fine. */
void secret_free(void *p, size_t size);
/* Wipes in place; not optimised away. */
void secret_wipe(void *p, size_t size);

/* The bytes that secret_alloc(size) locks: whole pages. */
size_t secret_locks(size_t size);
/*
 * Says whether secret_alloc() fails where memory cannot be locked. It does unless this is called with false, by a program that
 * keeps no secret or was told to go on without locks. Call it before there are threads.
 */
void secret_need_lock(bool need);
/* The cure where the system refuses to lock memory for another reason than the limit. */
#define SECRET_REFUSED_CURE "systemd-nspawn's --capability=CAP_IPC_LOCK, SystemCallFilter=@memlock in a unit"
/* Sets p to "no locked memory left", with the limit or the system's reason, and the cure. Returns LB_E_NOMEM. */
int secret_no_memory(struct problem *p);

/*
 * What of a process is kept off the disk. SECRETS_LOCKED: what secret_alloc() gave, and libcrypto's secure heap, which has the
 * private numbers. Not locked then are stacks, the 64 MiB of Argon2, and what libcrypto keeps of an open key outside of its
 * secure heap (an RSA key's primes, in Montgomery's form). The numbers are those of enum memory_state.
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
 * Makes libcrypto wipe every allocation that it frees, and opens its secure heap, where it keeps private numbers. The heap is
 * as large as the limit on locked memory leaves room for beside the buffers, at least heap_min, at most 32 MiB. A heap that
 * cannot be locked is no error: the state is SECRETS_NOT_LOCKED, and the caller has to look. openssl.cnf is not read in this
 * process, since it may load the plugin, and a box must not ask itself. Call this before any other use of libcrypto in a process
 * that will hold keys. LB_E_CRYPTO: it comes too late.
 */
LB_MUST_USE int secret_setup(struct secret_memory *m);
/* The same for a tool that has a few buffers. LB_E_NOMEM: they cannot be locked. A second call does nothing. */
LB_MUST_USE int secret_setup_libcrypto(void);
/* "64 KiB", or "none" for SIZE_MAX. */
#define SECRET_LIMIT_SIZE 32
const char *secret_limit_text(size_t limit, char ret[SECRET_LIMIT_SIZE]);
/* The bytes that may be locked; SIZE_MAX: any. Lifts the limit as far as this process may. */
size_t secret_lockable(void);

/* Is more than half of the secure heap in use? The rest is for what is under way. */
bool secret_heap_is_short(void);

/* Overwrites 32 KiB of unused stack below the caller: functions that it called may have left parts of a key there. */
void secret_wipe_stack(void);

/*
 * Makes this process one that holds secrets. It leaves no core file and is not dumpable: its own uid can neither trace it nor
 * read /proc/PID/mem. If RLIMIT_MEMLOCK is infinite or can be made so, all memory is locked, each page once it is touched, and
 * *ret_locked is true. Call it before privileges are dropped. LB_E_SYSTEM with errno.
 */
LB_MUST_USE int secret_harden_process(bool *ret_locked);

/*
 * Reads all of 1 to max bytes into secret_alloc()ed memory of max bytes. LB_E_SYSTEM with errno (ENODATA: there is
 * nothing), LB_E_TOO_LONG, LB_E_NOMEM.
 */
LB_MUST_USE int secret_read_fd(int fd, size_t max, void **ret, size_t *ret_len);
/* The same of a file. Whoever else may read the file is not looked at: guard/secret_file.h does that. */
LB_MUST_USE int secret_read_file(const char *path, size_t max, void **ret, size_t *ret_len);

#endif
