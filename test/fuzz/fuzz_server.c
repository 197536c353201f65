/*
 * Aims at the readers of servers' configurations: the first line is the server's name, the rest its main file, and
 * whatever that includes is not there. What they find is within its caps, and each key stands somewhere in the file.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "doctor/servers/servers.h"
#include "fuzz.h"

#define MAIN_FILE "/etc/main.conf"

/* A directory that is empty for good: it has no name any more. */
static const char *empty_root(void)
{
    static char path[40];
    char dir[] = "/tmp/littlebox-fuzz.XXXXXX";
    int fd;

    if (path[0] != '\0')
        return path;
    if (mkdtemp(dir) == NULL || (fd = open(dir, O_PATH | O_DIRECTORY)) < 0 || rmdir(dir) < 0)
        abort();
    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    return path;
}

static const struct server_program *choose(const uint8_t **data, size_t *size)
{
    const uint8_t *end = memchr(*data, '\n', *size);
    const struct server_program *s = servers;
    char name[32];
    size_t count = 0, len = end == NULL ? 0 : (size_t)(end - *data);

    if (len > 0 && len < sizeof(name)) {
        snprintf(name, sizeof(name), "%.*s", (int)len, (const char *)*data);
        s = server_find(name);
        if (s != NULL) {
            *data += len + 1;
            *size -= len + 1;
            return s;
        }
    }
    while (servers[count].name != NULL)
        count++;
    return &servers[*size == 0 ? 0 : (*data)[0] % count];
}

static void check(const struct srvconf *c, size_t lines)
{
    const char *const texts[] = { c->user, c->group };

    if (c->key_count > SRV_KEYS_MAX || c->problem_count > SRV_PROBLEMS_MAX || c->setting_count > SRV_SETTINGS_MAX ||
        c->half_count > SRV_HALVES_MAX || c->depth != 0 || c->scope != 0)
        abort();
    for (size_t i = 0; i < c->key_count; i++) {
        const struct srv_key *k = &c->keys[i];

        if ((k->kind <= SRV_BUNDLE && (k->text[0] != '/' || strlen(k->text) >= PATH_MAX)) || k->line > lines ||
            strcmp(k->file, MAIN_FILE) != 0)
            abort();
    }
    for (size_t i = 0; i < c->half_count; i++) {
        const struct srv_half *h = &c->halves[i];

        if ((h->text[0] != '/' && h->text[0] != '\0' && strchr(h->text, ':') == NULL) || h->line > lines ||
            h->scope > c->scopes || strcmp(h->file, MAIN_FILE) != 0)
            abort();
    }
    for (size_t i = 0; i < c->problem_count; i++) {
        if (c->problems[i].text[0] == '\0')
            abort();
    }
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        if (memchr(texts[i], '\0', sizeof(c->user)) == NULL)
            abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct server_program *server = choose(&data, &size);
    struct srvconf c;
    char *text = malloc(size + 1);
    size_t lines = 1;

    if (text == NULL || srvconf_init(&c, empty_root()) != 0)
        abort();
    memcpy(text, data, size);
    text[size] = '\0';
    for (size_t i = 0; i < size; i++)
        lines += text[i] == '\n';
    snprintf(c.main, sizeof(c.main), "%s", MAIN_FILE);
    server_read_bytes(server, &c, text, size);
    check(&c, lines);
    srvconf_clear(&c);
    free(text);
    return 0;
}
