/* Times on the command line. */
#include "command/times.h"

#include <time.h>

#include "base/duration.h"

int times_duration(const char *option, const char *text, uint32_t *ret, struct problem *p)
{
    if (duration_parse(text, ret))
        return 0;
    problem_set(p, LB_E_VALUE, "%s: '%.40s' is no length of time", option, text);
    problem_hint(p, "a number of seconds, or of the unit behind it, s, m, h or d, up to 366d: %s 24h", option);
    return LB_E_VALUE;
}

int times_point(const char *option, const char *text, uint64_t *ret, struct problem *p)
{
    struct tm tm = { .tm_mday = 1 }, again;
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    time_t at;

    if (end == NULL || *end != '\0') {
        tm = (struct tm){ .tm_mday = 1 };
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    again = tm;
    at = end == NULL || *end != '\0' ? -1 : timegm(&again);
    /* A 31st of February is another day. */
    if (at > 0 && again.tm_mday == tm.tm_mday) {
        *ret = (uint64_t)at;
        return 0;
    }
    problem_set(p, LB_E_VALUE, "%s: '%.40s' is no time", option, text);
    problem_hint(p, "a time in UTC: %s 2027-01-31T06:00:00Z, or %s 2027-01-31", option, option);
    return LB_E_VALUE;
}
