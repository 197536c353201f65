/* The lines by which openssl.cnf gets the provider, put in and taken out again. Texts in, texts out. */
#include "activation/edit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/owner.h"

#define MARK "# 'littlebox openssl enable' wrote this line and the next, 'littlebox openssl disable' takes them out"
#define INCLUDE ".include "
#define DROP_IN_MARK "# 'littlebox openssl enable' wrote this file"

/* Is the line at s, which ends with '\n' or the text, first and then second? */
static bool is_line(const char *s, const char *first, const char *second)
{
    size_t a = strlen(first), b = strlen(second);

    return strncmp(s, first, a) == 0 && strncmp(s + a, second, b) == 0 && (s[a + b] == '\n' || s[a + b] == '\0');
}

/* The bytes of the line at s, its end included. */
static size_t line_length(const char *s)
{
    const char *end = strchr(s, '\n');

    return end == NULL ? strlen(s) : (size_t)(end - s) + 1;
}

bool edit_is_in(const char *text, const char *drop_in)
{
    for (; *text != '\0'; text += line_length(text)) {
        if (is_line(text, INCLUDE, drop_in))
            return true;
    }
    return false;
}

char *edit_put_in(const char *text, const char *drop_in)
{
    char *ret = NULL;

    /* The first newline ends a last line that has none, and is an empty line else. */
    if (asprintf(&ret, "%s%s" MARK "\n" INCLUDE "%s\n", text, text[0] == '\0' ? "" : "\n", drop_in) < 0)
        return NULL;
    return ret;
}

/* any_end: the newline in front of our lines goes too where it ends somebody's line. */
static char *take_out(const char *text, const char *drop_in, bool any_end)
{
    char *ret = malloc(strlen(text) + 1);
    size_t at = 0, len;

    if (ret == NULL)
        return NULL;
    for (; *text != '\0'; text += len) {
        len = line_length(text);
        if (is_line(text, INCLUDE, drop_in))
            continue;
        if (!is_line(text, MARK, "")) {
            memcpy(ret + at, text, len);
            at += len;
        } else if (at > 0 && ret[at - 1] == '\n' && (any_end || at == 1 || ret[at - 2] == '\n')) {
            at--;
        }
    }
    ret[at] = '\0';
    return ret;
}

char *edit_take_out(const char *text, const char *drop_in, const char *before)
{
    char *ret = before == NULL ? NULL : take_out(text, drop_in, /* any_end= */ true);

    if (ret != NULL && strcmp(ret, before) == 0)
        return ret;
    free(ret);
    return take_out(text, drop_in, /* any_end= */ false);
}

char *edit_redirect(const char *text, const char *drop_in, const char *instead)
{
    size_t size = 1, at = 0, len;
    char *ret;

    for (const char *s = text; *s != '\0'; s += len) {
        len = line_length(s);
        size += len + (is_line(s, INCLUDE, drop_in) ? strlen(INCLUDE) + strlen(instead) + 1 : 0);
    }
    ret = malloc(size);
    if (ret == NULL)
        return NULL;
    for (; *text != '\0'; text += len) {
        len = line_length(text);
        if (is_line(text, INCLUDE, drop_in)) {
            at += (size_t)snprintf(ret + at, size - at, INCLUDE "%s\n", instead);
        } else {
            memcpy(ret + at, text, len);
            at += len;
        }
    }
    ret[at] = '\0';
    return ret;
}

/* The drop-in */

static const char *or_null(const char *s)
{
    return s[0] == '\0' ? NULL : s;
}

char *edit_drop_in(const char *path, const struct doctor_conf *conf, const struct edit_settings *s, bool alone)
{
    /* openssl x509 of 4.0 takes the unnamed section for extensions, unless it names one that has them. */
    static const char no_extensions[] = "[no_extensions]\n[default]\nextensions = no_extensions\n";
    struct doctor_conf without = *conf;
    char *lines = malloc(DOCTOR_LINES_MAX), *ret = NULL;

    without.default_active = false;
    if (lines == NULL)
        return NULL;
    doctor_conf_lines(&without, or_null(s->module), or_null(s->directory), or_null(s->users), lines);
    /* It ends in the section that openssl.cnf began with: lines that come behind the include set nothing of the provider. */
    if (asprintf(&ret,
                 DROP_IN_MARK ", which %s includes at its end.\n"
                 "# It activates the provider 'littlebox', and 'default', which is not there by itself any more then. To take it\n"
                 "# away: littlebox openssl disable. What else can stand here: provider-littlebox(7).\n"
                 "%s%s[default]\n", path, alone ? no_extensions : "", lines) < 0)
        ret = NULL;
    free(lines);
    return ret;
}

bool edit_is_drop_in(const char *text)
{
    return strncmp(text, DROP_IN_MARK, strlen(DROP_IN_MARK)) == 0;
}

/* Reads "name = value", with any blanks. */
static void read_setting(const char *line, const char *name, char *ret, size_t size)
{
    const char *s = line + strspn(line, " \t");
    size_t len;

    if (strncmp(s, name, strlen(name)) != 0)
        return;
    s += strlen(name);
    s += strspn(s, " \t");
    if (*s != '=')
        return;
    s++;
    s += strspn(s, " \t");
    len = strcspn(s, "\n#");
    while (len > 0 && (s[len - 1] == ' ' || s[len - 1] == '\t'))
        len--;
    snprintf(ret, size, "%.*s", (int)len, s);
}

void edit_settings_read(const char *text, struct edit_settings *ret)
{
    memset(ret, 0, sizeof(*ret));
    for (; *text != '\0'; text += line_length(text)) {
        read_setting(text, "module", ret->module, sizeof(ret->module));
        read_setting(text, "littlebox-directory", ret->directory, sizeof(ret->directory));
        read_setting(text, LB_OWNERS_SETTING, ret->users, sizeof(ret->users));
    }
}
