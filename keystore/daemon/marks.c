/* What a keeper knows of its box's lock: the next child must know it too, and the next keeper. */
#include "daemon/marks.h"

#include <sys/eventfd.h>

#include "base/log.h"
#include "base/socket.h"

static bool store_mark(struct mark *m, enum stored_kind kind, struct fd_store *store)
{
    const struct stored_name what = { .kind = kind };
    char name[STORE_NAME_SIZE];
    int fd, r;

    if (m->is == m->stored || !store->there)
        return true;
    store_name_write(&what, name);
    if (m->is) {
        fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        r = fd < 0 ? LB_E_TIMEOUT : fd_store_add(store, name, fd);
        socket_close(fd);
    } else {
        r = fd_store_remove(store, name);
    }
    if (r == LB_E_BUSY && !m->told) {
        log_error("the service manager has no room for what is known of the lock: after a restart of the service the box may open "
                  "itself");
        m->told = true;
    }
    if (r == 0)
        m->stored = m->is;
    return r != LB_E_TIMEOUT;
}

bool marks_store(struct marks *m, struct fd_store *store)
{
    bool locked = store_mark(&m->locked, STORED_LOCKED, store);

    return store_mark(&m->by_hand, STORED_BY_HAND, store) && locked;
}

bool marks_take_back(struct marks *m, enum stored_kind kind, bool stored)
{
    struct mark *mark = kind == STORED_LOCKED ? &m->locked : kind == STORED_BY_HAND ? &m->by_hand : NULL;

    if (mark == NULL)
        return false;
    mark->is = true;
    mark->stored = stored;
    return true;
}
