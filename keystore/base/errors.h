/* What can go wrong inside littlebox: negative codes, one table of texts. */
#ifndef LB_BASE_ERRORS_H
#define LB_BASE_ERRORS_H

#include <stddef.h>

/*
 * Functions return 0 or one of these. The numbers travel in ERROR answers (PROTOCOL.md), so they never change
 * meaning; new ones are added at the end.
 */
#define LB_ERRORS(X)                                                                  \
    X(NOMEM, 1, "out of memory")                                                      \
    X(SYSTEM, 2, "a system call failed")                                              \
    X(CUT_OFF, 3, "the packet is cut off")                                            \
    X(TRAILING, 4, "the packet has bytes after its end")                              \
    X(TOO_LONG, 5, "too long")                                                        \
    X(PROTOCOL_VERSION, 6, "unknown protocol version")                                \
    X(MESSAGE, 7, "unknown message")                                                  \
    X(VALUE, 8, "a field has a value out of range")                                   \
    X(NO_BOX, 9, "no box answers")                                                    \
    X(TIMEOUT, 10, "the box did not answer in time")                                  \
    X(CLOSED, 11, "the box closed the connection")                                    \
    X(RESET, 12, "the box was restarted")                                             \
    X(NO_KEY, 13, "no such key")                                                      \
    X(NO_VERSION, 14, "no such version")                                              \
    X(NOT_ACTIVE, 15, "the version is not active")                                    \
    X(DESTROYED, 16, "the version is destroyed")                                      \
    X(LOCKED, 17, "the box is locked")                                                \
    X(NO_STORE, 18, "the box has no store yet")                                       \
    X(DENIED, 19, "not allowed")                                                      \
    X(NAME, 20, "not a key name")                                                     \
    X(EXISTS, 21, "it exists already")                                                \
    X(KEY_TYPE, 22, "unknown key type")                                               \
    X(SCHEME, 23, "the key does not do this operation")                               \
    X(DAMAGED, 24, "the record does not authenticate")                                \
    X(SECRET, 25, "no seal opens with this secret")                                   \
    X(LAST_SEAL, 26, "the last seal cannot be removed")                               \
    X(NO_SEAL, 27, "no such seal")                                                    \
    X(STORE, 28, "the store failed")                                                  \
    X(STORE_FULL, 29, "no space left for the store")                                  \
    X(STORE_READONLY, 30, "the store cannot be written")                              \
    X(STORE_SCHEMA, 31, "the store was made by a newer littlebox")                    \
    X(PUBLIC_KEY, 32, "the box has another public key")                               \
    X(CRYPTO, 33, "libcrypto failed")                                                 \
    X(BUSY, 34, "another request of this kind is under way")                          \
    X(UNSUPPORTED, 35, "not supported by this backend")                               \
    X(URI, 36, "not a key URI")                                                       \
    X(CONFIG, 37, "the configuration is wrong")                                       \
    X(STOPPING, 38, "the box is stopping")                                            \
    X(WEAK_SECRET, 39, "the secret is too short")                                     \
    X(IN_USE, 40, "it is in use")                                                     \
    X(TOKEN, 41, "the token failed")                                                  \
    X(NO_TOKEN, 42, "the token is not there")                                         \
    X(NO_OBJECT, 43, "no such object on the token")                                   \
    X(AMBIGUOUS, 44, "several objects on the token fit")                              \
    X(PIN, 45, "the PIN is missing or not right")                                     \
    X(STRANGER, 46, "the box is another user's")

enum {
#define LB_ERROR_ENUM(name, number, text) LB_E_##name = -(number),
    LB_ERRORS(LB_ERROR_ENUM)
#undef LB_ERROR_ENUM
};

#define LB_MUST_USE __attribute__((warn_unused_result))
#define LB_PRINTF(fmt, first) __attribute__((format(printf, fmt, first)))
/*
 * For a large local array that is always written before it is read, in code that runs often: -ftrivial-auto-var-init leaves
 * the array alone. Tens of KiB of zeros would push the caller's data out of the cache.
 */
#if defined(__has_attribute)
#if __has_attribute(uninitialized)
#define LB_UNFILLED __attribute__((uninitialized))
#endif
#endif
#ifndef LB_UNFILLED
#define LB_UNFILLED
#endif

/* The text of a code, lower case, without full stop; "unknown error" for a number that is none. Static storage. */
const char *lb_strerror(int code);

/*
 * What went wrong, for a person. Whoever knows the names fills it; whoever talks to the user prints it.
 * text: what happened and to what, cut to fit. hint: the cure, or "" where none is known. A hint is never cut, since half of a
 * command is another command. Both are NUL-terminated and one printable line (base/printable.h), whatever names are in them.
 */
struct problem {
    int code;
    char text[400];
    char hint[240];
};

/* Stands between text and hint where one line has both. */
#define LB_HINT_MARK "; hint: "

/* Sets code and text (printf), clears the hint; returns code, so that a failing path is one line. */
int problem_set(struct problem *p, int code, const char *fmt, ...) LB_PRINTF(3, 4);
/* Makes text and hint printable. For those that another process wrote, as in a box's answer: problem_set() does it itself. */
void problem_printable(struct problem *p);
/* Adds the cure. One that does not fit is left out. */
void problem_hint(struct problem *p, const char *fmt, ...) LB_PRINTF(2, 3);

#endif
