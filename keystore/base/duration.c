/* A length of time as people write it. */
#include "base/duration.h"

#include <string.h>

static uint32_t unit_of(char letter)
{
    switch (letter) {
    case 's':
        return 1;
    case 'm':
        return 60;
    case 'h':
        return 3600;
    case 'd':
        return 86400;
    default:
        return 0;
    }
}

bool duration_parse(const char *text, uint32_t *ret_seconds)
{
    size_t digits = strspn(text, "0123456789");
    uint32_t unit = text[digits] == '\0' ? 1 : unit_of(text[digits]);
    uint64_t n = 0;

    if (digits == 0 || digits > 9 || unit == 0 || (text[digits] != '\0' && text[digits + 1] != '\0'))
        return false;
    for (size_t i = 0; i < digits; i++)
        n = n * 10 + (uint64_t)(text[i] - '0');
    if (n * unit > DURATION_MAX)
        return false;
    *ret_seconds = (uint32_t)(n * unit);
    return true;
}
