/* Errors on OpenSSL's queue, with reasons of our own. */
#ifndef LB_ERROR_H
#define LB_ERROR_H

#include <openssl/core.h>

#include "base/errors.h"

struct provctx;

/* Reasons are the codes of errors.h from here on: those below 100 belong to libcrypto. */
#define ERROR_REASON_BASE 100
/* A reason that only the provider has, beyond the codes of errors.h. */
#define ERROR_PRIVATE_HALF (-100)

/* The reasons and their texts, for OSSL_FUNC_provider_get_reason_strings. */
extern const OSSL_ITEM error_reasons[];

/*
 * Puts one error on the queue: code is an LB_E_* or ERROR_*, the rest is printf and says what and which. Returns 0, the
 * dispatch functions' failure.
 */
#define error_raise(prov, code, ...) error_raise_at(prov, __FILE__, __LINE__, __func__, code, __VA_ARGS__)
int error_raise_at(const struct provctx *prov, const char *file, int line, const char *func, int code, const char *fmt,
                   ...) LB_PRINTF(6, 7);

/* The same from a problem: "text: hint". */
#define error_problem(prov, p) error_problem_at(prov, __FILE__, __LINE__, __func__, p)
int error_problem_at(const struct provctx *prov, const char *file, int line, const char *func, const struct problem *p);

#endif
