/* What people, standards and other tools call the types of keys. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "base/suggest.h"
#include "keys/key_type.h"

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

/*
 * Curves, folded: FIPS 186-4, X9.62, SEC 2, SSH (RFC 5656), JOSE's algorithms that name one (RFC 7518). Each may have one
 * of the prefixes below before it.
 */
static const struct {
    const char *word;
    const char *type;
} curves[] = {
    { "p256", "ec:P-256" },       { "prime256v1", "ec:P-256" }, { "secp256r1", "ec:P-256" },
    { "nistp256", "ec:P-256" },   { "x962prime256v1", "ec:P-256" }, { "256", "ec:P-256" },
    { "sha2nistp256", "ec:P-256" }, { "es256", "ec:P-256" },
    { "p384", "ec:P-384" },       { "secp384r1", "ec:P-384" },  { "nistp384", "ec:P-384" },
    { "384", "ec:P-384" },        { "sha2nistp384", "ec:P-384" }, { "es384", "ec:P-384" },
    { "p521", "ec:P-521" },       { "secp521r1", "ec:P-521" },  { "nistp521", "ec:P-521" },
    { "521", "ec:P-521" },        { "sha2nistp521", "ec:P-521" }, { "es512", "ec:P-521" },
};
static const char *const prefixes[] = { "", "ec", "ecc", "ecdsa" };

/* "256" alone could be anything. */
static const char *find_curve(const char *word)
{
    for (size_t i = 0; i < COUNT(prefixes); i++) {
        size_t len = strlen(prefixes[i]);

        if (strncmp(word, prefixes[i], len) != 0 || (len == 0 && isdigit((unsigned char)word[0])))
            continue;
        for (size_t k = 0; k < COUNT(curves); k++) {
            if (strcmp(word + len, curves[k].word) == 0)
                return curves[k].type;
        }
    }
    return NULL;
}

/* The beginnings of words that name a family: what to propose of it. The first that fits counts. */
static const struct {
    const char *word;
    const char *type;
} families[] = {
    { "rsapss", "rsa-pss:3072" }, { "rsassapss", "rsa-pss:3072" }, { "pss", "rsa-pss:3072" },
    { "rsa", "rsa:3072" },        { "ec", "ec:P-256" },            { "secp", "ec:P-256" },
    { "sect", "ec:P-256" },       { "prime", "ec:P-256" },         { "nist", "ec:P-256" },
    { "brainpool", "ec:P-384" },  { "dsa", "ec:P-256" },           { "eddsa", "ed25519" },
    { "ed", "ed25519" },          { "25519", "ed25519" },          { "curve", "x25519" },
    { "mldsa", "ml-dsa-65" },     { "dilithium", "ml-dsa-65" },    { "slh", "slh-dsa-sha2-128s" },
    { "sphincs", "slh-dsa-sha2-128s" },
};

/* What to propose of the family that the folded word begins with, or is. NULL: it is of none. */
static const char *of_family(const char *folded, bool whole)
{
    for (size_t i = 0; i < COUNT(families); i++) {
        size_t len = strlen(families[i].word);

        if (strncmp(folded, families[i].word, len) == 0 && (!whole || folded[len] == '\0'))
            return families[i].type;
    }
    return NULL;
}

/* The family's, where it is all there is; a type that differs in one letter; one of the family. False: nothing is near. */
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
        problem_hint(p, "use one of: %s", KEYTYPE_LIST);
    return LB_E_KEY_TYPE;
}
