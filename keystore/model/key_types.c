/* The one table of key types, and what is asked of it by name. */
#include "model/key_types.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define BIT(scheme) (1u << (scheme))

/* What all algorithms of a family have in common. */
/* clang-format off */
#define FAMILY_RSA                                                                                                     \
    .title = "RSA", .operations = KEY_SIGNS | KEY_DECRYPTS, .schemes = BIT(SCHEME_RSA_PKCS1) | BIT(SCHEME_RSA_PSS),    \
    .proof_scheme = SCHEME_RSA_PKCS1, .proof_digest = DIGEST_SHA256, .on_token = KEY_ON_TOKEN_RSA
#define FAMILY_RSA_PSS                                                                                                 \
    .title = "RSA-PSS", .operations = KEY_SIGNS, .schemes = BIT(SCHEME_RSA_PSS),                                       \
    .proof_scheme = SCHEME_RSA_PSS, .proof_digest = DIGEST_SHA256
#define FAMILY_EC                                                                                                      \
    .title = "EC", .operations = KEY_SIGNS | KEY_DERIVES, .schemes = BIT(SCHEME_ECDSA),                                \
    .proof_scheme = SCHEME_ECDSA, .proof_digest = DIGEST_SHA256, .on_token = KEY_ON_TOKEN_EC
#define FAMILY_ED25519                                                                                                 \
    .title = "Ed25519", .operations = KEY_SIGNS,                                                                       \
    .schemes = BIT(SCHEME_ED25519) | BIT(SCHEME_ED25519PH) | BIT(SCHEME_ED25519CTX), .proof_scheme = SCHEME_ED25519,   \
    .point_size = 32, .on_token = KEY_ON_TOKEN_EDWARDS, .token_curve = "edwards25519"
#define FAMILY_ED448                                                                                                   \
    .title = "Ed448", .operations = KEY_SIGNS, .schemes = BIT(SCHEME_ED448) | BIT(SCHEME_ED448PH),                     \
    .proof_scheme = SCHEME_ED448,                                                                                      \
    .point_size = 57, .on_token = KEY_ON_TOKEN_EDWARDS, .token_curve = "edwards448"
#define FAMILY_X25519                                                                                                  \
    .title = "X25519", .operations = KEY_DERIVES,                                                                      \
    .point_size = 32, .on_token = KEY_ON_TOKEN_MONTGOMERY, .token_curve = "curve25519"
#define FAMILY_X448                                                                                                    \
    .title = "X448", .operations = KEY_DERIVES,                                                                        \
    .point_size = 56, .on_token = KEY_ON_TOKEN_MONTGOMERY, .token_curve = "curve448"
#define FAMILY_ML_DSA                                                                                                  \
    .title = "ML-DSA", .short_list = "ml-dsa-{44,65,87}", .operations = KEY_SIGNS, .schemes = BIT(SCHEME_ML_DSA),      \
    .proof_scheme = SCHEME_ML_DSA
#define FAMILY_SLH_DSA                                                                                                 \
    .title = "SLH-DSA", .short_list = "slh-dsa-{sha2,shake}-{128,192,256}{s,f}", .operations = KEY_SIGNS,              \
    .schemes = BIT(SCHEME_SLH_DSA), .proof_scheme = SCHEME_SLH_DSA
/* clang-format on */

#define ALGORITHM(row_, number_, name_, oid_, family_, type_, since_)                                                  \
    [KEY_ALGORITHM_##row_] = { .name = name_, .row = KEY_ALGORITHM_##row_, .number = number_, .oid = oid_,             \
                               .type = type_, .family = KEY_FAMILY_##family_, .since = since_, FAMILY_##family_ },
#define FIRST(row, number, name, aliases, oid, family, type, words) ALGORITHM(row, number, name, oid, family, type, "3.0")
#define NEWER(row, number, name, aliases, oid, family, type, words) ALGORITHM(row, number, name, oid, family, type, "3.5")

const struct key_algorithm key_algorithms[KEY_ALGORITHM_COUNT] = { KEY_ALGORITHMS_FIRST(FIRST) KEY_ALGORITHMS_NEWER(NEWER) };

/*
 * Words of curves: FIPS 186-4, X9.62, SEC 2, SSH (RFC 5656), JOSE's algorithms that name one (RFC 7518). Each may have a
 * prefix before it (model/key_words.c).
 */
#define CURVE(name_, group_, group_name_, words_, beginnings_)                                                         \
    { .name = name_, .algorithm = &key_algorithms[KEY_ALGORITHM_EC], .group = group_, .group_name = group_name_,       \
      .words = words_, .beginnings = beginnings_ }
#define RSA_SIZE(name_, bits_, beginnings_)                                                                            \
    { .name = name_, .algorithm = &key_algorithms[KEY_ALGORITHM_RSA], .bits = bits_, .words = "",                      \
      .beginnings = beginnings_ }
#define PSS_SIZE(name_, bits_, beginnings_)                                                                            \
    { .name = name_, .algorithm = &key_algorithms[KEY_ALGORITHM_RSA_PSS], .bits = bits_, .restrictable = true,         \
      .words = "", .beginnings = beginnings_ }
#define NAMED(row, number, name_, aliases, oid, family, type, words_)                                                  \
    { .name = type, .algorithm = &key_algorithms[KEY_ALGORITHM_##row], .words = "", .beginnings = words_ },

/* What can be generated, in the order in which types are listed. */
static const struct key_type types[] = {
    CURVE("ec:P-256", "P-256", "prime256v1",
          "p256 prime256v1 secp256r1 nistp256 x962prime256v1 256 sha2nistp256 es256", "ec secp sect prime nist dsa"),
    CURVE("ec:P-384", "P-384", "secp384r1", "p384 secp384r1 nistp384 384 sha2nistp384 es384", "brainpool"),
    CURVE("ec:P-521", "P-521", "secp521r1", "p521 secp521r1 nistp521 521 sha2nistp521 es512", ""),
    RSA_SIZE("rsa:2048", 2048, ""),
    RSA_SIZE("rsa:3072", 3072, "rsa"),
    RSA_SIZE("rsa:4096", 4096, ""),
    PSS_SIZE("rsa-pss:2048", 2048, ""),
    PSS_SIZE("rsa-pss:3072", 3072, "rsapss rsassapss pss"),
    PSS_SIZE("rsa-pss:4096", 4096, ""),
    KEY_ALGORITHMS_FIXED(NAMED)
    KEY_ALGORITHMS_NEWER(NAMED)
};

/* How digests are written behind the type of a restricted key. generate: a box makes keys with it too. */
static const struct {
    const char *name;
    enum digest digest;
    bool generate;
} digests[] = {
    { "sha256", DIGEST_SHA256, true },          { "sha384", DIGEST_SHA384, true },
    { "sha512", DIGEST_SHA512, true },          { "sha1", DIGEST_SHA1, false },
    { "sha224", DIGEST_SHA224, false },         { "sha512-224", DIGEST_SHA512_224, false },
    { "sha512-256", DIGEST_SHA512_256, false },
};

/* Algorithms */

const struct key_algorithm *key_algorithm_of(const EVP_PKEY *key)
{
    const char *name = EVP_PKEY_get0_type_name(key);

    /* Compares texts first: providers use libcrypto's names as a rule. EVP_PKEY_is_a() takes libcrypto's table and a lock. */
    for (size_t i = 0; name != NULL && i < KEY_ALGORITHM_COUNT; i++) {
        if (strcmp(name, key_algorithms[i].name) == 0)
            return &key_algorithms[i];
    }
    for (size_t i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        if (EVP_PKEY_is_a(key, key_algorithms[i].name))
            return &key_algorithms[i];
    }
    return NULL;
}

const struct key_algorithm *key_algorithm_by_oid(const char *oid)
{
    for (size_t i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        if (strcmp(oid, key_algorithms[i].oid) == 0)
            return &key_algorithms[i];
    }
    return NULL;
}

const struct key_algorithm *key_algorithm_by_number(unsigned number)
{
    for (size_t i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        if (number == key_algorithms[i].number)
            return &key_algorithms[i];
    }
    return NULL;
}

const struct key_algorithm *key_algorithm_by_type(const char *type)
{
    size_t len = strcspn(type, ":");

    for (size_t i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        if (strlen(key_algorithms[i].type) == len && strncmp(type, key_algorithms[i].type, len) == 0)
            return &key_algorithms[i];
    }
    return NULL;
}

/* Types */

const struct key_type *keytype_row(size_t i)
{
    return i < COUNT(types) ? &types[i] : NULL;
}

const struct key_type *keytype_find(const char *name, enum digest *ret_digest)
{
    *ret_digest = DIGEST_NONE;
    for (size_t i = 0; i < COUNT(types); i++) {
        size_t len = strlen(types[i].name);

        if (strncmp(name, types[i].name, len) != 0)
            continue;
        if (name[len] == '\0')
            return &types[i];
        for (size_t j = 0; name[len] == ':' && types[i].restrictable && j < COUNT(digests); j++) {
            if (digests[j].generate && strcmp(name + len + 1, digests[j].name) == 0) {
                *ret_digest = digests[j].digest;
                return &types[i];
            }
        }
    }
    return NULL;
}

const struct key_type *keytype_of_group(const char *group)
{
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].group != NULL &&
            (strcasecmp(group, types[i].group) == 0 || strcasecmp(group, types[i].group_name) == 0))
            return &types[i];
    }
    return NULL;
}

int keytype_check(const char *type, struct problem *p)
{
    char list[KEYTYPE_LIST_MAX];
    enum digest digest;

    if (keytype_find(type, &digest) != NULL)
        return 0;
    problem_set(p, LB_E_KEY_TYPE, "unknown key type '%.64s'", type);
    problem_hint(p, "use one of: %s", keytype_list(list));
    return LB_E_KEY_TYPE;
}

bool keytype_name(size_t i, char ret[LB_TYPE_MAX + 1])
{
    for (size_t t = 0; t < COUNT(types); t++) {
        if (i-- == 0) {
            strcpy(ret, types[t].name);
            return true;
        }
        for (size_t d = 0; types[t].restrictable && d < COUNT(digests); d++) {
            if (digests[d].generate && i-- == 0) {
                snprintf(ret, LB_TYPE_MAX + 1, "%s:%s", types[t].name, digests[d].name);
                return true;
            }
        }
    }
    return false;
}

const char *keytype_digest_name(enum digest digest)
{
    for (size_t i = 0; i < COUNT(digests); i++) {
        if (digests[i].digest == digest)
            return digests[i].name;
    }
    return NULL;
}

/* Lists for people */

static void LB_PRINTF(2, 3) add(char list[KEYTYPE_LIST_MAX], const char *fmt, ...)
{
    size_t len = strlen(list);
    va_list ap;

    va_start(ap, fmt);
    (void)vsnprintf(list + len, KEYTYPE_LIST_MAX - len, fmt, ap);
    va_end(ap);
}

/* "2048 3072 4096": the sizes of all keys of an algorithm. */
static void add_sizes(char list[KEYTYPE_LIST_MAX], enum key_family family)
{
    const char *space = "";

    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].algorithm->family == family) {
            add(list, "%s%u", space, types[i].bits);
            space = " ";
        }
    }
}

/* Are both kinds of RSA keys made in the same sizes? Then the list tells these once. */
static bool sizes_are_alike(void)
{
    char rsa[KEYTYPE_LIST_MAX] = "", pss[KEYTYPE_LIST_MAX] = "";

    add_sizes(rsa, KEY_FAMILY_RSA);
    add_sizes(pss, KEY_FAMILY_RSA_PSS);
    return strcmp(rsa, pss) == 0;
}

static void add_digests(char list[KEYTYPE_LIST_MAX])
{
    const char *space = "";

    for (size_t i = 0; i < COUNT(digests); i++) {
        if (digests[i].generate) {
            add(list, "%s%s", space, digests[i].name);
            space = " ";
        }
    }
}

/* Adds what stands for all types of t's family: its short form, or its name with each size. */
static void add_family(char list[KEYTYPE_LIST_MAX], const struct key_type *t)
{
    if (t->algorithm->short_list != NULL) {
        add(list, "%s", t->algorithm->short_list);
        return;
    }
    add(list, "%s:BITS%s", t->algorithm->type, t->restrictable ? "[:DIGEST]" : "");
    if (!t->restrictable && sizes_are_alike())
        return;
    add(list, " (BITS: ");
    add_sizes(list, t->algorithm->family);
    if (t->restrictable) {
        add(list, "; DIGEST: ");
        add_digests(list);
    }
    add(list, ")");
}

const char *keytype_list(char ret[KEYTYPE_LIST_MAX])
{
    const struct key_type *last = NULL;

    ret[0] = '\0';
    for (const struct key_type *t = types; t < types + COUNT(types); t++) {
        bool grouped = t->bits != 0 || t->algorithm->short_list != NULL;

        if (grouped && last != NULL && last->algorithm->family == t->algorithm->family)
            continue;
        add(ret, "%s", last == NULL ? "" : " ");
        if (grouped)
            add_family(ret, t);
        else
            add(ret, "%s", t->name);
        last = t;
    }
    return ret;
}

/* What stands between the i-th of count words and the one before it. */
static const char *between(size_t i, size_t count)
{
    return i == 0 ? "" : i + 1 == count ? " and " : ", ";
}

const char *keytype_curves(char ret[KEYTYPE_LIST_MAX])
{
    size_t count = 0, n = 0;

    ret[0] = '\0';
    for (size_t i = 0; i < COUNT(types); i++)
        count += types[i].group != NULL;
    for (size_t i = 0; i < COUNT(types); i++) {
        if (types[i].group != NULL)
            add(ret, "%s%s", between(n++, count), types[i].group);
    }
    return ret;
}

static bool begins_family(size_t algorithm)
{
    return algorithm == 0 || key_algorithms[algorithm].family != key_algorithms[algorithm - 1].family;
}

const char *keytype_families(char ret[KEYTYPE_LIST_MAX])
{
    char curves[KEYTYPE_LIST_MAX];
    size_t count = 0, n = 0;

    ret[0] = '\0';
    for (size_t i = 0; i < KEY_ALGORITHM_COUNT; i++)
        count += begins_family(i);
    for (size_t i = 0; i < KEY_ALGORITHM_COUNT; i++) {
        if (!begins_family(i))
            continue;
        add(ret, "%s%s", between(n++, count), key_algorithms[i].title);
        if (key_algorithms[i].family == KEY_FAMILY_EC)
            add(ret, " on %s", keytype_curves(curves));
    }
    return ret;
}
