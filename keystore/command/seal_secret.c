/* The secret of a seal: of which kind the options want it, and where it comes from for that kind. */
#include "command/seal_secret.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The options */

const char *sealsecret_option(const struct cli *c, const struct seal_kind *kind)
{
    /* The first options are those of the kinds, in the order of their table. */
    return c->options[kind - seal_kinds];
}

static int exclude_each_other(const struct cli *c, const struct seal_kind *a, const struct seal_kind *b)
{
    bool asked = a->source == SEAL_FROM_PROMPT;

    return cli_usage_error(c, "%s%s and %s exclude each other", asked ? "a " : "", asked ? a->name : a->option, b->option);
}

int sealsecret_kind(const struct cli *c, const struct seal_kind **ret)
{
    bool from_file = c->options[OPT_PASSPHRASE_FILE] != NULL, from_fd = c->options[OPT_PASSPHRASE_FD] != NULL;
    bool from_stdin = c->options[OPT_STDIN] != NULL;
    const struct seal_kind *prompted = seal_kind_from(SEAL_FROM_PROMPT);

    *ret = NULL;
    for (const struct seal_kind *k = seal_kinds; k->number != 0; k++) {
        if (sealsecret_option(c, k) == NULL)
            continue;
        if (*ret != NULL)
            return exclude_each_other(c, *ret, k);
        *ret = k;
    }
    if ((from_file || from_fd || from_stdin) && *ret == NULL)
        *ret = prompted;
    else if ((from_file || from_fd || from_stdin) && (*ret)->source != SEAL_FROM_PROMPT)
        return exclude_each_other(c, prompted, *ret);
    if (from_file && from_fd)
        return cli_usage_error(c, "--passphrase-file and --passphrase-fd exclude each other");
    if (from_stdin && (from_file || from_fd))
        return cli_usage_error(c, "--stdin excludes --passphrase-file and --passphrase-fd");
    return 0;
}

/* The sources */

static int prompt_new(struct client *c, const char *where, struct seal_secret *ret, struct problem *p)
{
    char what[40];

    (void)where;
    snprintf(what, sizeof(what), "new %s", ret->kind->name);
    return ask_passphrase(c->cli, what, /* as_new= */ true, &ret->passphrase, p);
}

static int prompt_read(struct client *c, const char *where, struct seal_secret *ret, struct problem *p)
{
    (void)where;
    return ask_passphrase(c->cli, ret->kind->name, /* as_new= */ false, &ret->passphrase, p);
}

static int file_new(struct client *c, const char *where, struct seal_secret *ret, struct problem *p)
{
    struct peer box;
    int r = line_peer(&c->line, &box, p);

    if (r != 0)
        return r;
    /* Nobody has named this file, and its directory may be the box's user's: what leads there may lead elsewhere. */
    return where == c->paths.credential ? credential_get_as(where, &box, &ret->credential, p)
                                        : credential_get(where, &box, &ret->credential, p);
}

static int file_read(struct client *c, const char *where, struct seal_secret *ret, struct problem *p)
{
    struct peer box;
    int r;

    if (strcmp(where, "-") == 0)
        return credential_read_stdin(&ret->credential, p);
    r = line_peer(&c->line, &box, p);
    return r != 0 ? r : credential_read(where, &box, &ret->credential, p);
}

/* The box looks for it, in a directory of its own. As seen from here, that is a path from the root. */
static int place_of(struct client *c, const char *where, struct seal_secret *ret, struct problem *p)
{
    (void)c;
    if (realpath(where, ret->place) != NULL)
        return 0;
    if (snprintf(ret->place, sizeof(ret->place), "%s", where) >= (int)sizeof(ret->place))
        return problem_set(p, LB_E_TOO_LONG, "the path '%.100s...' is too long", where);
    return 0;
}

static struct bytes prompt_bytes(const struct seal_secret *s)
{
    return (struct bytes){ (const uint8_t *)s->passphrase.data, s->passphrase.len };
}

static struct bytes file_bytes(const struct seal_secret *s)
{
    return (struct bytes){ s->credential.data, s->credential.len };
}

static struct bytes place_bytes(const struct seal_secret *s)
{
    return (struct bytes){ (const uint8_t *)s->place, strlen(s->place) };
}

typedef int get_secret(struct client *c, const char *where, struct seal_secret *ret, struct problem *p);

static const struct {
    get_secret *make, *read;
    struct bytes (*bytes)(const struct seal_secret *s);
} sources[] = {
    [SEAL_FROM_PROMPT] = { prompt_new, prompt_read, prompt_bytes },
    [SEAL_FROM_FILE] = { file_new, file_read, file_bytes },
    [SEAL_FROM_PLACE] = { place_of, place_of, place_bytes },
};

int sealsecret_new(struct client *c, const struct seal_kind *kind, const char *where, struct seal_secret *ret, struct problem *p)
{
    ret->kind = kind;
    return sources[kind->source].make(c, where, ret, p);
}

int sealsecret_read(struct client *c, const struct seal_kind *kind, const char *where, struct seal_secret *ret,
                    struct problem *p)
{
    ret->kind = kind;
    return sources[kind->source].read(c, where, ret, p);
}

struct bytes sealsecret_bytes(const struct seal_secret *s)
{
    return sources[s->kind->source].bytes(s);
}

void sealsecret_clear(struct seal_secret *s)
{
    ask_clear(&s->passphrase);
    credential_clear(&s->credential);
}
