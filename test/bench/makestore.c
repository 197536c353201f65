/* Fills the store of a box that does not run with many keys, for measurements. */
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/backend.h"
#include "guard/secret.h"
#include "seals/seal.h"
#include "store/group.h"
#include "store/schema.h"
#include "store/seals.h"
#include "store/store.h"

/*
 * makestore STORE CREDENTIAL TYPE COUNT [VERSIONS]: adds keys k000000, k000001 ... Each is made as the box makes it; only the
 * disk is not waited for.
 */
#define VERSIONS_MAX 16

static int fail(const char *what, const struct problem *p, int r)
{
    fprintf(stderr, "makestore: %s: %s\n", what, p != NULL && p->text[0] != '\0' ? p->text : lb_strerror(r));
    return 1;
}

static int unseal(struct store *s, const char *file, struct backend_sealed **ret, struct problem *p)
{
    uint8_t *store_key = secret_alloc(STORE_KEY_SIZE);
    struct seal_record *seals = NULL;
    size_t count = 0, len = 0;
    void *secret = NULL;
    int r = store_key == NULL ? LB_E_NOMEM : secret_read_file(file, LB_SECRET_MAX, &secret, &len);

    if (r == 0)
        r = store_seals(s, &seals, &count, p);
    if (r == 0)
        r = count == 0 ? LB_E_SECRET
                       : seal_unwrap(store_id(s), &seals[0], (struct bytes){ secret, len }, store_key);
    if (r == 0)
        r = backend_sealed_new(store_id(s), store_key, ret);
    secret_free(secret, LB_SECRET_MAX);
    secret_free(store_key, STORE_KEY_SIZE);
    seal_records_free(seals, count);
    return r;
}

/* A certificate by itself that ends in days days, as the chain of a version: model/change.h's form. */
static int certify(struct version_record *v, EVP_PKEY *key, int days)
{
    X509 *x = X509_new();
    X509_NAME *name = X509_NAME_new();
    uint8_t *der = NULL;
    struct wire_writer w;
    int len = -1, r = LB_E_CRYPTO;

    if (x != NULL && name != NULL && X509_set_version(x, X509_VERSION_3) == 1 &&
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, (const uint8_t *)v->name, -1, -1, 0) == 1 &&
        X509_set_subject_name(x, name) == 1 && X509_set_issuer_name(x, name) == 1 &&
        ASN1_INTEGER_set(X509_get_serialNumber(x), 1) == 1 && X509_gmtime_adj(X509_getm_notBefore(x), 0) != NULL &&
        X509_time_adj_ex(X509_getm_notAfter(x), days, 0, NULL) != NULL && X509_set_pubkey(x, key) == 1 &&
        X509_sign(x, key, EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519 ? NULL : EVP_sha256()) > 0)
        len = i2d_X509(x, &der);
    v->chain = len < 0 ? NULL : malloc((size_t)len + 8);
    if (v->chain != NULL) {
        wire_write(&w, v->chain, (size_t)len + 8);
        wire_put_u16(&w, 1);
        wire_put_bytes(&w, der, (size_t)len);
        r = wire_written(&w, &v->chain_len);
    }
    OPENSSL_free(der);
    X509_NAME_free(name);
    X509_free(x);
    return r;
}

/* The last of the versions is the current one. With more than one, each has a certificate: of every hundredth key it ends soon. */
static int add_version(struct backend_sealed *b, const struct key_record *k, const char *type, unsigned i, unsigned count,
                       unsigned long n, struct problem *p)
{
    struct version_record *v = &k->versions[i];
    EVP_PKEY *key = NULL;
    int r;

    v->version = i + 1;
    v->state = i + 1 == count ? STATE_ACTIVE : STATE_DEACTIVATED;
    v->created = v->changed = (uint64_t)time(NULL);
    snprintf(v->name, sizeof(v->name), "%s", k->name);
    snprintf(v->type, sizeof(v->type), "%s", type);
    memcpy(v->key_id, k->key_id, sizeof(v->key_id));
    r = backend_sealed_ops.create(b, k, v, &key, p);
    if (r == 0 && count > 1)
        r = certify(v, key, n % 100 == 0 ? 10 : 90);
    EVP_PKEY_free(key);
    return r;
}

static int add_key(struct store *s, struct backend_sealed *b, const char *type, unsigned long n, unsigned count, struct problem *p)
{
    struct version_record versions[VERSIONS_MAX] = { { .version = 0 } };
    struct key_record k = { .versions = versions, .version_count = count };
    int r = RAND_bytes(k.key_id, sizeof(k.key_id)) > 0 ? 0 : LB_E_CRYPTO;

    snprintf(k.name, sizeof(k.name), "k%06lu", n);
    for (unsigned i = 0; r == 0 && i < count; i++)
        r = add_version(b, &k, type, i, count, n, p);
    if (r == 0)
        r = store_put_key(s, &k, p);
    for (unsigned i = 0; i < count; i++)
        version_record_clear(&versions[i]);
    return r;
}

int main(int argc, char **argv)
{
    struct problem p = { 0 };
    struct store *s = NULL;
    struct backend_sealed *b = NULL;
    unsigned long count, versions = argc == 6 ? strtoul(argv[5], NULL, 10) : 1;
    int r;

    if ((argc != 5 && argc != 6) || versions < 1 || versions > VERSIONS_MAX) {
        fputs("usage: makestore STORE CREDENTIAL TYPE COUNT [VERSIONS]\n", stderr);
        return 2;
    }
    count = strtoul(argv[4], NULL, 10);
    r = secret_setup_libcrypto();
    if (r == 0)
        r = store_open(argv[1], &s, &p);
    if (r == 0)
        r = schema_exec(s, "PRAGMA synchronous = OFF", &p);
    if (r == 0)
        r = unseal(s, argv[2], &b, &p);
    /* The first change may bring the schema up, and is made alone. */
    for (unsigned long n = 0; r == 0 && n < count; n++) {
        if (n == 1 && !store_group_begin(s))
            r = LB_E_STORE_SCHEMA;
        if (r == 0)
            r = add_key(s, b, argv[3], n, (unsigned)versions, &p);
    }
    if (r == 0)
        r = store_group_end(s, &p);
    backend_sealed_free(b);
    store_close(s);
    return r == 0 ? 0 : fail(argv[1], &p, r);
}
