/* Fills the store of a box that does not run with many keys, for measurements. */
#include <openssl/rand.h>
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
 * makestore STORE CREDENTIAL TYPE COUNT: adds keys k000000, k000001 ... Each is made as the box makes it; only the disk
 * is not waited for.
 */

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

static int add_key(struct store *s, struct backend_sealed *b, const char *type, unsigned long n, struct problem *p)
{
    struct version_record v = { .version = 1, .state = STATE_ACTIVE, .created = (uint64_t)time(NULL) };
    struct key_record k = { .versions = &v, .version_count = 1 };
    EVP_PKEY *key = NULL;
    int r;

    snprintf(k.name, sizeof(k.name), "k%06lu", n);
    snprintf(v.name, sizeof(v.name), "%s", k.name);
    snprintf(v.type, sizeof(v.type), "%s", type);
    v.changed = v.created;
    if (RAND_bytes(k.key_id, sizeof(k.key_id)) <= 0)
        return LB_E_CRYPTO;
    memcpy(v.key_id, k.key_id, sizeof(v.key_id));
    r = backend_sealed_ops.create(b, &k, &v, &key, p);
    if (r == 0)
        r = store_put_key(s, &k, p);
    EVP_PKEY_free(key);
    version_record_clear(&v);
    return r;
}

int main(int argc, char **argv)
{
    struct problem p = { 0 };
    struct store *s = NULL;
    struct backend_sealed *b = NULL;
    unsigned long count;
    int r;

    if (argc != 5) {
        fputs("usage: makestore STORE CREDENTIAL TYPE COUNT\n", stderr);
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
            r = add_key(s, b, argv[3], n, &p);
    }
    if (r == 0)
        r = store_group_end(s, &p);
    backend_sealed_free(b);
    store_close(s);
    return r == 0 ? 0 : fail(argv[1], &p, r);
}
