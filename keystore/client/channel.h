/* A caller's connection to a box: one request at a time, matched to its answer. */
#ifndef LB_CLIENT_CHANNEL_H
#define LB_CLIENT_CHANNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/errors.h"
#include "base/socket.h"
#include "base/wire.h"

/*
 * Sends the request (len bytes, id is the one in its header, and a descriptor unless attached is -1) and waits for its
 * answer, which goes into answer (size bytes, at most LB_PACKET_MAX is ever needed). *ret_type and *ret_body describe it, the
 * body points into answer. Answers to older requests (given up, or sent twice around a restart) are passed over. Not for two
 * threads at once on one descriptor.
 *
 * 0: an answer, which may be MSG_ERROR. LB_E_CLOSED: the box hung up. LB_E_RESET: the child behind the channel was
 * replaced; the same request, same id, may be sent again on it. LB_E_TIMEOUT: no packet came within the socket's timeout
 * (socket_set_timeout), or others' packets alone until the deadline (now_ms() and what is left); the channel must be closed
 * then. LB_E_VALUE, LB_E_TOO_LONG (longer than size): what came was no answer; close it.
 */
LB_MUST_USE int channel_call(int fd, uint32_t id, uint64_t deadline, const void *request, size_t len, int attached,
                             void *answer, size_t size, uint16_t *ret_type, struct bytes *ret_body);

/*
 * The two halves of channel_call(), for callers that do something else meanwhile, or want to know who answered (ret_peer,
 * NULL otherwise; of a socket with socket_want_peer()). With dont_wait, and with a deadline of CHANNEL_DONT_WAIT, LB_E_TIMEOUT
 * says that there is no room for the request, or no answer yet: then the channel is as good as before.
 */
#define CHANNEL_DONT_WAIT 0
LB_MUST_USE int channel_ask(int fd, const void *request, size_t len, int attached, bool dont_wait);
LB_MUST_USE int channel_answer(int fd, uint32_t id, uint64_t deadline, void *answer, size_t size, uint16_t *ret_type,
                               struct bytes *ret_body, struct peer *ret_peer);

/*
 * Takes RESETs and stale answers off the channel without waiting. For requests that must not be sent twice: after it,
 * an LB_E_RESET means that the child was replaced while the request was under way. LB_E_CLOSED, LB_E_SYSTEM. LB_E_VALUE: more
 * comes than any box says.
 */
LB_MUST_USE int channel_drain(int fd, void *scratch, size_t size);

#endif
