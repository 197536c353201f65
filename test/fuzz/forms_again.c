/*
 * A second reader of the forms of texts. The forms are written down as patterns, which a small interpreter runs over the octets; what a
 * text says of keys and names is read by libcrypto's own readers of whole certificates, CRLs and responses.
 *
 * Patterns, as parsing expressions: the first alternative that fits is taken, and repetitions take all that they can.
 *
 *    0a          that octet                       'text'      those octets
 *    ?32         32 octets, whatever they are     .           all that is left
 *    {2,1,9 X}   a length in two octets, from 1 to 9, and that many octets that are X; {2 X}: of any length
 *    <30 X>      an element of DER with that tag, whose contents are X
 *    @           an element of DER, whatever it is
 *    (X|Y)       X, or else Y                     (X)*  (X)?  as often as it goes; once, if it goes, and no digit behind it
 *    %a          the pattern of that name         !a          counts that this place was reached
 *    $K          the octets of the key's SubjectPublicKeyInfo; $S: a key of SSH that has its public key inside
 *    &c01 X;     a message of DTLS of that type from that end ("c", "s") whose body is X
 */
#include "forms_again.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ocsp.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

struct run {
    const struct form_key *key;
    unsigned counts[26];
    int next[2]; /* numbers of messages of both ends; 0: any */
};

/* The patterns */

#define BLANKS "2020202020202020202020202020202020202020202020202020202020202020"
#define MESSAGE(type, body) "&" type " " body ";"
/* The messages of a TLS 1.2 handshake up to a client's CertificateVerify, each through M(end, type, body). */
#define HANDSHAKE(M, version, cookie)                                                                           \
    M("c", "01", version "?33 {1,0,32 .}" cookie "{2,2,65534 (?2)*}{1,1,255 .}(%x)?")                           \
    M("s", "02", version "?33 {1,0,32 .}?3(%x)?")                                                               \
    M("s", "0b", "{3,1,16777215 .}")                                                                            \
    "(" M("s", "16", "01{3,1,16777215 .}") ")? "                                                                \
    "(" M("s", "0c", "?1.") ")? "                                                                               \
    M("s", "0d", "{1,1,255 .}{2,2,65534 (?2)*}{2 .}")                                                           \
    M("s", "0e", "")                                                                                            \
    M("c", "0b", "{3,1,16777215 .}")                                                                            \
    M("c", "10", "?1.")
#define OF_TLS(end, type, body) type "{3 " body "}"
#define OF_DTLS(end, type, body) MESSAGE(end type, body)

static const struct {
    char name;
    const char *pattern;
} patterns[] = {
    /* RFC 8446 4.4.3 */
    { 'A', BLANKS BLANKS "'TLS 1.3, server CertificateVerify'00(?48|?32)" },
    { 'B', BLANKS BLANKS "'TLS 1.3, client CertificateVerify'00(?48|?32)" },
    /* RFC 8422 5.4, with the lengths of RFC 8422 5.1.1's curves, RFC 4492's and RFC 7027's */
    { 'D', "?64 03 00((01|02|03)2b04?42|(04|05)3304?50|(06|07|08)3d04?60|(09|0a)4904?72|(0b|0c)6904?104|(0d|0e)9104?144|"
           "(0f|10|11)2904?40|(12|13)3104?48|(14|15)3904?56|(16|17|1a)4104?64|(18|1b)6104?96|198504?132|1c8104?128|1d20?32|1e38?56)" },
    /* RFC 5246 7.4.3 */
    { 'E', "?64{2,128,2048 .}{2,1,2048 .}{2,1,2048 .}" },
    /* RFC 5246 7.3, RFC 6347 4.2 */
    { 'F', HANDSHAKE(OF_TLS, "03", "") },
    { 'G', HANDSHAKE(OF_DTLS, "fe", "{1 .}") },
    { 'x', "{2 (?2{2 .})*}" },
    /* RFC 2986 4.1 */
    { 'H', "<30<02 00>%n$K<a0(%r)*>>" },
    /* RFC 5280 4.1, 5.1 */
    { 'I', "<30(<a0<02(01|02)>>)?<02.>%a%n<30%t%t>%n%k(<81.>)?(<82.>)?(<a3%e>)?>" },
    { 'J', "<30(<02 01>)?%a%n%t(%t)?(<30(<30<02.>%t(%e)?>)*>)?(<a0%e>)?>" },
    /* RFC 6960 4.2.1 */
    { 'K', "<30(<a1%n>|<a2<04?20>>)<18.><30(%s)*>(<a1%e>)?>" },
    { 's', "<30<30%a<04.><04.><02.>>(8000|<a1<18.>(<a0<0a.>>)?>|8200)<18.>(<a0<18.>>)?(<a1%e>)?>" },
    /* RFC 5652 5.4, 11 */
    { 'L', "<31(<30<06 2a864886f70d010903><31<06 2a864886f70d0109100104>>>!c!t|<30<06 2a864886f70d010903><31<06.>>>!c|"
           "<30<06 2a864886f70d010904><31<04(?64|?48|?32|?28|?20)>>>!m|%r)*>" },
    /* PROTOCOL.sshsig, RFC 4252 7 */
    { 'M', "'SSHSIG'{4,1,65535 .}00000000({4'sha256'}{4?32}|{4'sha512'}{4?64})" },
    { 'N', "{4,20,64(?64|?48|?32|?20)}32{4 .}{4'ssh-connection'}({4'publickey'}01%b|{4'publickey-hostbound-v00@openssh.com'}01%b{4,1,65535 .})" },
    { 'b', "{4,7,64 .}{4$S}" },
    /* Parts */
    { 'a', "<30<06.>(@)?>" },
    { 'n', "<30(<31(<30<06.>@>)*>)*>" },
    { 'k', "<30%a<03.>>" },
    { 'e', "<30(<30<06.>(<01.>)?<04.>>)*>" },
    { 't', "(<17.>|<18.>)" },
    { 'r', "<30<06.><31(@)*>>" },
    { 0, NULL },
};

/* The interpreter */

static bool match(const char *p, const char *end, struct bytes *in, struct run *run);

static const char *pattern_of(char name)
{
    for (size_t i = 0; patterns[i].pattern != NULL; i++) {
        if (patterns[i].name == name)
            return patterns[i].pattern;
    }
    abort();
}

static bool skip(struct bytes *in, size_t len)
{
    if (len > in->len)
        return false;
    in->p += len;
    in->len -= len;
    return true;
}

static bool is_whole(const char *pattern, const char *end, struct bytes octets, struct run *run)
{
    return match(pattern, end, &octets, run) && octets.len == 0;
}

static bool take(struct bytes *in, size_t len, struct bytes *ret)
{
    *ret = (struct bytes){ in->p, len };
    return skip(in, len);
}

static bool number(struct bytes *in, size_t octets, size_t *ret)
{
    *ret = 0;
    if (octets > in->len)
        return false;
    for (size_t i = 0; i < octets; i++)
        *ret = *ret << 8 | in->p[i];
    return skip(in, octets);
}

/* X.690 10.1: the length that whoever wrote it should have written is the one that is there. */
static bool element(struct bytes *in, unsigned *ret_tag, struct bytes *ret)
{
    size_t tag, len, octets, least = 0;

    if (!number(in, 1, &tag) || (tag & 31) == 31 || !number(in, 1, &len))
        return false;
    *ret_tag = (unsigned)tag;
    if (len > 127) {
        octets = len - 128;
        if (octets == 0 || octets > sizeof(size_t) || !number(in, octets, &len))
            return false;
        for (size_t rest = len; rest > 0; rest >>= 8)
            least++;
        if (len < 128 || least != octets)
            return false;
    }
    return take(in, len, ret);
}

static bool any_element(struct bytes *in, unsigned depth)
{
    struct bytes inside;
    unsigned tag;

    if (depth > 64 || !element(in, &tag, &inside))
        return false;
    if (tag == 1)
        return inside.len == 1 && (inside.p[0] == 0 || inside.p[0] == 255);
    if (tag == 2)
        return inside.len > 0 && (inside.len == 1 || ((inside.p[0] << 8 | (inside.p[1] & 128)) != 0 && (inside.p[0] << 8 | (inside.p[1] & 128)) != 0xff80));
    if (tag == 5)
        return inside.len == 0;
    while ((tag & 32) != 0 && inside.len > 0) {
        if (!any_element(&inside, depth + 1))
            return false;
    }
    return true;
}

static bool has_public_key(struct bytes blob, struct bytes spki)
{
    const unsigned char *at = spki.p;
    EVP_PKEY *key = d2i_PUBKEY(NULL, &at, (long)spki.len);
    unsigned char octets[4096];
    size_t len = sizeof(octets);
    BIGNUM *n = NULL;
    bool has;

    if (key == NULL)
        return false;
    if (EVP_PKEY_is_a(key, "RSA")) {
        len = EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) > 0 ? (size_t)BN_bn2bin(n, octets) : 0;
    } else if (EVP_PKEY_is_a(key, "EC")) {
        if (EVP_PKEY_get_octet_string_param(key, OSSL_PKEY_PARAM_PUB_KEY, octets, sizeof(octets), &len) <= 0)
            len = 0;
    } else if (EVP_PKEY_get_raw_public_key(key, octets, &len) <= 0) {
        len = 0;
    }
    has = len >= 32 && memmem(blob.p, blob.len, octets, len) != NULL;
    BN_free(n);
    EVP_PKEY_free(key);
    return has;
}

/* Where the element of a pattern that begins at p ends. */
static const char *end_of(const char *p, const char *end)
{
    int depth = 0;

    if (*p == '\'')
        return strchr(p + 1, '\'') + 1;
    if (strchr("?", *p) != NULL) {
        for (p++; p < end && *p >= '0' && *p <= '9'; p++)
            ;
        return p;
    }
    if (strchr("%!$", *p) != NULL)
        return p + 2;
    if (*p == '.' || *p == '@')
        return p + 1;
    if (strchr("({<&", *p) == NULL)
        return p + 2;
    for (; p < end; p++) {
        if (*p == '\'')
            p = strchr(p + 1, '\'');
        else if (strchr("({<&", *p) != NULL)
            depth++;
        else if (strchr(")}>;", *p) != NULL && --depth == 0)
            return p + 1;
    }
    abort();
}

static unsigned hex(const char *p)
{
    char octet[3] = { p[0], p[1], '\0' };
    char *end;
    unsigned long value = strtoul(octet, &end, 16);

    if (*end != '\0')
        abort();
    return (unsigned)value;
}

static bool alternatives(const char *p, const char *end, struct bytes *in, struct run *run)
{
    const char *from = p;

    for (;;) {
        struct bytes rest = *in;

        while (p < end && *p != '|')
            p = *p == ' ' || *p == '*' ? p + 1 : *p == ')' ? p + 1 : end_of(p, end);
        if (match(from, p, &rest, run)) {
            *in = rest;
            return true;
        }
        if (p >= end)
            return false;
        from = ++p;
    }
}

static bool group(const char *p, const char *end, struct bytes *in, struct run *run)
{
    size_t bounds[3] = { 0, 0, SIZE_MAX }, len;
    struct bytes inside;

    for (int i = 0; i < 3; i++) {
        char *after;

        bounds[i] = strtoul(p, &after, 10);
        p = after;
        if (*p != ',')
            break;
        p++;
        if (i == 0)
            bounds[2] = 0;
    }
    return number(in, bounds[0], &len) && len >= bounds[1] && len <= bounds[2] && take(in, len, &inside) && is_whole(p, end, inside, run);
}

static bool message(const char *p, const char *end, struct bytes *in, struct run *run)
{
    size_t fields[5]; /* type, length, number, offset, length */
    static const size_t sizes[5] = { 1, 3, 2, 3, 3 };
    int *next = &run->next[p[0] == 's'];
    struct bytes body;

    for (int i = 0; i < 5; i++) {
        if (!number(in, sizes[i], &fields[i]))
            return false;
    }
    if (fields[0] != hex(p + 1) || fields[3] != 0 || fields[4] != fields[1] || (*next != 0 && fields[2] != (size_t)(*next & 0xffff)))
        return false;
    if (!take(in, fields[1], &body) || !is_whole(p + 3, end, body, run))
        return false;
    *next = (int)fields[2] + 1;
    return true;
}

static bool one(const char *p, const char *end, struct bytes *in, struct run *run)
{
    struct bytes inside;
    unsigned tag;

    switch (*p) {
    case '\'':
        return take(in, (size_t)(end - p - 2), &inside) && memcmp(inside.p, p + 1, inside.len) == 0;
    case '?':
        return skip(in, strtoul(p + 1, NULL, 10));
    case '.':
        return skip(in, in->len);
    case '@':
        return any_element(in, 0);
    case '%':
        return match(pattern_of(p[1]), pattern_of(p[1]) + strlen(pattern_of(p[1])), in, run);
    case '!':
        run->counts[p[1] - 'a']++;
        return true;
    case '$':
        if (p[1] == 'S') {
            inside = *in;
            return skip(in, in->len) && has_public_key(inside, run->key->spki);
        }
        return take(in, run->key->spki.len, &inside) && memcmp(inside.p, run->key->spki.p, inside.len) == 0;
    case '(':
        return alternatives(p + 1, end - 1, in, run);
    case '{':
        return group(p + 1, end - 1, in, run);
    case '<':
        return element(in, &tag, &inside) && tag == hex(p + 1) && is_whole(p + 3, end - 1, inside, run);
    case '&':
        return message(p + 1, end - 1, in, run);
    default:
        return take(in, 1, &inside) && inside.p[0] == hex(p);
    }
}

static bool match(const char *p, const char *end, struct bytes *in, struct run *run)
{
    while (p < end) {
        const char *after;
        struct bytes before = *in;

        if (*p == ' ') {
            p++;
            continue;
        }
        after = end_of(p, end);
        if (after < end && *after == '*') {
            while (before.len > 0 && one(p, after, in, run))
                before = *in;
            *in = before;
            after++;
        } else if (after < end && *p == '(' && *after == '?' && (after + 1 == end || after[1] < '0' || after[1] > '9')) {
            if (!one(p, after, in, run))
                *in = before;
            after++;
        } else if (!one(p, after, in, run)) {
            return false;
        }
        p = after;
    }
    return true;
}

static bool is(char name, struct bytes text, struct run *run)
{
    const char *pattern = pattern_of(name);

    *run = (struct run){ .key = run->key };
    return is_whole(pattern, pattern + strlen(pattern), text, run);
}

/* What libcrypto makes of it */

/* A signed object of these octets: a signature that is none, by Ed25519. Freed by the caller. */
static uint8_t *with_signature(struct bytes text, long *ret_len)
{
    static const uint8_t behind[] = { 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x02, 0x00, 0x00 };
    size_t len = text.len + sizeof(behind);
    uint8_t *whole = malloc(6 + len);

    if (whole == NULL)
        abort();
    memcpy(whole, (uint8_t[]){ 0x30, 0x84, (uint8_t)(len >> 24), (uint8_t)(len >> 16), (uint8_t)(len >> 8), (uint8_t)len }, 6);
    memcpy(whole + 6, text.p, text.len);
    memcpy(whole + 6 + text.len, behind, sizeof(behind));
    *ret_len = (long)(6 + len);
    return whole;
}

static X509 *own_certificate(const struct form_key *key)
{
    const unsigned char *at = key->certificate.p;

    return d2i_X509(NULL, &at, (long)key->certificate.len);
}

/* The issuer of this name and key identifier (NULL: it names none) is the key's certificate, where there is one. */
static bool is_issuer(const struct form_key *key, const X509_NAME *name, const AUTHORITY_KEYID *id)
{
    X509 *own = key->certificate.len > 0 ? own_certificate(key) : NULL;
    const ASN1_OCTET_STRING *own_id;
    bool is = key->certificate.len == 0;

    if (own != NULL && X509_NAME_cmp(X509_get_subject_name(own), name) == 0) {
        own_id = X509_get0_subject_key_id(own);
        is = own_id == NULL || id == NULL || id->keyid == NULL || ASN1_OCTET_STRING_cmp(own_id, id->keyid) == 0;
    }
    X509_free(own);
    return is;
}

static bool certificate(struct bytes text, const struct form_key *key)
{
    long len;
    uint8_t *whole = with_signature(text, &len), *spki = NULL;
    const unsigned char *at = whole;
    X509 *x = d2i_X509(NULL, &at, len);
    AUTHORITY_KEYID *id = x == NULL ? NULL : X509_get_ext_d2i(x, NID_authority_key_identifier, NULL, NULL);
    int spki_len = x == NULL ? -1 : i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &spki);
    bool good = x != NULL && (is_issuer(key, X509_get_issuer_name(x), id) ||
                              (X509_NAME_cmp(X509_get_issuer_name(x), X509_get_subject_name(x)) == 0 &&
                               spki_len == (int)key->spki.len && memcmp(spki, key->spki.p, key->spki.len) == 0));

    AUTHORITY_KEYID_free(id);
    X509_free(x);
    OPENSSL_free(spki);
    free(whole);
    return good;
}

static bool list(struct bytes text, const struct form_key *key)
{
    long len;
    uint8_t *whole = with_signature(text, &len);
    const unsigned char *at = whole;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, len);
    AUTHORITY_KEYID *id = crl == NULL ? NULL : X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
    bool good = crl != NULL && is_issuer(key, X509_CRL_get_issuer(crl), id);

    AUTHORITY_KEYID_free(id);
    X509_CRL_free(crl);
    free(whole);
    return good;
}

static bool is_key_hash(const ASN1_OCTET_STRING *hash, struct bytes spki)
{
    const unsigned char *at = spki.p, *bits;
    X509_PUBKEY *key = d2i_X509_PUBKEY(NULL, &at, (long)spki.len);
    unsigned char own[EVP_MAX_MD_SIZE];
    int len = 0;
    unsigned own_len = 0;
    bool is = key != NULL && X509_PUBKEY_get0_param(NULL, &bits, &len, NULL, key) > 0 &&
              EVP_Digest(bits, (size_t)len, own, &own_len, EVP_sha1(), NULL) > 0 && ASN1_STRING_length(hash) == (int)own_len &&
              memcmp(ASN1_STRING_get0_data(hash), own, own_len) == 0;

    X509_PUBKEY_free(key);
    return is;
}

static bool response(struct bytes text, const struct form_key *key)
{
    long len;
    uint8_t *whole = with_signature(text, &len);
    const unsigned char *at = whole;
    OCSP_BASICRESP *r = d2i_OCSP_BASICRESP(NULL, &at, len);
    const ASN1_OCTET_STRING *hash = NULL;
    const X509_NAME *name = NULL;
    bool good = r != NULL && OCSP_resp_get0_id(r, &hash, &name) > 0 &&
                (hash != NULL ? is_key_hash(hash, key->spki) : is_issuer(key, name, NULL));

    OCSP_BASICRESP_free(r);
    free(whole);
    return good;
}

/* 1 < n < p - 1 */
static bool is_inside(const BIGNUM *n, const BIGNUM *p)
{
    BIGNUM *above = BN_dup(n);
    bool is = above != NULL && BN_add_word(above, 1) > 0 && BN_cmp(above, p) < 0 && BN_cmp(n, BN_value_one()) > 0;

    BN_free(above);
    return is;
}

static bool diffie_hellman(struct bytes text, struct run *run)
{
    BIGNUM *numbers[3] = { NULL, NULL, NULL };
    bool good = is('E', text, run);

    for (int i = 0; i < 3 && good; i++) {
        size_t at = i == 0 ? 64 : 0, len;
        struct bytes octets = { NULL, 0 };

        good = skip(&text, at) && number(&text, 2, &len) && take(&text, len, &octets);
        numbers[i] = BN_bin2bn(octets.p, (int)octets.len, NULL);
    }
    good = good && BN_is_odd(numbers[0]) && BN_num_bits(numbers[0]) > 127 * 8 && is_inside(numbers[1], numbers[0]) && is_inside(numbers[2], numbers[0]);
    for (int i = 0; i < 3; i++)
        BN_free(numbers[i]);
    return good;
}

/* The other forms, by their patterns alone. */
static bool is_another(struct bytes text, struct run *run)
{
    for (const char *name = "ABFGHIJKLMN"; *name != '\0'; name++) {
        if (is(*name, text, run))
            return true;
    }
    return false;
}

/* The version of the ServerHello of a handshake, which is behind the ClientHello. */
static bool is_tls12(struct bytes text, size_t header, unsigned version)
{
    size_t at = header + ((size_t)text.p[1] << 16 | (size_t)text.p[2] << 8 | text.p[3]) + header;

    return at + 2 <= text.len && (unsigned)(text.p[at] << 8 | text.p[at + 1]) == version;
}

bool forms_again(struct bytes text, const struct form_key *key, unsigned purpose)
{
    struct run run = { .key = key };

    switch (purpose) {
    case PURPOSE_TLS_SERVER:
        return is('A', text, &run) || ((is('D', text, &run) || diffie_hellman(text, &run)) && !is_another(text, &run));
    case PURPOSE_TLS_CLIENT:
        return is('B', text, &run) || (is('F', text, &run) && is_tls12(text, 4, 0x0303)) ||
               (is('G', text, &run) && is_tls12(text, 12, 0xfefd));
    case PURPOSE_CSR:
        return is('H', text, &run);
    case PURPOSE_X509:
        return is('I', text, &run) && certificate(text, key);
    case PURPOSE_CRL:
        return is('J', text, &run) && list(text, key);
    case PURPOSE_OCSP:
        return is('K', text, &run) && response(text, key);
    case PURPOSE_CMS:
    case PURPOSE_TIMESTAMP:
        return is('L', text, &run) && run.counts['c' - 'a'] == 1 && run.counts['m' - 'a'] == 1 &&
               run.counts['t' - 'a'] == (purpose == PURPOSE_TIMESTAMP);
    case PURPOSE_SSH:
        return is('M', text, &run) || is('N', text, &run);
    default:
        return false;
    }
}
