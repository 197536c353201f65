/* doctor: the box whose socket is at a path, and what the box itself cannot tell. */
#ifndef LB_DOCTOR_BOX_H
#define LB_DOCTOR_BOX_H

#include "command/client.h"
#include "doctor/report.h"
#include "model/description.h"

/* For a socket where nobody answered: reports the reason, if it is known. True: it was. */
bool doctor_box_failed(struct doctor *d, const char *path);
/* For a socket where a box answered: reports what will not last, or does not hold for every caller. */
void doctor_box_place(struct doctor *d, const char *path);
/* Reports a box of systemd's that does not come back when the machine is started. */
void doctor_box_lasts(struct doctor *d, const char *path);
/* Reports a box that does not see its callers' processes; s is its status. */
void doctor_box_process(struct doctor *d, struct client *c, const struct box_status *s);

#endif
