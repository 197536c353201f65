/* What the commands that make keys say of their purposes. */
#include "command/purposes.h"

#include "model/purpose.h"

int purpose_option(const struct cli *cli, uint16_t *ret, struct problem *p)
{
    unsigned purposes = PURPOSE_ANY;
    int r = 0;

    if (cli->options[OPT_FOR] != NULL)
        r = purpose_parse(cli->options[OPT_FOR], &purposes, p);
    *ret = (uint16_t)purposes;
    return r;
}

int purpose_refused(const struct cli *cli, int r, uint16_t purposes, struct problem *p)
{
    if (purposes == PURPOSE_ANY || (r != LB_E_TRAILING && r != LB_E_MESSAGE))
        return r;
    problem_set(p, r, "box '%s' is of an older littlebox, which knows no purposes of keys", cli->box);
    problem_hint(p, "restart it with this littlebox: systemctl restart littleboxd@%s", cli->box);
    return r;
}

void purpose_json(struct json *j, uint16_t purposes)
{
    json_open(j, "purposes", '[');
    if (purposes == PURPOSE_ANY)
        json_string(j, NULL, purpose_name(PURPOSE_ANY));
    for (int i = 0; i < PURPOSE_COUNT; i++) {
        if ((purposes & 1U << i) != 0)
            json_string(j, NULL, purpose_name(1U << i));
    }
    json_close(j, ']');
}
