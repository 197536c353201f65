/* The record of what a box did, and what it refused to do. */
#include "audit/record.h"

#include "base/log.h"
#include "base/time_text.h"

static void log_act(const struct event *e)
{
    const struct peer *sender = &e->who->sender.peer;

    /* Somebody may be guessing: a wrong secret is a warning. */
    if (e->result == LB_E_SECRET)
        log_warning("uid %u pid %d: %s", sender->uid, (int)sender->pid, e->done);
    else
        log_info("uid %u pid %d: %s", sender->uid, (int)sender->pid, e->done);
}

static void log_due(const struct event *e)
{
    char at[TIME_TEXT_SIZE];

    time_text(e->due, at);
    log_info("key '%s' is to be destroyed at %s", e->key, at);
}

void audit_record(const struct event *e)
{
    const struct peer *sender = &e->who->sender.peer;

    if (e->result == LB_E_DENIED)
        log_caused(sender->uid, "refused: %s (pid %d)", e->problem->text, (int)sender->pid);
    if (e->done[0] != '\0')
        log_act(e);
    if (e->due != 0)
        log_due(e);
}
