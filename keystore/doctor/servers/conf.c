/* What the configuration of a server says about its private keys, as its readers collect it. */
#include "doctor/servers/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

int srvconf_init(struct srvconf *c, const char *root)
{
    memset(c, 0, sizeof(*c));
    c->root = -1;
    if (root == NULL)
        return 0;
    c->root = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    return c->root < 0 ? LB_E_SYSTEM : 0;
}

void srvconf_clear(struct srvconf *c)
{
    for (size_t i = 0; i < c->key_count; i++) {
        free(c->keys[i].text);
        free(c->keys[i].file);
    }
    for (size_t i = 0; i < c->half_count; i++) {
        free(c->halves[i].role);
        free(c->halves[i].text);
        free(c->halves[i].file);
    }
    for (size_t i = 0; i < c->setting_count; i++) {
        free(c->settings[i].name);
        free(c->settings[i].value);
        free(c->settings[i].file);
    }
    free(c->keys);
    free(c->buckets);
    free(c->halves);
    free(c->problems);
    free(c->settings);
    if (c->root >= 0)
        close(c->root);
    memset(c, 0, sizeof(*c));
    c->root = -1;
}

void srv_problem(struct srvconf *c, const struct srv_source *s, const char *fmt, ...)
{
    struct srv_problem *grown;
    char *text;
    size_t at = 0;
    va_list ap;

    if (c->problem_count == SRV_PROBLEMS_MAX) {
        c->untold++;
        return;
    }
    grown = realloc(c->problems, (c->problem_count + 1) * sizeof(*grown));
    if (grown == NULL) {
        c->full = true;
        return;
    }
    c->problems = grown;
    text = grown[c->problem_count++].text;
    if (s != NULL)
        at = (size_t)snprintf(text, sizeof(grown->text), "%s:%u: ", s->path, s->line);
    if (at >= sizeof(grown->text))
        return;
    va_start(ap, fmt);
    vsnprintf(text + at, sizeof(grown->text) - at, fmt, ap);
    va_end(ap);
}

static void full(struct srvconf *c, const char *what)
{
    if (!c->full)
        srv_problem(c, NULL, "there is more in the configuration than is read: %s", what);
    c->full = true;
}

/* Room for one more in an array that is never larger than max; NULL: there is none. The array doubles at each power of two. */
static void *grow(struct srvconf *c, void *array, size_t count, size_t size, size_t max, const char *what)
{
    bool has_room = (count & (count - 1)) != 0;
    void *grown = count == max ? NULL : has_room ? array : realloc(array, (count == 0 ? 1 : 2 * count) * size);

    if (grown == NULL)
        full(c, count == max ? what : "out of memory");
    return grown;
}

void srv_name(char ret[64], const char *name)
{
    size_t len = strlen(name);

    if (len >= 64)
        name = "?";
    memcpy(ret, name, len >= 64 ? 2 : len + 1);
}

bool srv_join(const char *dir, const char *name, char ret[PATH_MAX])
{
    const char *slash = dir[0] != '\0' && dir[strlen(dir) - 1] == '/' ? "" : "/";

    if (name[0] == '/')
        return snprintf(ret, PATH_MAX, "%s", name) < PATH_MAX;
    return snprintf(ret, PATH_MAX, "%s%s%s", dir, slash, name) < PATH_MAX;
}

bool srv_beside(const struct srv_source *s, const char *name, char ret[PATH_MAX])
{
    const char *slash = strrchr(s->path, '/');
    char dir[PATH_MAX];

    if (slash == NULL || slash - s->path >= PATH_MAX)
        return false;
    memcpy(dir, s->path, (size_t)(slash - s->path));
    dir[slash - s->path] = '\0';
    return srv_join(dir, name, ret);
}

void srv_rebase(struct srvconf *c, const char *dir)
{
    char path[PATH_MAX];

    if (srv_join(c->base, dir, path))
        memcpy(c->base, path, sizeof(path));
}

/* A reader knows the word. So its place is the one that the reader says. */
static void take_place(struct srv_key *key, const struct srv_source *s, enum srv_kind kind)
{
    char *file = strdup(s->path);

    key->kind = kind;
    if (file == NULL)
        return;
    free(key->file);
    key->file = file;
    key->line = s->line;
}

/* The index of keys by their text. Keys of one bucket are in the order in which they came. */

static size_t *bucket_of(const struct srvconf *c, const char *text)
{
    size_t hash = 5381;

    for (; *text != '\0'; text++)
        hash = hash * 33 + (unsigned char)*text;
    return &c->buckets[(hash ^ hash >> 16) & (c->bucket_count - 1)];
}

/* Puts the key at that place behind all others of its bucket. */
static void index_key(struct srvconf *c, size_t at)
{
    size_t *link = bucket_of(c, c->keys[at].text);

    while (*link != 0)
        link = &c->keys[*link - 1].next;
    *link = at + 1;
    c->keys[at].next = 0;
}

/* Takes the last of all keys out. */
static void forget_last_key(struct srvconf *c)
{
    size_t last = c->key_count--;
    size_t *link = bucket_of(c, c->keys[last - 1].text);

    while (*link != last)
        link = &c->keys[*link - 1].next;
    *link = c->keys[last - 1].next;
    free(c->keys[last - 1].text);
    free(c->keys[last - 1].file);
}

/* Makes the index large enough for one key more. False: out of memory. */
static bool have_buckets(struct srvconf *c)
{
    size_t count = c->bucket_count == 0 ? 64 : 2 * c->bucket_count;
    size_t *made;

    if (c->key_count < c->bucket_count)
        return true;
    made = calloc(count, sizeof(*made));
    if (made == NULL)
        return false;
    free(c->buckets);
    c->buckets = made;
    c->bucket_count = count;
    for (size_t i = 0; i < c->key_count; i++)
        index_key(c, i);
    return true;
}

/*
 * Is text a key already, so that nothing is to be added? The strongest word about a file counts: that it must have a key, then
 * that it may, then that it looks so.
 */
static bool is_there(struct srvconf *c, const struct srv_source *s, enum srv_kind kind, const char *text)
{
    for (size_t at = *bucket_of(c, text); at != 0; at = c->keys[at - 1].next) {
        struct srv_key *key = &c->keys[at - 1];

        if (strcmp(key->text, text) != 0)
            continue;
        if (key->kind == kind || kind == SRV_WORD || (kind == SRV_MAYBE && key->kind != SRV_WORD))
            return true;
        if (key->kind == SRV_MAYBE) {
            key->kind = kind;
            return true;
        }
        if (key->kind == SRV_WORD) {
            take_place(key, s, kind);
            return true;
        }
    }
    return false;
}

void srv_key_add(struct srvconf *c, const struct srv_source *s, enum srv_kind kind, const char *text)
{
    char path[PATH_MAX];
    struct srv_key *grown, *key;

    if (kind <= SRV_BUNDLE) {
        if (!srv_join(c->base, text, path)) {
            srv_problem(c, s, "a path that is too long");
            return;
        }
        text = path;
    }
    if (!have_buckets(c)) {
        full(c, "out of memory");
        return;
    }
    if (is_there(c, s, kind, text))
        return;
    grown = grow(c, c->keys, c->key_count, sizeof(*grown), SRV_KEYS_MAX, "so many keys");
    if (grown == NULL)
        return;
    c->keys = grown;
    key = &grown[c->key_count];
    *key = (struct srv_key){ .kind = kind, .text = strdup(text), .file = strdup(s->path), .line = s->line };
    if (key->text == NULL || key->file == NULL) {
        free(key->text);
        free(key->file);
        full(c, "out of memory");
        return;
    }
    index_key(c, c->key_count++);
}

void srv_word(struct srvconf *c, const struct srv_source *s, const char *text)
{
    static const char *const endings[] = { ".key", ".pem", ".p12", ".pfx" };
    static const char *const parts[] = { "key", "priv", "pem" };
    size_t len = strlen(text);
    bool looks = false;

    for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++)
        looks = looks || (len > 4 && strcasecmp(text + len - 4, endings[i]) == 0);
    for (size_t i = 0; text[0] == '/' && i < sizeof(parts) / sizeof(parts[0]); i++)
        looks = looks || strcasestr(text, parts[i]) != NULL;
    /* No pattern, no variable, no URI. */
    if (looks && len < PATH_MAX && text[strcspn(text, "*?[$%:{<>()\n")] == '\0')
        srv_key_add(c, s, SRV_WORD, text);
}

/* Those of a line are the last ones, with nothing of another line between them. */
void srv_words_known(struct srvconf *c, const struct srv_source *s)
{
    while (c->key_count > 0) {
        const struct srv_key *k = &c->keys[c->key_count - 1];

        if (k->kind != SRV_WORD || k->line != s->line || strcmp(k->file, s->path) != 0)
            break;
        forget_last_key(c);
    }
}

unsigned srv_scope(struct srvconf *c)
{
    unsigned before = c->scope;

    c->scope = ++c->scopes;
    return before;
}

void srv_half(struct srvconf *c, const struct srv_source *s, const char *role, bool is_key, const char *text)
{
    struct srv_half *grown, *half;
    char path[PATH_MAX] = "";

    text += strncmp(text, "store:", 6) == 0 ? 6 : 0;
    if (strchr(text, ':') != NULL)
        snprintf(path, sizeof(path), "%s", strlen(text) < sizeof(path) ? text : "");
    else if (strchr(text, '$') != NULL || !srv_join(c->base, text, path))
        path[0] = '\0';
    grown = grow(c, c->halves, c->half_count, sizeof(*grown), SRV_HALVES_MAX, "so many certificates");
    if (grown == NULL)
        return;
    c->halves = grown;
    half = &grown[c->half_count];
    *half = (struct srv_half){ .is_key = is_key, .scope = c->scope, .role = strdup(role),
                               .text = strdup(path), .file = strdup(s->path), .line = s->line };
    if (half->role == NULL || half->text == NULL || half->file == NULL) {
        free(half->role);
        free(half->text);
        free(half->file);
        full(c, "out of memory");
        return;
    }
    c->half_count++;
}

void srv_keys_with_certificates(struct srvconf *c)
{
    for (size_t i = 0; i < c->key_count; i++) {
        if (c->keys[i].kind != SRV_MAYBE && c->keys[i].kind != SRV_WORD)
            return;
    }
    for (size_t i = 0; i < c->key_count; i++)
        c->keys[i].kind = c->keys[i].kind == SRV_MAYBE ? SRV_FILE : c->keys[i].kind;
}

void srv_key_add_any(struct srvconf *c, const struct srv_source *s, const char *text)
{
    static const char *const schemes[] = { "littlebox:", "pkcs11:" };

    for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++) {
        if (strncasecmp(text, schemes[i], strlen(schemes[i])) == 0) {
            srv_key_add(c, s, SRV_URI, text);
            return;
        }
    }
    if (strncasecmp(text, "file:", 5) == 0) {
        text += 5;
        text += strncmp(text, "///", 3) == 0 ? 2 : 0;
    }
    srv_key_add(c, s, SRV_FILE, text);
}

const struct srv_setting *srv_setting(const struct srvconf *c, const char *name)
{
    for (size_t i = 0; i < c->setting_count; i++) {
        if (strcmp(c->settings[i].name, name) == 0)
            return &c->settings[i];
    }
    return NULL;
}

void srv_set(struct srvconf *c, const struct srv_source *s, const char *name, const char *value)
{
    struct srv_setting made = {
        .name = strdup(name), .value = strdup(value), .file = strdup(s->path), .line = s->line
    };
    struct srv_setting *there = (struct srv_setting *)srv_setting(c, name);

    if (made.name == NULL || made.value == NULL || made.file == NULL) {
        full(c, "out of memory");
        goto drop;
    }
    if (there == NULL) {
        struct srv_setting *grown =
            grow(c, c->settings, c->setting_count, sizeof(*grown), SRV_SETTINGS_MAX, "so many settings");

        if (grown == NULL)
            goto drop;
        c->settings = grown;
        grown[c->setting_count++] = made;
        return;
    }
    /* The new setting takes the place of the old one, which goes. */
    {
        struct srv_setting old = *there;

        *there = made;
        made = old;
    }
drop:
    free(made.name);
    free(made.value);
    free(made.file);
}

const char *srv_get(const struct srvconf *c, const char *name, const char *otherwise)
{
    const struct srv_setting *s = srv_setting(c, name);

    return s == NULL ? otherwise : s->value;
}

struct srv_source srv_place(const struct srv_setting *setting)
{
    return (struct srv_source){ .path = setting->file, .line = setting->line };
}
