/* Errors on OpenSSL's queue, with reasons of our own. */
#include "error.h"

#include <stdarg.h>

#include "provctx.h"

const OSSL_ITEM error_reasons[] = {
#define ERROR_ITEM(name, number, text) { ERROR_REASON_BASE + (number), (void *)(text) },
    LB_ERRORS(ERROR_ITEM)
#undef ERROR_ITEM
    { ERROR_REASON_BASE - ERROR_PRIVATE_HALF, (void *)"private keys stay in their box" },
    { 0, NULL },
};

int error_raise_at(const struct provctx *prov, const char *file, int line, const char *func, int code,
                   const char *fmt, ...)
{
    va_list ap;

    prov->core_new_error(prov->core);
    prov->core_set_error_debug(prov->core, file, line, func);
    va_start(ap, fmt);
    prov->core_vset_error(prov->core, (uint32_t)(ERROR_REASON_BASE - code), fmt, ap);
    va_end(ap);
    return 0;
}

int error_problem_at(const struct provctx *prov, const char *file, int line, const char *func,
                     const struct problem *p)
{
    return error_raise_at(prov, file, line, func, p->code, "%s%s%s", p->text, p->hint[0] != '\0' ? LB_HINT_MARK : "",
                          p->hint);
}
