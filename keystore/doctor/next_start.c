/* What doctor says of the next start of a box: will it open itself, and is its store still the one that it has open? */
#include "doctor/next_start.h"

#include "command/next_start.h"

void doctor_next_start(struct doctor *d, struct client *c)
{
    static const enum doctor_verdict verdicts[] = {
        [NEXTSTART_OPENS] = DOCTOR_OK,
        [NEXTSTART_LOCKED] = DOCTOR_OK,
        [NEXTSTART_BROKEN] = DOCTOR_FAIL,
        [NEXTSTART_UNKNOWN] = DOCTOR_SKIPPED,
    };
    char text[PATH_MAX + 500];
    struct nextstart next;
    struct problem p = { 0 };

    if (nextstart_find(c, &next, &p) != 0) {
        doctor_report(d, DOCTOR_FAIL, "next start", p.hint, "%s", p.text);
        return;
    }
    if (!next.known)
        return;
    if (next.now.store_replaced)
        doctor_report(d, DOCTOR_FAIL, "store", "see examples/backup/README.md, before the box is started again",
                      "the store's file was replaced or written by somebody else while box '%s' has it open", next.box);
    nextstart_tell(&next, text, sizeof(text));
    doctor_report(d, verdicts[next.verdict], "next start", next.verdict == NEXTSTART_LOCKED ? NULL : next.why.hint,
                  "at its next start box '%s' %s%s", next.box, next.verdict == NEXTSTART_UNKNOWN ? "may stay locked: that is " : "", text);
}
