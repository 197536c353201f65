/* vault/open_keys.c: which keys are open, what a want of secure heap does, and that it is not taken for damage. */
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "guard/secret.h"
#include "keys/make_key.h"
#include "model/scheme.h"
#include "vault/keyring.h"
#include "fixture.h"
#include "unit.h"

#define VERSIONS 8

static struct keyversion versions[VERSIONS];

static struct livekey *new_live(void)
{
    struct problem p;
    EVP_PKEY *key = NULL;

    OK(keytype_generate("ec:P-256", &key, &p));
    return livekey_new(key);
}

static void put(struct opened *o, unsigned i)
{
    livekey_unref(opened_put(o, &versions[i], new_live()));
}

/* "0110...": which are open. */
static const char *open_ones(void)
{
    static char text[VERSIONS + 1];

    for (unsigned i = 0; i < VERSIONS; i++)
        text[i] = versions[i].live != NULL ? '1' : '0';
    return text;
}

static void the_least_used_is_closed(void)
{
    struct opened o;
    struct livekey *used;

    memset(versions, 0, sizeof(versions));
    OK(opened_init(&o, 3));
    CU_ASSERT_PTR_NULL(opened_use(&o, &versions[0]));
    for (unsigned i = 0; i < 4; i++)
        put(&o, i);
    TEXT_IS(open_ones(), "01110000");
    used = opened_use(&o, &versions[1]);
    CU_ASSERT_PTR_EQUAL(used, versions[1].live);
    put(&o, 4);
    TEXT_IS(open_ones(), "01011000");
    put(&o, 5);
    put(&o, 6);
    put(&o, 7);
    TEXT_IS(open_ones(), "00000111");
    livekey_unref(used); /* closed meanwhile, and alive until now */
    opened_close(&o, &versions[6]);
    opened_close(&o, &versions[6]);
    TEXT_IS(open_ones(), "00000101");
    CU_ASSERT_EQUAL(o.count, 2);
    opened_close_all(&o);
    TEXT_IS(open_ones(), "00000000");
    CU_ASSERT_EQUAL(o.count, 0);
    opened_clear(&o);
}

/* Two threads open the same key: both go on with the one that was there first. */
static void the_first_one_stays(void)
{
    struct livekey *first = new_live(), *second = new_live(), *got;
    struct opened o;

    memset(versions, 0, sizeof(versions));
    OK(opened_init(&o, 3));
    got = opened_put(&o, &versions[0], first);
    CU_ASSERT_PTR_EQUAL(got, first);
    livekey_unref(got);
    got = opened_put(&o, &versions[0], second);
    CU_ASSERT_PTR_EQUAL(got, first);
    livekey_unref(got);
    CU_ASSERT_EQUAL(o.count, 1);
    opened_clear(&o);
    TEXT_IS(open_ones(), "00000000");
}

static void without_a_bound_none_is_closed(void)
{
    struct opened o;

    memset(versions, 0, sizeof(versions));
    OK(opened_init(&o, 0));
    for (unsigned i = 0; i < VERSIONS; i++)
        put(&o, i);
    TEXT_IS(open_ones(), "11111111");
    opened_clear(&o);
}

static void what_nobody_uses_is_closed(void)
{
    struct livekey *used;
    struct opened o;

    memset(versions, 0, sizeof(versions));
    OK(opened_init(&o, VERSIONS));
    opened_rest(&o, 1000, 60);
    for (unsigned i = 0; i < 4; i++)
        put(&o, i);
    opened_rest(&o, 1060, 60);
    TEXT_IS(open_ones(), "11110000");
    /* The oldest, one between, and the newest, whose place in the list does not change. */
    used = opened_use(&o, &versions[0]);
    livekey_unref(opened_use(&o, &versions[2]));
    livekey_unref(opened_use(&o, &versions[2]));
    opened_rest(&o, 1061, 60);
    TEXT_IS(open_ones(), "10100000");
    livekey_unref(opened_use(&o, &versions[2]));
    opened_rest(&o, 1121, 60);
    TEXT_IS(open_ones(), "00100000");
    CU_ASSERT_PTR_NULL(opened_use(&o, &versions[0]));
    livekey_unref(used); /* closed meanwhile, and alive until now */
    opened_rest(&o, 1122, 60);
    TEXT_IS(open_ones(), "00000000");
    CU_ASSERT_EQUAL(o.count, 0);
    put(&o, 0);
    TEXT_IS(open_ones(), "10000000");
    opened_clear(&o);
}

static void keys_that_cannot_be_opened_again_stay(void)
{
    struct opened o;

    memset(versions, 0, sizeof(versions));
    OK(opened_init(&o, 0));
    put(&o, 0);
    opened_rest(&o, 1000000, 1);
    TEXT_IS(open_ones(), "10000000");
    opened_clear(&o);
}

/* Any key is wanted and opened while others are closed: what a thread got works, whatever happened to the version. */

static struct opened shared;
static atomic_bool ended;

static bool signs(struct livekey *k)
{
    static const uint8_t digest[32];
    uint8_t sig[LB_SIGNATURE_MAX];
    struct sign_request m = { .scheme = SCHEME_ECDSA, .digest = DIGEST_SHA256, .input = INPUT_DIGEST, .data = { digest, 32 } };
    struct problem p;
    size_t len;

    return keyop_sign(k, &m, sig, sizeof(sig), &len, &p) == 0;
}

static void *use_keys(void *arg)
{
    unsigned bad = 0;

    (void)arg;
    for (unsigned n = 0; n < 2000; n++) {
        struct livekey *k = opened_use(&shared, &versions[n % 3]);

        if (k == NULL)
            k = opened_put(&shared, &versions[n % 3], new_live());
        bad += !signs(k);
        livekey_unref(k);
    }
    return (void *)(uintptr_t)bad;
}

static void *rest_keys(void *arg)
{
    (void)arg;
    for (uint64_t now = 1; !atomic_load(&ended); now += 2)
        opened_rest(&shared, now, 1);
    return NULL;
}

static void closing_meets_use(void)
{
    pthread_t users[3], closer;
    void *bad;

    OK(keyop_setup());
    memset(versions, 0, sizeof(versions));
    OK(opened_init(&shared, VERSIONS));
    atomic_store(&ended, false);
    CU_ASSERT_EQUAL_FATAL(pthread_create(&closer, NULL, rest_keys, NULL), 0);
    for (size_t i = 0; i < COUNT(users); i++)
        CU_ASSERT_EQUAL_FATAL(pthread_create(&users[i], NULL, use_keys, NULL), 0);
    for (size_t i = 0; i < COUNT(users); i++) {
        CU_ASSERT_EQUAL_FATAL(pthread_join(users[i], &bad), 0);
        CU_ASSERT_PTR_NULL(bad);
    }
    atomic_store(&ended, true);
    CU_ASSERT_EQUAL(pthread_join(closer, NULL), 0);
    opened_clear(&shared);
}

/* Takes all of the secure heap but what is in use; which is chained through its first bytes. */
static void *take_heap(size_t smallest)
{
    void *chain = NULL;

    for (size_t size = 4096; size >= smallest; size /= 2) {
        for (void *block; (block = OPENSSL_secure_malloc(size)) != NULL; chain = block)
            memcpy(block, &chain, sizeof(chain));
    }
    return chain;
}

static void give_back(void *chain)
{
    while (chain != NULL) {
        void *next;

        memcpy(&next, chain, sizeof(next));
        OPENSSL_secure_free(chain);
        chain = next;
    }
}

static void a_short_heap_closes_some(void)
{
    struct opened o;
    void *chain;

    memset(versions, 0, sizeof(versions));
    CU_ASSERT_FALSE(secret_heap_is_short());
    OK(opened_init(&o, VERSIONS));
    for (unsigned i = 0; i + 1 < VERSIONS; i++)
        put(&o, i);
    TEXT_IS(open_ones(), "11111110");
    chain = take_heap(4096);
    CU_ASSERT(secret_heap_is_short());
    put(&o, 7);
    TEXT_IS(open_ones(), "00000001"); /* the one that is wanted stays */
    give_back(chain);
    CU_ASSERT_FALSE(secret_heap_is_short());
    opened_clear(&o);
}

static void a_full_heap_is_no_damage(void)
{
    struct fixture f;
    struct key_record k;
    EVP_PKEY *key = NULL;
    void *chain;

    fixture_open(&f);
    k = fixture_make_key(&f, "web", "rsa:2048", 1, 0);
    OK(backend_sealed_ops.open(f.backend, &k, &k.versions[0], &key));
    EVP_PKEY_free(key);
    chain = take_heap(32);
    FAILS(backend_sealed_ops.open(f.backend, &k, &k.versions[0], &key), LB_E_NOMEM);
    CU_ASSERT_PTR_NULL(key);
    OK(backend_sealed_ops.check(f.backend, &k, &k.versions[0]));
    give_back(chain);
    OK(backend_sealed_ops.open(f.backend, &k, &k.versions[0], &key));
    EVP_PKEY_free(key);
    key_record_clear(&k);
    fixture_close(&f);
}

static const struct unit_test tests[] = {
    { "the least used is closed", the_least_used_is_closed },
    { "the first one stays", the_first_one_stays },
    { "without a bound none is closed", without_a_bound_none_is_closed },
    { "what nobody uses is closed", what_nobody_uses_is_closed },
    { "keys that cannot be opened again stay", keys_that_cannot_be_opened_again_stay },
    { "closing meets use", closing_meets_use },
    { "a short heap closes some", a_short_heap_closes_some },
    { "a full heap is no damage", a_full_heap_is_no_damage },
    { NULL, NULL },
};
const struct unit_suite suite_opened = { "opened", tests };
