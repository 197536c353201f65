/* The backend of a token: the private keys are there; what the token calls them is in the store, sealed. */
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "backends/prove.h"
#include "backends/site_priv.h"
#include "guard/secret.h"
#include "keys/make_key.h"
#include "model/spki.h"
#include "token/destroy.h"
#include "token/find_key.h"
#include "token/make.h"
#include "token/public.h"
#include "token/token.h"

/* Plain text of a version's material: magic | bytes id | bytes label (STORE.md). */
static const char magic[] = "LBT1";
#define REFERENCE_MAX (4 + 2 + P11_ID_MAX + 2 + P11_LABEL_MAX)

struct backend_pkcs11 {
    struct backend_sealed *sealer;
    struct p11_token *token;
};

int backend_pkcs11_new(struct backend_sealed *sealer, struct p11_token *token, struct backend_pkcs11 **ret)
{
    struct backend_pkcs11 *b = calloc(1, sizeof(*b));

    if (b == NULL)
        return LB_E_NOMEM;
    b->sealer = sealer;
    b->token = token;
    *ret = b;
    return 0;
}

void backend_pkcs11_free(struct backend_pkcs11 *b)
{
    free(b);
}

/* References */

static int put_reference(struct backend_pkcs11 *b, const struct p11_name *name, const struct key_record *k,
                         struct version_record *v)
{
    uint8_t plain[REFERENCE_MAX];
    struct wire_writer w;
    size_t len;
    int r;

    wire_write(&w, plain, sizeof(plain));
    wire_put_raw(&w, magic, sizeof(magic) - 1);
    wire_put_bytes(&w, name->id, name->id_len);
    wire_put_bytes(&w, name->label, name->label_len);
    r = wire_written(&w, &len);
    return r != 0 ? r : backend_sealed_put(b->sealer, k, v, (struct bytes){ plain, len });
}

static void get_part(struct wire_reader *r, uint8_t *to, size_t max, size_t *ret_len)
{
    struct bytes part = wire_get_bytes(r, max);

    if (part.len > 0)
        memcpy(to, part.p, part.len);
    *ret_len = part.len;
}

/* *ret_tombstone: the version is destroyed, and there is no reference. */
static int get_reference(const struct backend_pkcs11 *b, const struct key_record *k, const struct version_record *v,
                         struct p11_name *ret, bool *ret_tombstone)
{
    uint8_t *plain = secret_alloc(LB_PRIVATE_MAX);
    struct wire_reader reader;
    struct bytes head;
    size_t len = 0;
    int r = plain == NULL ? LB_E_NOMEM : backend_sealed_get(b->sealer, k, v, plain, &len);

    memset(ret, 0, sizeof(*ret));
    *ret_tombstone = r == 0 && len == 0;
    if (r == 0 && key_state_destroyed(v->state) != *ret_tombstone)
        r = LB_E_DAMAGED;
    if (r != 0 || *ret_tombstone)
        goto out;
    wire_read(&reader, plain, len);
    head = wire_get_raw(&reader, sizeof(magic) - 1);
    /* The material is a private key, sealed when this box had no token: the key is not lost, but is not on this token. */
    if (head.len != sizeof(magic) - 1 || memcmp(head.p, magic, head.len) != 0) {
        r = LB_E_UNSUPPORTED;
        goto out;
    }
    get_part(&reader, ret->id, sizeof(ret->id), &ret->id_len);
    get_part(&reader, ret->label, sizeof(ret->label), &ret->label_len);
    r = wire_end(&reader) == 0 ? 0 : LB_E_DAMAGED;
out:
    secret_free(plain, LB_PRIVATE_MAX);
    return r;
}

static int evp_of(struct backend_pkcs11 *b, const struct p11_name *name, const struct version_record *v, EVP_PKEY **ret)
{
    struct p11_key *key = NULL;
    int r = p11_key_new(b->token, name, v->spki, v->spki_len, &key);

    if (r != 0)
        return r;
    *ret = p11_evp(key);
    p11_key_unref(key);
    return *ret == NULL ? LB_E_CRYPTO : 0;
}

/* Makes material and key of v, which has type, spki and its name on the token. On failure v has neither spki nor material. */
static int finish(struct backend_pkcs11 *b, const struct p11_name *name, const struct key_record *k,
                  struct version_record *v, EVP_PKEY **ret, struct problem *p)
{
    EVP_PKEY *key = NULL;
    int r = evp_of(b, name, v, &key);

    if (r != 0)
        problem_set(p, r, "the public half of the token's key is of no use: %s", lb_strerror(r));
    if (r == 0)
        r = p11_prove(b->token, name, v->spki, v->spki_len, key, p);
    if (r == 0) {
        r = put_reference(b, name, k, v);
        if (r != 0)
            problem_set(p, r, "the reference to key '%s' cannot be sealed: %s", v->name, lb_strerror(r));
    }
    if (r == 0) {
        *ret = key;
        return 0;
    }
    EVP_PKEY_free(key);
    return r;
}

/* The calls of backends/backend.h */

/*
 * finish() of a key that was just made or brought in, as a new connection shows it.
 *
 * A module may say CKR_OK though the token could not keep the object, as openCryptoki's software token does with a new
 * pair. The object is then there until the process ends. Meanwhile a certificate may be made for it, or the file that it
 * came from may be replaced.
 */
static int finish_new(struct backend_pkcs11 *b, const struct p11_name *name, const struct key_record *k,
                      struct version_record *v, EVP_PKEY **ret, struct problem *p)
{
    int r = p11_token_reconnect(b->token, p);

    if (r == 0)
        r = finish(b, name, k, v, ret, p);
    if (r == LB_E_NO_OBJECT) {
        r = problem_set(p, LB_E_TOKEN, "the token said that it keeps the new key '%s', and does not have it once it is "
                                       "asked anew", v->name);
        problem_hint(p, "may the box write to where the token's objects are? ReadWritePaths= of its unit, module-writes in "
                        "littlebox.conf(5)");
    }
    if (r != 0)
        p11_discard(b->token, name, p);
    return r;
}

static void drop_spki(struct version_record *v)
{
    free(v->spki);
    v->spki = NULL;
    v->spki_len = 0;
}

static int pkcs11_create(void *arg, const struct key_record *k, struct version_record *v, EVP_PKEY **ret,
                         struct problem *p)
{
    struct backend_pkcs11 *b = arg;
    struct p11_name name;
    int r = p11_make(b->token, v->type, v->name, &name, &v->spki, &v->spki_len, p);

    if (r != 0)
        return r;
    r = finish_new(b, &name, k, v, ret, p);
    if (r != 0)
        drop_spki(v);
    return r;
}

static int set_type(struct version_record *v, struct problem *p)
{
    EVP_PKEY *pub = spki_key(/* libctx= */ NULL, v->spki, v->spki_len);
    int r = pub == NULL ? problem_set(p, LB_E_KEY_TYPE, "libcrypto does not understand the public half of the token's key")
                        : keytype_of(pub, v->type, p);

    EVP_PKEY_free(pub);
    ERR_clear_error();
    return r;
}

struct attach {
    struct p11_name wanted, found;
    uint8_t *spki;
    size_t spki_len;
};

static CK_RV attach(struct p11_session *s, void *arg, struct problem *p)
{
    struct attach *a = arg;
    CK_OBJECT_HANDLE h;
    CK_RV rv = p11_find_key(s, &a->wanted, NULL, 0, &h, p);

    if (rv == CKR_OK)
        rv = p11_name_of(s, h, &a->found);
    return rv != CKR_OK ? rv : p11_public(s, h, &a->spki, &a->spki_len, p);
}

static int pkcs11_attach(void *arg, struct bytes id, struct bytes label, const struct key_record *k,
                         struct version_record *v, EVP_PKEY **ret, struct problem *p)
{
    struct backend_pkcs11 *b = arg;
    struct attach a = { .wanted = { .id_len = id.len, .label_len = label.len } };
    int r;

    if (id.len > 0)
        memcpy(a.wanted.id, id.p, id.len);
    if (label.len > 0)
        memcpy(a.wanted.label, label.p, label.len);
    r = p11_do(b->token, "finding the key", attach, &a, p);
    if (r != 0)
        return r;
    v->spki = a.spki;
    v->spki_len = a.spki_len;
    r = set_type(v, p);
    if (r == 0)
        r = finish(b, &a.found, k, v, ret, p);
    if (r != 0)
        drop_spki(v);
    return r;
}

static int pkcs11_import(void *arg, struct bytes pkcs8, const struct key_record *k, struct version_record *v,
                         EVP_PKEY **ret, struct problem *p)
{
    struct backend_pkcs11 *b = arg;
    const unsigned char *at = pkcs8.p;
    PKCS8_PRIV_KEY_INFO *p8 = d2i_PKCS8_PRIV_KEY_INFO(NULL, &at, (long)pkcs8.len);
    EVP_PKEY *key = p8 == NULL || at != pkcs8.p + pkcs8.len ? NULL : EVP_PKCS82PKEY_ex(p8, NULL, NULL);
    struct p11_name name;
    unsigned char *der = NULL;
    int len, r;

    PKCS8_PRIV_KEY_INFO_free(p8);
    if (key == NULL) {
        ERR_clear_error();
        problem_set(p, LB_E_VALUE, "the key to import is not a DER PrivateKeyInfo");
        problem_hint(p, "convert it with 'openssl pkcs8 -topk8'");
        return LB_E_VALUE;
    }
    r = keytype_of(key, v->type, p);
    if (r == 0 && keytype_pairwise(key) != 0)
        r = problem_set(p, LB_E_VALUE, "the halves of the key to import do not belong together");
    len = r == 0 ? i2d_PUBKEY(key, &der) : 0;
    if (r == 0 && (len <= 0 || len > LB_SPKI_MAX || (v->spki = malloc((size_t)len)) == NULL))
        r = problem_set(p, LB_E_CRYPTO, "the public half of the key to import cannot be written");
    if (r == 0) {
        memcpy(v->spki, der, (size_t)len);
        v->spki_len = (size_t)len;
        r = p11_import(b->token, key, v->name, &name, p);
    }
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    if (r == 0)
        r = finish_new(b, &name, k, v, ret, p);
    if (r != 0)
        drop_spki(v);
    return r;
}

/* Does not ask the token, which may be away: its keys are known all the same. */
static int pkcs11_open(void *arg, const struct key_record *k, const struct version_record *v, EVP_PKEY **ret)
{
    struct backend_pkcs11 *b = arg;
    struct p11_name name;
    bool tombstone;
    int r = get_reference(b, k, v, &name, &tombstone);

    *ret = NULL;
    return r != 0 || tombstone ? r : evp_of(b, &name, v, ret);
}

static int pkcs11_check(void *arg, const struct key_record *k, const struct version_record *v)
{
    struct p11_name name;
    bool tombstone;

    return get_reference(arg, k, v, &name, &tombstone);
}

/* A reference is bound to the record as a sealed key is. */
static int pkcs11_rebind(void *arg, const struct key_record *old_key, const struct version_record *old,
                         const struct key_record *k, struct version_record *v)
{
    struct backend_pkcs11 *b = arg;

    return backend_sealed_ops.rebind(b->sealer, old_key, old, k, v);
}

static int pkcs11_destroy(void *arg, const struct key_record *k, const struct version_record *v, struct problem *p)
{
    struct backend_pkcs11 *b = arg;
    struct p11_name name;
    bool tombstone;
    int r = get_reference(b, k, v, &name, &tombstone);

    if (r != 0)
        return problem_set(p, r, "what the token calls key '%s' is not known any more: %s", v->name, lb_strerror(r));
    return tombstone ? 0 : p11_destroy(b->token, &name, v->spki, v->spki_len, p);
}

static void pkcs11_token_of(void *arg, const char *box, struct p11uri *ret)
{
    struct backend_pkcs11 *b = arg;
    struct p11_token_info info;

    (void)box;
    if (b == NULL)
        return;
    p11_token_info(b->token, &info);
    *ret = info.id;
}

static int pkcs11_object_of(void *arg, EVP_PKEY *key, struct p11uri *ret)
{
    const struct p11_key *k = p11_evp_key(key);
    const struct p11_name *name = k == NULL ? NULL : p11_key_name(k);
    int r = 0;

    (void)arg;
    if (name == NULL)
        return LB_E_VALUE;
    if (name->label_len > 0)
        r = p11uri_set(ret, P11_OBJECT, name->label, name->label_len);
    return r != 0 || name->id_len == 0 ? r : p11uri_set(ret, P11_ID, name->id, name->id_len);
}

const struct backend_ops backend_pkcs11_ops = {
    .name = "pkcs11",
    .site = &token_site_ops,
    .elsewhere = true,
    .stays_open = true,
    .own_objects = true,
    .create = pkcs11_create,
    .import = pkcs11_import,
    .open = pkcs11_open,
    .check = pkcs11_check,
    .rebind = pkcs11_rebind,
    .destroy = pkcs11_destroy,
    .attach = pkcs11_attach,
    .token_of = pkcs11_token_of,
    .object_of = pkcs11_object_of,
};
