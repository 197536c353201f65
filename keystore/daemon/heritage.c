/* What one keeper leaves to the next: through the service manager's store, or to a program that runs in its own place. */
#include "daemon/heritage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memfile.h"
#include "base/socket.h"
#include "daemon/closed_exec.h"
#include "daemon/keeper_link.h"
#include "daemon/store_name.h"

/* A line: a number of up to 10 digits, a blank, NOT_STORED if the manager has not got it, a name, the end. */
#define NOT_STORED '+'
#define LINE_MAX_SIZE (13 + STORE_NAME_SIZE)
/* More than a keeper has. */
#define FILE_MAX ((size_t)2 * KEEP_SLOTS_MAX * LINE_MAX_SIZE)
/* The name of a socket that a manager opened. */
#define MANAGERS "socket"

/* True: it is what its name says, and ours now. */
static bool take_back(struct kept *k, struct marks *marks, const struct handed_descriptor *h, struct stored_name *name)
{
    switch (name->kind) {
    case STORED_LISTENER:
        return h->fd == k->listen_fd;
    case STORED_DEAD:
        kept_bury_one(k, h->fd);
        return true;
    case STORED_LOCKED:
    case STORED_BY_HAND:
        socket_close(h->fd);
        return marks_take_back(marks, name->kind, h->stored);
    case STORED_ACCEPTED:
    case STORED_PAIR:
        break;
    }
    if (kept_take_back(k, h->fd, name) != 0)
        return false;
    /* The program before had no turn for it yet. */
    if (!h->stored) {
        k->at[name->slot].stored = false;
        k->store.behind = k->store.there;
    }
    return true;
}

void heritage_take(struct kept *k, struct marks *marks, const struct handed *handed)
{
    size_t taken = 0, refused = 0;

    for (size_t i = 0; i < handed->count; i++) {
        const struct handed_descriptor *h = &handed->kept[i];
        struct stored_name name;
        bool read = store_name_read(h->name, &name) == 0;

        if (read && take_back(k, marks, h, &name)) {
            if (h->stored)
                fd_store_has(&k->store, h->name);
            taken += name.kind == STORED_ACCEPTED || name.kind == STORED_PAIR;
        } else {
            kept_refuse_back(k, h->fd, h->name, read ? &name : NULL);
            refused++;
        }
        if (read)
            maker_clear(&name.maker);
    }
    if (handed->count > 0)
        log_info("%zu connections of the last keeper go on", taken);
    if (refused > 0)
        log_warning("%zu descriptors of the last keeper are not what their names say, or come twice: they are closed", refused);
}

bool heritage_keep_listener(struct kept *k, const struct handed *handed)
{
    const struct stored_name what = { .kind = STORED_LISTENER };
    char name[STORE_NAME_SIZE];

    for (size_t i = 0; i < handed->count; i++) {
        if (handed->kept[i].fd == k->listen_fd)
            return k->store.there;
    }
    store_name_write(&what, name);
    return fd_store_add(&k->store, name, k->listen_fd) == 0;
}

/* A list of descriptors as text, and of their numbers: which of them are to stay open. */
struct list {
    char *text;
    size_t len, size;
    int *fds;
    size_t count;
    int error;
};

static void list_add(struct list *l, int fd, bool stored, const char *name)
{
    if (l->error != 0 || fd < 0)
        return;
    if (l->len + LINE_MAX_SIZE > l->size) {
        size_t lines = l->size / LINE_MAX_SIZE * 2 + 64;
        char *text = realloc(l->text, lines * LINE_MAX_SIZE);
        int *fds = realloc(l->fds, lines * LINE_MAX_SIZE / 4 * sizeof(*fds)); /* the shortest line has 4 bytes */

        l->text = text == NULL ? l->text : text;
        l->fds = fds == NULL ? l->fds : fds;
        if (text == NULL || fds == NULL) {
            l->error = ENOMEM;
            return;
        }
        l->size = lines * LINE_MAX_SIZE;
    }
    l->len += (size_t)snprintf(l->text + l->len, LINE_MAX_SIZE, "%d %s%s\n", fd, stored ? "" : (const char[]){ NOT_STORED, '\0' }, name);
    l->fds[l->count++] = fd;
}

static void list_kind(struct list *l, int fd, bool stored, enum stored_kind kind)
{
    const struct stored_name what = { .kind = kind };
    char name[STORE_NAME_SIZE];

    store_name_write(&what, name);
    list_add(l, fd, stored, name);
}

static void list_dead(struct list *l, const struct burials *b)
{
    for (size_t i = 0; i < b->count; i++)
        list_kind(l, b->fds[i], /* stored= */ false, STORED_DEAD);
}

/* mark: a descriptor that says that something is so. */
static void list_all(struct list *l, const struct kept *k, const struct marks *marks, const struct legacy *legacy,
                     const int mark[2])
{
    char name[STORE_NAME_SIZE];

    if (legacy->own)
        list_kind(l, legacy->listen_fd, /* stored= */ true, STORED_LISTENER);
    else
        list_add(l, legacy->listen_fd, /* stored= */ true, MANAGERS);
    if (marks->locked.is)
        list_kind(l, mark[0], marks->locked.stored, STORED_LOCKED);
    if (marks->by_hand.is)
        list_kind(l, mark[1], marks->by_hand.stored, STORED_BY_HAND);
    for (uint32_t i = 0; i < k->size; i++) {
        if (k->at[i].fd < 0)
            continue;
        kept_name(k, i, name);
        list_add(l, k->at[i].fd, k->at[i].stored, name);
    }
    list_dead(l, &k->dead);
    list_dead(l, &k->store.before);
    list_dead(l, &k->store.after);
}

static void stay_open(const struct list *l, int file, bool stay)
{
    for (size_t i = 0; i < l->count; i++)
        (void)fcntl(l->fds[i], F_SETFD, stay ? 0 : FD_CLOEXEC);
    (void)fcntl(file, F_SETFD, stay ? 0 : FD_CLOEXEC);
}

/* With "--program" behind the role: a program that was run from memory does not know where it is from. */
static void run(const struct legacy *legacy, const struct list *l, int file)
{
    char role[40], *before = legacy->argv[KEEPER_ROLE];
    size_t count = 0;
    char **argv;

    while (legacy->argv[count] != NULL)
        count++;
    argv = calloc(count + 3, sizeof(*argv));
    if (argv == NULL)
        return;
    snprintf(role, sizeof(role), "--resume=%d", file);
    memcpy(argv, legacy->argv, RESUMED_KIND * sizeof(*argv) + sizeof(*argv));
    argv[KEEPER_ROLE] = role;
    argv[RESUMED_KIND + 1] = (char *)"--program";
    argv[RESUMED_KIND + 2] = (char *)legacy->program;
    memcpy(argv + RESUMED_KIND + 3, legacy->argv + RESUMED_KIND + 1, (count - RESUMED_KIND - 1) * sizeof(*argv));
    stay_open(l, file, true);
    exec_closed(legacy->program, argv);
    stay_open(l, file, false);
    legacy->argv[KEEPER_ROLE] = before;
    free(argv);
}

void heritage_give(struct kept *k, const struct marks *marks, const struct legacy *legacy)
{
    const int mark[2] = { eventfd(0, EFD_CLOEXEC), eventfd(0, EFD_CLOEXEC) };
    struct list l = { .text = NULL };
    int file = -1, saved;

    list_all(&l, k, marks, legacy, mark);
    errno = l.error;
    if (l.error == 0 && mark[0] >= 0 && mark[1] >= 0 && textfile_make(l.text, l.len, &file) == 0)
        run(legacy, &l, file);
    saved = errno;
    socket_close(file);
    socket_close(mark[0]);
    socket_close(mark[1]);
    free(l.text);
    free(l.fds);
    errno = saved;
}

/* One line, taken apart in place. */
static int read_line(struct handed *h, char *line, struct problem *p)
{
    char *name = strchr(line, ' '), *end;
    unsigned long fd = strtoul(line, &end, 10);
    bool stored;
    int r;

    if (line[0] < '1' || line[0] > '9' || name == NULL || end != name || fd <= STDERR_FILENO || fd > INT32_MAX || name[1] == '\0')
        return problem_set(p, LB_E_CONFIG, "the program before this one left a list that cannot be read");
    stored = name[1] != NOT_STORED;
    r = handed_add(h, (int)fd, name + (stored ? 1 : 2), p);
    if (r == 0 && !stored && h->count > 0)
        h->kept[h->count - 1].stored = false;
    return r;
}

int heritage_read(int file, struct handed *ret, struct problem *p)
{
    struct bytes text = { NULL, 0 };
    char *line, *next;
    size_t lines = 0;
    int r = 0;

    *ret = (struct handed){ .listener = -1 };
    if (fcntl(file, F_SETFD, FD_CLOEXEC) < 0 || textfile_map(file, &text) != 0 || text.len > FILE_MAX ||
        text.p[text.len - 1] != '\n' || memchr(text.p, '\0', text.len) != NULL) {
        r = problem_set(p, LB_E_CONFIG, "--resume is for littleboxd itself");
        goto out;
    }
    for (size_t i = 0; i < text.len; i++)
        lines += text.p[i] == '\n';
    ret->kept = calloc(lines, sizeof(*ret->kept));
    ret->names = malloc(text.len);
    if (ret->kept == NULL || ret->names == NULL) {
        r = problem_set(p, LB_E_NOMEM, "out of memory");
        goto out;
    }
    memcpy(ret->names, text.p, text.len);
    ret->names[text.len - 1] = '\0';
    next = ret->names;
    while (r == 0 && (line = strsep(&next, "\n")) != NULL)
        r = read_line(ret, line, p);
out:
    textfile_unmap(text);
    socket_close(file);
    return r;
}
