/* Which files a command means that takes many: arguments, the lines of a list, what is below a directory. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command/adopt_left.h"
#include "command/bulk.h"
#include "command/key_file.h"
#include "guard/secret.h"

/* Directories below each other; more than any tree of keys has. */
#define DEPTH_MAX 32

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

bool bulk_is_meant(const struct cli *cli)
{
    return cli->options[OPT_FROM] != NULL || cli->options[OPT_RECURSIVE] != NULL || cli->options[OPT_EACH] != NULL ||
           (cli->arg_count > 1 && (cli->command->options & OPT_BIT(EACH)) == 0);
}

int bulk_usage(const struct cli *cli)
{
    static const enum cli_option alone[] = { OPT_KEY, OPT_ESCROW, OPT_STDIN, OPT_PASSPHRASE_FD };
    bool list = cli->options[OPT_FROM] != NULL;

    for (size_t i = 0; i < sizeof(alone) / sizeof(alone[0]); i++) {
        if (cli->options[alone[i]] != NULL)
            return cli_usage_error(cli, "%s is for one FILE", cli_options[alone[i]].name);
    }
    if (cli->options[OPT_SERVER] != NULL || cli->options[OPT_CONFIG] != NULL)
        return cli_usage_error(cli, "--server names the files: give no others");
    if (list && (cli->arg_count > 0 || cli->options[OPT_RECURSIVE] != NULL || cli->options[OPT_EACH] != NULL))
        return cli_usage_error(cli, "--from names the files: give no others");
    if (!list && cli->options[OPT_NULL] != NULL)
        return cli_usage_error(cli, "--null says how the list of --from is written");
    if (!list && cli->arg_count == 0)
        return cli_usage_error(cli, "give the %s", cli->options[OPT_RECURSIVE] != NULL ? "directory" : "files");
    return 0;
}

int bulk_add(struct bulk_list *l, const char *path, struct problem *p)
{
    if (l->count == l->room) {
        size_t room = l->room == 0 ? 64 : l->room * 2;
        struct bulk_file *more = realloc(l->files, room * sizeof(*more));

        if (more == NULL)
            return out_of_memory(p);
        l->files = more;
        l->room = room;
    }
    l->files[l->count] = (struct bulk_file){ .path = strdup(path) };
    return l->files[l->count++].path == NULL ? out_of_memory(p) : 0;
}

/* Does a file that was not named hold a key or a handle? One that cannot be read may. */
static bool holds_key(const char *path)
{
    enum keyfile_sight sight = KEYFILE_NOTHING;
    struct handle h = { .type = 0 };
    void *data = NULL;
    size_t len = 0, room = keyfile_room(path);
    int r = secret_read_file(path, room, &data, &len);

    if (r != 0)
        return r == LB_E_SYSTEM && errno != ENODATA;
    r = keyfile_look(data, len, &sight, &h);
    handle_clear(&h);
    secret_free(data, room);
    return r == 0 && sight != KEYFILE_NOTHING && sight != KEYFILE_REFERENCE;
}

static int walk(struct bulk_list *l, const char *dir, unsigned depth, struct problem *p);

/* Links to files are followed, as live/NAME/privkey.pem is one; links to directories are not, which may lead in circles. */
static int enter(struct bulk_list *l, const char *dir, const char *name, unsigned depth, struct problem *p)
{
    size_t end = strlen(dir);
    char *path = malloc(end + strlen(name) + 2);
    struct stat st, led;
    int r = 0;

    if (path == NULL)
        return out_of_memory(p);
    sprintf(path, "%s%s%s", dir, end > 0 && dir[end - 1] == '/' ? "" : "/", name);
    if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
        r = walk(l, path, depth + 1, p);
    else if (stat(path, &led) == 0 && S_ISREG(led.st_mode) && led.st_size > 0 && led.st_size <= KEYFILE_MAX && holds_key(path))
        r = bulk_add(l, path, p);
    free(path);
    return r;
}

static int walk(struct bulk_list *l, const char *dir, unsigned depth, struct problem *p)
{
    struct dirent **names = NULL;
    int count = depth > DEPTH_MAX ? -1 : scandir(dir, &names, NULL, alphasort), r = 0;

    if (depth > DEPTH_MAX)
        return problem_set(p, LB_E_TOO_LONG, "'%s' is too deep", dir);
    if (count < 0)
        return problem_set(p, LB_E_SYSTEM, "cannot read the directory '%s': %s", dir, strerror(errno));
    for (int i = 0; i < count; i++) {
        /* What a killed run left is looked at with its file. */
        if (r == 0 && strcmp(names[i]->d_name, ".") != 0 && strcmp(names[i]->d_name, "..") != 0 &&
            !leftover_is_name(names[i]->d_name))
            r = enter(l, dir, names[i]->d_name, depth, p);
        free(names[i]);
    }
    free(names);
    return r;
}

static int read_list(struct bulk_list *l, const char *from, bool nul, struct problem *p)
{
    FILE *in = strcmp(from, "-") == 0 ? stdin : fopen(from, "re");
    char *line = NULL;
    size_t size = 0;
    ssize_t len;
    int r = 0;

    if (in == NULL)
        return problem_set(p, LB_E_SYSTEM, "cannot read the list '%s': %s", from, strerror(errno));
    errno = 0;
    while (r == 0 && (len = getdelim(&line, &size, nul ? '\0' : '\n', in)) >= 0) {
        if (len > 0 && line[len - 1] == (nul ? '\0' : '\n'))
            line[--len] = '\0';
        if (strlen(line) != (size_t)len) {
            r = problem_set(p, LB_E_VALUE, "the list '%s' has a NUL in a line", from);
            problem_hint(p, "if its paths end with NUL, as find -print0 writes them: --null");
        } else if (len > 0) {
            r = bulk_add(l, line, p);
        }
    }
    if (r == 0 && ferror(in))
        r = problem_set(p, LB_E_SYSTEM, "cannot read the list '%s': %s", from, strerror(errno));
    free(line);
    if (in != stdin)
        fclose(in);
    return r;
}

/* Each file once */

struct seen_file {
    dev_t dev;
    ino_t ino;
    size_t at;
};

static int compare_seen(const void *a, const void *b)
{
    const struct seen_file *x = a, *y = b;

    if (x->dev != y->dev)
        return x->dev < y->dev ? -1 : 1;
    if (x->ino != y->ino)
        return x->ino < y->ino ? -1 : 1;
    return x->at < y->at ? -1 : x->at > y->at;
}

static int drop_twice(struct bulk_list *l, struct problem *p)
{
    struct seen_file *places = calloc(l->count + 1, sizeof(*places));
    size_t count = 0, kept = 0;
    struct stat st;

    if (places == NULL)
        return out_of_memory(p);
    for (size_t i = 0; i < l->count; i++) {
        if (stat(l->files[i].path, &st) == 0)
            places[count++] = (struct seen_file){ st.st_dev, st.st_ino, i };
    }
    qsort(places, count, sizeof(*places), compare_seen);
    for (size_t i = 1; i < count; i++) {
        if (places[i].dev == places[i - 1].dev && places[i].ino == places[i - 1].ino) {
            free(l->files[places[i].at].path);
            l->files[places[i].at].path = NULL;
        }
    }
    for (size_t i = 0; i < l->count; i++) {
        if (l->files[i].path != NULL)
            l->files[kept++] = l->files[i];
    }
    l->count = kept;
    free(places);
    return 0;
}

int bulk_collect(const struct cli *cli, struct bulk_list *ret, struct problem *p)
{
    int r = 0;

    if (cli->options[OPT_FROM] != NULL)
        r = read_list(ret, cli->options[OPT_FROM], cli->options[OPT_NULL] != NULL, p);
    for (size_t i = 0; r == 0 && i < cli->arg_count; i++)
        r = cli->options[OPT_RECURSIVE] != NULL ? walk(ret, cli->args[i], 0, p) : bulk_add(ret, cli->args[i], p);
    return r == 0 ? drop_twice(ret, p) : r;
}

void bulk_clear(struct bulk_list *l)
{
    for (size_t i = 0; i < l->count; i++) {
        free(l->files[i].path);
        free(l->files[i].why);
    }
    free(l->files);
    *l = (struct bulk_list){ NULL, 0, 0 };
}
