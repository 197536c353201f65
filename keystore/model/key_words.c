/* What people, standards and other tools call the types of keys. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "model/key_types.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORD_MAX 64

/* Letters and digits alone, in small letters: "EC:P-256" and "ec_p256" are one word. */
static void fold(const char *word, char ret[WORD_MAX + 1])
{
    size_t len = 0;

    for (; *word != '\0' && len < WORD_MAX; word++) {
        if (isalnum((unsigned char)*word))
            ret[len++] = (char)tolower((unsigned char)*word);
    }
    ret[len] = '\0';
}

/* Does the list, of words with a space between them, have exactly this one? */
static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (; *list != '\0'; list += strspn(list, " ")) {
        size_t n = strcspn(list, " ");

        if (n == len && strncmp(list, word, n) == 0)
            return true;
        list += n;
    }
    return false;
}

static const char *const prefixes[] = { "", "ec", "ecc", "ecdsa" };

/* The type of a curve, with one of the prefixes or without. A word of digits alone is none: "256" could be anything. */
static const char *find_curve(const char *word)
{
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        size_t len = strlen(prefixes[i]);
        const struct key_type *type;

        if (strncmp(word, prefixes[i], len) != 0 || (len == 0 && isdigit((unsigned char)word[0])))
            continue;
        for (size_t k = 0; (type = keytype_row(k)) != NULL; k++) {
            if (word[len] != '\0' && has_word(type->words, word + len))
                return type->name;
        }
    }
    return NULL;
}

/* The length of the longest word of the list with which folded begins; whole: which folded is. 0: there is none. */
static size_t longest(const char *list, const char *folded, bool whole)
{
    size_t best = 0;

    for (; *list != '\0'; list += strspn(list, " ")) {
        size_t n = strcspn(list, " ");

        if (n > best && strncmp(list, folded, n) == 0 && (!whole || folded[n] == '\0'))
            best = n;
        list += n;
    }
    return best;
}

/* What to propose of the family with which folded begins; whole: which folded is. NULL: there is none. */
static const char *of_family(const char *folded, bool whole)
{
    const struct key_type *type;
    const char *proposed = NULL;
    size_t best = 0;

    for (size_t i = 0; (type = keytype_row(i)) != NULL; i++) {
        size_t len = longest(type->beginnings, folded, whole);

        if (len > best) {
            best = len;
            proposed = type->name;
        }
    }
    return proposed;
}

/*
 * What to propose, the first that there is: the family that the word names; a type that differs in one letter; the family
 * with which the word begins; another type that is near. False: there is nothing.
 */
static bool nearest(const char *word, char ret[LB_TYPE_MAX + 1])
{
    char folded[WORD_MAX + 1], type[LB_TYPE_MAX + 1];
    const char *family;
    struct suggestion s;

    suggest_start(&s, word);
    for (size_t i = 0; keytype_name(i, type); i++) {
        suggest_try(&s, type);
        if (s.best == type)
            s.best = strcpy(ret, type); /* type is the next one's */
    }
    fold(word, folded);
    family = of_family(folded, /* whole= */ true);
    if (family == NULL && (s.best == NULL || s.distance > 1))
        family = of_family(folded, /* whole= */ false);
    if (family != NULL)
        strcpy(ret, family);
    return family != NULL || s.best != NULL;
}

int keytype_meant(const char *word, char ret[LB_TYPE_MAX + 1], struct problem *p)
{
    char folded[WORD_MAX + 1], name[WORD_MAX + 1], type[LB_TYPE_MAX + 1];
    char list[KEYTYPE_LIST_MAX];
    const char *meant;

    fold(word, folded);
    meant = find_curve(folded);
    for (size_t i = 0; meant == NULL && keytype_name(i, type); i++) {
        fold(type, name);
        meant = strcmp(folded, name) == 0 ? type : NULL;
    }
    if (meant != NULL && strlen(word) <= WORD_MAX) {
        strcpy(ret, meant);
        return 0;
    }
    problem_set(p, LB_E_KEY_TYPE, "unknown key type '%.64s'", word);
    if (nearest(word, type))
        problem_hint(p, "did you mean %s? All types: littlebox help create", type);
    else
        problem_hint(p, "use one of: %s", keytype_list(list));
    return LB_E_KEY_TYPE;
}
