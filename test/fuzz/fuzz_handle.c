/*
 * Aims at handle_from_der(), which OpenSSL calls with every DER that any program of the machine reads, and at
 * handle_type_of() and spki_key(), which read the public key in a handle. Whatever comes in: no leak, no error left on
 * OpenSSL's queue for input that is not ours, a handle that is read is written again and read to the same, and a public
 * key is what libcrypto's own decoder makes of it.
 */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "model/handle.h"
#include "model/spki.h"
#include "fuzz.h"

static void check_again(const struct handle *h)
{
    struct handle got;
    uint8_t *der = NULL;
    size_t len = 0;

    if (handle_to_der(h, &der, &len) != 0 || handle_from_der(der, len, &got) != 0)
        abort();
    if (got.type != h->type || strcmp(got.uri, h->uri) != 0 || got.spki_len != h->spki_len ||
        (h->spki != NULL && memcmp(got.spki, h->spki, h->spki_len) != 0))
        abort();
    handle_clear(&got);
    OPENSSL_free(der);
}

static void check_public(const uint8_t *spki, size_t len)
{
    const uint8_t *p = spki;
    EVP_PKEY *expected = d2i_PUBKEY(NULL, &p, (long)len), *key = spki_key(NULL, spki, len);

    if ((key != NULL) != (expected != NULL && p == spki + len) || (key != NULL && EVP_PKEY_eq(key, expected) != 1))
        abort();
    EVP_PKEY_free(key);
    EVP_PKEY_free(expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct handle h;
    struct key_uri u;
    struct problem p;
    int r;

    ERR_clear_error();
    r = handle_from_der(data, size, &h);
    if (r == 0) {
        if (h.type < 1 || h.type > HANDLE_LAST || strlen(h.uri) > LB_URI_MAX)
            abort();
        check_again(&h);
        (void)!uri_parse(h.uri, &u, &p);
        if (h.spki != NULL) {
            (void)handle_type_of(h.spki, h.spki_len);
            check_public(h.spki, h.spki_len);
        }
        handle_clear(&h);
    } else if (h.spki != NULL || (r == LB_E_UNSUPPORTED && ERR_peek_error() != 0))
        abort();
    (void)handle_type_of(data, size);
    check_public(data, size);
    ERR_clear_error();
    return 0;
}
