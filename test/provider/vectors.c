/* Readers of the files in which Debian's packages have test vectors. */
#include "vectors.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "boxproc.h"

#define LABEL_SIZE 64
#define FILE_MAX (8 << 20)

/* The file, or what is packed in the file beside it that ends in .gz: newer packages have the large ones so. */
static FILE *open_file(const char *path, bool *ret_packed)
{
    char command[512];
    FILE *f = fopen(path, "r");

    *ret_packed = false;
    if (f != NULL)
        return f;
    snprintf(command, sizeof(command), "%s.gz", path);
    if (access(command, R_OK) != 0) {
        fprintf(stderr, "no %s: install the packages that test/run.sh --packages names\n", path);
        exit(1);
    }
    snprintf(command, sizeof(command), "exec gzip -dc '%s.gz'", path);
    *ret_packed = true;
    return popen(command, "r");
}

static char *read_file(const char *path)
{
    char *text = malloc(FILE_MAX);
    bool packed;
    FILE *f = open_file(path, &packed);
    size_t len;

    NEED(text != NULL && f != NULL);
    len = fread(text, 1, FILE_MAX, f);
    NEED(len > 0 && len < FILE_MAX && !ferror(f));
    text[len] = '\0';
    NEED((packed ? pclose(f) : fclose(f)) == 0);
    return text;
}

/* The next line without the blanks at its ends; *at goes behind it. NULL: there is none. */
static char *next_line(char **at)
{
    char *line = *at, *end;

    if (*line == '\0')
        return NULL;
    end = line + strcspn(line, "\n");
    *at = *end == '\0' ? end : end + 1;
    while (end > line && isspace((unsigned char)end[-1]))
        end--;
    *end = '\0';
    while (isspace((unsigned char)*line))
        line++;
    return line;
}

void vectors_nist(const char *path, vector_fn *fn, void *arg)
{
    char *text = read_file(path), *at = text, *line;

    while ((line = next_line(&at)) != NULL) {
        char *is = strchr(line, '='), *end;

        if (line[0] == '[') {
            line[strcspn(line, "]")] = '\0';
            fn("section", line + 1, arg);
        } else if (line[0] != '#' && is != NULL) {
            for (end = is; end > line && isspace((unsigned char)end[-1]); end--)
                ;
            *end = '\0';
            for (is++; isspace((unsigned char)*is); is++)
                ;
            fn(line, is, arg);
        }
    }
    free(text);
}

void vectors_rsa(const char *path, vector_fn *fn, void *arg)
{
    char *text = read_file(path), *at = text, *line, label[LABEL_SIZE] = "";
    char *value = calloc(1, strlen(text) + 1);
    size_t len = 0;

    NEED(value != NULL);
    for (;;) {
        line = next_line(&at);
        if (label[0] != '\0' && (line == NULL || line[0] == '#' || line[0] == '=')) {
            fn(label, value, arg);
            label[0] = '\0';
        }
        if (line == NULL)
            break;
        if (line[0] != '#') {
            for (const char *c = line; label[0] != '\0' && *c != '\0'; c++) {
                if (isxdigit((unsigned char)*c))
                    value[len++] = *c;
            }
            value[len] = '\0';
            continue;
        }
        while (*line == '#' || *line == ' ')
            line++;
        len = strlen(line);
        if (len > 0 && line[len - 1] == ':') {
            NEED(len < sizeof(label));
            memcpy(label, line, len - 1);
            label[len - 1] = '\0';
        } else if (len > 0) {
            fn("remark", line, arg);
        }
        len = 0;
        value[0] = '\0';
    }
    free(value);
    free(text);
}

void vectors_lines(const char *path, vector_fn *fn, void *arg)
{
    char *text = read_file(path), *at = text, *line;

    while ((line = next_line(&at)) != NULL) {
        if (line[0] != '#' && line[0] != '\0')
            fn("line", line, arg);
    }
    free(text);
}

/* Behind the string that begins at the quote; ends the string there. Escapes stay as they are: no vector has any. */
static char *end_string(char *quote)
{
    char *end = quote + 1;

    while (*end != '"' && *end != '\0')
        end += *end == '\\' && end[1] != '\0' ? 2 : 1;
    NEED(*end == '"');
    *end = '\0';
    return end + 1;
}

/* A number, true or false: what is left of it ends where the next thing begins. */
static char *end_word(char *word)
{
    return word + strcspn(word, " \n,]}");
}

void vectors_json(const char *path, vector_fn *fn, void *arg)
{
    char *text = read_file(path), *at = text;
    const char *array = NULL;

    while ((at = strchr(at, '"')) != NULL) {
        char *name = at + 1, *value;

        at = end_string(at);
        at += strspn(at, " \n");
        if (*at != ':') {
            NEED(array != NULL);
            fn(array, name, arg);
            continue;
        }
        at++;
        at += strspn(at, " \n");
        value = at;
        if (*at == '[') {
            array = name;
        } else if (*at == '"') {
            value = at + 1;
            at = end_string(at);
            fn(name, value, arg);
        } else if (*at != '{') {
            char behind;

            at = end_word(at);
            behind = *at;
            *at = '\0';
            fn(name, value, arg);
            *at = behind;
        }
    }
    free(text);
}

/* The bytes of "0x01, 0x02 }" as hexadecimal, in place. */
static char *go_bytes(char *at, char **ret_value)
{
    char *end = strchr(at, '}'), *to = at, *from;

    NEED(end != NULL);
    *end = '\0';
    for (from = strstr(at, "0x"); from != NULL; from = strstr(from, "0x")) {
        memmove(to, from + 2, 2);
        to += 2;
        from += 4;
    }
    *to = '\0';
    *ret_value = at;
    return end + 1;
}

void vectors_go(const char *path, vector_fn *fn, void *arg)
{
    char *text = read_file(path), *at = text, *colon;

    while ((colon = strchr(at, ':')) != NULL) {
        char *name = colon, *value;

        while (name > at && (isalnum((unsigned char)name[-1]) || name[-1] == '_'))
            name--;
        *colon = '\0';
        at = colon + 1;
        at += strspn(at, " ");
        if (*at == '"') {
            value = at + 1;
            at = end_string(at);
            fn(name, value, arg);
        } else if (strncmp(at, "[]byte{", 7) == 0) {
            at = go_bytes(at + 7, &value);
            fn(name, value, arg);
        }
    }
    free(text);
}

static unsigned digit(char c)
{
    const char *digits = "0123456789abcdef", *at = strchr(digits, tolower((unsigned char)c));

    NEED(c != '\0' && at != NULL);
    return (unsigned)(at - digits);
}

uint8_t *vectors_hex(const char *text, size_t *ret_len)
{
    size_t len = strlen(text);
    uint8_t *bytes = malloc(len / 2 + 1);

    NEED(bytes != NULL && len % 2 == 0);
    for (size_t i = 0; i < len / 2; i++)
        bytes[i] = (uint8_t)(digit(text[2 * i]) << 4 | digit(text[2 * i + 1]));
    *ret_len = len / 2;
    return bytes;
}
