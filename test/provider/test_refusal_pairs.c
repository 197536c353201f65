/* What a key of `default` refuses, a handle refuses by the same return value; what it does, a handle does. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/rsa.h>
#include <string.h>

#include "types.h"

/* One attempt at an operation: what it is made of, and where it ended. */
struct attempt {
    const char *digest;  /* of EVP_DigestSignInit and its like; NULL: the key's own */
    const char *options; /* see rows */
    size_t input;        /* bytes that are signed, or of the digest */
    int room;            /* for the signature, or its length, beyond its usual size */
    const char *call;    /* the last one */
    int result;          /* what it returned */
};

typedef void operation_fn(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key);
static operation_fn digest_sign, digest_stream, digest_twice, digest_late, sign, sign_unready, verify, verify_unready,
    digest_verify, recover, decrypt_init, derive_init;

#define VALUE_MAX 300
#define OPTIONS_MAX (VALUE_MAX + 100)

/* The longest context string that RFC 8032 and FIPS 204 allow: 255 octets. */
#define FIFTH "a-context-string-has-at-most-255-octets-and-no-more"
#define LONGEST FIFTH FIFTH FIFTH FIFTH FIFTH

#define RSA_KEYS "rsa pss pss256"
#define EC_KEYS "p256 p384 p521"
#define ED_KEYS "ed25519 ed448"
#define HASHING_KEYS RSA_KEYS " " EC_KEYS
#define ALL_KEYS HASHING_KEYS " " ED_KEYS

#define NO_DIGEST "a box signs no such digest"
#define NO_RAW "there is no raw RSA"
#define NO_X931 "a box makes no X9.31 signature"
#define NOT_HASHED "a box signs digests, not any bytes"
#define IGNORED "what is not understood is not passed over: it might matter"
#define OTHER_KEY "another type of key signs so"
#define ONCE "libcrypto itself ends a context after a signature in one call, from some version on"

/*
 * Options are "name=value", separated by spaces, as EVP_PKEY_CTX_ctrl_str() has them; with "#" in front they are an
 * OSSL_PARAM that is a number, "$" a text, "@" bytes. Where "%" stands, in the options or alone, each of the values
 * stands in turn; they are separated by "|".
 */
static const struct row {
    const char *keys; /* of types.h: each is held against a key of `default` of the same type */
    operation_fn *operation;
    const char *values;
    const char *digest, *options;
    const char *input;    /* NULL: 32 */
    const char *room;     /* NULL: 0 */
    const char *stricter; /* why a handle refuses what `default` does, in some versions; NULL: both do the same */
    unsigned from, until; /* OpenSSL's versions, as 0xMMmm, where `default` and a handle agree; 0: no bound */
} rows[] = {
    /* Salt length */
    { RSA_KEYS, digest_sign, "digest|max|-1|-3|-5|-100|0|20|32|222|223|300|65536|99999999999",
      .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_pss_saltlen=%" },
    { RSA_KEYS, digest_sign, "auto|-2", .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_pss_saltlen=%" },
    { RSA_KEYS, digest_sign, "-4", .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_pss_saltlen=%" },
    { RSA_KEYS, digest_sign, "auto-digestmax",
      .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_pss_saltlen=%", .from = 0x0301 },
    { RSA_KEYS, digest_sign, "auto-digestmax",
      .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_pss_saltlen=%", .stricter = IGNORED, .until = 0x0300 },
    { RSA_KEYS, digest_sign, "-|many|7x|",
      .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_pss_saltlen=%", .stricter = IGNORED },
    { RSA_KEYS, digest_sign, "-1|-3|-5|-100|0|20|32|222|223|65536",
      .digest = "SHA256", .options = "rsa_padding_mode=pss #saltlen=%" },
    { RSA_KEYS, digest_sign, "-2", .digest = "SHA256", .options = "rsa_padding_mode=pss #saltlen=%" },
    { RSA_KEYS, digest_sign, "-4", .digest = "SHA256", .options = "rsa_padding_mode=pss #saltlen=%" },
    { RSA_KEYS, digest_sign, "digest|-7", .digest = "SHA256", .options = "rsa_padding_mode=pss $saltlen=%" },
    { RSA_KEYS, digest_sign, "digest", .digest = "SHA256", .options = "rsa_padding_mode=pss @saltlen=%" },
    { RSA_KEYS, digest_sign, "190|191", .digest = "SHA512", .options = "rsa_padding_mode=pss rsa_pss_saltlen=%" },
    { RSA_KEYS, digest_sign, "digest|20", .digest = "SHA256", .options = "rsa_pss_saltlen=% rsa_padding_mode=pss" },
    { RSA_KEYS, digest_sign, "digest|20", .digest = "SHA256", .options = "rsa_padding_mode=pkcs1 rsa_pss_saltlen=%" },
    { EC_KEYS " " ED_KEYS, digest_sign, "digest|20", .options = "rsa_pss_saltlen=%" },
    { EC_KEYS " " ED_KEYS, digest_sign, "20", .options = "#saltlen=%", .stricter = IGNORED },

    /* Padding; `default` keeps the one that it had where it does not know the word */
    { RSA_KEYS, digest_sign, "pkcs1|pss|none", .digest = "SHA256", .options = "rsa_padding_mode=%" },
    { RSA_KEYS, digest_sign, "oaep|oeap|sslv23|PSS|unheard-of|",
      .digest = "SHA256", .options = "rsa_padding_mode=%", .stricter = IGNORED },
    { RSA_KEYS, sign, "pkcs1|pss|none|x931", .options = "rsa_padding_mode=%" },
    { RSA_KEYS, digest_sign, "-1|0|1|2|3|4|6|7|8|99", .digest = "SHA256", .options = "#pad-mode=%" },
    { RSA_KEYS, sign, "-1|0|1|2|3|4|5|6|7|8|99", .options = "#pad-mode=%" },
    { RSA_KEYS, digest_sign, "pss", .digest = "SHA256", .options = "@pad-mode=%" },
    { RSA_KEYS, digest_sign, "x931", .digest = "SHA256", .options = "rsa_padding_mode=%", .stricter = NO_X931 },
    { RSA_KEYS, digest_sign, "5", .digest = "SHA256", .options = "#pad-mode=%", .stricter = NO_X931 },
    { RSA_KEYS, sign, "0|20|32|245|255|256|257",
      .options = "rsa_padding_mode=none", .input = "%", .stricter = NO_RAW },
    { EC_KEYS " " ED_KEYS, digest_sign, "pss|none", .options = "rsa_padding_mode=%" },

    /* Digest of MGF1 */
    { RSA_KEYS, digest_sign, "sha1|SHA256|SHA512|SHA3-256|SHAKE128|unheard-of|",
      .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_mgf1_md=%" },
    { RSA_KEYS, digest_sign, "MD5|SM3",
      .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_mgf1_md=%", .stricter = NO_DIGEST },
    { RSA_KEYS, digest_sign, "SHA256", .digest = "SHA256", .options = "rsa_mgf1_md=% rsa_padding_mode=pss" },
    { RSA_KEYS, digest_sign, "5", .digest = "SHA256", .options = "rsa_padding_mode=pss #mgf1-digest=%" },

    /* Digest: at the beginning, and as an option */
    { ALL_KEYS, digest_sign, "SHA1|SHA224|SHA256|SHA384|SHA512|SHA512-224|SHA3-224|SHA3-512|unheard-of",
      .digest = "%" },
    { "rsa pss " EC_KEYS " " ED_KEYS, digest_sign, "", .digest = "%" },
    { RSA_KEYS, digest_sign, "SHA1|SHA224|SHA256|SHA384|SHA512|SHA512-256|SHA3-384|unheard-of",
      .digest = "%", .options = "rsa_padding_mode=pss" },
    { "rsa pss256 " EC_KEYS " " ED_KEYS, digest_sign, "MD5-SHA1", .digest = "%" },
    { "pss", digest_sign, "MD5-SHA1", .digest = "%", .stricter = NO_DIGEST },
    { RSA_KEYS, digest_sign, "MD5-SHA1", .digest = "%", .options = "rsa_padding_mode=pss", .stricter = NO_DIGEST },
    { ALL_KEYS, digest_sign, "MD5|RIPEMD160|SM3|BLAKE2B512|SHAKE256", .digest = "%", .stricter = NO_DIGEST },
    { HASHING_KEYS, sign, "SHA1|SHA224|SHA256|SHA512-256|SHA3-256|unheard-of|", .options = "digest=%" },
    { HASHING_KEYS, sign, "MD5|RIPEMD160|SM3|BLAKE2S256|SHAKE256", .options = "digest=%", .stricter = NO_DIGEST },
    { RSA_KEYS, sign, "SHA1|SHA256|SHA384|unheard-of", .options = "rsa_padding_mode=pss digest=%" },
    { RSA_KEYS, sign, "MD5|SM3|SHAKE256", .options = "rsa_padding_mode=pss digest=%", .stricter = NO_DIGEST },
    { HASHING_KEYS, sign, "5", .options = "#digest=%" },
    { RSA_KEYS " " ED_KEYS, digest_sign, "SHA256|SHA512|unheard-of", .digest = "SHA256", .options = "digest=%" },
    { EC_KEYS, digest_sign, "SHA256|SHA512|unheard-of", .digest = "SHA256", .options = "digest=%" },
    { ALL_KEYS, digest_sign, "SHA256", .digest = "SHA256", .options = "$digest=%" },
    { HASHING_KEYS, digest_sign, "SHA256", .options = "$digest=%" },
    { ED_KEYS, digest_sign, "SHA256", .options = "$digest=%", .stricter = IGNORED },
    { ALL_KEYS, digest_sign, "SHA512|unheard-of", .options = "$digest=%", .stricter = IGNORED },
    { ALL_KEYS, digest_sign, "5", .options = "#digest=%", .stricter = IGNORED },

    /* Length of the digest */
    { HASHING_KEYS, sign, "0|1|31|32|33|48|64|65|1000", .options = "digest=SHA256", .input = "%" },
    { RSA_KEYS, sign, "0|1|31|32|33|48|64|65|1000", .options = "rsa_padding_mode=pss digest=SHA256", .input = "%" },
    { RSA_KEYS, sign, "0|1|32|48|64", .options = "rsa_padding_mode=pss", .input = "%" },
    { RSA_KEYS, sign, "20", .options = "rsa_padding_mode=pss", .input = "%" },
    { RSA_KEYS, sign, "0|1|20|28|32|36|48|64|245|246|247|255|256|257|1000", .input = "%" },
    { EC_KEYS, sign, "20|28|32|48|64", .input = "%" }, /* as long as a digest */
    { EC_KEYS, sign, "0|1|31|33|65|1000", .input = "%", .stricter = NOT_HASHED },
    { "rsa", sign, "0|20|35|36|37|256", .options = "digest=MD5-SHA1", .input = "%" },

    /* Room for the signature, text, order of calls */
    { ALL_KEYS, digest_sign, "-1000|-10|-1|0|1|100", .room = "%" },
    { HASHING_KEYS, digest_stream, "-1000|-10|-1|0|1|100", .room = "%" },
    { HASHING_KEYS, sign, "-1000|-10|-1|0|1|100", .room = "%" },
    { ALL_KEYS, digest_sign, "0|1|16384|16385|100000", .input = "%" },
    { HASHING_KEYS, digest_stream, "0|1|16384|16385|100000", .input = "%" },
    { ALL_KEYS, digest_twice, .values = "", .until = 0x0300 },
    { HASHING_KEYS, digest_twice, .values = "", .stricter = ONCE, .from = 0x0305 },
    { HASHING_KEYS, digest_late, .values = "", .until = 0x0300 },
    { HASHING_KEYS, digest_late, .values = "", .stricter = ONCE, .from = 0x0305 },
    { ALL_KEYS, sign_unready, .values = "" },
    { ALL_KEYS, verify_unready, .values = "" },

    /* Options that are none */
    { ALL_KEYS, digest_sign, "unheard-of=x|=x|ec_paramgen_curve=P-256", .options = "%" },
    { ALL_KEYS, digest_sign, "$unheard-of=x|#unheard-of=1", .options = "%", .stricter = IGNORED },
    { HASHING_KEYS, digest_sign, "abc", .options = "@context-string=%", .stricter = IGNORED },

    /* Contexts and variants of EdDSA, nonces of ECDSA */
    { "ed25519", digest_sign, "abc", .options = "$instance=Ed25519ctx @context-string=%", .from = 0x0302 },
    { "ed25519", digest_sign, "|abc", .options = "$instance=Ed25519ph @context-string=%", .from = 0x0302 },
    { "ed448", digest_sign, "|abc", .options = "$instance=Ed448ph @context-string=%", .from = 0x0302 },
    { ED_KEYS, digest_sign, "|abc|" LONGEST "|" LONGEST "x", .options = "@context-string=%", .from = 0x0302 },
    { ED_KEYS, digest_sign, "abc", .options = "$context-string=%", .from = 0x0302 },
    { "ed25519", digest_sign, "Ed25519|Ed25519ph|Ed25519ctx|ed25519|none|", .options = "$instance=%", .from = 0x0302 },
    { "ed25519", digest_sign, "Ed448|Ed448ph", .options = "$instance=%", .stricter = OTHER_KEY, .from = 0x0302 },
    { "ed448", digest_sign, "Ed448|Ed448ph|ed448|none|", .options = "$instance=%", .from = 0x0302 },
    { "ed448", digest_sign, "Ed25519|Ed25519ctx", .options = "$instance=%", .stricter = OTHER_KEY, .from = 0x0302 },
    { ED_KEYS, digest_sign, "5", .options = "#instance=%", .from = 0x0302 },
    { EC_KEYS, digest_sign, "0|1|-1", .options = "#nonce-type=%", .from = 0x0302 },
    { EC_KEYS, digest_sign, "2", .options = "#nonce-type=%", .stricter = IGNORED, .from = 0x0302 },
    { EC_KEYS, digest_sign, "0|x", .options = "$nonce-type=%", .from = 0x0302 },

    /* Verifying, of what is no signature: wrong lengths, wrong options */
    { HASHING_KEYS, verify, "-1000|-1|0|1", .room = "%" },
    { ALL_KEYS, digest_verify, "-1000|-1|0|1", .room = "%" },
    { RSA_KEYS, recover, "-1000|-1|0|1", .room = "%" },
    { HASHING_KEYS, digest_verify, "SHA256|unheard-of", .options = "digest=%" },
    { HASHING_KEYS, verify, "0|1|31|33|64", .options = "digest=SHA256", .input = "%" },
    { HASHING_KEYS, verify, "digest=unheard-of|rsa_padding_mode=none|rsa_padding_mode=unheard-of|unheard-of=x",
      .options = "%" },
    { HASHING_KEYS, verify, "#pad-mode=7|#pad-mode=4|#saltlen=-9|$digest=unheard-of|$unheard-of=x", .options = "%" },
    { RSA_KEYS, verify, "-5|-4|-3|-2|-1|max|many|10|20|300", .options = "rsa_padding_mode=pss rsa_pss_saltlen=%" },
    { RSA_KEYS, digest_verify, "-5|-4|-3|-2|-1|max|many|10|20|300",
      .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_pss_saltlen=%" },
    { RSA_KEYS, digest_verify, "SHA1|SHA512|SHAKE128|unheard-of",
      .digest = "SHA256", .options = "rsa_padding_mode=pss rsa_mgf1_md=%" },
    { ALL_KEYS, digest_verify, "#pad-mode=7|#pad-mode=1|rsa_padding_mode=none|rsa_padding_mode=pkcs1", .options = "%" },
    { ALL_KEYS, digest_verify, "SHA1|SHA512|MD5|SHAKE256|unheard-of|", .digest = "%" },

    /* Operations of other types of keys */
    { EC_KEYS " " ED_KEYS, decrypt_init, .values = "" },
    { RSA_KEYS " " ED_KEYS, derive_init, .values = "" },
    { ED_KEYS, sign, .values = "" },
    { ED_KEYS, verify, .values = "" },
    { EC_KEYS " " ED_KEYS, recover, .values = "" },
};
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ROWS COUNT(rows)

/* One call of an attempt; false: it is the last one. */
static bool did(struct attempt *a, const char *call, int result)
{
    a->call = call;
    a->result = result;
    return result > 0;
}
#define DID(a, call) did(a, #call, call)

static int set_option(EVP_PKEY_CTX *ctx, char *option)
{
    char *name = option + strspn(option, "#$@"), *value = strchr(name, '=');
    OSSL_PARAM params[] = { OSSL_PARAM_END, OSSL_PARAM_END };
    int number;

    if (value != NULL)
        *value++ = '\0';
    if (name == option)
        return EVP_PKEY_CTX_ctrl_str(ctx, name, value);
    NEED(value != NULL);
    number = atoi(value);
    if (option[0] == '#')
        params[0] = OSSL_PARAM_construct_int(name, &number);
    else if (option[0] == '$')
        params[0] = OSSL_PARAM_construct_utf8_string(name, value, 0);
    else
        params[0] = OSSL_PARAM_construct_octet_string(name, value, strlen(value));
    return EVP_PKEY_CTX_set_params(ctx, params);
}

static bool set_options(struct attempt *a, EVP_PKEY_CTX *ctx)
{
    static const char *const calls[] = { "first option", "second option", "third option" };
    char options[OPTIONS_MAX], *save = NULL, *option;
    size_t i = 0;

    snprintf(options, sizeof(options), "%s", a->options == NULL ? "" : a->options);
    for (option = strtok_r(options, " ", &save); option != NULL; option = strtok_r(NULL, " ", &save)) {
        NEED(i < COUNT(calls));
        if (!did(a, calls[i++], set_option(ctx, option)))
            return false;
    }
    return true;
}

static uint8_t text[100000], sig[2000];

static size_t room_of(const struct attempt *a, EVP_PKEY *key)
{
    int room = EVP_PKEY_get_size(key) + a->room;

    return room < 0 ? 0 : (size_t)room;
}

static bool begin(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key, EVP_MD_CTX *md)
{
    EVP_PKEY_CTX *ctx = NULL;

    return DID(a, EVP_DigestSignInit_ex(md, &ctx, a->digest, libctx, NULL, key, NULL)) && set_options(a, ctx);
}

static void digest_sign(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t len = 0, room = room_of(a, key);

    if (begin(a, libctx, key, md) && DID(a, EVP_DigestSign(md, NULL, &len, text, a->input)))
        DID(a, EVP_DigestSign(md, sig, &room, text, a->input));
    EVP_MD_CTX_free(md);
}

static void digest_stream(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t len = 0, room = room_of(a, key);

    if (begin(a, libctx, key, md) && DID(a, EVP_DigestSignUpdate(md, text, a->input)) &&
        DID(a, EVP_DigestSignFinal(md, NULL, &len)))
        DID(a, EVP_DigestSignFinal(md, sig, &room));
    EVP_MD_CTX_free(md);
}

/* Two signatures of one context. */
static void digest_twice(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t room = room_of(a, key);

    if (begin(a, libctx, key, md) && DID(a, EVP_DigestSign(md, sig, &room, text, a->input))) {
        room = room_of(a, key);
        did(a, "EVP_DigestSign, once more", EVP_DigestSign(md, sig, &room, text, a->input));
    }
    EVP_MD_CTX_free(md);
}

/* More text after the signature. */
static void digest_late(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    size_t room = room_of(a, key);

    if (begin(a, libctx, key, md) && DID(a, EVP_DigestSign(md, sig, &room, text, a->input)))
        DID(a, EVP_DigestSignUpdate(md, text, a->input));
    EVP_MD_CTX_free(md);
}

static void sign(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    size_t len = 0, room = room_of(a, key);

    if (DID(a, EVP_PKEY_sign_init(ctx)) && set_options(a, ctx) &&
        DID(a, EVP_PKEY_sign(ctx, NULL, &len, text, a->input)))
        DID(a, EVP_PKEY_sign(ctx, sig, &room, text, a->input));
    EVP_PKEY_CTX_free(ctx);
}

/* Without an init: the context has no operation yet. */
static void sign_unready(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    size_t room = room_of(a, key);

    DID(a, EVP_PKEY_sign(ctx, sig, &room, text, a->input));
    EVP_PKEY_CTX_free(ctx);
}

static void verify_unready(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

    DID(a, EVP_PKEY_verify(ctx, sig, room_of(a, key), text, a->input));
    EVP_PKEY_CTX_free(ctx);
}

/* No signature of anything: room says how long it is. */
static void verify(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

    memset(sig, 1, sizeof(sig));
    if (DID(a, EVP_PKEY_verify_init(ctx)) && set_options(a, ctx))
        DID(a, EVP_PKEY_verify(ctx, sig, room_of(a, key), text, a->input));
    EVP_PKEY_CTX_free(ctx);
}

static void digest_verify(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_MD_CTX *md = EVP_MD_CTX_new();
    EVP_PKEY_CTX *ctx = NULL;

    memset(sig, 1, sizeof(sig));
    if (DID(a, EVP_DigestVerifyInit_ex(md, &ctx, a->digest, libctx, NULL, key, NULL)) && set_options(a, ctx))
        DID(a, EVP_DigestVerify(md, sig, room_of(a, key), text, a->input));
    EVP_MD_CTX_free(md);
}

static void recover(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);
    uint8_t out[1000];
    size_t len = sizeof(out);

    memset(sig, 1, sizeof(sig));
    if (DID(a, EVP_PKEY_verify_recover_init(ctx)) && set_options(a, ctx))
        DID(a, EVP_PKEY_verify_recover(ctx, out, &len, sig, room_of(a, key)));
    EVP_PKEY_CTX_free(ctx);
}

static void decrypt_init(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

    DID(a, EVP_PKEY_decrypt_init(ctx));
    EVP_PKEY_CTX_free(ctx);
}

static void derive_init(struct attempt *a, OSSL_LIB_CTX *libctx, EVP_PKEY *key)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(libctx, key, NULL);

    DID(a, EVP_PKEY_derive_init(ctx));
    EVP_PKEY_CTX_free(ctx);
}

/* The row with a value in the place that is left open. */
static void fill(const struct row *row, const char *value, char options[OPTIONS_MAX], struct attempt *ret)
{
    const char *open = row->options == NULL ? NULL : strchr(row->options, '%');

    *ret = (struct attempt){ row->digest, row->options, 32, 0, "nothing", 1 };
    if (open != NULL) {
        NEED(snprintf(options, OPTIONS_MAX, "%.*s%s%s", (int)(open - row->options), row->options, value, open + 1) <
             OPTIONS_MAX);
        ret->options = options;
    }
    if (row->digest != NULL && row->digest[0] == '%')
        ret->digest = value;
    if (row->input != NULL)
        ret->input = strtoul(value, NULL, 10);
    if (row->room != NULL)
        ret->room = atoi(value);
}

/* Earlier than `default` is as good: a wrong option may be refused before its consequences are. */
static bool same_refusal(const struct attempt *by_default, const struct attempt *by_box)
{
    bool option = strstr(by_box->call, "option") != NULL;

    return by_box->result == by_default->result && (option || strcmp(by_box->call, by_default->call) == 0);
}

static void pair(const struct row *row, const char *value, const struct type *t, OSSL_LIB_CTX *libctx, EVP_PKEY *plain,
                 EVP_PKEY *handle)
{
    struct attempt by_default, by_box;
    char options[OPTIONS_MAX];
    bool ok, silent;

    fill(row, value, options, &by_default);
    by_box = by_default;
    ERR_clear_error();
    row->operation(&by_default, libctx, plain);
    silent = ERR_peek_error() == 0;
    ERR_clear_error();
    row->operation(&by_box, libctx, handle);
    ok = same_refusal(&by_default, &by_box) && (silent || ERR_peek_error() != 0);
    if (row->stricter != NULL)
        ok = by_box.result <= 0 && (ok || (by_default.result > 0 && ERR_peek_error() != 0));
    CU_ASSERT(ok);
    if (!ok) {
        fprintf(stderr, "\nkey %s, digest %s, options '%s', %zu bytes, room %+d:\n", t->key, by_box.digest == NULL ? "none" : by_box.digest,
                by_box.options == NULL ? "" : by_box.options, by_box.input, by_box.room);
        fprintf(stderr, "  default: %d of %s\n  littlebox: %d of %s%s%s\n", by_default.result, by_default.call,
                by_box.result, by_box.call, row->stricter == NULL ? "" : "; it refuses, since ",
                row->stricter == NULL ? "" : row->stricter);
        ERR_print_errors_fp(stderr);
    }
    ERR_clear_error();
}

/* An empty text is a value too. */
static void pairs(const struct row *row, const struct type *t, OSSL_LIB_CTX *libctx, EVP_PKEY *plain, EVP_PKEY *handle)
{
    const char *p = row->values;
    char value[VALUE_MAX];

    for (;;) {
        size_t len = strcspn(p, "|");

        NEED(len < sizeof(value));
        snprintf(value, sizeof(value), "%.*s", (int)len, p);
        pair(row, value, t, libctx, plain, handle);
        if (p[len] == '\0')
            break;
        p += len + 1;
    }
}

static bool in_version(const struct row *row, unsigned version)
{
    return version >= row->from && (row->until == 0 || version <= row->until);
}

static void test_pairs(void)
{
    unsigned version = OPENSSL_version_major() << 8 | OPENSSL_version_minor();

    for (size_t c = 0; c < 2; c++) {
        for (size_t i = 0; i < TYPES; i++) {
            EVP_PKEY *plain = plain_key(contexts[c], types[i].type), *handle = load_key(contexts[c], types[i].key);

            for (size_t r = 0; r < ROWS; r++) {
                if (in_list(rows[r].keys, types[i].key) && in_version(&rows[r], version))
                    pairs(&rows[r], &types[i], contexts[c], plain, handle);
            }
            EVP_PKEY_free(handle);
            EVP_PKEY_free(plain);
        }
    }
}

/* Every padding with every digest, digest of MGF1 and salt length: where `default` makes a signature, a handle does. */
static void test_combinations(void)
{
    static const char *const paddings[] = { "", "rsa_padding_mode=pkcs1", "rsa_padding_mode=pss" };
    static const char *const digests[] = { "SHA1", "SHA256", "SHA512", "SHA512-256", "SHA3-384" };
    static const char *const mgf1_digests[] = { "", "rsa_mgf1_md=SHA1", "rsa_mgf1_md=SHA512" };
    static const char salts[] = "|rsa_pss_saltlen=digest|rsa_pss_saltlen=-1|rsa_pss_saltlen=max|rsa_pss_saltlen=-3|"
                                "rsa_pss_saltlen=-2|rsa_pss_saltlen=-4|rsa_pss_saltlen=0|rsa_pss_saltlen=20|rsa_pss_saltlen=190|"
                                "rsa_pss_saltlen=222";

    for (size_t i = 0; i < TYPES; i++) {
        EVP_PKEY *plain, *handle;

        if (!in_list(RSA_KEYS, types[i].key))
            continue;
        plain = plain_key(contexts[0], types[i].type);
        handle = load_key(contexts[0], types[i].key);
        for (size_t p = 0; p < COUNT(paddings); p++) {
            for (size_t m = 0; m < COUNT(mgf1_digests); m++) {
                for (size_t d = 0; d < COUNT(digests); d++) {
                    char options[OPTIONS_MAX];
                    struct row row = { RSA_KEYS, digest_sign, salts, .digest = digests[d], .options = options };

                    snprintf(options, sizeof(options), "%s %s %%", paddings[p], mgf1_digests[m]);
                    pairs(&row, &types[i], contexts[0], plain, handle);
                }
            }
        }
        EVP_PKEY_free(handle);
        EVP_PKEY_free(plain);
    }
}

int main(void)
{
    static CU_TestInfo tests[] = {
        { "pair by pair", test_pairs },
        { "combinations", test_combinations },
        CU_TEST_INFO_NULL,
    };
    int status;

    types_begin();
    status = run_suite("refusal pairs", tests);
    types_end();
    return status;
}
