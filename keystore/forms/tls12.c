/* TLS 1.2: what a server signs in its ServerKeyExchange. */
#include <string.h>

#include "forms/der.h"
#include "forms/forms_priv.h"

/*
 * RFC 5246 7.4.3, RFC 8422 5.4:
 *
 *    client random (32) | server random (32) | ServerECDHParams or ServerDHParams
 *
 * Any octets are randoms, so the parameters are all that a text can be known by.
 */
#define RANDOMS 64

/* RFC 8422 5.4, ECCurveType: all others are obsolete. */
#define NAMED_CURVE 3

/* As each curve writes its public keys: after 0x04, or nothing but one coordinate. */
enum point { MISSING, FULL, BARE };

/*
 * By the number of the NamedCurve: all that OpenSSL 3.0 to 4.0 can agree on in TLS 1.2 (RFC 8422 5.1.1, RFC 7027 2). libssl sends
 * every point in full.
 */
static const struct curve {
    uint8_t coordinate; /* octets */
    uint8_t point;      /* enum point */
} curves[] = {
    [1] = { 21, FULL },  /* sect163k1 */
    [2] = { 21, FULL },  /* sect163r1 */
    [3] = { 21, FULL },  /* sect163r2 */
    [4] = { 25, FULL },  /* sect193r1 */
    [5] = { 25, FULL },  /* sect193r2 */
    [6] = { 30, FULL },  /* sect233k1 */
    [7] = { 30, FULL },  /* sect233r1 */
    [8] = { 30, FULL },  /* sect239k1 */
    [9] = { 36, FULL },  /* sect283k1 */
    [10] = { 36, FULL }, /* sect283r1 */
    [11] = { 52, FULL }, /* sect409k1 */
    [12] = { 52, FULL }, /* sect409r1 */
    [13] = { 72, FULL }, /* sect571k1 */
    [14] = { 72, FULL }, /* sect571r1 */
    [15] = { 20, FULL }, /* secp160k1 */
    [16] = { 20, FULL }, /* secp160r1 */
    [17] = { 20, FULL }, /* secp160r2 */
    [18] = { 24, FULL }, /* secp192k1 */
    [19] = { 24, FULL }, /* secp192r1 */
    [20] = { 28, FULL }, /* secp224k1 */
    [21] = { 28, FULL }, /* secp224r1 */
    [22] = { 32, FULL }, /* secp256k1 */
    [23] = { 32, FULL }, /* secp256r1 */
    [24] = { 48, FULL }, /* secp384r1 */
    [25] = { 66, FULL }, /* secp521r1 */
    [26] = { 32, FULL }, /* brainpoolP256r1 */
    [27] = { 48, FULL }, /* brainpoolP384r1 */
    [28] = { 64, FULL }, /* brainpoolP512r1 */
    [29] = { 32, BARE }, /* X25519 */
    [30] = { 56, BARE }, /* X448 */
};
#define CURVES (sizeof(curves) / sizeof(curves[0]))

/*
 * ServerECDHParams: curve_type (1) | named curve (2) | length of the point (1) | point
 */
static bool is_ecdh(struct bytes params)
{
    const uint8_t *p = params.p;
    const struct curve *curve;
    size_t number, len;

    if (params.len < 4 || p[0] != NAMED_CURVE)
        return false;
    number = (size_t)(p[1] << 8 | p[2]);
    len = p[3];
    if (number >= CURVES || params.len != 4 + len)
        return false;
    curve = &curves[number];
    /* X9.62: 0x04, both coordinates. */
    if (curve->point == FULL)
        return len == 1 + 2 * (size_t)curve->coordinate && p[4] == 4;
    return curve->point == BARE && len == curve->coordinate;
}

/* 1024 to 16384 bits, which is all that libcrypto's DH takes, but for what is too short to be of use. */
#define PRIME_MIN 128
#define PRIME_MAX 2048

/* A big-endian number without the zeros in front. */
static struct bytes number(struct bytes octets)
{
    while (octets.len > 0 && octets.p[0] == 0) {
        octets.p++;
        octets.len--;
    }
    return octets;
}

/* 1 < n < p - 1; p is odd, so p - 1 differs from it in the last octet alone. */
static bool is_between(struct bytes n, struct bytes p)
{
    int order;

    n = number(n);
    if (n.len == 0 || (n.len == 1 && n.p[0] == 1) || n.len > p.len)
        return false;
    if (n.len < p.len)
        return true;
    order = memcmp(n.p, p.p, p.len - 1);
    return order < 0 || (order == 0 && n.p[n.len - 1] < p.p[p.len - 1] - 1);
}

/* How much of a text can be ServerDHParams: p, g and Ys reach to its end; and they are numbers that somebody would take. */
enum dh { NO_DH, WRONG_DH, DH };

/*
 * ServerDHParams: dh_p, dh_g, dh_Ys, each behind its length in two octets. A group of RFC 7919 is sent so as well. libssl
 * fills dh_Ys up with zeros to the length of dh_p.
 */
static enum dh read_dh(struct bytes params)
{
    struct wire_reader r;
    struct bytes p, g, ys;

    wire_read(&r, params.p, params.len);
    p = wire_get_bytes(&r, UINT16_MAX);
    g = wire_get_bytes(&r, UINT16_MAX);
    ys = wire_get_bytes(&r, UINT16_MAX);
    if (wire_end(&r) != 0)
        return NO_DH;
    if (p.len < PRIME_MIN || p.len > PRIME_MAX || g.len > p.len || ys.len > p.len)
        return WRONG_DH;
    return p.p[0] != 0 && (p.p[p.len - 1] & 1) != 0 && is_between(g, p) && is_between(ys, p) ? DH : WRONG_DH;
}

/*
 * What begins as another form does, in the randoms: a reader that is less strict than ours could take it for that. Of 2^27
 * handshakes with X25519 one is refused for this, and fewer with others; the next try has other randoms.
 */
static bool resembles_another(struct bytes text)
{
    const uint8_t *p = text.p;
    size_t len = (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];

    /* A ClientHello, a file's signature, a session identifier before SSH_MSG_USERAUTH_REQUEST. */
    if (p[0] == 1 && len < text.len && (p[4] == 3 || p[12] == 0xfe))
        return true;
    if (memcmp(p, "SSHSIG", 6) == 0 || (p[0] == 0 && len < RANDOMS - 4 && p[4 + len] == 50))
        return true;
    return der_is_imaginable(text);
}

bool tls12_exchange_read(struct bytes text, const struct form_key *key, struct reading *ret)
{
    struct bytes params;
    enum dh dh;

    (void)key;
    if (text.len < RANDOMS)
        return false;
    params = (struct bytes){ text.p + RANDOMS, text.len - RANDOMS };
    dh = read_dh(params);
    if (!is_ecdh(params) && dh == NO_DH)
        return false;
    if (dh == WRONG_DH)
        *ret = (struct reading){ 0, "a TLS 1.2 server's signature of bad parameters" };
    else if (resembles_another(text))
        *ret = (struct reading){ 0, "a text that can be read as two things" };
    else
        *ret = (struct reading){ PURPOSE_TLS_SERVER, "a TLS 1.2 server's signature" };
    return true;
}
