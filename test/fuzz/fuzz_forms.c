/*
 * Aims at form_of(). What it accepts, a second reader of its own kind (forms_again.h) calls the same form; nothing is left on
 * OpenSSL's queue, and what it says is printable. Each input is tried as it is and changed: FORMS_MUTATIONS (100) times.
 *
 * An input: digest (1) | length of the key's SubjectPublicKeyInfo (2) | length of its certificate (2) | both | the text.
 * "FORMS_CORPUS=test/fuzz/corpus/forms test/unit/test_unit forms" writes the corpus, of what real software signed.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "forms/forms.h"
#include "forms_again.h"
#include "fuzz.h"

#define HEAD 5
#define TEXT_MAX 65536

static void must(bool good)
{
    if (!good)
        abort();
}

static void look(const uint8_t *text, size_t len, unsigned digest, const struct form_key *key)
{
    struct bytes bytes = { text, len };
    struct form f;

    form_of(bytes, digest, key, &f);
    must(ERR_peek_error() == 0 && (f.purpose & (f.purpose - 1)) == 0 && f.purpose <= PURPOSE_ALL);
    must(f.what[0] != '\0' && memchr(f.what, '\0', sizeof(f.what)) != NULL);
    for (const char *at = f.what; *at != '\0'; at++)
        must(*at >= ' ' && *at <= '~');
    if (f.purpose != 0)
        must(forms_again(bytes, key, f.purpose));
    ERR_clear_error();
}

/* A box has keys and certificates that libcrypto reads, and no others. */
static bool is_key(const struct form_key *key)
{
    const unsigned char *at = key->spki.p, *end = at + key->spki.len;
    X509_PUBKEY *public = d2i_X509_PUBKEY(NULL, &at, (long)key->spki.len);
    bool good = public != NULL && at == end && X509_PUBKEY_get0(public) != NULL;
    X509 *x;

    if (good && key->certificate.len > 0) {
        at = key->certificate.p;
        end = at + key->certificate.len;
        x = d2i_X509(NULL, &at, (long)key->certificate.len);
        good = x != NULL && at == end;
        X509_free(x);
    }
    X509_PUBKEY_free(public);
    return good;
}

/* One after the other mostly has the key of the one before. */
static bool is_known_key(const struct form_key *key)
{
    static uint8_t known[TEXT_MAX];
    static size_t known_len, known_spki;
    size_t len = key->spki.len + key->certificate.len;

    if (len > 0 && len == known_len && key->spki.len == known_spki && memcmp(known, key->spki.p, len) == 0)
        return true;
    if (!is_key(key))
        return false;
    memcpy(known, key->spki.p, len);
    known_len = len;
    known_spki = key->spki.len;
    return true;
}

/* The same each time: what is found is found again. */
static uint32_t random_state;

static uint32_t any(uint32_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 17;
    random_state ^= random_state << 5;
    return below == 0 ? 0 : random_state % below;
}

/* Of len octets, in room for size. Returns how many there are then. */
static size_t change(uint8_t *text, size_t len, size_t size)
{
    size_t at = any((uint32_t)len), count = 1 + any(8), from = any((uint32_t)len);

    if (len == 0)
        return len;
    switch (any(7)) {
    case 0:
        text[at] ^= (uint8_t)(1 << any(8));
        break;
    case 1:
        text[at] = (uint8_t)any(256);
        break;
    case 2:
        text[at] = (uint8_t)(text[at] + (any(2) == 0 ? 1 : -1));
        break;
    case 3: /* some more */
        if (len + count > size)
            break;
        memmove(text + at + count, text + at, len - at);
        memset(text + at, (int)any(256), count);
        return len + count;
    case 4: /* some less */
        count = count > len - at ? len - at : count;
        memmove(text + at, text + at + count, len - at - count);
        return len - count;
    case 5: /* from elsewhere */
        count = any(64);
        count = count > len - at ? len - at : count;
        count = count > len - from ? len - from : count;
        memmove(text + at, text + from, count);
        break;
    default: /* one more or less, and a length that says so */
        at = any((uint32_t)(len < 8 ? len : 8));
        text[at] = (uint8_t)(text[at] + 1);
        if (len < size)
            text[len++] = (uint8_t)any(256);
        break;
    }
    return len;
}

/* Where the text of an input begins; 0: it is none. */
static size_t text_of(const uint8_t *data, size_t size, struct form_key *ret)
{
    size_t spki, certificate;

    if (size < HEAD)
        return 0;
    spki = (size_t)data[1] << 8 | data[2];
    certificate = (size_t)data[3] << 8 | data[4];
    if (spki + certificate > size - HEAD)
        return 0;
    *ret = (struct form_key){ { data + HEAD, spki }, { data + HEAD + spki, certificate } };
    return HEAD + spki + certificate;
}

/* libFuzzer's: it changes the text alone. */
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max) __attribute__((weak));
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed);

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max, unsigned seed)
{
    struct form_key key;
    size_t head = text_of(data, size, &key);

    (void)seed;
    return head == 0 || head >= max ? size : head + LLVMFuzzerMutate(data + head, size - head, max - head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t text[TEXT_MAX + 64];
    const char *setting = getenv("FORMS_MUTATIONS");
    unsigned long mutations = setting == NULL ? 100 : strtoul(setting, NULL, 10);
    struct form_key key;
    size_t head = text_of(data, size, &key), len = size - head;

    if (head == 0 || size > TEXT_MAX || !is_known_key(&key))
        return 0;
    ERR_clear_error();
    look(data + size - len, len, data[0], &key);
    random_state = 2463534242u;
    for (unsigned long i = 0; i < mutations; i++) {
        size_t changed = len;

        memcpy(text, data + size - len, len);
        for (uint32_t times = 1 + any(3); times > 0; times--)
            changed = change(text, changed, sizeof(text));
        look(text, changed, data[0], &key);
    }
    return 0;
}
