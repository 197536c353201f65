/* What a misspelt word was meant to be. */
#include "base/suggest.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

/* Longer words are nobody's command. */
#define WORD_MAX 40

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static char low(char c)
{
    return (char)tolower((unsigned char)c);
}

/* Both have at most WORD_MAX characters. Row i has the distances of the first i letters of a to each beginning of b. */
static size_t distance(const char *a, const char *b)
{
    size_t rows[3][WORD_MAX + 1], len = strlen(b), i = 0;
    size_t *before = rows[0], *last = rows[1], *now = rows[2];

    for (size_t k = 0; k <= len; k++)
        last[k] = k;
    for (; a[i] != '\0'; i++) {
        size_t *oldest = before;

        now[0] = i + 1;
        for (size_t k = 0; k < len; k++) {
            now[k + 1] = least(least(now[k], last[k + 1]) + 1, last[k] + (low(a[i]) != low(b[k])));
            if (i > 0 && k > 0 && low(a[i]) == low(b[k - 1]) && low(a[i - 1]) == low(b[k]))
                now[k + 1] = least(now[k + 1], before[k - 1] + 1);
        }
        before = last;
        last = now;
        now = oldest;
    }
    return last[len];
}

void suggest_start(struct suggestion *s, const char *word)
{
    *s = (struct suggestion){ word, NULL, WORD_MAX };
}

void suggest_try(struct suggestion *s, const char *candidate)
{
    size_t len = strlen(s->word), d;

    /* Words of one letter, with a hyphen or without, get no proposal. */
    if (len < 2 || (len == 2 && s->word[0] == '-') || len > WORD_MAX || strlen(candidate) > WORD_MAX)
        return;
    d = distance(s->word, candidate);
    if (len >= 2 && strncasecmp(s->word, candidate, len) == 0)
        d = least(d, 1);
    if (d < s->distance && d <= (len + 1) / 3) {
        s->best = candidate;
        s->distance = d;
    }
}
