/* The texts of the error codes, and the person-readable problem. */
#include "base/errors.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/printable.h"

const char *lb_strerror(int code)
{
    switch (code) {
    case 0:
        return "success";
#define LB_ERROR_TEXT(name, number, text) \
    case LB_E_##name:                     \
        return text;
        LB_ERRORS(LB_ERROR_TEXT)
#undef LB_ERROR_TEXT
    default:
        return "unknown error";
    }
}

int problem_set(struct problem *p, int code, const char *fmt, ...)
{
    va_list ap;

    p->code = code;
    p->hint[0] = '\0';
    va_start(ap, fmt);
    vsnprintf(p->text, sizeof(p->text), fmt, ap);
    va_end(ap);
    make_printable(p->text);
    return code;
}

void problem_hint(struct problem *p, const char *fmt, ...)
{
    va_list ap;
    int len;

    va_start(ap, fmt);
    len = vsnprintf(p->hint, sizeof(p->hint), fmt, ap);
    va_end(ap);
    if (len < 0 || (size_t)len >= sizeof(p->hint))
        p->hint[0] = '\0';
    make_printable(p->hint);
}

void problem_printable(struct problem *p)
{
    make_printable(p->text);
    make_printable(p->hint);
}
