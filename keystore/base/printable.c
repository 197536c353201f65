/* Text that a terminal or a log shows as it stands. */
#include "base/printable.h"

#include <stddef.h>

/* How many bytes the character has; 0: it is not shown as it is. Stops at the NUL, which continues no character. */
static size_t plain_length(const unsigned char *s)
{
    size_t n = s[0] >= 0xf0 ? 4 : s[0] >= 0xe0 ? 3 : s[0] >= 0xc2 ? 2 : 1;

    if (n == 1)
        return s[0] >= 0x20 && s[0] < 0x7f ? 1 : 0;
    if (s[0] > 0xf4)
        return 0;
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    /* Overlong forms, surrogates, and what is above the last character (RFC 3629 3, 4). */
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
        (s[0] == 0xf4 && s[1] > 0x8f))
        return 0;
    if (s[0] == 0xc2 && s[1] < 0xa0)
        return 0;
    if (s[0] == 0xe2 && s[1] == 0x80 && s[2] >= 0xa8 && s[2] <= 0xae)
        return 0;
    if (s[0] == 0xe2 && s[1] == 0x81 && s[2] >= 0xa6 && s[2] <= 0xa9)
        return 0;
    return n;
}

void make_printable(char *text)
{
    while (*text != '\0') {
        size_t n = plain_length((const unsigned char *)text);

        if (n == 0)
            *text++ = '?';
        text += n;
    }
}
