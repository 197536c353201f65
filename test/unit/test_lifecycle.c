/* lifecycle.c, own_request.h, certificate_end.c: every cell of state and event, what states permit, and which texts are requests. */
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "base/duration.h"
#include "keys/lifecycle.h"
#include "forms/own_request.h"
#include "model/certificate_end.h"
#include "unit.h"

#define PRE STATE_PRE_ACTIVATION
#define ACT STATE_ACTIVE
#define SUS STATE_SUSPENDED
#define DEA STATE_DEACTIVATED
#define COM STATE_COMPROMISED
#define SCH STATE_DESTROY_SCHEDULED
#define DES STATE_DESTROYED
#define DCO STATE_DESTROYED_COMPROMISED

/* From each state (the second: of a version to be destroyed, what it was) by each event: 0 is refused. */
static void every_cell(void)
{
    static const struct {
        uint8_t state, before;
        uint8_t activate, suspend, resume, deactivate, compromise, schedule, cancel, destroy;
    } rows[] = {
        { PRE, 0, ACT, 0, 0, 0, COM, SCH, 0, DES },         { ACT, 0, ACT, SUS, ACT, DEA, COM, SCH, 0, DES },
        { SUS, 0, 0, SUS, ACT, DEA, COM, SCH, 0, DES },     { DEA, 0, 0, 0, 0, DEA, COM, SCH, 0, DES },
        { COM, 0, 0, 0, 0, 0, COM, SCH, 0, DCO },           { SCH, PRE, 0, 0, 0, 0, SCH, SCH, PRE, DES },
        { SCH, ACT, 0, 0, 0, 0, SCH, SCH, ACT, DES },       { SCH, SUS, 0, 0, 0, 0, SCH, SCH, SUS, DES },
        { SCH, DEA, 0, 0, 0, 0, SCH, SCH, DEA, DES },       { SCH, COM, 0, 0, 0, 0, SCH, SCH, COM, DCO },
        { DES, 0, 0, 0, 0, 0, DCO, 0, 0, DES },             { DCO, 0, 0, 0, 0, 0, DCO, 0, 0, DCO },
    };

    for (size_t i = 0; i < COUNT(rows); i++) {
        CU_ASSERT_EQUAL(life_next(rows[i].state, rows[i].before, EVENT_ACTIVATE), rows[i].activate);
        CU_ASSERT_EQUAL(life_next(rows[i].state, rows[i].before, EVENT_SUSPEND), rows[i].suspend);
        CU_ASSERT_EQUAL(life_next(rows[i].state, rows[i].before, EVENT_RESUME), rows[i].resume);
        CU_ASSERT_EQUAL(life_next(rows[i].state, rows[i].before, EVENT_DEACTIVATE), rows[i].deactivate);
        CU_ASSERT_EQUAL(life_next(rows[i].state, rows[i].before, EVENT_COMPROMISE), rows[i].compromise);
        CU_ASSERT_EQUAL(life_next(rows[i].state, rows[i].before, EVENT_SCHEDULE), rows[i].schedule);
        CU_ASSERT_EQUAL(life_next(rows[i].state, rows[i].before, EVENT_CANCEL), rows[i].cancel);
        CU_ASSERT_EQUAL(life_next(rows[i].state, rows[i].before, EVENT_DESTROY), rows[i].destroy);
    }
    CU_ASSERT_EQUAL(life_next(0, 0, EVENT_ACTIVATE), 0);
    CU_ASSERT_EQUAL(life_next(STATE_LAST + 1, 0, EVENT_ACTIVATE), 0);
    CU_ASSERT_EQUAL(life_next(ACT, 0, 0), 0);
    CU_ASSERT_EQUAL(life_next(ACT, 0, EVENT_LAST + 1), 0);
}

static void what_states_permit(void)
{
    static const unsigned ops[] = { OP_SIGN, OP_DECRYPT, OP_DERIVE };

    for (unsigned state = 0; state <= STATE_LAST + 1; state++) {
        for (size_t i = 0; i < COUNT(ops); i++) {
            bool reads = ops[i] != OP_SIGN;

            CU_ASSERT_EQUAL(life_permits(state, ops[i], false), state == ACT || (state == DEA && reads));
            CU_ASSERT_EQUAL(life_permits(state, ops[i], true),
                            state == ACT || (state == DEA && reads) || (state == PRE && !reads));
        }
    }
}

/* A request for a certificate, with a subject and an extension: the part that is signed, and the public key in it. */
struct request {
    uint8_t *info, *spki;
    size_t info_len, spki_len;
};

static void request_make(struct request *ret)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509_REQ *req = X509_REQ_new();
    X509_NAME *name = X509_NAME_new();
    int len;

    CU_ASSERT_FATAL(key != NULL && req != NULL && name != NULL);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"a.example", -1, -1, 0);
    CU_ASSERT(X509_REQ_set_subject_name(req, name) && X509_REQ_set_pubkey(req, key));
    CU_ASSERT(X509_REQ_sign(req, key, EVP_sha256()) > 0);
    ret->info = NULL;
    len = i2d_re_X509_REQ_tbs(req, &ret->info);
    CU_ASSERT_FATAL(len > 0);
    ret->info_len = (size_t)len;
    ret->spki = NULL;
    len = i2d_PUBKEY(key, &ret->spki);
    CU_ASSERT_FATAL(len > 0);
    ret->spki_len = (size_t)len;
    X509_NAME_free(name);
    X509_REQ_free(req);
    EVP_PKEY_free(key);
}

static void request_clear(struct request *r)
{
    OPENSSL_free(r->info);
    OPENSSL_free(r->spki);
}

static bool is_own(const struct request *r, const uint8_t *text, size_t len)
{
    return own_request((struct bytes){ text, len }, (struct bytes){ r->spki, r->spki_len });
}

static void requests(void)
{
    struct request r, other;
    uint8_t *longer;

    request_make(&r);
    request_make(&other);
    CU_ASSERT_TRUE(is_own(&r, r.info, r.info_len));
    CU_ASSERT_FALSE(is_own(&other, r.info, r.info_len));
    CU_ASSERT_FALSE(is_own(&r, NULL, 0));
    CU_ASSERT_FALSE(own_request((struct bytes){ r.info, r.info_len }, (struct bytes){ NULL, 0 }));
    for (size_t len = 0; len < r.info_len; len++)
        CU_ASSERT_FALSE(is_own(&r, r.info, len));
    longer = malloc(r.info_len + 1);
    CU_ASSERT_FATAL(longer != NULL);
    memcpy(longer, r.info, r.info_len);
    longer[r.info_len] = 0;
    CU_ASSERT_FALSE(is_own(&r, longer, r.info_len + 1));
    free(longer);
    /* Another version; a version that is no INTEGER. Each byte of the public key and in front of it counts. */
    for (size_t i = 0; i < 8; i++) {
        r.info[i] ^= 1;
        if (i < 7)
            CU_ASSERT_FALSE(is_own(&r, r.info, r.info_len));
        r.info[i] ^= 1;
    }
    for (size_t i = 0; i < r.spki_len; i++) {
        r.spki[i] ^= 1;
        CU_ASSERT_FALSE(is_own(&r, r.info, r.info_len));
        r.spki[i] ^= 1;
    }
    request_clear(&r);
    request_clear(&other);
}

/* What TLS signs, and the part of a certificate that is signed, with the very key in it. */
static void no_requests(void)
{
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
    X509 *x = X509_new();
    uint8_t *spki = NULL, *tbs = NULL, handshake[98];
    int spki_len = i2d_PUBKEY(key, &spki), len;

    memset(handshake, ' ', 64);
    memset(handshake + 64, 'h', sizeof(handshake) - 64);
    CU_ASSERT_FALSE(own_request((struct bytes){ handshake, sizeof(handshake) }, (struct bytes){ spki, (size_t)spki_len }));
    CU_ASSERT_FATAL(x != NULL && X509_set_pubkey(x, key) && X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL &&
                    X509_gmtime_adj(X509_getm_notAfter(x), 86400) != NULL && X509_sign(x, key, EVP_sha256()) > 0);
    len = i2d_re_X509_tbs(x, &tbs);
    CU_ASSERT_FALSE(own_request((struct bytes){ tbs, (size_t)len }, (struct bytes){ spki, (size_t)spki_len }));
    CU_ASSERT_FALSE(own_request((struct bytes){ spki, (size_t)spki_len }, (struct bytes){ spki, (size_t)spki_len }));
    OPENSSL_free(spki);
    OPENSSL_free(tbs);
    X509_free(x);
    EVP_PKEY_free(key);
}

/* In both forms of time: the second begins in 2050. */
static void ends_of_certificates(void)
{
    static const time_t ends[] = { 1, 1800000000, 2524607999, 2524608000, 4102444800 };
    EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

    for (size_t i = 0; i < COUNT(ends); i++) {
        X509 *x = X509_new();
        uint8_t *der = NULL;
        int len;

        CU_ASSERT_FATAL(x != NULL && X509_set_version(x, i == 0 ? 0 : 2) && X509_set_pubkey(x, key) &&
                        ASN1_TIME_set(X509_getm_notBefore(x), 0) != NULL &&
                        ASN1_TIME_set(X509_getm_notAfter(x), ends[i]) != NULL && X509_sign(x, key, NULL) > 0);
        len = i2d_X509(x, &der);
        CU_ASSERT_EQUAL(certificate_end((struct bytes){ der, (size_t)len }), (uint64_t)ends[i]);
        for (int cut = 0; cut < len; cut++)
            CU_ASSERT_EQUAL(certificate_end((struct bytes){ der, (size_t)cut }), 0);
        OPENSSL_free(der);
        X509_free(x);
    }
    EVP_PKEY_free(key);
}

static void durations(void)
{
    static const struct {
        const char *text;
        uint32_t seconds;
    } good[] = { { "0", 0 }, { "90", 90 }, { "90s", 90 }, { "30m", 1800 }, { "24h", 86400 }, { "366d", DURATION_MAX } };
    static const char *const bad[] = { "", "d", "-1", "1w", "1hh", "1 h", "367d", "9999999999", "1.5h", "+1" };
    uint32_t seconds;

    for (size_t i = 0; i < COUNT(good); i++)
        CU_ASSERT(duration_parse(good[i].text, &seconds) && seconds == good[i].seconds);
    for (size_t i = 0; i < COUNT(bad); i++)
        CU_ASSERT_FALSE(duration_parse(bad[i], &seconds));
}

static void words(void)
{
    TEXT_IS(life_event_name(EVENT_COMPROMISE), "compromise");
    TEXT_IS(life_event_name(0), "unknown");
    TEXT_IS(life_event_name(EVENT_LAST + 1), "unknown");
    for (unsigned i = 1; i <= REASON_LAST; i++)
        CU_ASSERT_EQUAL(life_reason_by_name(life_reason_name(i)), i);
    CU_ASSERT_EQUAL(life_reason_by_name(""), 0);
    CU_ASSERT_EQUAL(life_reason_by_name("none"), 0);
    TEXT_IS(life_reason_name(REASON_LAST + 1), "");
}

static const struct unit_test tests[] = {
    { "every cell of state and event", every_cell },
    { "what states permit", what_states_permit },
    { "certificate requests", requests },
    { "what is none", no_requests },
    { "when certificates end", ends_of_certificates },
    { "lengths of time", durations },
    { "words", words },
    { NULL, NULL },
};

const struct unit_suite suite_lifecycle = { "lifecycle", tests };
