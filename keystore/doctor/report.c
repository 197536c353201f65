/* doctor: one run, and the lines that it reports. */
#include "doctor/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/printable.h"
#include "doctor/handle.h"
#include "doctor/probed.h"

/* Hides PINs: one in a URI of somebody's configuration is nobody else's business. */
static void hide_pins(char *text)
{
    static const char name[] = "pin-value=";

    while ((text = strcasestr(text, name)) != NULL) {
        size_t len;

        text += strlen(name);
        len = strcspn(text, "&; ()'");
        memmove(text, text + len, strlen(text + len) + 1);
    }
}

/* As it is, but for PINs. */
static void json_about(struct doctor *d)
{
    const struct {
        const char *name, *value;
    } about[] = { { "server", d->about.server }, { "file", d->about.file }, { "uri", d->about.uri },
                  { "user", d->about.user } };
    char text[2 * PATH_MAX];

    for (size_t i = 0; i < sizeof(about) / sizeof(about[0]); i++) {
        snprintf(text, sizeof(text), "%s", about[i].value == NULL ? "" : about[i].value);
        hide_pins(text);
        json_string(&d->json, about[i].name, about[i].value == NULL ? NULL : text);
    }
}

void doctor_report(struct doctor *d, enum doctor_verdict v, const char *check, const char *hint, const char *fmt, ...)
{
    static const struct {
        const char *text, *json;
    } verdicts[] = { { "ok  ", "ok" }, { "FAIL", "fail" }, { "??  ", "unknown" }, { "--  ", "skipped" },
                  { "warn", "warn" } };
    char text[2 * PATH_MAX + 400], cure[6 * PATH_MAX];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof(text), fmt, ap);
    va_end(ap);
    cli_hint_text(hint == NULL ? "" : hint, cure, sizeof(cure));
    hide_pins(text);
    /* The text has names of a server's configuration, and lines of its log. cli_hint_text() has done this for the cure. */
    make_printable(text);
    d->failed = d->failed || v == DOCTOR_FAIL || v == DOCTOR_UNKNOWN;
    if (d->cli->json) {
        json_open(&d->json, NULL, '{');
        json_string(&d->json, "check", check);
        json_string(&d->json, "result", verdicts[v].json);
        json_string(&d->json, "text", text);
        json_string(&d->json, "hint", cure[0] == '\0' ? NULL : cure);
        json_about(d);
        json_close(&d->json, '}');
        return;
    }
    printf("%s  %s\n", verdicts[v].text, text);
    if (cure[0] != '\0')
        printf("      hint: %s\n", cure);
}

bool doctor_reason_above(const struct doctor *d, struct problem *p)
{
    char *none = d->conf_failed ? strstr(p->text, ": " DOCTOR_NO_REASON) : NULL;

    if (none != NULL)
        *none = '\0';
    return none != NULL;
}

void doctor_about_handle(struct doctor *d, const char *handle)
{
    const char *file = handle == NULL ? NULL : doctor_handle_file(handle);

    d->about.file = file;
    d->about.uri = file == NULL ? handle : NULL;
}
