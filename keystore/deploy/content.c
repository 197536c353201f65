/* What a server needs of a key: its handle, and the certificates. */
#include "deploy/content.h"

#include <openssl/x509v3.h>
#include <string.h>

#include "client/keys.h"
#include "command/cert.h"
#include "command/certificates.h"
#include "command/handle.h"
#include "model/chain.h"
#include "model/uri.h"

static int out_of_memory(struct problem *p)
{
    return problem_set(p, LB_E_NOMEM, "out of memory");
}

/* A name that a client would ask for (RFC 6066 3); "*.example" is none. */
static char *host_of(X509 *certificate)
{
    GENERAL_NAMES *names = X509_get_ext_d2i(certificate, NID_subject_alt_name, NULL, NULL);
    char *ret = NULL;

    for (int i = 0; ret == NULL && i < sk_GENERAL_NAME_num(names); i++) {
        const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
        const char *text = name->type == GEN_DNS ? (const char *)ASN1_STRING_get0_data(name->d.dNSName) : NULL;
        size_t len = text == NULL ? 0 : (size_t)ASN1_STRING_length(name->d.dNSName);

        if (len > 0 && len <= 253 && text[0] != '*' && memchr(text, '\0', len) == NULL)
            ret = OPENSSL_strndup(text, len);
    }
    GENERAL_NAMES_free(names);
    return ret;
}

static int get_chain(struct client *c, const struct key_info *key, struct content *ret, struct problem *p)
{
    struct certificates all = { .count = 0 };
    struct key_ref exact = { .version = key->version };
    struct bytes chain;
    int r;

    memcpy(exact.name, key->name, sizeof(exact.name));
    r = ask_chain_of(c->ask, &exact, &chain, p);
    if (r == 0)
        r = certificates_get(chain, &all, p);
    if (r == 0 && all.count == 0) {
        (void)cert_none(c, key, &ret->no_chain);
        return 0;
    }
    /* The box has looked at that too; but a server with another pair would not start again. */
    if (r == 0 && !chain_certifies(all.at[0], key->spki))
        r = problem_set(p, LB_E_PUBLIC_KEY, "the chain that the box gave is not for version %u of key '%s'", key->version, key->name);
    if (r == 0) {
        ret->files[DEPLOY_CHAIN] = BIO_new(BIO_s_mem());
        ret->files[DEPLOY_COMBINED] = BIO_new(BIO_s_mem());
        ret->sni = host_of(all.at[0]);
        if (ret->files[DEPLOY_CHAIN] == NULL || ret->files[DEPLOY_COMBINED] == NULL)
            r = out_of_memory(p);
    }
    if (r == 0)
        r = certificates_write(&all, ret->files[DEPLOY_CHAIN], p);
    if (r == 0)
        r = certificates_write(&all, ret->files[DEPLOY_COMBINED], p);
    certificates_clear(&all);
    return r;
}

int content_get(struct client *c, const char *name, struct content *ret, struct problem *p)
{
    struct key_ref ref = { .version = 0 };
    uint8_t spki[LB_SPKI_MAX];
    char uri[LB_URI_MAX + 1];
    struct key_info key;
    const uint8_t *der = spki;
    int r;

    memset(ret, 0, sizeof(*ret));
    snprintf(ref.name, sizeof(ref.name), "%s", name);
    r = ask_get(c->ask, &ref, &key, p);
    if (r == 0 && key.spki.len > sizeof(spki))
        r = problem_set(p, LB_E_TOO_LONG, "the public key of '%s' is too long", name);
    if (r != 0)
        return r;
    /* The next question writes over it. */
    memcpy(spki, key.spki.p, key.spki.len);
    key.spki.p = spki;
    snprintf(ret->name, sizeof(ret->name), "%s", key.name);
    ret->version = key.version;
    ret->key = d2i_PUBKEY(NULL, &der, (long)key.spki.len);
    ret->files[DEPLOY_HANDLE] = BIO_new(BIO_s_mem());
    client_uri(c, key.name, 0, uri);
    r = ret->files[DEPLOY_HANDLE] == NULL ? out_of_memory(p) : handle_write(uri, key.spki, ret->files[DEPLOY_HANDLE], p);
    if (r == 0)
        r = get_chain(c, &key, ret, p);
    if (r == 0 && ret->files[DEPLOY_COMBINED] != NULL)
        r = handle_write(uri, key.spki, ret->files[DEPLOY_COMBINED], p);
    return r;
}

void content_clear(struct content *all)
{
    for (int i = 0; i < DEPLOY_FILES; i++)
        BIO_free(all->files[i]);
    EVP_PKEY_free(all->key);
    OPENSSL_free(all->sni);
    memset(all, 0, sizeof(*all));
}

int content_of(const struct content *all, enum deploy_file file, struct bytes *ret, struct problem *p)
{
    char *data = NULL;
    long len;

    if (all->files[file] == NULL) {
        *p = all->no_chain;
        return p->code;
    }
    len = BIO_get_mem_data(all->files[file], &data);
    if (len <= 0)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    *ret = (struct bytes){ (const uint8_t *)data, (size_t)len };
    return 0;
}
