/* What the journal has of a unit. */
#include "doctor/journal.h"

#include <stdio.h>
#include <string.h>

#include "base/capture.h"

static bool has_one_of(const char *line, const char *const texts[])
{
    while (*texts != NULL && strstr(line, *texts) == NULL)
        texts++;
    return *texts != NULL;
}

bool journal_last_words(const char *name, const char *const less[], char *ret, size_t size)
{
    static const char *const places[] = { "/usr/bin/journalctl", "/bin/journalctl", NULL };
    const char *argv[] = { capture_tool(places), "--no-pager", "--quiet", "--output=cat", "--lines=20", "_SYSTEMD_UNIT", NULL };
    char match[300], text[8192], *save = NULL;
    bool found = false, telling = false;

    snprintf(match, sizeof(match), "_SYSTEMD_UNIT=%s", name);
    argv[5] = match;
    if (argv[0] == NULL || capture(argv, text, sizeof(text)) != 0)
        return false;
    for (char *line = strtok_r(text, "\n", &save); line != NULL; line = strtok_r(NULL, "\n", &save)) {
        /* A hint only follows what happened. */
        if (strncmp(line, "hint:", 5) == 0 || (telling && has_one_of(line, less)))
            continue;
        snprintf(ret, size, "%s", line);
        telling = !has_one_of(line, less);
        found = true;
    }
    return found;
}
