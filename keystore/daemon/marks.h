/* What a keeper knows of its box's lock: the next child must know it too, and the next keeper. */
#ifndef LB_DAEMON_MARKS_H
#define LB_DAEMON_MARKS_H

#include <stdbool.h>

#include "daemon/fd_store.h"
#include "daemon/store_name.h"

struct mark {
    bool is;
    bool stored; /* the service manager knows: an empty descriptor with its name is in its store */
    bool told;   /* the log says that there is no room for it */
};

struct marks {
    struct mark locked;  /* by hand: neither a crash nor a restart of the service opens the box again */
    struct mark by_hand; /* unlocked by hand: nothing but a hand opens the box again */
};

/* Makes the store say what the marks do. False: the manager has no room now, try again. */
bool marks_store(struct marks *m, struct fd_store *store);
/* It was handed over; stored: by the manager, or the manager has it too. False: this kind is no mark. */
bool marks_take_back(struct marks *m, enum stored_kind kind, bool stored);

#endif
