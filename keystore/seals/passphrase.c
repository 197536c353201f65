/* The passphrase seal: Argon2id, with the parameters of RFC 9106 4, second recommended option, stored with the seal. */
#include <argon2.h>
#include <openssl/rand.h>

#include "seals/kek.h"

#define PARAMS_VERSION 1
#define SALT_SIZE 16
#define COST_T 3
#define COST_M_KIB (64 * 1024)
#define COST_LANES 4
/* The most that a store may ask for. Without limits, a changed row could take all memory of the machine, or a day. */
#define T_MAX 64
#define M_KIB_MAX (1024 * 1024)
#define LANES_MAX 64

/* version u8 | t u32 | m u32, KiB | lanes u32 | salt */
static int new_params(uint8_t *buf, size_t size, size_t *ret_len)
{
    uint8_t salt[SALT_SIZE];
    struct wire_writer w;

    if (RAND_bytes(salt, sizeof(salt)) != 1)
        return LB_E_CRYPTO;
    wire_write(&w, buf, size);
    wire_put_u8(&w, PARAMS_VERSION);
    wire_put_u32(&w, COST_T);
    wire_put_u32(&w, COST_M_KIB);
    wire_put_u32(&w, COST_LANES);
    wire_put_raw(&w, salt, sizeof(salt));
    return wire_written(&w, ret_len);
}

static int error_of(int argon2_code)
{
    switch (argon2_code) {
    case ARGON2_OK:
        return 0;
    case ARGON2_MEMORY_ALLOCATION_ERROR:
        return LB_E_NOMEM;
    default:
        return LB_E_CRYPTO;
    }
}

static int derive(const uint8_t *params, size_t params_len, struct bytes secret, uint8_t *kek)
{
    struct wire_reader reader;
    struct bytes salt;
    argon2_context c = { .version = ARGON2_VERSION_13, .flags = ARGON2_DEFAULT_FLAGS };
    unsigned version;
    int r;

    wire_read(&reader, params, params_len);
    version = wire_get_u8(&reader);
    c.t_cost = wire_get_u32(&reader);
    c.m_cost = wire_get_u32(&reader);
    c.lanes = wire_get_u32(&reader);
    salt = wire_get_raw(&reader, SALT_SIZE);
    if (wire_end(&reader) != 0 || version != PARAMS_VERSION)
        return LB_E_DAMAGED;
    if (c.t_cost < 1 || c.t_cost > T_MAX || c.lanes < 1 || c.lanes > LANES_MAX || c.m_cost < 8 * c.lanes ||
        c.m_cost > M_KIB_MAX)
        return LB_E_DAMAGED;
    /* The library only reads passphrase and salt, since ARGON2_FLAG_CLEAR_PASSWORD is not set. */
    c.pwd = (uint8_t *)secret.p;
    c.pwdlen = (uint32_t)secret.len;
    c.salt = (uint8_t *)salt.p;
    c.saltlen = SALT_SIZE;
    c.out = kek;
    c.outlen = STORE_KEY_SIZE;
    c.threads = c.lanes;
    r = argon2_ctx(&c, Argon2_id);
    /* The lanes decide the result, the threads only the time. If no thread can be had, one computes all lanes in turn. */
    if (r == ARGON2_THREAD_FAIL) {
        c.threads = 1;
        r = argon2_ctx(&c, Argon2_id);
    }
    return error_of(r);
}

const struct kek_derivation kek_passphrase = { .new_params = new_params, .derive = derive };

static int wrap(const uint8_t *store_id, struct bytes secret, const uint8_t *store_key, struct seal_record *ret)
{
    return kek_wrap(&kek_passphrase, store_id, secret, store_key, ret);
}

static int unwrap(const struct seal_try *t, uint8_t *store_key)
{
    return kek_unwrap(&kek_passphrase, t, store_key);
}

const struct seal_ops seal_passphrase = { .wrap = wrap, .unwrap = unwrap };
