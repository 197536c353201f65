/* Long texts to sign: in a sealed memory file that is passed to the box, where a packet is too short for them. */
#ifndef LB_BASE_MEMFILE_H
#define LB_BASE_MEMFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"

/*
 * The longest text, in bytes: what a box hashes in some seconds. Whoever may sign may keep one of its threads busy for
 * as long.
 */
#define LB_FILE_MAX ((uint64_t)4 << 30)

/*
 * A memory file with the text in it that nobody can change any more (memfd_create(2), all seals); the caller closes it.
 * LB_E_TOO_LONG above LB_FILE_MAX, LB_E_SYSTEM with errno.
 */
LB_MUST_USE int textfile_make(const void *text, size_t len, int *ret_fd);

/*
 * Has the descriptor all seals of such a file? Of whatever descriptor: neither the question nor closing one that has them
 * blocks.
 */
bool textfile_is_sealed(int fd);

/*
 * The text in a file that somebody passed, to be read only: unmapped with textfile_unmap(). LB_E_VALUE when it is not a
 * memory file with all its pages and its seals on it, so that it can neither shrink nor change under the reader, nor
 * take memory of the reader's; LB_E_TOO_LONG, LB_E_SYSTEM. The file stays the caller's.
 */
LB_MUST_USE int textfile_map(int fd, struct bytes *ret);
void textfile_unmap(struct bytes text);

#endif
