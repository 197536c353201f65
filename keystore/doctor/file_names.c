/* doctor: the names that a configuration's key files would give their keys. */
#include "doctor/file_names.h"

#include <stdlib.h>
#include <string.h>

#include "command/create.h"

struct file_names {
    size_t count;
    char **name; /* sorted */
};

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The name that the key's file would give it; NULL: none, or there is no file for certain, or out of memory. */
static char *name_of(const struct srv_key *key)
{
    char name[LB_NAME_MAX + 1];
    struct problem p;

    if ((key->kind != SRV_FILE && key->kind != SRV_BUNDLE) || key_name_of_file(key->text, name, &p) != 0)
        return NULL;
    return strdup(name);
}

struct file_names *file_names_new(const struct srvconf *c)
{
    struct file_names *n = calloc(1, sizeof(*n));

    if (n == NULL || (n->name = calloc(c->key_count + 1, sizeof(*n->name))) == NULL) {
        free(n);
        return NULL;
    }
    for (size_t i = 0; i < c->key_count; i++) {
        n->name[n->count] = name_of(&c->keys[i]);
        n->count += n->name[n->count] != NULL;
    }
    qsort(n->name, n->count, sizeof(*n->name), by_text);
    return n;
}

void file_names_free(struct file_names *n)
{
    for (size_t i = 0; n != NULL && i < n->count; i++)
        free(n->name[i]);
    if (n != NULL)
        free(n->name);
    free(n);
}

bool file_names_taken(const struct file_names *n, const char *name, const struct srv_key *key)
{
    char *own = name_of(key), *const *found = bsearch(&name, n->name, n->count, sizeof(*n->name), by_text);
    size_t at = found == NULL ? 0 : (size_t)(found - n->name), from = at, to = at;

    while (found != NULL && from > 0 && strcmp(n->name[from - 1], name) == 0)
        from--;
    while (found != NULL && to < n->count && strcmp(n->name[to], name) == 0)
        to++;
    /* Its own name does not count. */
    if (own != NULL && strcmp(own, name) == 0 && to > from)
        to--;
    free(own);
    return to > from;
}
