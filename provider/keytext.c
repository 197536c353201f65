/* What a private key looks like in a text for people. */
#include "keytext.h"

#include <openssl/encoder.h>
#include <string.h>

#include "client/box.h"
#include "client/keys.h"

/* Labels that differ in the text of a private key. More of the label may stand before, and a value behind. */
static const struct {
    const char *in_public, *in_private;
    bool whole; /* the label is the line's first word */
} labels[] = {
    { "Public-Key:", "Private-Key:", false },
    { "Modulus:", "modulus:", true },
    { "Exponent:", "publicExponent:", true },
};

static int print_line(const char *line, size_t len, BIO *out)
{
    for (size_t i = 0; i < sizeof(labels) / sizeof(labels[0]); i++) {
        size_t label_len = strlen(labels[i].in_public);
        const char *at = labels[i].whole ? line : memmem(line, len, labels[i].in_public, label_len);

        if (at == NULL || (size_t)(line + len - at) < label_len || memcmp(at, labels[i].in_public, label_len) != 0)
            continue;
        return BIO_printf(out, "%.*s%s%.*s", (int)(at - line), line, labels[i].in_private,
                          (int)(len - (size_t)(at - line) - label_len), at + label_len) > 0;
    }
    return BIO_write(out, line, (int)len) == (int)len;
}

/* Prints the text of `default`, line by line, with the labels of a private key. */
static int print_public(const struct key *k, BIO *out)
{
    OSSL_ENCODER_CTX *ctx = OSSL_ENCODER_CTX_new_for_pkey(key_public(k), EVP_PKEY_PUBLIC_KEY, "TEXT", NULL, NULL);
    unsigned char *data = NULL;
    size_t len = 0;
    int ok = ctx != NULL && OSSL_ENCODER_to_data(ctx, &data, &len);

    for (size_t at = 0, n; ok && at < len; at += n) {
        const char *line = (const char *)data + at, *end = memchr(line, '\n', len - at);

        n = end == NULL ? len - at : (size_t)(end + 1 - line);
        ok = print_line(line, n, out);
    }
    OPENSSL_free(data);
    OSSL_ENCODER_CTX_free(ctx);
    return ok;
}

int keytext_print(const struct key *k, BIO *out)
{
    char uri[LB_URI_MAX + 1];
    uint8_t request[BOX_REQUEST_MAX], answer[BOX_ANSWER_MAX];
    struct box_ask q;
    struct problem p;
    struct key_info m;
    int n;

    uri_format(&k->uri, uri);
    if (BIO_printf(out, "Private key in a littlebox: %s\n    Box: %s\n    Key: %s\n", uri, box_name(k->box),
                   k->ref.name) <= 0)
        return LB_E_NOMEM;
    if (ask_get(box_ask(&q, k->box, request, sizeof(request), answer, sizeof(answer)), &k->ref, &m, &p) == 0)
        n = BIO_printf(out, "    Version: %u\n    State: %s\n    Type: %s\n", m.version, key_state_name(m.state),
                       m.type);
    else
        n = BIO_printf(out, "    State: %s%s%s\n", p.text, p.hint[0] != '\0' ? ": " : "", p.hint);
    return n <= 0 || !print_public(k, out) ? LB_E_NOMEM : 0;
}
