/* The lines of BOX.conf: "name = value", blanks around both, '#' before a comment (littlebox.conf(5)). */
#include "base/conf_line.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define BLANKS " \t\r\n"
/* daemon/box_conf.c refuses longer ones. */
#define LINE_MAX_SIZE 2048

static char *trim(char *s)
{
    size_t len;

    s += strspn(s, BLANKS);
    len = strlen(s);
    while (len > 0 && strchr(BLANKS, s[len - 1]) != NULL)
        s[--len] = '\0';
    return s;
}

void confline_split(char *line, char **ret_name, char **ret_value)
{
    char *name = trim(line), *value = strchr(name, '=');

    *ret_name = NULL;
    *ret_value = NULL;
    if (name[0] == '\0' || name[0] == '#')
        return;
    if (value != NULL) {
        *value++ = '\0';
        name = trim(name);
        *ret_value = trim(value);
    }
    *ret_name = name;
}

bool confline_find(const char *path, const char *name, char *ret, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    FILE *f = fd < 0 ? NULL : fdopen(fd, "r");
    char line[LINE_MAX_SIZE];
    bool found = false;

    if (f == NULL && fd >= 0)
        close(fd);
    while (f != NULL && fgets(line, sizeof(line), f) != NULL) {
        char *key, *value;

        confline_split(line, &key, &value);
        if (key != NULL && value != NULL && strcmp(key, name) == 0)
            found = (size_t)snprintf(ret, size, "%s", value) < size;
    }
    if (f != NULL)
        fclose(f);
    return found;
}
