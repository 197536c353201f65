/* Writes the seed corpora, the same each time: "make_corpus DIR" fills DIR/message, DIR/uri, DIR/p11uri, DIR/p11ref, DIR/handle and more. */
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/change.h"
#include "model/description.h"
#include "model/handle.h"
#include "model/limits.h"
#include "model/operation.h"
#include "model/pkcs11_reference.h"
#include "model/scheme.h"
#include "model/seal_kinds.h"
#include "model/vocabulary.h"
#include "model/purpose.h"
#include "protocol/change.h"
#include "protocol/header.h"
#include "protocol/keys.h"
#include "protocol/life.h"
#include "protocol/messages.h"
#include "protocol/seals.h"
#include "protocol/status.h"
#include "protocol/token.h"
#include "protocol/use.h"

static const char *top;

static void put(const char *kind, const char *name, const void *data, size_t len)
{
    char path[4096];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s/%s", top, kind, name);
    f = fopen(path, "wb");
    if (f == NULL || fwrite(data, 1, len, f) != len || fclose(f) != 0) {
        perror(path);
        exit(1);
    }
}

/* Of each body of protocol/messages.h there is a sample. */
static bool sampled[BODY_COUNT];

static void put_message(const char *name, const uint8_t *packet, size_t len)
{
    const struct msg_kind *kind;
    struct msg_header header;
    struct bytes body;

    if (msg_split(packet, len, &header, &body) != 0)
        exit(1);
    kind = msg_kind((uint16_t)(header.type & ~MSG_ANSWER));
    if (kind != NULL)
        sampled[(header.type & MSG_ANSWER) != 0 ? kind->answer : kind->asks] = true;
    put("message", name, packet, len);
}

static void check_samples(void)
{
    size_t count;
    const struct msg_kind *kinds = msg_kinds(&count);

    for (size_t i = 0; i < count; i++) {
        if (!sampled[kinds[i].asks] || !sampled[kinds[i].answer]) {
            fprintf(stderr, "make_corpus: no sample of '%s', or of its answer\n", kinds[i].name);
            exit(1);
        }
    }
}

#define PUT(file, kind, type, sample)                                                                                  \
    do {                                                                                                               \
        if (msg_##kind##_encode(type, 7, sample, packet, sizeof(packet), &len) != 0)                                   \
            exit(1);                                                                                                   \
        put_message(file, packet, len);                                                                                \
    } while (0)

static void messages(void)
{
    static const uint8_t data[] = "0123456789";
    static uint8_t packet[LB_PACKET_MAX];
    static const struct key_entry entry = {
        .name = "web", .type = "ec:P-256", .version = 1, .versions = 1, .state = STATE_ACTIVE, .created = 1700000000
    };
    static const struct seal_info seal = { .id = 1, .kind = SEAL_PASSPHRASE, .label = "mine", .created = 1700000000 };
    static const uint8_t chain[] = { 0, 2, 0, 1, 0xc1, 0, 2, 0xc2, 0xc3 };
    struct bytes view = { data, sizeof(data) - 1 }, two = { chain, sizeof(chain) };
    struct key_ref ref = { .name = "web", .version = 1 },
                   pinned = { .name = "web", .has_hash = true, .hash = { 1, 2 } };
    struct key_details show = { .name = "web", .former = "shop site", .version_count = 1, .grant_count = 1 };
    static const struct msg_find find = { .want.a = { [P11_TOKEN] = { true, 1, "t" }, [P11_ID] = { true, 1, "\1" } } };
    static const struct found_object object = { .name = "web",
                                               .version = 1,
                                               .type = "ed25519",
                                               .object.a = { [P11_OBJECT] = { true, 6, "my key" } } };
    struct wire_writer w;
    size_t len;

    show.versions[0] = (struct version_entry){ .version = 1, .state = STATE_ACTIVE, .type = "ed25519" };
    show.grants[0] = (struct grant){ SUBJECT_USER, 33, OP_SIGN };
    PUT("error", error, MSG_ERROR, (&(struct problem){ .code = LB_E_LOCKED, .text = "locked", .hint = "unlock" }));
    PUT("sign-digest", sign, MSG_SIGN,
        (&(struct sign_request){
            .key = ref, .scheme = SCHEME_ECDSA, .digest = DIGEST_SHA256, .input = INPUT_DIGEST, .data = view }));
    PUT("sign-text", sign, MSG_SIGN,
        (&(struct sign_request){ .key = pinned,
                             .scheme = SCHEME_RSA_PSS,
                             .digest = DIGEST_SHA512,
                             .mgf1_digest = DIGEST_SHA512,
                             .salt_len = 64,
                             .input = INPUT_TEXT,
                             .data = view }));
    PUT("sign-file", sign, MSG_SIGN,
        (&(struct sign_request){ .key = pinned,
                             .scheme = SCHEME_ML_DSA,
                             .flags = SIGN_DETERMINISTIC,
                             .context_len = 7,
                             .context = "context",
                             .input = INPUT_FILE }));
    PUT("decrypt-oaep", decrypt, MSG_DECRYPT,
        (&(struct decrypt_request){ .key = pinned,
                                .padding = PADDING_OAEP,
                                .digest = DIGEST_SHA256,
                                .mgf1_digest = DIGEST_SHA1,
                                .label = view,
                                .data = view }));
    PUT("decrypt-tls", decrypt, MSG_DECRYPT,
        (&(struct decrypt_request){ .key = ref,
                                .padding = PADDING_TLS,
                                .client_version = 0x0303,
                                .negotiated_version = 0x0302,
                                .data = view }));
    PUT("derive", derive, MSG_DERIVE, (&(struct derive_request){ .key = pinned, .peer = view }));
    PUT("signature", bytes, MSG_SIGN | MSG_ANSWER, &view);
    PUT("get", key_ref, MSG_GET, &pinned);
    PUT("key", key, MSG_GET | MSG_ANSWER,
        (&(struct key_info){
            .box = "default", .name = "web", .type = "rsa:2048", .version = 3, .state = STATE_ACTIVE, .spki = view }));
    PUT("list", list, MSG_LIST, (&(struct msg_list){ .after = "" }));
    PUT("list-after", list, MSG_LIST, (&(struct msg_list){ .after = "web" }));
    PUT("show", show, MSG_SHOW | MSG_ANSWER, &show);
    PUT("show-name", name, MSG_SHOW, (&(struct msg_name){ .name = "web" }));
    PUT("status", status, MSG_STATUS | MSG_ANSWER,
        (&(struct box_status){ .box = "default", .software = "littlebox", .backend = "sealed", .lock = LOCK_LOCKED, .memory = MEMORY_ALL_LOCKED }));
    PUT("lock-cause", lock_cause, MSG_LOCK_CAUSE | MSG_ANSWER, (&(struct msg_lock_cause){ LOCK_BY_RESTART }));
    PUT("create", create, MSG_CREATE, (&(struct create_request){ .name = "web", .type = "ed448" }));
    PUT("import", import, MSG_IMPORT, (&(struct import_request){ .name = "web", .pkcs8 = view }));
    PUT("destroy", destroy, MSG_DESTROY, (&(struct destroy_request){ .name = "web", .version = 2 }));
    PUT("create-for", create, MSG_CREATE, (&(struct create_request){ .name = "web", .type = "ed448", .purposes = PURPOSE_CSR }));
    PUT("purpose", purpose, MSG_PURPOSE, (&(struct purpose_request){ .name = "web", .purposes = PURPOSE_TLS_SERVER }));
    PUT("rename", rename, MSG_RENAME, (&(struct rename_request){ .name = "web", .to = "shop" }));
    PUT("roll", roll, MSG_ROLL, (&(struct roll_request){ .name = "web", .type = "ed25519" }));
    PUT("activate", activate, MSG_ACTIVATE, (&(struct activate_request){ .key = pinned, .at = 9, .drain = 5, .chain = two }));
    PUT("back", back, MSG_BACK, (&(struct back_request){ .name = "web", .drain = 5 }));
    PUT("state", state, MSG_STATE, (&(struct state_request){ .key = pinned, .event = EVENT_SUSPEND }));
    PUT("life", life, MSG_BACK | MSG_ANSWER, (&(struct life_answer){ .version = 2, .state = STATE_ACTIVE }));
    PUT("lives", lives, MSG_LIVES | MSG_ANSWER, &show);
    PUT("expiring", expiring, MSG_EXPIRING, (&(struct expiring_request){ .before = 1700000000 }));
    PUT("handle-note", handle_note, MSG_HANDLE_NOTE, (&(struct handle_note){ .name = "web", .path = "/etc/web.pem" }));
    PUT("time", time, MSG_DESTROY_SCHEDULE | MSG_ANSWER, (&(struct msg_time){ 1700000000 }));
    PUT("allow", grant, MSG_ALLOW, (&(struct grant_request){ .name = "web", .grant = { SUBJECT_GROUP, 33, OP_SIGN } }));
    PUT("cert-set", cert_set, MSG_CERT_SET, (&(struct chain_request){ .name = "web", .version = 1, .chain = two }));
    PUT("chain", chain, MSG_CERT_GET | MSG_ANSWER, &two);
    PUT("unlock", secret, MSG_UNLOCK,
        (&(struct seal_request){ .kind = SEAL_CREDENTIAL, .label = "file", .secret = view }));
    PUT("seal-remove", seal_remove, MSG_SEAL_REMOVE, (&(struct msg_seal_remove){ .id = 2 }));
    if (msg_empty_encode(MSG_STATUS, 1, packet, sizeof(packet), &len) != 0)
        exit(1);
    put_message("empty", packet, len);
    PUT("find", find, MSG_FIND, &find);
    PUT("cert-find", find, MSG_CERT_FIND, &find);
    PUT("token", token, MSG_TOKEN | MSG_ANSWER,
        (&(struct token_status){ .module = "/m.so",
                              .library = "lib",
                              .label = "web",
                              .manufacturer = "maker",
                              .model = "model",
                              .serial = "77",
                              .slot = 7,
                              .sessions_max = 4,
                              .problem = { .code = LB_E_PIN, .text = "refused", .hint = "login" } }));
    PUT("opening-ask", opening_ask, MSG_OPENING, (&(struct msg_opening_ask){ view }));
    PUT("opening", opening, MSG_OPENING | MSG_ANSWER,
        (&(struct box_opening){ .how = OPENED_AT_START, .kind = SEAL_CREDENTIAL, .seal = 1, .file = "/c", .next_file = "/c",
                                .next = NEXT_REFUSED, .next_count = 2, .next_seals = { 1, 2 },
                                .why = { .code = LB_E_VALUE, .text = "open", .hint = "chmod" } }));
    PUT("token-list", token_list, MSG_TOKEN_LIST, (&(struct msg_token_list){ .from = 9 }));
    PUT("attach", attach, MSG_ATTACH, (&(struct attach_request){ .name = "web", .id = view, .label = view }));
    PUT("login", login, MSG_LOGIN, (&(struct msg_login){ view }));
    wire_write(&w, packet, sizeof(packet));
    msg_header_put(&w, MSG_TOKEN_LIST | MSG_ANSWER, 7);
    wire_put_u8(&w, 1);
    wire_put_u16(&w, 2);
    msg_token_entry_put(&w, &(struct token_key){ .key = "web", .type = "ed25519", .id = view, .label = view });
    msg_token_entry_put(&w, &(struct token_key){ .label = view });
    if (wire_written(&w, &len) != 0)
        exit(1);
    put_message("token-list-answer", packet, len);
    wire_write(&w, packet, sizeof(packet));
    msg_header_put(&w, MSG_FIND | MSG_ANSWER, 7);
    msg_found_put(&w, &(struct found_token){ .token = "pkcs11:token=a", .is_the_token = true, .count = 1 });
    msg_found_entry_put(&w, &object);
    if (wire_written(&w, &len) != 0)
        exit(1);
    put_message("find-answer", packet, len);
    wire_write(&w, packet, sizeof(packet));
    msg_header_put(&w, MSG_LIST | MSG_ANSWER, 3);
    wire_put_u8(&w, 0);
    wire_put_u16(&w, 2);
    msg_list_entry_put(&w, &entry);
    msg_list_entry_put(&w, &entry);
    if (wire_written(&w, &len) != 0)
        exit(1);
    put_message("list-answer", packet, len);
    wire_write(&w, packet, sizeof(packet));
    msg_header_put(&w, MSG_EXPIRING | MSG_ANSWER, 3);
    wire_put_u8(&w, 0);
    wire_put_u16(&w, 1);
    msg_expiring_entry_put(&w, &(struct expiring_entry){ "web", 1, EXPIRING_CERTIFICATE, 1700000000 });
    if (wire_written(&w, &len) != 0)
        exit(1);
    put_message("expiring-answer", packet, len);
    wire_write(&w, packet, sizeof(packet));
    msg_header_put(&w, MSG_USERS | MSG_ANSWER, 3);
    wire_put_u16(&w, 1);
    msg_user_entry_put(&w, &(struct user_entry){ .version = 1, .pid = 2, .uid = 3, .first = 4, .last = 5, .uses = 6 });
    if (wire_written(&w, &len) != 0)
        exit(1);
    put_message("users-answer", packet, len);
    wire_write(&w, packet, sizeof(packet));
    msg_header_put(&w, MSG_SEAL_LIST | MSG_ANSWER, 3);
    wire_put_u16(&w, 1);
    msg_seal_entry_put(&w, &seal);
    if (wire_written(&w, &len) != 0)
        exit(1);
    put_message("seal-answer", packet, len);
    msg_begin(&w, packet, sizeof(packet), MSG_HANDLE_LIST | MSG_ANSWER, 3);
    wire_put_u16(&w, 2);
    wire_put_str(&w, "/etc/nginx/web.pem");
    wire_put_str(&w, "/srv/web.pem");
    if (wire_written(&w, &len) != 0)
        exit(1);
    put_message("handles-answer", packet, len);
    check_samples();
}

static void uris(void)
{
    static const char *const texts[] = {
        "littlebox:web",
        "littlebox:web;version=3",
        "littlebox://hsm1/web",
        "littlebox://hsm1/web;version=4294967295",
        "littlebox:",
        "littlebox://hsm1/",
        "web;version=1",
        "LITTLEBOX:a.B_c-0",
        "littlebox:web;version=0",
        "littlebox:web?x#y",
        "pkcs11:token=a;object=b",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char name[16];

        snprintf(name, sizeof(name), "uri-%02zu", i);
        put("uri", name, texts[i], strlen(texts[i]));
    }
}

/* A public key that is the same each time: RFC 8032 7.1, test 1. */
static uint8_t *example_spki(size_t *ret_len)
{
    static const uint8_t point[32] = { 0xd7, 0x5a, 0x98, 0x01, 0x82, 0xb1, 0x0a, 0xb7, 0xd5, 0x4b, 0xfe,
                                       0xd3, 0xc9, 0x64, 0x07, 0x3a, 0x0e, 0xe1, 0x72, 0xf3, 0xda, 0xa6,
                                       0x23, 0x25, 0xaf, 0x02, 0x1a, 0x68, 0xf7, 0x07, 0x51, 0x1a };
    EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(NULL, "ED25519", NULL, point, sizeof(point));
    uint8_t *der = NULL;
    int len = i2d_PUBKEY(key, &der);

    if (len <= 0)
        exit(1);
    EVP_PKEY_free(key);
    *ret_len = (size_t)len;
    return der;
}

static void put_public(const char *name, const char *type, const OSSL_PARAM params[])
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);
    EVP_PKEY *key = NULL;
    uint8_t *der = NULL;
    int len;

    if (EVP_PKEY_fromdata_init(ctx) <= 0 || EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, (OSSL_PARAM *)params) <= 0)
        exit(1);
    len = i2d_PUBKEY(key, &der);
    if (len <= 0)
        exit(1);
    put("handle", name, der, (size_t)len);
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    EVP_PKEY_CTX_free(ctx);
}

/* The public keys that spki_key() makes by itself, beside that of example_spki(): any odd number, the base point of P-256. */
static void public_keys(void)
{
    static const uint8_t base_x[] = { 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc, 0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2,
                                      0x77, 0x03, 0x7d, 0x81, 0x2d, 0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96 };
    uint8_t number[64], point[33] = { POINT_CONVERSION_COMPRESSED | 1 };
    unsigned exponent = 65537;
    char group[] = "P-256", full[] = "uncompressed", brief[] = "compressed";
    OSSL_PARAM rsa[] = {
        OSSL_PARAM_construct_BN(OSSL_PKEY_PARAM_RSA_N, number, sizeof(number)),
        OSSL_PARAM_construct_uint(OSSL_PKEY_PARAM_RSA_E, &exponent),
        OSSL_PARAM_construct_end(),
    };
    OSSL_PARAM ec[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, full, 0),
        OSSL_PARAM_construct_end(),
    };

    memset(number, 0xc3, sizeof(number));
    memcpy(point + 1, base_x, sizeof(base_x));
    put_public("public-key-rsa", "RSA", rsa);
    put_public("public-key-ec", "EC", ec);
    ec[2] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_EC_POINT_CONVERSION_FORMAT, brief, 0);
    put_public("public-key-ec-compressed", "EC", ec);
}

static void handles(void)
{
    static const unsigned types[] = { 1, 2, 3, 4, 5, 10, HANDLE_LAST };
    size_t spki_len, len;
    uint8_t *spki = example_spki(&spki_len), *der = NULL;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        for (int with = 0; with < 2; with++) {
            unsigned type = types[i];
            struct handle h = { .type = type, .uri = "littlebox:web;version=1" };
            char name[32];

            h.spki = with ? spki : NULL;
            h.spki_len = with ? spki_len : 0;
            if (handle_to_der(&h, &der, &len) != 0)
                exit(1);
            snprintf(name, sizeof(name), "type-%u%s", type, with ? "-public" : "");
            put("handle", name, der, len);
            if (type == 1 && with)
                put("handle", "cut-off", der, len - 10);
            OPENSSL_free(der);
        }
    }
    put("handle", "public-key", spki, spki_len);
    OPENSSL_free(spki);
    public_keys();
}

static void p11uris(void)
{
    static const char *const texts[] = {
        "pkcs11:",
        "PKCS11:token=my%20token;object=web",
        "pkcs11:id=%01%fF%00;type=private?pin-source=file:/etc/pin",
        "pkcs11:token=t;manufacturer=m;model=d;serial=s;library-manufacturer=lm;library-description=ld;"
        "library-version=01.20;slot-id=007;slot-manufacturer=sm;slot-description=sd;object=o;id=%01;type=cert"
        "?pin-source=|/usr/bin/pin&module-name=softhsm2",
        "pkcs11:object=a&b:[c]@!$'()*+,=~",
        "pkcs11:object=;id=",
        "pkcs11:library-version=1.",
        "pkcs11:token=a?pin-value=1234",
        "pkcs11:token=a?module-path=/lib/a.so",
        "pkcs11:token=a;token=a",
        "pkcs11:colour=red",
        "pkcs11:id=%0",
        "pkcs11:token=a#b",
        "littlebox:web",
    };

    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        char name[16];

        snprintf(name, sizeof(name), "%02zu", i);
        put("p11uri", name, texts[i], strlen(texts[i]));
    }
}

/* DER of up to 127 bytes: tag and length in one byte each. */
static size_t tlv(uint8_t *to, uint8_t tag, const void *value, size_t len)
{
    to[0] = tag;
    to[1] = (uint8_t)len;
    memcpy(to + 2, value, len);
    return len + 2;
}

static void p11refs(void)
{
    static const struct {
        const char *name, *description, *uri;
        size_t uri_len;
    } refs[] = {
        { "good", P11REF_DESCRIPTION, "pkcs11:token=a;object=web", 25 },
        { "newer", "PKCS#11 Provider URI v2.0", "pkcs11:token=a;object=web", 25 },
        { "pin", P11REF_DESCRIPTION, "pkcs11:object=web?pin-value=1", 29 },
        { "nul", P11REF_DESCRIPTION, "pkcs11:object=we\0b", 18 },
        { "empty", P11REF_DESCRIPTION, "", 0 },
    };

    for (size_t i = 0; i < sizeof(refs) / sizeof(refs[0]); i++) {
        uint8_t inner[128], der[130];
        size_t len = tlv(inner, V_ASN1_VISIBLESTRING, refs[i].description, strlen(refs[i].description));

        len += tlv(inner + len, V_ASN1_UTF8STRING, refs[i].uri, refs[i].uri_len);
        len = tlv(der, V_ASN1_SEQUENCE | V_ASN1_CONSTRUCTED, inner, len);
        put("p11ref", refs[i].name, der, len);
        if (i == 0)
            put("p11ref", "cut-off", der, len - 3);
    }
}

/* Packets to a box with callers, as fuzz_request.c has them. */

static uint8_t sequence[LB_PACKET_MAX];
static size_t sequence_len;

/* who: of fuzz_request.c; 128 more: with a file. */
static void add_packet(unsigned who, const uint8_t *packet, size_t len)
{
    struct wire_writer w;

    wire_write(&w, sequence + sequence_len, sizeof(sequence) - sequence_len);
    wire_put_u8(&w, (uint8_t)who);
    wire_put_bytes(&w, packet, len);
    if (wire_written(&w, &len) != 0)
        exit(1);
    sequence_len += len;
}

static void put_sequence(const char *name)
{
    put("request", name, sequence, sequence_len);
    sequence_len = 0;
}

#define ADD(who, kind, type, sample)                                                                                   \
    do {                                                                                                               \
        if (msg_##kind##_encode(type, 7, sample, packet, sizeof(packet), &len) != 0)                                   \
            exit(1);                                                                                                   \
        add_packet(who, packet, len);                                                                                  \
    } while (0)
#define ADD_EMPTY(who, type)                                                                                           \
    do {                                                                                                               \
        if (msg_empty_encode(type, 7, packet, sizeof(packet), &len) != 0)                                              \
            exit(1);                                                                                                   \
        add_packet(who, packet, len);                                                                                  \
    } while (0)

/* Each as a stranger, as one who is granted it, and as an administrator. */
static void uses(void)
{
    static uint8_t packet[LB_PACKET_MAX], data[256];
    static const uint8_t point[] = { 0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x6e, 0x03, 0x21, 0x00, 9 };
    uint8_t peer[44] = { 0 };
    static const struct {
        const char *name, *key;
        uint8_t scheme, digest, mgf1;
        uint16_t salt;
        uint8_t input, flags;
        size_t len;
    } signs[] = {
        { "sign-ecdsa", "web", SCHEME_ECDSA, DIGEST_SHA256, 0, 0, INPUT_DIGEST, 0, 32 },
        { "sign-ecdsa-text", "web", SCHEME_ECDSA, DIGEST_SHA384, 0, 0, INPUT_TEXT, 0, 40 },
        { "sign-ecdsa-other", "admins", SCHEME_ECDSA, DIGEST_SHA384, 0, 0, INPUT_DIGEST, 0, 48 },
        { "sign-ecdsa-flag", "web", SCHEME_ECDSA, DIGEST_SHA256, 0, 0, INPUT_DIGEST, SIGN_DETERMINISTIC, 32 },
        { "sign-pkcs1", "rsa", SCHEME_RSA_PKCS1, DIGEST_SHA256, 0, 0, INPUT_DIGEST, 0, 32 },
        { "sign-pkcs1-raw", "rsa", SCHEME_RSA_PKCS1, DIGEST_NONE, 0, 0, INPUT_DIGEST, 0, 200 },
        { "sign-pss", "rsa", SCHEME_RSA_PSS, DIGEST_SHA512, DIGEST_SHA512, 64, INPUT_TEXT, 0, 9 },
        { "sign-ed25519", "ed", SCHEME_ED25519, DIGEST_NONE, 0, 0, INPUT_TEXT, 0, 100 },
        { "sign-ed25519ph", "ed", SCHEME_ED25519PH, DIGEST_NONE, 0, 0, INPUT_DIGEST, 0, 64 },
        { "sign-derive-key", "x", SCHEME_ED25519, DIGEST_NONE, 0, 0, INPUT_TEXT, 0, 1 },
    };
    size_t len;

    memcpy(peer, point, sizeof(point));
    memset(data, 'd', sizeof(data));
    for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
        struct sign_request m = { .scheme = signs[i].scheme,
                              .digest = signs[i].digest,
                              .mgf1_digest = signs[i].mgf1,
                              .salt_len = signs[i].salt,
                              .flags = signs[i].flags,
                              .input = signs[i].input,
                              .data = { data, signs[i].len } };

        snprintf(m.key.name, sizeof(m.key.name), "%s", signs[i].key);
        for (unsigned who = 0; who < 6; who++)
            ADD(who, sign, MSG_SIGN, &m);
        put_sequence(signs[i].name);
    }
    ADD(128 | 1, sign, MSG_SIGN,
        (&(struct sign_request){ .key.name = "ed", .scheme = SCHEME_ED25519, .input = INPUT_FILE }));
    ADD(1, sign, MSG_SIGN, (&(struct sign_request){ .key.name = "ed", .scheme = SCHEME_ED25519, .input = INPUT_FILE }));
    put_sequence("sign-file");
    for (unsigned who = 0; who < 4; who++) {
        ADD(who, decrypt, MSG_DECRYPT,
            (&(struct decrypt_request){ .key.name = "rsa", .padding = PADDING_PKCS1, .data = { data, 256 } }));
        ADD(who, decrypt, MSG_DECRYPT,
            (&(struct decrypt_request){ .key.name = "rsa",
                                    .padding = PADDING_OAEP,
                                    .digest = DIGEST_SHA256,
                                    .mgf1_digest = DIGEST_SHA256,
                                    .label = { data, 5 },
                                    .data = { data, 256 } }));
        ADD(who, decrypt, MSG_DECRYPT,
            (&(struct decrypt_request){
                .key.name = "rsa", .padding = PADDING_TLS, .client_version = 0x0303, .data = { data, 256 } }));
    }
    put_sequence("decrypt");
    for (unsigned who = 0; who < 4; who++) {
        ADD(who, derive, MSG_DERIVE, (&(struct derive_request){ .key.name = "x", .peer = { peer, sizeof(peer) } }));
        ADD(who, derive, MSG_DERIVE, (&(struct derive_request){ .key.name = "ecdh", .peer = { peer, sizeof(peer) } }));
    }
    put_sequence("derive");
}

/* What is told, and what only administrators may ask for; then the same of others. */
static void questions(unsigned who, const char *name)
{
    static uint8_t packet[LB_PACKET_MAX];
    size_t len;

    ADD(who, key_ref, MSG_GET, (&(struct key_ref){ .name = "web" }));
    ADD(who, key_ref, MSG_CERT_GET, (&(struct key_ref){ .name = "web", .version = 1 }));
    ADD(who, list, MSG_LIST, (&(struct msg_list){ .after = "ed" }));
    ADD(who, find, MSG_FIND, (&(struct msg_find){ .want.a = { [P11_OBJECT] = { true, 3, "web" } } }));
    ADD(who, find, MSG_FIND, (&(struct msg_find){ .want.a = { [P11_TOKEN] = { true, 4, "test" } } }));
    ADD(who, find, MSG_CERT_FIND, (&(struct msg_find){ .want.a = { [P11_OBJECT] = { true, 3, "web" } } }));
    ADD(who, name, MSG_SHOW, (&(struct msg_name){ .name = "rsa" }));
    ADD(who, token_list, MSG_TOKEN_LIST, (&(struct msg_token_list){ .from = 0 }));
    ADD_EMPTY(who, MSG_STATUS);
    ADD_EMPTY(who, MSG_TOKEN);
    ADD_EMPTY(who, MSG_SEAL_LIST);
    ADD(who, opening_ask, MSG_OPENING, (&(struct msg_opening_ask){ { NULL, 0 } }));
    put_sequence(name);
}

static void changes(unsigned who, const char *name)
{
    static uint8_t packet[LB_PACKET_MAX];
    /* RFC 8410 7, PrivateKeyInfo of an Ed25519 key. */
    static const uint8_t pkcs8[48] = { 0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b,
                                       0x65, 0x70, 0x04, 0x22, 0x04, 0x20, 0xd4, 0xee };
    static const uint8_t credential[] = "a credential of the tests, of more than 32 bytes", none[] = { 0, 0 };
    struct bytes secret = { credential, sizeof(credential) - 1 };
    size_t len;

    ADD(who, create, MSG_CREATE, (&(struct create_request){ .name = "new", .type = "ec:P-256" }));
    ADD(who, import, MSG_IMPORT, (&(struct import_request){ .name = "in", .pkcs8 = { pkcs8, sizeof(pkcs8) } }));
    ADD(who, grant, MSG_ALLOW, (&(struct grant_request){ .name = "new", .grant = { SUBJECT_USER, 3000002, OP_SIGN } }));
    ADD(who, grant, MSG_DENY, (&(struct grant_request){ .name = "web", .grant = { SUBJECT_USER, 3000001, OP_SIGN } }));
    ADD(who, destroy, MSG_DESTROY, (&(struct destroy_request){ .name = "ed", .version = 1 }));
    ADD(who, destroy, MSG_DESTROY_SCHEDULE, (&(struct destroy_request){ .name = "new", .version = 0 }));
    ADD(who, destroy, MSG_DESTROY_CANCEL, (&(struct destroy_request){ .name = "new", .version = 1 }));
    ADD(who, purpose, MSG_PURPOSE, (&(struct purpose_request){ .name = "ed", .purposes = PURPOSE_CMS }));
    ADD(who, rename, MSG_RENAME, (&(struct rename_request){ .name = "new", .to = "other" }));
    ADD(who, roll, MSG_ROLL, (&(struct roll_request){ .name = "ed" }));
    ADD(who, activate, MSG_ACTIVATE, (&(struct activate_request){ .key = { .name = "ed" }, .drain = 5, .chain = { none, 2 } }));
    ADD(who, back, MSG_BACK, (&(struct back_request){ .name = "ed", .drain = 5 }));
    ADD(who, state, MSG_STATE, (&(struct state_request){ .key = { .name = "ed" }, .event = EVENT_SUSPEND }));
    ADD(who, expiring, MSG_EXPIRING, (&(struct expiring_request){ .before = 1900000000 }));
    ADD(who, name, MSG_USERS, (&(struct msg_name){ .name = "web" }));
    ADD(who, handle_note, MSG_HANDLE_NOTE, (&(struct handle_note){ .name = "other", .path = "/etc/web.pem" }));
    ADD(who, name, MSG_HANDLE_LIST, (&(struct msg_name){ .name = "new" }));
    ADD(who, cert_set, MSG_CERT_SET, (&(struct chain_request){ .name = "web", .chain = { none, 2 } }));
    ADD(who, attach, MSG_ATTACH, (&(struct attach_request){ .name = "at", .label = secret }));
    ADD(who, secret, MSG_INIT, (&(struct seal_request){ .kind = SEAL_CREDENTIAL, .label = "a", .secret = secret }));
    ADD(who, secret, MSG_SEAL_ADD, (&(struct seal_request){ .kind = SEAL_CREDENTIAL, .label = "b", .secret = secret }));
    ADD(who, seal_remove, MSG_SEAL_REMOVE, (&(struct msg_seal_remove){ .id = 1 }));
    ADD_EMPTY(who, MSG_LOCK);
    ADD(1, sign, MSG_SIGN,
        (&(struct sign_request){
            .key.name = "ed", .scheme = SCHEME_ED25519, .input = INPUT_TEXT, .data = { credential, 4 } }));
    ADD(who, secret, MSG_UNLOCK, (&(struct seal_request){ .kind = SEAL_CREDENTIAL, .secret = secret }));
    ADD(who, opening_ask, MSG_OPENING, (&(struct msg_opening_ask){ secret }));
    ADD(who, login, MSG_LOGIN, (&(struct msg_login){ { credential, 4 } }));
    put_sequence(name);
}

static void requests(void)
{
    uses();
    questions(0, "questions-stranger");
    questions(1, "questions-granted");
    questions(3, "questions-admin");
    changes(0, "changes-stranger");
    changes(3, "changes-admin");
    changes(4, "changes-unknown");
}

/* Changes of a store, as fuzz_store.c has them. */
static void stores(void)
{
    static const struct {
        const char *name;
        uint8_t bytes[24];
        size_t len;
    } seeds[] = {
        { "none", { 0 }, 0 },
        { "byte-of-header", { 0, 0, 0, 20, 1 }, 5 },
        { "byte-of-page", { 0, 0, 0x60, 0, 0xff, 0, 0x50, 8, 0x80 }, 9 },
        { "state", { 1, 0, 3, 0, 0, 0, 0, 5 }, 8 },
        { "state-alive", { 1, 0, 3, 4, 0, 0, 0, 2 }, 8 },
        { "version", { 1, 0, 2, 0, 0, 0, 0, 2 }, 8 },
        { "material", { 2, 0, 8, 0, 20, 1 }, 6 },
        { "material-moved", { 3, 0, 8, 0, 1, 3, 0, 7, 0, 1 }, 10 },
        { "name-moved", { 3, 0, 1, 0, 4, 4, 1, 4 }, 8 },
        { "grant-id", { 1, 2, 2, 0, 0, 0x2d, 0xc6, 0xc2 }, 8 },
        { "grant-moved", { 3, 2, 0, 0, 3 }, 5 },
        { "key-gone", { 4, 1, 0 }, 3 },
        { "cut", { 5, 0, 0x40, 0 }, 4 },
        { "name", { 6, 0, 1, 0, 3, 'a', '/', 'b', 6, 1, 1, 0, 3, 'a', '/', 'b' }, 16 },
        { "type", { 6, 0, 4, 0, 8, 'r', 's', 'a', ':', '2', '0', '4', '8' }, 13 },
        { "seal", { 2, 4, 4, 0, 1, 9, 2, 4, 5, 0, 3, 9 }, 12 },
        { "store-id", { 2, 5, 1, 0, 3, 9 }, 6 },
    };

    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
        put("store", seeds[i].name, seeds[i].bytes, seeds[i].len);
}

/* What goes over the keeper's link, as fuzz_keeplink.c has it. */
static void links(void)
{
    static const struct {
        const char *name;
        uint8_t bytes[24];
        size_t len;
    } seeds[] = {
        { "add", { 1, 5, 1, 0, 0, 0, 7 }, 7 },
        { "add-drop", { 1, 5, 1, 0, 0, 0, 7, 0, 5, 2, 0, 0, 0, 7 }, 14 },
        { "ready", { 0, 5, 3, 0, 0, 0, 1, 0, 5, 7, 0, 0, 0, 0 }, 14 },
        { "restore", { 1, 5, 4, 0, 0, 0, 1, 0, 5, 5, 0, 0, 0, 2 }, 14 },
        { "locked", { 0, 5, 6, 0, 0, 0, 1, 0, 5, 8, 0, 0, 0, 9 }, 14 },
        { "without", { 0, 5, 1, 0, 0, 0, 7 }, 7 },
        { "unasked", { 2, 5, 3, 0, 0, 0, 7 }, 7 },
        { "several", { 3, 5, 1, 255, 255, 255, 255 }, 7 },
        { "short", { 1, 4, 1, 0, 0, 0 }, 6 },
        { "long", { 1, 7, 1, 0, 0, 0, 0, 0, 0 }, 9 },
    };

    for (size_t i = 0; i < sizeof(seeds) / sizeof(seeds[0]); i++)
        put("keeplink", seeds[i].name, seeds[i].bytes, seeds[i].len);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: make_corpus DIR\n");
        return 2;
    }
    top = argv[1];
    messages();
    uris();
    p11uris();
    p11refs();
    handles();
    requests();
    stores();
    links();
    return 0;
}
