/* Three ways in which configurations are written: words in lines, name = value, statements with braces. */
#include <ctype.h>
#include <string.h>

#include "doctor/servers/conf.h"

static bool blank(char ch)
{
    return ch == ' ' || ch == '\t' || ch == '\r' || ch == '\v' || ch == '\f';
}

/* Words in lines */

/* Where the words of a line go. */
struct line {
    struct srv_words *words;
    size_t used;
    bool inside; /* a word has begun */
    bool cut;    /* it did not fit */
};

static void put(struct line *l, char ch)
{
    if (l->used + 1 < sizeof(l->words->text))
        l->words->text[l->used++] = ch;
    else
        l->cut = true;
}

static void begin_word(struct line *l)
{
    if (l->inside)
        return;
    if (l->words->count == SRV_WORDS_MAX) {
        l->cut = true;
        return;
    }
    l->inside = true;
    l->words->variable[l->words->count] = false;
    l->words->word[l->words->count++] = l->words->text + l->used;
}

static void end_word(struct line *l)
{
    if (l->inside)
        put(l, '\0');
    l->inside = false;
}

static void put_in_word(struct line *l, char ch)
{
    begin_word(l);
    if (l->inside)
        put(l, ch);
}

/* Passes to the newline. If lines can go on, comments go on as well. */
static void pass_comment(struct srv_source *s, const struct srv_rules *rules)
{
    while (s->at < s->len && s->data[s->at] != '\n') {
        if (rules->continued && s->data[s->at] == '\\' && s->at + 1 < s->len && s->data[s->at + 1] == '\n') {
            s->at++;
            s->line++;
        }
        s->at++;
    }
}

/* From the first byte of a line to the newline behind it. */
static void read_line(struct srv_source *s, const struct srv_rules *rules, struct line *l)
{
    char quote = '\0';

    s->line++;
    while (s->at < s->len && s->data[s->at] != '\n') {
        char ch = s->data[s->at++], next = s->at < s->len ? s->data[s->at] : '\0';

        if (ch == '\\' && next == '\r' && s->at + 1 < s->len && s->data[s->at + 1] == '\n') {
            next = '\n';
            s->at += rules->continued;
        }
        if (ch == '\\' && next == '\n' && rules->continued) {
            s->at++;
            s->line++;
        } else if (ch == '\\' && rules->escapes && quote != '\'' && next != '\0' && next != '\n') {
            put_in_word(l, next);
            s->at++;
        } else if (ch == quote && quote != '\0') {
            quote = '\0';
        } else if (quote == '\0' && rules->quotes && (ch == '"' || ch == '\'')) {
            begin_word(l); /* it may be empty */
            quote = ch;
        } else if (quote == '\0' && blank(ch)) {
            end_word(l);
        } else if (ch == '#' && quote == '\0' && !l->inside && (rules->comment_inside || l->words->count == 0)) {
            pass_comment(s, rules);
        } else {
            put_in_word(l, ch);
            if (ch == '$' && quote != '\'' && l->inside)
                l->words->variable[l->words->count - 1] = true;
        }
    }
    s->at += s->at < s->len;
    end_word(l);
}

bool srv_words(struct srvconf *c, struct srv_source *s, const struct srv_rules *rules, struct srv_words *ret)
{
    while (s->at < s->len) {
        struct line l = { .words = ret };

        ret->count = 0;
        read_line(s, rules, &l);
        if (l.cut) {
            srv_problem(c, s, "a line that is too long to be read");
            continue;
        }
        for (size_t i = 0; i < ret->count; i++) {
            if (!ret->variable[i])
                srv_word(c, s, ret->word[i]);
        }
        if (ret->count > 0)
            return true;
    }
    return false;
}

/* name = value */

/* Looks at the words of a line. Every such configuration has words. */
static void look_at_words(struct srvconf *c, const struct srv_source *s, const char *line)
{
    static const char between[] = " \t=,<\"'";
    char word[PATH_MAX];

    for (line += strspn(line, between); *line != '\0'; line += strspn(line, between)) {
        size_t len = strcspn(line, between);

        if (len < sizeof(word)) {
            memcpy(word, line, len);
            word[len] = '\0';
            srv_word(c, s, word);
        }
        line += len;
    }
}

bool srv_line(struct srvconf *c, struct srv_source *s, const char *comments, bool folded, char ret[SRV_LINE_MAX])
{
    size_t used = 0;
    bool cut = false;

    while (s->at < s->len) {
        const char *from = s->data + s->at, *end = memchr(from, '\n', s->len - s->at);
        size_t len = end == NULL ? s->len - s->at : (size_t)(end - from);
        bool goes_on = folded && len > 0 && blank(from[0]);
        size_t skip = 0;

        while (skip < len && blank(from[skip]))
            skip++;
        /* The next line is another one: it stays where it is. */
        if (used > 0 && skip < len && strchr(comments, from[skip]) == NULL && !goes_on)
            break;
        s->at += len + (end != NULL);
        s->line++;
        while (len > skip && blank(from[len - 1]))
            len--;
        if (skip == len || from[skip] == '\0' || strchr(comments, from[skip]) != NULL)
            continue;
        if (used + 1 + (len - skip) + 1 > SRV_LINE_MAX) {
            cut = true;
            continue;
        }
        if (used > 0)
            ret[used++] = ' ';
        memcpy(ret + used, from + skip, len - skip);
        used += len - skip;
        if (!folded)
            break;
    }
    ret[used] = '\0';
    if (cut)
        srv_problem(c, s, "a line that is too long to be read");
    else
        look_at_words(c, s, ret);
    return used > 0 || (cut && srv_line(c, s, comments, folded, ret));
}

bool srv_split(char *line, char **ret_name, char **ret_value)
{
    char *eq = strchr(line, '='), *end = eq, *value = eq;

    if (eq == NULL)
        return false;
    while (end > line && blank(end[-1]))
        end--;
    *end = '\0';
    do
        value++;
    while (blank(*value));
    *ret_name = line;
    *ret_value = value;
    return true;
}

char *srv_unquote(char *value)
{
    size_t len = strlen(value);

    if (len < 2 || (value[0] != '"' && value[0] != '\'') || value[len - 1] != value[0])
        return value;
    value[len - 1] = '\0';
    return value + 1;
}

/* Statements with braces */

static void skip_comment(struct srv_source *s, bool to_star)
{
    while (s->at < s->len) {
        char ch = s->data[s->at];

        if (!to_star && ch == '\n')
            return;
        s->at++;
        s->line += ch == '\n';
        if (to_star && ch == '*' && s->at < s->len && s->data[s->at] == '/') {
            s->at++;
            return;
        }
    }
}

static char peek(const struct srv_source *s, size_t ahead)
{
    return s->at + ahead < s->len ? s->data[s->at + ahead] : '\0';
}

/* Blanks and comments. */
static void skip_nothing(struct srv_source *s, bool slashes)
{
    for (;;) {
        char ch = peek(s, 0);

        if (ch == '#' || (slashes && ch == '/' && peek(s, 1) == '/')) {
            skip_comment(s, /* to_star= */ false);
        } else if (slashes && ch == '/' && peek(s, 1) == '*') {
            s->at += 2;
            skip_comment(s, /* to_star= */ true);
        } else if (s->at < s->len && (blank(ch) || ch == '\n')) {
            s->line += ch == '\n';
            s->at++;
        } else {
            return;
        }
    }
}

enum srv_token srv_token(struct srvconf *c, struct srv_source *s, bool slashes, char ret[SRV_LINE_MAX])
{
    size_t used = 0;
    bool cut = false;
    char quote = '\0';

    if (s->line == 0)
        s->line = 1;
    skip_nothing(s, slashes);
    ret[0] = '\0';
    if (s->at == s->len)
        return SRV_END;
    switch (peek(s, 0)) {
    case ';':
        s->at++;
        return SRV_SEMICOLON;
    case '{':
        s->at++;
        return SRV_OPEN_BRACE;
    case '}':
        s->at++;
        return SRV_CLOSE_BRACE;
    case '"':
    case '\'':
        quote = s->data[s->at++];
        break;
    }
    while (s->at < s->len) {
        char ch = peek(s, 0);
        /* "${name}" is a variable, no block. */
        bool block = ch == '{' && (used == 0 || ret[used - 1] != '$');

        if (quote != '\0' ? ch == quote : blank(ch) || ch == '\n' || ch == ';' || block)
            break;
        if (ch == '\\' && s->at + 1 < s->len) {
            s->at++;
            ch = peek(s, 0);
        }
        s->line += ch == '\n';
        s->at++;
        if (used + 1 < SRV_LINE_MAX)
            ret[used++] = ch;
        else
            cut = true;
    }
    s->at += quote != '\0' && s->at < s->len;
    ret[used] = '\0';
    if (cut)
        srv_problem(c, s, "a word that is too long to be read");
    else
        srv_word(c, s, ret);
    return SRV_TOKEN;
}

/* Goes by Lua's rules as far as they matter here: strings may have braces in them, and comments an apostrophe. */
void srv_skip_block(struct srv_source *s)
{
    unsigned depth = 1;
    char quote = '\0';

    while (s->at < s->len && depth > 0) {
        char ch = s->data[s->at++];

        s->line += ch == '\n';
        if (quote != '\0') {
            s->at += ch == '\\' && s->at < s->len && s->data[s->at] != '\n';
            quote = ch == quote || ch == '\n' ? '\0' : quote;
        } else if (ch == '"' || ch == '\'') {
            quote = ch;
        } else if (ch == '-' && peek(s, 0) == '-') {
            skip_comment(s, /* to_star= */ false);
        } else {
            depth += ch == '{';
            depth -= ch == '}';
        }
    }
}
