/* forms/tls12_client.c: the handshakes that TLS and DTLS 1.2 clients sign, whole and disturbed. */
#include <stdlib.h>
#include <string.h>

#include "forms/forms.h"
#include "texts.h"
#include "unit.h"

/* Where each message of a handshake begins, and how many there are. */
static size_t messages_of(const struct text *t, size_t head, size_t ret[16])
{
    size_t count = 0;

    for (size_t at = 0; at < t->bytes.len && count < 16; count++) {
        const uint8_t *p = t->bytes.p + at;

        ret[count] = at;
        at += head + ((size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3]);
    }
    return count;
}

/* Each message left out, sent twice, of another type, and with a length that is one off. */
static void disturb(const struct text *t, size_t head)
{
    size_t at[17], count = messages_of(t, head, at), len = t->bytes.len;
    uint8_t *other = malloc(2 * len);

    CU_ASSERT_FATAL(count >= 8 && other != NULL);
    at[count] = len;
    for (size_t i = 0; i < count; i++) {
        size_t size = at[i + 1] - at[i];
        uint8_t type = t->bytes.p[at[i]];
        bool optional = type == 22 || type == 12;

        memcpy(other, t->bytes.p, at[i]);
        memcpy(other + at[i], t->bytes.p + at[i + 1], len - at[i + 1]);
        /* In datagrams the numbers tell that it is missing. */
        CU_ASSERT_EQUAL(is_some_form(other, len - size, &t->signer->key), optional && head == 4);
        memcpy(other, t->bytes.p, at[i + 1]);
        memcpy(other + at[i + 1], t->bytes.p + at[i], len - at[i]);
        CU_ASSERT_FALSE(is_some_form(other, len + size, &t->signer->key));
        for (unsigned byte = 0; byte < 256; byte++) {
            if (byte != type)
                expect(t, at[i], &(uint8_t){ (uint8_t)byte }, 1, 0, __LINE__);
        }
        for (size_t n = 1; n < head; n++) {
            /* The number of an end's first message is any. */
            if (head == 12 && (n == 4 || n == 5) && i < 2)
                continue;
            expect(t, at[i] + n, &(uint8_t){ (uint8_t)(t->bytes.p[at[i] + n] + 1) }, 1, 0, __LINE__);
            expect(t, at[i] + n, &(uint8_t){ (uint8_t)(t->bytes.p[at[i] + n] - 1) }, 1, 0, __LINE__);
        }
    }
    free(other);
}

/* The message from at to next gets this body, and a header that says so. */
static unsigned with_body(const struct text *t, size_t head, size_t at, size_t next, struct bytes body)
{
    uint8_t *other = malloc(t->bytes.len + body.len + head);
    size_t len = at;
    unsigned purpose;

    CU_ASSERT_FATAL(other != NULL);
    memcpy(other, t->bytes.p, at + head);
    other[at + 1] = other[at + head - 3] = (uint8_t)(body.len >> 16);
    other[at + 2] = other[at + head - 2] = (uint8_t)(body.len >> 8);
    other[at + 3] = other[at + head - 1] = (uint8_t)body.len;
    len += head;
    memcpy(other + len, body.p, body.len);
    len += body.len;
    memcpy(other + len, t->bytes.p + next, t->bytes.len - next);
    len += t->bytes.len - next;
    purpose = purpose_of((struct bytes){ other, len }, &t->signer->key);
    free(other);
    return purpose;
}

/* Each message with one octet more or less inside: only what is a matter of the cipher suite has any. Then what is empty. */
static void refill(const struct text *t, size_t head)
{
    size_t at[17], count = messages_of(t, head, at);

    at[count] = t->bytes.len;
    for (size_t i = 0; i < count; i++) {
        uint8_t body[16384] = { 0 }, type = t->bytes.p[at[i]];
        size_t len = at[i + 1] - at[i] - head;
        unsigned any = type == 12 || type == 16 ? t->purpose : 0;

        memcpy(body, t->bytes.p + at[i] + head, len);
        CU_ASSERT_EQUAL(with_body(t, head, at[i], at[i + 1], (struct bytes){ body, len }), t->purpose);
        CU_ASSERT_EQUAL(with_body(t, head, at[i], at[i + 1], (struct bytes){ body, len + 1 }), any);
        if (len > 0)
            CU_ASSERT_EQUAL(with_body(t, head, at[i], at[i + 1], (struct bytes){ body, len - 1 }), any);
        CU_ASSERT_EQUAL(with_body(t, head, at[i], at[i + 1], (struct bytes){ body, 0 }), type == 14 ? t->purpose : 0);
        memset(body, 0, 3);
        CU_ASSERT_EQUAL(with_body(t, head, at[i], at[i + 1], (struct bytes){ body, 3 }), any);
    }
}

/* ClientHellos: with a session of 32 and 33 octets, no extensions, an odd length of suites, no compression that is none. */
static void hellos(const struct text *t)
{
    uint8_t body[256] = { 3, 3 };
    size_t at[17];
    static const struct {
        size_t session;
        const char *rest;
        size_t len;
        bool good;
    } rows[] = {
#define ROW(session, rest, good) { session, rest, sizeof(rest) - 1, good }
        ROW(0, "\0\2\x13\1\1\0", true),
        ROW(32, "\0\2\x13\1\1\0", true),
        ROW(33, "\0\2\x13\1\1\0", false),
        ROW(0, "\0\0\1\0", false),
        ROW(0, "\0\3\x13\1\0\1\0", false),
        ROW(0, "\0\2\x13\1\0", false),
        ROW(0, "\0\2\x13\1\1\1", false),
        ROW(0, "\0\2\x13\1\2\1\0", true),
        ROW(0, "\0\2\x13\1\1\0\0\0", true),
        ROW(0, "\0\2\x13\1\1\0\0", false),
        ROW(0, "\0\2\x13\1\1\0\0\4\0\x17\0\0", true),
        ROW(0, "\0\2\x13\1\1\0\0\4\0\x17\0\1", false),
        ROW(0, "\0\2\x13\1\1\0\0\3\0\x17\0", false),
#undef ROW
    };

    (void)messages_of(t, 4, at);
    for (size_t i = 0; i < COUNT(rows); i++) {
        body[34] = (uint8_t)rows[i].session;
        memcpy(body + 35 + rows[i].session, rows[i].rest, rows[i].len);
        CU_ASSERT_EQUAL(with_body(t, 4, 0, at[1], (struct bytes){ body, 35 + rows[i].session + rows[i].len }), rows[i].good ? t->purpose : 0);
    }
}

static void tls12_clients(void)
{
    const struct text *t = by_purpose("tls12 client staple", PURPOSE_TLS_CLIENT),
                      *d = by_purpose("dtls12 rsa", PURPOSE_TLS_CLIENT), *c = by_purpose("dtls12 cookie", PURPOSE_TLS_CLIENT);
    size_t at[16], hello = 4;

    disturb(t, 4);
    refill(t, 4);
    refill(d, 12);
    hellos(t);
    disturb(by_purpose("tls12 client rsa", PURPOSE_TLS_CLIENT), 4);
    disturb(d, 12);
    disturb(c, 12);
    CU_ASSERT_FATAL(messages_of(t, 4, at) == 9);
    /* ClientHello: version, session, suites, compressions, extensions. */
    EXPECT(t, hello, "\2", 0);
    EXPECT(t, hello, "\3\1", PURPOSE_TLS_CLIENT);
    EXPECT(t, hello + 34, "\x21", 0);
    /* ServerHello of other versions; its session, one octet longer. */
    EXPECT(t, at[1] + 4, "\3\4", 0);
    EXPECT(t, at[1] + 4, "\3\2", 0);
    EXPECT(t, at[1] + 4 + 34, "\x21", 0);
    /* An empty list of certificates, of both. */
    EXPECT(t, at[2] + 4, "\0\0\0", 0);
    EXPECT(t, at[7] + 4, "\0\0\0", 0);
    EXPECT(t, at[3] + 4, "\2", 0); /* a status of another type */
    EXPECT(t, at[5] + 4, "\0", 0);
    EXPECT(d, 12, "\3\3", 0);
}

/* Last: frees what the others share. */
static void end(void)
{
    texts_end();
}

static const struct unit_test tests[] = {
    { "clients", tls12_clients },
    { "end", end },
    { NULL, NULL },
};
const struct unit_suite suite_handshakes = { "handshakes", tests };
