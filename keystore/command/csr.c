/* littlebox csr: a certificate request (PKCS#10, RFC 2986) that the key in the box signs. */
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/atomic_file.h"
#include "client/keys.h"
#include "client/use.h"
#include "command/certificates.h"
#include "command/client.h"
#include "command/create.h"
#include "command/csr_names.h"
#include "command/key_signature.h"
#include "command/table.h"
#include "guard/secret.h"
#include "model/chain.h"
#include "model/spki.h"

/* A key that signs a request, and what is asked for. */
struct asking {
    struct client *client;
    struct key_ref ref;
    struct csr_names names;
    EVP_PKEY *key; /* the public half */
};

/* libcrypto failed where only a lack of memory explains it. */
static int out_of_memory(struct problem *p)
{
    ERR_clear_error();
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

/* Whom it is for */

static int names_of_file(struct asking *a, const char *path, struct problem *p)
{
    struct certificates all = { .count = 0 };
    void *data = NULL;
    size_t len = 0;
    int r = key_read_file(strcmp(path, "-") == 0 ? "/dev/stdin" : path, "file of certificates", &data, &len, p);

    if (r == 0)
        r = certificates_parse(path, (struct bytes){ data, len }, &all, p);
    secret_free(data, KEYFILE_MAX);
    /* The first one, as every server takes it for its own. */
    if (r == 0)
        r = csr_names_of(&a->names, all.at[0], p);
    certificates_clear(&all);
    return r;
}

/* *ret_found false: the box has no chain of that version. */
static int names_of_version(struct asking *a, uint32_t version, bool *ret_found, struct problem *p)
{
    struct key_ref ref = { .version = version };
    struct certificates all = { .count = 0 };
    struct bytes chain;
    int r;

    memcpy(ref.name, a->ref.name, sizeof(ref.name));
    r = ask_chain_of(a->client->ask, &ref, &chain, p);
    if (r == 0)
        r = certificates_get(chain, &all, p);
    *ret_found = r == 0 && all.count > 0;
    if (*ret_found)
        r = csr_names_of(&a->names, all.at[0], p);
    certificates_clear(&all);
    return r;
}

/* A version to come has no chain yet: it is to have the names of the one that signs now. */
static int names_of_chain(struct asking *a, struct problem *p)
{
    bool found = false;
    int r = 0;

    if (a->ref.version != KEY_VERSION_NEXT)
        r = names_of_version(a, a->ref.version, &found, p);
    if (r == 0 && !found && a->ref.version != 0)
        r = names_of_version(a, 0, &found, p);
    if (r != 0 || found)
        return r;
    problem_set(p, LB_E_VALUE, "whom is the certificate for? There is none of key '%s' yet to take the names of", a->ref.name);
    problem_hint(p, "littlebox --box %s csr %s --san DNS:www.example.org", a->client->cli->box, a->ref.name);
    return LB_E_VALUE;
}

static int find_names(struct asking *a, struct problem *p)
{
    const char *const *o = a->client->cli->options;
    int r = 0;

    a->names.must_staple = o[OPT_MUST_STAPLE] != NULL;
    if (o[OPT_SUBJECT] != NULL)
        r = csr_names_subject(&a->names, o[OPT_SUBJECT], p);
    if (r == 0 && o[OPT_SAN] != NULL)
        r = csr_names_list(&a->names, o[OPT_SAN], p);
    if (r == 0 && o[OPT_LIKE] != NULL)
        r = names_of_file(a, o[OPT_LIKE], p);
    if (r == 0 && o[OPT_SUBJECT] == NULL && o[OPT_SAN] == NULL && o[OPT_LIKE] == NULL)
        r = names_of_chain(a, p);
    return r == 0 ? csr_names_complete(&a->names, p) : r;
}

/* The request */

/* The digest that is as strong as the curve. Other keys take the usual one. */
static enum digest digest_for(EVP_PKEY *key)
{
    int bits = EVP_PKEY_get_security_bits(key);

    if (!EVP_PKEY_is_a(key, "EC"))
        return DIGEST_NONE;
    return bits > 192 ? DIGEST_SHA512 : bits > 128 ? DIGEST_SHA384 : DIGEST_SHA256;
}

/* The AlgorithmIdentifier of such a signature, as libcrypto's own provider writes it for the public half. */
static X509_ALGOR *algorithm_of(EVP_PKEY *key, const struct sign_request *m)
{
    unsigned char der[256];
    const unsigned char *at = der;
    EVP_PKEY_CTX *options;
    EVP_MD_CTX *ctx = key_signature_verifier(key, m, &options);
    OSSL_PARAM answer[] = { OSSL_PARAM_octet_string(OSSL_SIGNATURE_PARAM_ALGORITHM_ID, der, sizeof(der)), OSSL_PARAM_END };
    X509_ALGOR *ret = NULL;

    if (ctx != NULL && EVP_PKEY_CTX_get_params(options, answer) > 0 && OSSL_PARAM_modified(answer))
        ret = d2i_X509_ALGOR(NULL, &at, (long)answer[0].return_size);
    EVP_MD_CTX_free(ctx);
    return ret;
}

/* Puts a signature in, which request keeps. */
static bool put_signature(X509_REQ *request, struct bytes signature)
{
    ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();

    if (bits == NULL || !ASN1_BIT_STRING_set(bits, (unsigned char *)signature.p, (int)signature.len)) {
        ASN1_BIT_STRING_free(bits);
        return false;
    }
    /* RFC 2986 4.2: all bits of the last byte are used. */
    bits->flags = (bits->flags & ~7) | ASN1_STRING_FLAG_BITS_LEFT;
    X509_REQ_set0_signature(request, bits);
    return true;
}

/* The box gets the CertificationRequestInfo whole, and sees what it signs. */
static int sign(struct asking *a, X509_REQ *request, struct problem *p)
{
    struct sign_request m = { .key = a->ref, .input = INPUT_TEXT };
    X509_ALGOR *algorithm = NULL;
    unsigned char *der = NULL;
    struct bytes signature;
    struct problem why;
    int r = key_signature_how(a->key, digest_for(a->key), &m, &why), len;

    if (r != 0)
        return problem_set(p, r, "key '%s' can sign no request: %s", a->ref.name, why.text);
    algorithm = algorithm_of(a->key, &m);
    if (algorithm == NULL || X509_REQ_set1_signature_algo(request, algorithm) <= 0) {
        r = problem_set(p, LB_E_CRYPTO, "libcrypto names no signature of key '%s'", a->ref.name);
        goto out;
    }
    len = i2d_re_X509_REQ_tbs(request, &der);
    if (len <= 0) {
        r = out_of_memory(p);
        goto out;
    }
    if (len > LB_TEXT_MAX) {
        r = problem_set(p, LB_E_TOO_LONG, "the request would have %d bytes, and a box looks at no more than %d", len,
                        LB_TEXT_MAX);
        problem_hint(p, "ask for fewer names");
        goto out;
    }
    m.data = (struct bytes){ der, (size_t)len };
    r = ask_sign(a->client->ask, &m, &signature, p);
    if (r == 0 && !put_signature(request, signature))
        r = out_of_memory(p);
    if (r == 0 && X509_REQ_verify(request, a->key) != 1)
        r = problem_set(p, LB_E_CRYPTO, "the box's signature with key '%s' does not verify", a->ref.name);
out:
    ERR_clear_error();
    OPENSSL_free(der);
    X509_ALGOR_free(algorithm);
    return r;
}

static int make_request(struct asking *a, X509_REQ **ret, struct problem *p)
{
    struct key_info key;
    int r = ask_get(a->client->ask, &a->ref, &key, p);

    if (r != 0)
        return r;
    /* That one, by number and public key: the current one may be another before it signs. */
    a->ref.version = key.version;
    a->ref.has_hash = spki_hash(key.spki.p, key.spki.len, a->ref.hash);
    a->key = spki_key(/* libctx= */ NULL, key.spki.p, key.spki.len);
    if (a->key == NULL) {
        ERR_clear_error();
        return problem_set(p, LB_E_CRYPTO, "libcrypto cannot read the public half of key '%s'", a->ref.name);
    }
    *ret = X509_REQ_new();
    if (*ret == NULL || X509_REQ_set_version(*ret, 0) <= 0 || X509_REQ_set_pubkey(*ret, a->key) <= 0)
        return out_of_memory(p);
    r = csr_names_put(&a->names, *ret, p);
    return r == 0 ? sign(a, *ret, p) : r;
}

/* What comes out */

static void print_json(const struct asking *a, X509_REQ *request, const char *path, const char *pem)
{
    char subject[CHAIN_NAME_SIZE];
    struct json j;

    chain_name(X509_REQ_get_subject_name(request), subject);
    json_start(&j, stdout);
    json_open(&j, NULL, '{');
    json_string(&j, "key", a->ref.name);
    json_string(&j, "box", a->client->cli->box);
    json_number(&j, "version", a->ref.version);
    json_string(&j, "file", path);
    json_string(&j, "subject", subject);
    json_string(&j, "request", pem);
    json_close(&j, '}');
    json_end(&j);
}

static int hand_out(const struct asking *a, X509_REQ *request, struct problem *p)
{
    const char *path = a->client->cli->options[OPT_OUT];
    bool force = a->client->cli->options[OPT_FORCE] != NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    long len = 0;
    int r = 0;

    /* The NUL is for JSON. */
    if (bio == NULL || PEM_write_bio_X509_REQ(bio, request) <= 0 || BIO_write(bio, "", 1) != 1)
        r = out_of_memory(p);
    else
        len = BIO_get_mem_data(bio, &pem) - 1;
    if (r == 0 && path != NULL && force)
        r = key_keep_file(path, p);
    if (r == 0 && path != NULL)
        r = newfile_public(path, force, pem, (size_t)len, p);
    if (r == 0 && a->client->cli->json)
        print_json(a, request, path, pem);
    else if (r == 0 && path == NULL)
        fwrite(pem, 1, (size_t)len, stdout);
    BIO_free(bio);
    return r;
}

int cmd_csr(struct cli *cli)
{
    struct asking a = { .client = NULL };
    X509_REQ *request = NULL;
    struct problem p = { 0 };
    int r;

    if (cli->options[OPT_FORCE] != NULL && cli->options[OPT_OUT] == NULL)
        return cli_usage_error(cli, "--force needs --out FILE");
    r = client_key_ref(cli->args[0], &a.ref, &p);
    if (r == 0 && cli->options[OPT_NEXT] != NULL && a.ref.version != 0)
        return cli_usage_error(cli, "--next and version %u exclude each other", a.ref.version);
    if (r == 0 && cli->options[OPT_NEXT] != NULL)
        a.ref.version = KEY_VERSION_NEXT;
    if (r == 0)
        r = client_open(cli, CLIENT_READY, &a.client, &p);
    if (r == 0)
        r = find_names(&a, &p);
    if (r == 0)
        r = make_request(&a, &request, &p);
    if (r == 0)
        r = hand_out(&a, request, &p);
    X509_REQ_free(request);
    EVP_PKEY_free(a.key);
    csr_names_clear(&a.names);
    client_close(a.client);
    return r == 0 ? EXIT_DONE : cli_fail(&p);
}
