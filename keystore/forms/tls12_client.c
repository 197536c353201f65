/* TLS and DTLS 1.2: what a client signs in its CertificateVerify, which is all handshake messages so far. */
#include <string.h>

#include "forms/forms_priv.h"

/* RFC 5246 A.4 and, for CertificateStatus, RFC 6066 8. */
enum {
    CLIENT_HELLO = 1,
    SERVER_HELLO = 2,
    CERTIFICATE = 11,
    SERVER_KEY_EXCHANGE = 12,
    CERTIFICATE_REQUEST = 13,
    SERVER_HELLO_DONE = 14,
    CLIENT_KEY_EXCHANGE = 16,
    CERTIFICATE_STATUS = 22
};

/* The versions that count, and which header its messages have. */
struct protocol {
    uint16_t version;
    uint8_t major; /* of all versions that a ClientHello may name */
    bool datagrams;
};

static const struct protocol tls = { 0x0303, 0x03, false }, dtls = { 0xfefd, 0xfe, true };

static unsigned get_u24(struct wire_reader *r)
{
    unsigned high = wire_get_u8(r);

    return high << 16 | wire_get_u16(r);
}

/* A vector behind its length in one octet, of at least min and at most max octets. */
static struct bytes get_short(struct wire_reader *r, size_t min, size_t max)
{
    struct bytes b = wire_get_raw(r, wire_get_u8(r));

    if (b.len < min || b.len > max)
        wire_refuse(r, LB_E_VALUE);
    return b;
}

/* A vector behind its length in three octets, not empty. */
static void get_long(struct wire_reader *r)
{
    if (wire_get_raw(r, get_u24(r)).len == 0)
        wire_refuse(r, LB_E_VALUE);
}

#define VECTOR_MAX 65535

/* RFC 5246 7.4.1.4: none at all, or a vector of them behind which nothing comes. */
static void get_extensions(struct wire_reader *r)
{
    struct wire_reader in;
    struct bytes all;

    if (r->error != 0 || r->left == 0)
        return;
    all = wire_get_bytes(r, VECTOR_MAX);
    wire_read(&in, all.p, all.len);
    while (in.error == 0 && in.left > 0) {
        (void)wire_get_u16(&in);
        (void)wire_get_bytes(&in, VECTOR_MAX);
    }
    if (wire_end(&in) != 0)
        wire_refuse(r, LB_E_VALUE);
}

/* RFC 5246 7.4.1.2; with a cookie, RFC 6347 4.2.1. */
static void get_client_hello(struct wire_reader *r, const struct protocol *protocol)
{
    struct bytes suites, compressions;

    if (wire_get_u16(r) >> 8 != protocol->major)
        wire_refuse(r, LB_E_VALUE);
    (void)wire_get_raw(r, 32);
    (void)get_short(r, 0, 32);
    if (protocol->datagrams)
        (void)get_short(r, 0, 255);
    suites = wire_get_bytes(r, VECTOR_MAX);
    compressions = get_short(r, 1, 255);
    if (suites.len < 2 || suites.len % 2 != 0 || (r->error == 0 && memchr(compressions.p, 0, compressions.len) == NULL))
        wire_refuse(r, LB_E_VALUE);
    get_extensions(r);
}

/* RFC 5246 7.4.1.3. What is agreed upon is 1.2: older versions sign digests, and newer ones something else. */
static void get_server_hello(struct wire_reader *r, const struct protocol *protocol)
{
    if (wire_get_u16(r) != protocol->version)
        wire_refuse(r, LB_E_VALUE);
    (void)wire_get_raw(r, 32);
    (void)get_short(r, 0, 32);
    (void)wire_get_u16(r);
    (void)wire_get_u8(r);
    get_extensions(r);
}

/* RFC 5246 7.4.2, RFC 7250 3: a list of certificates, or a public key. Who signs has one. */
static void get_certificate(struct wire_reader *r, const struct protocol *protocol)
{
    (void)protocol;
    get_long(r);
}

/* RFC 6066 8: of type ocsp(1). */
static void get_status(struct wire_reader *r, const struct protocol *protocol)
{
    (void)protocol;
    if (wire_get_u8(r) != 1)
        wire_refuse(r, LB_E_VALUE);
    get_long(r);
}

/* RFC 5246 7.4.4 */
static void get_request(struct wire_reader *r, const struct protocol *protocol)
{
    struct bytes schemes;

    (void)protocol;
    (void)get_short(r, 1, 255);
    schemes = wire_get_bytes(r, VECTOR_MAX);
    if (schemes.len < 2 || schemes.len % 2 != 0)
        wire_refuse(r, LB_E_VALUE);
    (void)wire_get_bytes(r, VECTOR_MAX);
}

static void get_nothing(struct wire_reader *r, const struct protocol *protocol)
{
    (void)r;
    (void)protocol;
}

/* What it says is a matter of the cipher suite. */
static void get_something(struct wire_reader *r, const struct protocol *protocol)
{
    (void)protocol;
    if (r->left == 0)
        wire_refuse(r, LB_E_VALUE);
    (void)wire_get_raw(r, r->left);
}

/*
 * RFC 5246 7.3, up to CertificateVerify. A HelloRequest is never part of it (7.4.1.1), nor are the first ClientHello that a
 * DTLS server answers with a HelloVerifyRequest, and that (RFC 6347 4.2.6). What has been resumed has no CertificateVerify.
 */
static const struct step {
    uint8_t type;
    bool optional;
    bool of_server;
    void (*get)(struct wire_reader *r, const struct protocol *protocol);
} steps[] = {
    { CLIENT_HELLO, false, false, get_client_hello },
    { SERVER_HELLO, false, true, get_server_hello },
    { CERTIFICATE, false, true, get_certificate },
    { CERTIFICATE_STATUS, true, true, get_status },
    { SERVER_KEY_EXCHANGE, true, true, get_something },
    { CERTIFICATE_REQUEST, false, true, get_request },
    { SERVER_HELLO_DONE, false, true, get_nothing },
    { CERTIFICATE, false, false, get_certificate },
    { CLIENT_KEY_EXCHANGE, false, false, get_something },
};
#define STEPS (sizeof(steps) / sizeof(steps[0]))

/* Which number the next message of an end has, once it has sent one. */
struct counters {
    bool known[2];
    uint16_t next[2];
};

/*
 * RFC 6347 4.2.2, as if each message were one fragment (4.2.6), behind type and length:
 *
 *    message_seq (2) | fragment_offset (3) | fragment_length (3)
 */
static void get_datagram_header(struct wire_reader *r, unsigned len, const struct step *step, struct counters *c)
{
    uint16_t number = wire_get_u16(r);
    uint16_t *next = &c->next[step->of_server];
    bool *known = &c->known[step->of_server];

    if (get_u24(r) != 0 || get_u24(r) != len || (*known && number != *next))
        wire_refuse(r, LB_E_VALUE);
    *known = true;
    *next = (uint16_t)(number + 1);
}

static bool is_handshake(struct bytes text, const struct protocol *protocol)
{
    struct counters counters = { 0 };
    struct wire_reader r, in;
    struct bytes body;

    wire_read(&r, text.p, text.len);
    for (size_t i = 0; i < STEPS && r.error == 0; i++) {
        unsigned len;

        if (steps[i].optional && (r.left == 0 || *r.p != steps[i].type))
            continue;
        if (wire_get_u8(&r) != steps[i].type)
            wire_refuse(&r, LB_E_VALUE);
        len = get_u24(&r);
        if (protocol->datagrams)
            get_datagram_header(&r, len, &steps[i], &counters);
        body = wire_get_raw(&r, len);
        wire_read(&in, body.p, body.len);
        steps[i].get(&in, protocol);
        if (wire_end(&in) != 0)
            wire_refuse(&r, LB_E_VALUE);
    }
    return wire_end(&r) == 0;
}

bool tls12_client_read(struct bytes text, const struct form_key *key, struct reading *ret)
{
    (void)key;
    if (text.len == 0 || text.p[0] != CLIENT_HELLO)
        return false;
    if (is_handshake(text, &tls))
        *ret = (struct reading){ PURPOSE_TLS_CLIENT, "a TLS 1.2 client's signature" };
    else if (is_handshake(text, &dtls))
        *ret = (struct reading){ PURPOSE_TLS_CLIENT, "a DTLS 1.2 client's signature" };
    else
        return false;
    return true;
}
