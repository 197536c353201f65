/* Sealed memory files: a text to sign that is too long for a packet is passed to the box in one. */
#ifndef LB_BASE_MEMFILE_H
#define LB_BASE_MEMFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/wire.h"

/* The longest text, in bytes. A box hashes it in some seconds, and whoever may sign can keep a thread busy for as long. */
#define LB_FILE_MAX ((uint64_t)4 << 30)

/*
 * Makes a memory file of the text, which nobody can change any more (memfd_create(2), all seals). The caller closes it.
 * LB_E_TOO_LONG above LB_FILE_MAX, LB_E_SYSTEM with errno.
 */
LB_MUST_USE int textfile_make(const void *text, size_t len, int *ret_fd);

/* Has the descriptor, whatever it is, all seals of such a file? The question never blocks, nor does closing a sealed file. */
bool textfile_is_sealed(int fd);

/*
 * Maps the text in a file that somebody passed, for reading; textfile_unmap() undoes it. The file stays the caller's.
 * LB_E_VALUE: the file lacks a seal or a page. With all of them it can neither shrink nor change under the reader, nor take the
 * reader's memory. LB_E_TOO_LONG, LB_E_SYSTEM.
 */
LB_MUST_USE int textfile_map(int fd, struct bytes *ret);
void textfile_unmap(struct bytes text);

#endif
