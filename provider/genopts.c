/* What a caller says of the key that it wants, from OSSL_PARAMs to the type's name that the box knows. */
#include "genopts.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/objects.h>
#include <openssl/params.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "error.h"
#include "provctx.h"

#define RSA_BITS_DEFAULT 2048 /* as with `default` */
#define RSA_EXPONENT 65537    /* the only one that a box makes */
#define GROUP_MAX 80
/* For values that are texts. */
#define TEXT_MAX (LB_URI_MAX + 1)

void genopts_init(struct genopts *g, struct provctx *prov, const struct alg *alg)
{
    *g = (struct genopts){ .prov = prov, .alg = alg, .bits = RSA_BITS_DEFAULT, .salt = -1 };
}

void genopts_clear(struct genopts *g)
{
    EVP_PKEY_free(g->group);
}

bool genopts_has(const struct alg *alg, const char *with)
{
    return with == NULL || OSSL_PARAM_locate_const(alg->public_types, with) != NULL;
}

/* Domain parameters */

/* The parameters of a curve, by any name of libcrypto's or by SEC's (2, 2.4.2). libcrypto lacks SEC's name of P-256. */
static EVP_PKEY *group_parameters(const struct genopts *g, const char *name)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(g->prov->libctx, g->alg->name, NULL);
    EVP_PKEY *group = NULL;

    if (strcasecmp(name, "secp256r1") == 0)
        name = SN_X9_62_prime256v1;
    ERR_set_mark();
    if (ctx == NULL || EVP_PKEY_paramgen_init(ctx) <= 0 || EVP_PKEY_CTX_set_group_name(ctx, name) <= 0 ||
        EVP_PKEY_paramgen(ctx, &group) <= 0)
        group = NULL;
    ERR_pop_to_mark();
    EVP_PKEY_CTX_free(ctx);
    return group;
}

/* The box's name of the group: NIST's where there is one, else libcrypto's. false: the parameters name no group. */
static bool group_name(EVP_PKEY *group, char ret[GROUP_MAX])
{
    const char *nist;
    int written_out = 0;

    (void)EVP_PKEY_get_int_param(group, OSSL_PKEY_PARAM_EC_DECODED_FROM_EXPLICIT_PARAMS, &written_out);
    if (written_out || EVP_PKEY_get_group_name(group, ret, GROUP_MAX, NULL) <= 0)
        return false;
    nist = EC_curve_nid2nist(OBJ_sn2nid(ret));
    if (nist != NULL)
        snprintf(ret, GROUP_MAX, "%s", nist);
    return true;
}

static int refuse_written_out(const struct genopts *g)
{
    return error_raise(g->prov, LB_E_KEY_TYPE,
                       "the %s parameters write out their curve instead of naming it: use named_curve (RFC 5480 2.1.1)",
                       g->alg->name);
}

int genopts_take_parameters(struct genopts *g, const struct key *from)
{
    char name[GROUP_MAX];

    if (from == NULL || key_is_empty(from) || from->alg != g->alg)
        return error_raise(g->prov, LB_E_VALUE, "the parameters to make a %s key of are not %s parameters",
                           g->alg->name, g->alg->name);
    if (!genopts_has(g->alg, OSSL_PKEY_PARAM_GROUP_NAME))
        return 1; /* a type without domain parameters has nothing to take */
    if (!group_name(key_public(from), name))
        return refuse_written_out(g);
    if (g->group != NULL && EVP_PKEY_parameters_eq(g->group, key_public(from)) != 1)
        return error_raise(g->prov, LB_E_VALUE,
                           "the option %s and the given parameters are two different curves: give one of them",
                           OSSL_PKEY_PARAM_GROUP_NAME);
    if (g->group == NULL)
        g->group = group_parameters(g, name);
    return g->group != NULL ? 1 : error_raise(g->prov, LB_E_CRYPTO, "the parameters cannot be copied");
}

/* Options */

static int refuse_value(const struct genopts *g, const OSSL_PARAM *p, const char *what)
{
    return error_raise(g->prov, LB_E_VALUE, "the value of the option %s is not %s", p->key, what);
}

static int get_text(const struct genopts *g, const OSSL_PARAM *p, char ret[TEXT_MAX])
{
    return OSSL_PARAM_get_utf8_string(p, &ret, TEXT_MAX) ? 1 : refuse_value(g, p, "a text of at most 255 bytes");
}

static int take_uri(struct genopts *g, const OSSL_PARAM *p)
{
    char text[TEXT_MAX];
    struct problem problem;

    if (!get_text(g, p, text))
        return 0;
    if (uri_parse(text, &g->uri, &problem) != 0)
        return error_problem(g->prov, &problem);
    if (g->uri.name[0] == '\0')
        return error_raise(g->prov, LB_E_URI, "'%s' names no key: say which one to make, as in %s:web", text,
                           LB_URI_SCHEME);
    if (g->uri.version != 0)
        return error_raise(g->prov, LB_E_URI, "'%s' names a version, but the box numbers them: leave ;version out",
                           text);
    g->is_named = true;
    return 1;
}

static int take_group(struct genopts *g, const OSSL_PARAM *p)
{
    char text[TEXT_MAX];

    if (!get_text(g, p, text))
        return 0;
    EVP_PKEY_free(g->group);
    g->group = group_parameters(g, text);
    return g->group != NULL ? 1
                            : error_raise(g->prov, LB_E_KEY_TYPE,
                                          "libcrypto knows no curve '%s': P-256, P-384 and P-521 are held by a box",
                                          text);
}

static int take_encoding(struct genopts *g, const OSSL_PARAM *p)
{
    char text[TEXT_MAX];

    if (!get_text(g, p, text))
        return 0;
    return strcasecmp(text, OSSL_PKEY_EC_ENCODING_GROUP) == 0 ? 1 : refuse_written_out(g);
}

static int take_point_format(struct genopts *g, const OSSL_PARAM *p)
{
    char text[TEXT_MAX];

    if (!get_text(g, p, text))
        return 0;
    return strcasecmp(text, OSSL_PKEY_EC_POINT_CONVERSION_FORMAT_UNCOMPRESSED) == 0 ? 1
                                                                                    : refuse_value(g, p, "uncompressed");
}

static int take_bits(struct genopts *g, const OSSL_PARAM *p)
{
    return OSSL_PARAM_get_size_t(p, &g->bits) ? 1 : refuse_value(g, p, "a number of bits");
}

static int take_primes(struct genopts *g, const OSSL_PARAM *p)
{
    size_t primes = 0;

    return OSSL_PARAM_get_size_t(p, &primes) && primes == 2 ? 1 : refuse_value(g, p, "2: a box makes no other RSA keys");
}

static int take_exponent(struct genopts *g, const OSSL_PARAM *p)
{
    BIGNUM *e = NULL;
    bool fits = OSSL_PARAM_get_BN(p, &e) && BN_is_word(e, RSA_EXPONENT);

    BN_free(e);
    return fits ? 1 : refuse_value(g, p, "65537: a box makes RSA keys with no other public exponent");
}

static int take_digest_into(struct genopts *g, const OSSL_PARAM *p, unsigned *ret)
{
    char text[TEXT_MAX];
    int digest;

    if (!get_text(g, p, text))
        return 0;
    digest = digest_by_name(text);
    if (digest <= DIGEST_NONE)
        return refuse_value(g, p, "a digest that a box knows");
    *ret = (unsigned)digest;
    return 1;
}

static int take_digest(struct genopts *g, const OSSL_PARAM *p)
{
    return take_digest_into(g, p, &g->digest);
}

static int take_mgf1_digest(struct genopts *g, const OSSL_PARAM *p)
{
    return take_digest_into(g, p, &g->mgf1_digest);
}

/* A salt length is a number, or from the command line a number in text. */
static int take_salt(struct genopts *g, const OSSL_PARAM *p)
{
    char text[TEXT_MAX];
    size_t len;

    if (p->data_type != OSSL_PARAM_UTF8_STRING)
        return OSSL_PARAM_get_int(p, &g->salt) && g->salt >= 0 ? 1 : refuse_value(g, p, "a number of bytes");
    if (!get_text(g, p, text))
        return 0;
    len = strspn(text, "0123456789");
    if (len == 0 || len > 5 || text[len] != '\0')
        return refuse_value(g, p, "a number of bytes");
    g->salt = atoi(text);
    return 1;
}

static int refuse_secret(struct genopts *g, const OSSL_PARAM *p)
{
    return error_raise(g->prov, ERROR_PRIVATE_HALF,
                       "the option %s would decide what the private key is: a box makes its keys itself, "
                       "and takes others by 'littlebox import'",
                       p->key);
}

/* An option is for types whose public keys have the parameter `with`; NULL: for all types. */
static const struct option {
    const char *name;
    const char *with;
    int (*take)(struct genopts *g, const OSSL_PARAM *p);
} options[] = {
    { GENOPT_URI, NULL, take_uri },
    { OSSL_PKEY_PARAM_GROUP_NAME, OSSL_PKEY_PARAM_GROUP_NAME, take_group },
    { OSSL_PKEY_PARAM_EC_ENCODING, OSSL_PKEY_PARAM_GROUP_NAME, take_encoding },
    { OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, OSSL_PKEY_PARAM_GROUP_NAME, take_point_format },
    { OSSL_PKEY_PARAM_RSA_BITS, OSSL_PKEY_PARAM_RSA_N, take_bits },
    { OSSL_PKEY_PARAM_RSA_PRIMES, OSSL_PKEY_PARAM_RSA_N, take_primes },
    { OSSL_PKEY_PARAM_RSA_E, OSSL_PKEY_PARAM_RSA_N, take_exponent },
    { OSSL_PKEY_PARAM_RSA_DIGEST, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, take_digest },
    { OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, take_mgf1_digest },
    { OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, take_salt },
    { "dhkem-ikm", NULL, refuse_secret }, /* OpenSSL 3.2 and later */
    { "seed", NULL, refuse_secret },      /* OpenSSL 3.5 and later: ML-DSA, SLH-DSA */
};

#define SETTABLE_ALL                                         \
    OSSL_PARAM_utf8_string(GENOPT_URI, NULL, 0),             \
    OSSL_PARAM_octet_string("dhkem-ikm", NULL, 0),           \
    OSSL_PARAM_octet_string("seed", NULL, 0)
#define SETTABLE_RSA                                         \
    OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_BITS, NULL),       \
    OSSL_PARAM_size_t(OSSL_PKEY_PARAM_RSA_PRIMES, NULL),     \
    OSSL_PARAM_BN(OSSL_PKEY_PARAM_RSA_E, NULL, 0)

/* The same for libcrypto, by the same rule; the last one is of all types. */
static const struct {
    const char *with;
    const OSSL_PARAM types[8];
} settable[] = {
    { OSSL_PKEY_PARAM_GROUP_NAME,
      { SETTABLE_ALL, OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_ENCODING, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, NULL, 0), OSSL_PARAM_END } },
    { OSSL_PKEY_PARAM_RSA_MGF1_DIGEST,
      { OSSL_PARAM_utf8_string(GENOPT_URI, NULL, 0), SETTABLE_RSA,
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, NULL, 0),
        OSSL_PARAM_utf8_string(OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, NULL, 0), OSSL_PARAM_END } },
    { OSSL_PKEY_PARAM_RSA_N, { OSSL_PARAM_utf8_string(GENOPT_URI, NULL, 0), SETTABLE_RSA, OSSL_PARAM_END } },
    { NULL, { SETTABLE_ALL, OSSL_PARAM_END } },
};

const OSSL_PARAM *genopts_settable(const struct alg *alg)
{
    size_t i = 0;

    while (!genopts_has(alg, settable[i].with))
        i++;
    return settable[i].types;
}

static const struct option *find_option(const struct alg *alg, const char *name)
{
    for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
        if (strcmp(options[i].name, name) == 0 && genopts_has(alg, options[i].with))
            return &options[i];
    }
    return NULL;
}

int genopts_set(struct genopts *g, const OSSL_PARAM params[])
{
    for (const OSSL_PARAM *p = params; p != NULL && p->key != NULL; p++) {
        const struct option *option = find_option(g->alg, p->key);

        if (option == NULL)
            return error_raise(g->prov, LB_E_UNSUPPORTED, "%s keys are not made in a box with an option %s",
                               g->alg->name, p->key);
        if (!option->take(g, p))
            return 0;
    }
    return 1;
}

/* Types */

struct text {
    char s[128];
    bool cut;
};

static void append(struct text *t, const char *separator, const char *s)
{
    size_t len = strlen(t->s);
    int n = snprintf(t->s + len, sizeof(t->s) - len, "%s%s", separator, s);

    t->cut = t->cut || n < 0 || (size_t)n >= sizeof(t->s) - len;
}

/* No locale plays a part. */
static void append_lower(struct text *t, const char *separator, const char *s)
{
    size_t len = strlen(t->s);

    append(t, separator, s);
    for (char *c = t->s + len; *c != '\0'; c++) {
        if (*c >= 'A' && *c <= 'Z')
            *c += 'a' - 'A';
    }
}

/* Appends a digest as it stands in names of types: "sha256", "sha512-256", "sha3-384". */
static void append_digest(struct text *type, unsigned digest)
{
    static const char sha2[] = "SHA2-";
    const char *name = digest_name(digest);
    size_t len = strlen(type->s);

    if (strncmp(name, sha2, strlen(sha2)) == 0) {
        append(type, ":", "sha");
        append_lower(type, "", name + strlen(sha2));
    } else {
        append_lower(type, ":", name);
    }
    for (char *c = type->s + len; *c != '\0'; c++) {
        if (*c == '/')
            *c = '-';
    }
}

/* Appends the restriction of an RSA-PSS key. A box knows only one digest, the same in MGF1, with salts of its length. */
static int append_restrictions(const struct genopts *g, struct text *type)
{
    if (g->digest == DIGEST_NONE && (g->mgf1_digest != DIGEST_NONE || g->salt >= 0))
        return error_raise(g->prov, LB_E_KEY_TYPE, "the option %s needs %s beside it",
                           g->salt >= 0 ? OSSL_PKEY_PARAM_RSA_PSS_SALTLEN : OSSL_PKEY_PARAM_RSA_MGF1_DIGEST,
                           OSSL_PKEY_PARAM_RSA_DIGEST);
    if (g->digest == DIGEST_NONE)
        return 1;
    if (g->mgf1_digest != DIGEST_NONE && g->mgf1_digest != g->digest)
        return error_raise(g->prov, LB_E_KEY_TYPE,
                           "the option %s is %s, but a box restricts a key to one digest, here to %s",
                           OSSL_PKEY_PARAM_RSA_MGF1_DIGEST, digest_name(g->mgf1_digest), digest_name(g->digest));
    if (g->salt >= 0 && (size_t)g->salt != digest_size(g->digest))
        return error_raise(g->prov, LB_E_KEY_TYPE,
                           "the option %s is %d, but a box restricts a key to salts of the digest's size, here %zu",
                           OSSL_PKEY_PARAM_RSA_PSS_SALTLEN, g->salt, digest_size(g->digest));
    append_digest(type, g->digest);
    return 1;
}

/*
 * The type as the box calls it (model/key_types.h): the algorithm's name, and behind it what the options say. The box decides
 * which types there are: it is the box that refuses "rsa:1024".
 */
int genopts_type(const struct genopts *g, char ret[LB_TYPE_MAX + 1])
{
    struct text type = { "", false };
    char group[GROUP_MAX], bits[24];

    append_lower(&type, "", g->alg->name);
    if (genopts_has(g->alg, OSSL_PKEY_PARAM_GROUP_NAME)) {
        if (g->group == NULL)
            return error_raise(g->prov, LB_E_KEY_TYPE, "name the curve of the new key: option %s, P-256 for one",
                               OSSL_PKEY_PARAM_GROUP_NAME);
        if (!group_name(g->group, group))
            return refuse_written_out(g);
        append(&type, ":", group);
    }
    if (genopts_has(g->alg, OSSL_PKEY_PARAM_RSA_N)) {
        snprintf(bits, sizeof(bits), "%zu", g->bits);
        append(&type, ":", bits);
    }
    if (genopts_has(g->alg, OSSL_PKEY_PARAM_RSA_MGF1_DIGEST) && !append_restrictions(g, &type))
        return 0;
    if (type.cut || strlen(type.s) > LB_TYPE_MAX)
        return error_raise(g->prov, LB_E_KEY_TYPE, "'%s' is no type of key that a box makes", type.s);
    memcpy(ret, type.s, strlen(type.s) + 1);
    return 1;
}

