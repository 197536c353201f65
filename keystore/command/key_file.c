/* Private keys in files, in the forms that people have them. */
#include "command/key_file.h"

#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <openssl/provider.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command/key_decoders.h"
#include "command/key_file_pkcs12.h"
#include "command/prompt.h"
#include "guard/secret.h"
#include "keys/private_key_info.h"
#include "model/key_types.h"
#include "model/limits.h"
#include "model/pkcs11_reference.h"

size_t keyfile_room(const char *path)
{
    struct stat st;

    return stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size < KEYFILE_MAX ? (size_t)st.st_size
                                                                                                   : KEYFILE_MAX;
}

/* What is being read, for the callback that libcrypto asks for the passphrase. */
struct reading {
    const struct cli *cli;
    const char *name;
    struct passphrase passphrase;
    bool asked;
    int result; /* of asking */
    struct problem *problem;
};

/* Asks once: libcrypto calls this for each form that it tries. */
static int ask_once(struct reading *rd)
{
    char what[120];

    if (rd->asked)
        return rd->result;
    rd->asked = true;
    snprintf(what, sizeof(what), "passphrase of %.80s", rd->name);
    rd->result = ask_passphrase(rd->cli, what, /* as_new= */ false, &rd->passphrase, rd->problem);
    return rd->result;
}

static int passphrase_cb(char *buf, size_t size, size_t *ret_len, const OSSL_PARAM params[], void *arg)
{
    struct reading *rd = arg;

    (void)params;
    if (ask_once(rd) != 0 || rd->passphrase.len > size)
        return 0;
    memcpy(buf, rd->passphrase.data, rd->passphrase.len);
    *ret_len = rd->passphrase.len;
    return 1;
}

static int wrong_passphrase(const struct reading *rd, struct problem *p)
{
    return problem_set(p, LB_E_SECRET, "the passphrase does not open '%s'", rd->name);
}

/* Decodes one key, PEM or DER, and nothing else. */
static int decode(struct reading *rd, const char *form, const uint8_t *data, size_t len, EVP_PKEY **ret,
                  struct problem *p)
{
    OSSL_DECODER_CTX *ctx =
        OSSL_DECODER_CTX_new_for_pkey(ret, form, NULL, NULL, EVP_PKEY_KEYPAIR, /* libctx= */ NULL, NULL);
    size_t left = len;
    int r = LB_E_NOMEM;

    if (ctx == NULL || !OSSL_DECODER_CTX_set_passphrase_cb(ctx, passphrase_cb, rd)) {
        problem_set(p, r, "out of memory");
        goto out;
    }
    r = 0;
    if (OSSL_DECODER_from_data(ctx, &data, &left))
        goto out;
    ERR_clear_error();
    if (rd->asked && rd->result != 0)
        r = rd->result;
    else if (rd->asked)
        r = wrong_passphrase(rd, p);
    else
        r = problem_set(p, LB_E_VALUE, "the private key in '%s' is damaged, or of a form that OpenSSL does not know",
                        rd->name);
out:
    OSSL_DECODER_CTX_free(ctx);
    return r;
}

/* PEM */

struct block {
    size_t start, end; /* from "-----BEGIN" to behind the end line */
    const char *label;
    size_t label_len;
};

static const uint8_t *find(const uint8_t *from, const uint8_t *end, const char *text)
{
    return from > end ? NULL : memmem(from, (size_t)(end - from), text, strlen(text));
}

/* The next PEM block at or behind *at, which moves on; false: no more. A block without its end line is none. */
static bool next_block(const uint8_t *data, size_t len, size_t *at, struct block *ret)
{
    static const char begin[] = "-----BEGIN ", end[] = "-----END ", dashes[] = "-----";
    const uint8_t *stop = data + len, *s = find(data + *at, stop, begin), *label_end, *e, *nl;

    if (s == NULL)
        return false;
    ret->start = (size_t)(s - data);
    ret->label = (const char *)s + strlen(begin);
    label_end = find(s + strlen(begin), stop, dashes);
    e = label_end == NULL ? NULL : find(label_end, stop, end);
    if (e == NULL)
        return false;
    ret->label_len = (size_t)((const char *)label_end - ret->label);
    nl = memchr(e, '\n', (size_t)(stop - e));
    ret->end = nl == NULL ? len : (size_t)(nl - data) + 1;
    *at = ret->end;
    return true;
}

static bool label_ends(const struct block *b, const char *text)
{
    size_t n = strlen(text);

    return b->label_len >= n && memcmp(b->label + b->label_len - n, text, n) == 0;
}

/* A PKCS#8 block may be a handle. If it cannot be read, the failure is left to the code that decodes the key. */
static int check_handle(const uint8_t *data, const struct block *b, struct keyfile *ret, struct problem *p)
{
    BIO *bio = BIO_new_mem_buf(data + b->start, (int)(b->end - b->start));
    char *name = NULL, *header = NULL;
    unsigned char *der = NULL;
    long len = 0;
    int r = 0;

    if (bio == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    if (PEM_read_bio(bio, &name, &header, &der, &len) && strcmp(name, PEM_STRING_PKCS8INF) == 0) {
        r = handle_from_der(der, (size_t)len, &ret->handle);
        ret->is_handle = r == 0;
    }
    ERR_clear_error();
    OPENSSL_free(name);
    OPENSSL_free(header);
    OPENSSL_clear_free(der, (size_t)len);
    BIO_free(bio);
    return r == LB_E_UNSUPPORTED ? 0 : r;
}

static int damaged_handle(const struct reading *rd, struct problem *p)
{
    problem_set(p, LB_E_VALUE, "'%s' is a damaged handle", rd->name);
    problem_hint(p, "make another one: littlebox handle KEY --out FILE");
    return LB_E_VALUE;
}

static int no_key(const struct reading *rd, struct problem *p)
{
    problem_set(p, LB_E_NO_KEY, "there is no private key in '%s'", rd->name);
    problem_hint(p, "give the file with the private key: PEM, DER or PKCS#12");
    return LB_E_NO_KEY;
}

static int parse_pem(struct reading *rd, const uint8_t *data, size_t len, struct keyfile *ret, struct problem *p)
{
    struct block b, found = { 0 };
    unsigned count = 0;
    size_t at = 0;

    while (next_block(data, len, &at, &b)) {
        if (!label_ends(&b, "PRIVATE KEY"))
            continue;
        if (label_ends(&b, "OPENSSH PRIVATE KEY")) {
            problem_set(p, LB_E_VALUE, "'%s' is an OpenSSH key file", rd->name);
            problem_hint(p, "convert a copy of it: ssh-keygen -p -m PKCS8 -f COPY");
            return LB_E_VALUE;
        }
        found = b;
        count++;
    }
    if (count == 0)
        return no_key(rd, p);
    if (count > 1) {
        problem_set(p, LB_E_VALUE, "there are %u private keys in '%s'", count, rd->name);
        problem_hint(p, "give a file with one");
        return LB_E_VALUE;
    }
    ret->form = KEYFILE_PEM;
    ret->start = found.start;
    ret->end = found.end;
    if (check_handle(data, &found, ret, p) != 0)
        return damaged_handle(rd, p);
    if (!ret->is_handle && rd->cli->decoders != NULL)
        ret->key = keydecoders_read(rd->cli->decoders, data + found.start, found.end - found.start);
    if (ret->is_handle || ret->key != NULL)
        return 0;
    return decode(rd, "PEM", data + found.start, found.end - found.start, &ret->key, p);
}

/* DER */

static int parse_pkcs12(struct reading *rd, PKCS12 *p12, struct keyfile *ret, struct problem *p)
{
    unsigned keys = 0;
    int r;

    ret->form = KEYFILE_PKCS12;
    /* Many files have no passphrase, or an empty one: for those nobody is asked. */
    r = pkcs12_key(p12, NULL, 0, &keys, &ret->key);
    if (r == LB_E_SECRET)
        r = pkcs12_key(p12, "", 0, &keys, &ret->key);
    if (r == LB_E_SECRET) {
        r = ask_once(rd);
        if (r != 0)
            return r;
        r = pkcs12_key(p12, rd->passphrase.data, (int)rd->passphrase.len, &keys, &ret->key);
    }
    ERR_clear_error();
    if (r == LB_E_SECRET)
        return wrong_passphrase(rd, p);
    if (r != 0)
        return problem_set(p, r, "'%s' is PKCS#12 that OpenSSL cannot read", rd->name);
    if (keys == 0)
        return no_key(rd, p);
    if (keys > 1)
        return problem_set(p, LB_E_VALUE, "there are %u private keys in '%s'", keys, rd->name);
    return 0;
}

static int parse_der(struct reading *rd, const uint8_t *data, size_t len, struct keyfile *ret, struct problem *p)
{
    const uint8_t *q = data;
    PKCS12 *p12;
    int r = handle_from_der(data, len, &ret->handle);

    ret->form = KEYFILE_DER;
    ret->end = len;
    ret->is_handle = r == 0;
    if (r == 0)
        return 0;
    ERR_clear_error();
    if (r != LB_E_UNSUPPORTED)
        return damaged_handle(rd, p);
    p12 = d2i_PKCS12(NULL, &q, (long)len);
    if (p12 != NULL) {
        r = parse_pkcs12(rd, p12, ret, p);
        PKCS12_free(p12);
        return r;
    }
    ERR_clear_error();
    r = decode(rd, "DER", data, len, &ret->key, p);
    return r == LB_E_VALUE ? no_key(rd, p) : r;
}

int keyfile_parse(const struct cli *c, const char *name, const uint8_t *data, size_t len, struct keyfile *ret,
                  struct problem *p)
{
    struct reading rd = { .cli = c, .name = name, .problem = p };
    OSSL_PROVIDER *legacy;
    int r;

    memset(ret, 0, sizeof(*ret));
    /* Only this provider has the ciphers of old PKCS#12 and PEM files. It is no failure if it is not installed. */
    legacy = OSSL_PROVIDER_try_load(NULL, "legacy", /* retain_fallbacks= */ 1);
    ERR_clear_error();
    if (find(data, data + len, "-----BEGIN ") != NULL)
        r = parse_pem(&rd, data, len, ret, p);
    else
        r = parse_der(&rd, data, len, ret, p);
    ask_clear(&rd.passphrase);
    if (legacy != NULL)
        OSSL_PROVIDER_unload(legacy);
    if (r != 0)
        keyfile_clear(ret);
    return r;
}

static bool has_text(const uint8_t *data, const struct block *b, const char *text)
{
    return find(data + b->start, data + b->end, text) != NULL;
}

static int look_at_block(const uint8_t *data, const struct block *b, enum keyfile_sight *ret_sight, struct handle *ret)
{
    struct keyfile k = { .is_handle = false };
    struct problem p = { 0 };
    int r;

    *ret_sight = KEYFILE_NOTHING;
    if (label_ends(b, P11REF_PEM_LABEL))
        *ret_sight = KEYFILE_REFERENCE;
    if (!label_ends(b, "PRIVATE KEY"))
        return 0;
    r = check_handle(data, b, &k, &p);
    if (r == LB_E_NOMEM)
        return r;
    if (r == 0 && k.is_handle && ret->uri[0] == '\0') {
        *ret = k.handle;
        k.handle.spki = NULL; /* now owned by ret */
    }
    handle_clear(&k.handle);
    if (r != 0)
        *ret_sight = KEYFILE_DAMAGED;
    else if (k.is_handle)
        *ret_sight = KEYFILE_HANDLE;
    else if (label_ends(b, "ENCRYPTED PRIVATE KEY") || has_text(data, b, "Proc-Type: 4,ENCRYPTED"))
        *ret_sight = KEYFILE_ENCRYPTED;
    else
        *ret_sight = KEYFILE_PLAIN;
    return 0;
}

static int look_at_der(const uint8_t *data, size_t len, enum keyfile_sight *ret_sight, struct handle *ret)
{
    const uint8_t *at = data;
    int r = handle_from_der(data, len, ret);
    EVP_PKEY *key;

    *ret_sight = r == 0 ? KEYFILE_HANDLE : KEYFILE_DAMAGED;
    ERR_clear_error();
    if (r != LB_E_UNSUPPORTED)
        return r == LB_E_NOMEM ? r : 0;
    key = d2i_AutoPrivateKey(NULL, &at, (long)len);
    *ret_sight = key == NULL ? KEYFILE_NOTHING : KEYFILE_PLAIN;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return 0;
}

int keyfile_look(const uint8_t *data, size_t len, enum keyfile_sight *ret_sight, struct handle *ret)
{
    enum keyfile_sight sight;
    struct block b;
    size_t at = 0;
    int r = 0;

    memset(ret, 0, sizeof(*ret));
    *ret_sight = KEYFILE_NOTHING;
    if (find(data, data + len, "-----BEGIN ") == NULL)
        return look_at_der(data, len, ret_sight, ret);
    while (r == 0 && next_block(data, len, &at, &b)) {
        r = look_at_block(data, &b, &sight, ret);
        if (r == 0 && sight > *ret_sight)
            *ret_sight = sight;
    }
    return r;
}

void keyfile_clear(struct keyfile *k)
{
    handle_clear(&k->handle);
    EVP_PKEY_free(k->key);
    k->key = NULL;
}

int keyfile_pkcs8(EVP_PKEY *key, uint8_t **ret, size_t *ret_len, struct problem *p)
{
    char type[LB_TYPE_MAX + 1];
    uint8_t *buf;
    int r = keytype_of(key, type, p);

    if (r != 0)
        return r;
    buf = secret_alloc(LB_PRIVATE_MAX);
    if (buf == NULL)
        return secret_no_memory(p);
    r = private_key_info(key, buf, LB_PRIVATE_MAX, ret_len);
    ERR_clear_error();
    if (r == 0) {
        *ret = buf;
        return 0;
    }
    secret_free(buf, LB_PRIVATE_MAX);
    if (r == LB_E_TOO_LONG)
        return problem_set(p, r, "the key is longer than %d bytes", LB_PRIVATE_MAX);
    return problem_set(p, r, "libcrypto does not give out the private half of the %s key", type);
}
