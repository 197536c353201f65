/* The life of a version: which event leads from which state to which, and what a state permits. */
#include "keys/lifecycle.h"

/* Leads back to the state of before. */
#define BEFORE 0xff

#define PRE STATE_PRE_ACTIVATION
#define ACT STATE_ACTIVE
#define SUS STATE_SUSPENDED
#define DEA STATE_DEACTIVATED
#define COM STATE_COMPROMISED
#define SCH STATE_DESTROY_SCHEDULED
#define DES STATE_DESTROYED
#define DCO STATE_DESTROYED_COMPROMISED

/* 0: refused. What is to be destroyed can be compromised: it stays scheduled, and what it was before is compromised. */
static const unsigned char table[STATE_LAST + 1][EVENT_LAST + 1] = {
    /*        -  activate suspend resume deactivate compromise schedule cancel  destroy */
    [PRE] = { 0, ACT,     0,      0,     0,         COM,       SCH,     0,      DES },
    [ACT] = { 0, ACT,     SUS,    ACT,   DEA,       COM,       SCH,     0,      DES },
    [SUS] = { 0, 0,       SUS,    ACT,   DEA,       COM,       SCH,     0,      DES },
    [DEA] = { 0, 0,       0,      0,     DEA,       COM,       SCH,     0,      DES },
    [COM] = { 0, 0,       0,      0,     0,         COM,       SCH,     0,      DCO },
    [SCH] = { 0, 0,       0,      0,     0,         SCH,       SCH,     BEFORE, DES },
    [DES] = { 0, 0,       0,      0,     0,         DCO,       0,       0,      DES },
    [DCO] = { 0, 0,       0,      0,     0,         DCO,       0,       0,      DCO },
};

unsigned life_next(unsigned state, unsigned state_before, unsigned event)
{
    unsigned next = state > STATE_LAST || event > EVENT_LAST ? 0 : table[state][event];

    if (next == BEFORE)
        return state_before;
    if (event == EVENT_DESTROY && state_before == STATE_COMPROMISED)
        return STATE_DESTROYED_COMPROMISED;
    return next;
}

bool life_permits(unsigned state, unsigned op, bool own_request)
{
    switch (state) {
    case STATE_ACTIVE:
        return true;
    case STATE_PRE_ACTIVATION:
        return op == OP_SIGN && own_request;
    case STATE_DEACTIVATED:
        return op == OP_DECRYPT || op == OP_DERIVE;
    default:
        return false;
    }
}
