/* The credential seal: HKDF-SHA256 over a random file, which systemd hands over or an administrator makes. */
#include <openssl/rand.h>

#include "guard/aead.h"
#include "seals/kek.h"

#define PARAMS_VERSION 1
#define SALT_SIZE 32

/* version u8 | salt */
static int new_params(uint8_t *buf, size_t size, size_t *ret_len)
{
    uint8_t salt[SALT_SIZE];
    struct wire_writer w;

    if (RAND_bytes(salt, sizeof(salt)) != 1)
        return LB_E_CRYPTO;
    wire_write(&w, buf, size);
    wire_put_u8(&w, PARAMS_VERSION);
    wire_put_raw(&w, salt, sizeof(salt));
    return wire_written(&w, ret_len);
}

static int derive(const uint8_t *params, size_t params_len, struct bytes secret, uint8_t *kek)
{
    static const uint8_t info[] = "littlebox v1 credential";
    struct wire_reader reader;
    struct aead *aead = NULL;
    struct bytes salt;
    unsigned version;
    int r;

    wire_read(&reader, params, params_len);
    version = wire_get_u8(&reader);
    salt = wire_get_raw(&reader, SALT_SIZE);
    if (wire_end(&reader) != 0 || version != PARAMS_VERSION)
        return LB_E_DAMAGED;
    r = aead_new(&aead);
    if (r == 0)
        r = aead_derive(aead, secret, salt, (struct bytes){ info, sizeof(info) - 1 }, kek);
    aead_free(aead);
    return r;
}

const struct kek_derivation kek_credential = { .new_params = new_params, .derive = derive };

static int wrap(const uint8_t *store_id, struct bytes secret, const uint8_t *store_key, struct seal_record *ret)
{
    return kek_wrap(&kek_credential, store_id, secret, store_key, ret);
}

static int unwrap(const struct seal_try *t, uint8_t *store_key)
{
    return kek_unwrap(&kek_credential, t, store_key);
}

const struct seal_ops seal_credential = { .wrap = wrap, .unwrap = unwrap };
