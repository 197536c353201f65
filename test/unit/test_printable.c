/* printable.c: what steers a terminal is shown as '?', what people write stays; and problems are always so. */
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "protocol/header.h"
#include "unit.h"

static void what_is_shown(void)
{
    static const struct {
        const char *text, *shown;
    } cases[] = {
        { "", "" },
        { "web ~ 'x' \\", "web ~ 'x' \\" },
        { "a\033]0;x\a\033[2Jb\tc\nd\re\177f", "a?]0;x??[2Jb?c?d?e?f" },
        /* U+00E9, U+20AC, U+1F511, and the last one. */
        { "\303\251 \342\202\254 \360\237\224\221 \364\217\277\277", "\303\251 \342\202\254 \360\237\224\221 \364\217\277\277" },
        /* CSI of ISO 8859-1, as a byte and in UTF-8; U+00A0 is the first behind them. */
        { "\2332J", "?2J" },
        { "\302\2332J\302\237\302\240", "??2J??\302\240" },
        /* Separators and directions, and their neighbours. */
        { "\342\200\247\342\200\250\342\200\256\342\200\257", "\342\200\247??????\342\200\257" },
        { "\342\201\245\342\201\246\342\201\251\342\201\252", "\342\201\245??????\342\201\252" },
        /* ESC written longer than it is, surrogates, too much, and what breaks off. */
        { "\300\233 \340\200\233 \360\200\200\233", "?? ??? ????" },
        { "\355\240\200 \364\220\200\200 \365\200\200\200", "??? ???? ????" },
        { "\303", "?" },
        { "\342\202", "??" },
        { "\360\237\224", "???" },
        { "\303x\342\202x", "?x??x" },
    };

    for (size_t i = 0; i < COUNT(cases); i++) {
        char text[100];

        snprintf(text, sizeof(text), "%s", cases[i].text);
        make_printable(text);
        TEXT_IS(text, cases[i].shown);
    }
}

static void problems(void)
{
    static const uint8_t sent[] = "\0\21\0\4a\302\2332\0\3\302\2332"; /* code 17, and two strings */
    struct problem p = { 0 };

    CU_ASSERT_EQUAL(problem_set(&p, LB_E_VALUE, "cannot read '%s'", "\033[2J"), LB_E_VALUE);
    TEXT_IS(p.text, "cannot read '?[2J'");
    problem_hint(&p, "look at '%s'", "a\nb");
    TEXT_IS(p.hint, "look at 'a?b'");
    /* As it was sent, until it is to be shown. */
    OK(msg_error_decode((struct bytes){ sent, sizeof(sent) - 1 }, &p));
    TEXT_IS(p.text, "a\302\2332");
    problem_printable(&p);
    TEXT_IS(p.text, "a??2");
    TEXT_IS(p.hint, "??2");
}

static const struct unit_test tests[] = {
    { "what is shown", what_is_shown },
    { "problems", problems },
    { NULL, NULL },
};
const struct unit_suite suite_printable = { "printable", tests };
