/* doctor: whether a box opens itself at its next start. */
#ifndef LB_DOCTOR_NEXT_START_H
#define LB_DOCTOR_NEXT_START_H

#include "command/client.h"
#include "doctor/report.h"

/* Reports whether the box of c would open itself at its next start; nothing, if this caller may not know that. */
void doctor_next_start(struct doctor *d, struct client *c);

#endif
