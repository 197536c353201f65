/* The table of operations: running its rows with every choice of values, and writing it into the manual. */
#include "optable.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#define BEGIN_MARK ".\\\" The table is written by test/provider/test_operations: begin."
#define END_MARK ".\\\" The table is written by test/provider/test_operations: end."

const char *option_value(const struct run *r, const char *name)
{
    for (unsigned i = 0; i < r->option_count; i++) {
        if (strcmp(r->options[i].name, name) == 0)
            return r->options[i].value;
    }
    return NULL;
}

bool options_apply(const struct run *r, EVP_PKEY_CTX *ctx)
{
    for (unsigned i = 0; i < r->option_count; i++) {
        const struct option *o = &r->options[i];

        if (o->name[0] != '-' && strcmp(o->name, "digest") != 0 && EVP_PKEY_CTX_ctrl_str(ctx, o->name, o->value) <= 0)
            return false;
    }
    return true;
}

/* Is label one of the list? */
static bool lists(const char *list, const char *label)
{
    size_t len = strlen(label);

    for (const char *at = strstr(list, label); at != NULL; at = strstr(at + 1, label)) {
        if ((at == list || at[-1] == ' ') && (at[len] == '\0' || at[len] == ','))
            return true;
    }
    return false;
}

/* Choice number n of the options: a number in mixed radix, one digit an option. False: there are no more. */
static bool choose(const char *options, unsigned n, struct run *r)
{
    const char *p = options == NULL ? "" : options;

    r->option_count = 0;
    r->digest = NULL;
    while (*p != '\0') {
        struct option *o = &r->options[r->option_count++];
        size_t len = strcspn(p, ":"), values = 1, which;
        const char *value = p + len + 1, *end = value + strcspn(value, " ");

        NEED(r->option_count <= sizeof(r->options) / sizeof(r->options[0]) && len < sizeof(o->name) && p[len] == ':');
        snprintf(o->name, sizeof(o->name), "%.*s", (int)len, p);
        for (const char *c = value; c < end; c++)
            values += *c == '|';
        which = n % values;
        n /= (unsigned)values;
        for (; which > 0; which--)
            value += strcspn(value, "|") + 1;
        len = strcspn(value, "| ");
        NEED(len < sizeof(o->value));
        snprintf(o->value, sizeof(o->value), "%.*s", (int)len, value);
        p = end + (*end == ' ');
        if (strcmp(o->name, "digest") == 0)
            r->digest = o->value;
    }
    return n == 0;
}

static bool run_once(const struct row *row, struct run *r)
{
    bool old = row->since > OpenSSL_version_num(), ok;

    ERR_clear_error();
    ok = row->run(r);
    if (old) {
        ok = !ok && littlebox_says(row->refusal);
    } else if (!ok) {
        fprintf(stderr, "%s, key %s:", row->operation, r->name);
        for (unsigned i = 0; i < r->option_count; i++)
            fprintf(stderr, " %s:%s", r->options[i].name, r->options[i].value);
        fputs(": failed\n", stderr);
        boxproc_show_errors();
    }
    ERR_clear_error();
    return ok;
}

bool row_run(const struct row *row, OSSL_LIB_CTX *const contexts[2], unsigned *ret_runs)
{
    bool ok = true;

    if (row->since > OpenSSL_version_num() && row->refusal == NULL)
        return true;
    for (const struct key_type *t = key_types; t->label != NULL; t++) {
        struct run r = { .name = t->name };

        if (!lists(row->types, t->label) || t->since > OpenSSL_version_num())
            continue;
        for (unsigned n = 0; choose(row->options, n, &r); n++) {
            /* Both load orders in turn. */
            r.libctx = contexts[(*ret_runs)++ % 2];
            r.key = load_key(r.libctx, t->name);
            r.plain = plain_public(r.key);
            r.first = n == 0;
            ok &= run_once(row, &r);
            EVP_PKEY_free(r.plain);
            EVP_PKEY_free(r.key);
        }
    }
    return ok;
}

/* Writing */

static void write_version(FILE *out, unsigned since)
{
    if (since == 0)
        fputs("any", out);
    else
        fprintf(out, "%u.%u", since >> 28, since >> 20 & 0xff);
}

/* Values apart, and hyphens that are hyphens when they are copied. */
static void write_text(FILE *out, const char *text)
{
    for (; *text != '\0'; text++) {
        if (*text == '|')
            fputs(", ", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
    }
}

void table_write(FILE *out)
{
    fputs(".na\n.nh\n.TS\nLw(16n) Lw(17n) Lw(40n) L .\nOperation\tKeys\tOptions\tOpenSSL\n_\n", out);
    for (const struct row *row = rows; row->operation != NULL; row++) {
        const char *options = row->options;

        fputs("T{\n", out);
        write_text(out, row->operation);
        fputs("\nT}\tT{\n", out);
        write_text(out, row->types);
        fputs("\nT}\tT{\n", out);
        while (options != NULL && *options != '\0') {
            char one[600];
            size_t len = strcspn(options, " ");

            snprintf(one, sizeof(one), "%.*s", (int)len, options);
            options += len + (options[len] == ' ');
            if (one[0] == '-')
                continue;
            one[strcspn(one, ":")] = ' ';
            write_text(out, one);
            fputs(*options == '\0' ? "\n" : ";\n", out);
        }
        if (row->note != NULL) {
            fputc('(', out);
            write_text(out, row->note);
            fputs(")\n", out);
        }
        fputs("T}\t", out);
        write_version(out, row->since);
        fputc('\n', out);
    }
    fputs(".TE\n.hy\n.ad\n", out);
}

/* The page in three parts, cut at the marks. */
struct page {
    char *text, *begin, *end;
    size_t len;
};

static bool page_read(const char *path, struct page *ret)
{
    FILE *f = fopen(path, "r");

    ret->text = calloc(1, 1 << 20);
    ret->len = f == NULL || ret->text == NULL ? 0 : fread(ret->text, 1, (1 << 20) - 1, f);
    if (f != NULL)
        fclose(f);
    ret->begin = ret->text == NULL ? NULL : strstr(ret->text, BEGIN_MARK "\n");
    ret->end = ret->begin == NULL ? NULL : strstr(ret->begin, END_MARK "\n");
    if (ret->end == NULL) {
        fprintf(stderr, "%s has no marks for the table of operations\n", path);
        return false;
    }
    ret->begin += strlen(BEGIN_MARK "\n");
    return true;
}

static char *table_text(size_t *ret_len)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_len);

    NEED(out != NULL);
    table_write(out);
    NEED(fclose(out) == 0);
    return text;
}

bool table_is_in(const char *path)
{
    struct page page = { NULL, NULL, NULL, 0 };
    size_t len = 0;
    char *table = table_text(&len);
    bool same = page_read(path, &page) && (size_t)(page.end - page.begin) == len &&
                memcmp(page.begin, table, len) == 0;

    if (!same)
        fprintf(stderr, "the table of operations in %s is not the one that is tested: make man-table\n", path);
    free(table);
    free(page.text);
    return same;
}

bool table_put_into(const char *path)
{
    struct page page = { NULL, NULL, NULL, 0 };
    size_t len = 0;
    char *table = table_text(&len);
    bool ok = page_read(path, &page);
    FILE *f = ok ? fopen(path, "w") : NULL;

    ok = f != NULL && fwrite(page.text, 1, (size_t)(page.begin - page.text), f) == (size_t)(page.begin - page.text) &&
         fwrite(table, 1, len, f) == len && fputs(page.end, f) >= 0;
    if (f != NULL && fclose(f) != 0)
        ok = false;
    free(table);
    free(page.text);
    return ok;
}
