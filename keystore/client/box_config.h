/* What a program says of the boxes that it talks to. */
#ifndef LB_CLIENT_BOX_CONFIG_H
#define LB_CLIENT_BOX_CONFIG_H

#include "client/owner.h"
#include "client/waiter.h"

/* What the program calls its settings, for the cures in messages. Constant. */
struct box_words {
    const char *owners;    /* LB_OWNERS_SETTING, LB_OWNERS_OPTION */
    const char *timeout;   /* what sets the limit of a request */
    const char *directory; /* what says where sockets are */
};

/* How boxes are found, and talked to. Only words and waiter must live as long as the boxes. */
struct box_config {
    const char *directory;          /* where BOX.sock is; "": the usual places */
    const char *box;                /* the box of the name "" */
    unsigned timeout_ms;            /* bound of one request, waiting for a box included */
    const struct owner_list *users; /* whose boxes are accepted, beside root's and the caller's own */
    const struct waiter *waiter;    /* of private-key operations; all else blocks. NULL: these too */
    const struct box_words *words;
};

#endif
