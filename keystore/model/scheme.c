/* Signature schemes and digests, as requests name them. */
#include "model/scheme.h"

#include <strings.h>

/* All names that OpenSSL's default provider registers for them, preferred name first. */
static const struct {
    size_t size;
    const char *names[5];
} digests[DIGEST_LAST + 1] = {
    [DIGEST_NONE] = { 0, { NULL } },
    [DIGEST_SHA1] = { 20, { "SHA1", "SHA-1", "SSL3-SHA1" } },
    [DIGEST_SHA224] = { 28, { "SHA2-224", "SHA224", "SHA-224" } },
    [DIGEST_SHA256] = { 32, { "SHA2-256", "SHA256", "SHA-256" } },
    [DIGEST_SHA384] = { 48, { "SHA2-384", "SHA384", "SHA-384" } },
    [DIGEST_SHA512] = { 64, { "SHA2-512", "SHA512", "SHA-512" } },
    [DIGEST_SHA512_224] = { 28, { "SHA2-512/224", "SHA512-224", "SHA-512/224" } },
    [DIGEST_SHA512_256] = { 32, { "SHA2-512/256", "SHA512-256", "SHA-512/256" } },
    [DIGEST_SHA3_224] = { 28, { "SHA3-224" } },
    [DIGEST_SHA3_256] = { 32, { "SHA3-256" } },
    [DIGEST_SHA3_384] = { 48, { "SHA3-384" } },
    [DIGEST_SHA3_512] = { 64, { "SHA3-512" } },
    [DIGEST_MD5_SHA1] = { 36, { "MD5-SHA1" } },
};

static const char *const scheme_names[SCHEME_LAST + 1] = {
    [SCHEME_RSA_PKCS1] = "rsa-pkcs1",     [SCHEME_RSA_PSS] = "rsa-pss",         [SCHEME_ECDSA] = "ecdsa",
    [SCHEME_ED25519] = "ed25519",         [SCHEME_ED448] = "ed448",             [SCHEME_ED25519PH] = "ed25519ph",
    [SCHEME_ED25519CTX] = "ed25519ctx",   [SCHEME_ED448PH] = "ed448ph",         [SCHEME_ML_DSA] = "ml-dsa",
    [SCHEME_SLH_DSA] = "slh-dsa",
};

const char *digest_name(unsigned digest)
{
    return digest > DIGEST_LAST ? NULL : digests[digest].names[0];
}

size_t digest_size(unsigned digest)
{
    return digest > DIGEST_LAST ? 0 : digests[digest].size;
}

int digest_by_name(const char *name)
{
    for (int d = 1; d <= DIGEST_LAST; d++) {
        for (const char *const *n = digests[d].names; *n != NULL; n++) {
            if (strcasecmp(*n, name) == 0)
                return d;
        }
    }
    return -1;
}

const char *scheme_name(unsigned scheme)
{
    return scheme > SCHEME_LAST || scheme_names[scheme] == NULL ? "unknown" : scheme_names[scheme];
}
