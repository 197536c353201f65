/* SSH: what signers of files and users who authenticate sign. */
#include <string.h>

#include "forms/der.h"
#include "forms/forms_priv.h"

/* RFC 4251 5, string: its length in four octets, then that many. */
static struct bytes get_string(struct wire_reader *r)
{
    return wire_get_raw(r, wire_get_u32(r));
}

static struct bytes of(const char *literal)
{
    return (struct bytes){ (const uint8_t *)literal, strlen(literal) };
}

static bool is(struct bytes b, const char *literal)
{
    return der_same(b, of(literal));
}

static void must_be(struct wire_reader *r, struct bytes expected)
{
    if (!der_same(get_string(r), expected))
        wire_refuse(r, LB_E_VALUE);
}

/*
 * PROTOCOL.sshsig of OpenSSH, 3; namespace is never empty, and reserved always.
 *
 *    "SSHSIG" (6) | string namespace | string reserved | string hash_algorithm | string H(message)
 */
static bool is_file(struct bytes text)
{
    static const char magic[6] = { 'S', 'S', 'H', 'S', 'I', 'G' };
    struct bytes front, namespace, hash;
    struct wire_reader r;
    size_t size = 0;

    wire_read(&r, text.p, text.len);
    front = wire_get_raw(&r, sizeof(magic));
    if (r.error != 0 || memcmp(front.p, magic, sizeof(magic)) != 0)
        return false;
    namespace = get_string(&r);
    must_be(&r, of(""));
    hash = get_string(&r);
    if (is(hash, "sha256"))
        size = 32;
    else if (is(hash, "sha512"))
        size = 64;
    return size > 0 && get_string(&r).len == size && wire_end(&r) == 0 && namespace.len > 0;
}

/* Public keys of SSH, and how a SubjectPublicKeyInfo has them. */
enum blob { BLOB_RSA, BLOB_EC, BLOB_RAW };

static const struct key_kind {
    const char *name;       /* RFC 4253 6.6, RFC 5656 3.1, RFC 8709 4 */
    const char *curve;      /* RFC 5656 3.1; NULL: it has none */
    enum blob blob;
    uint8_t algorithm_len;
    uint8_t algorithm[21];  /* what is inside of the AlgorithmIdentifier */
    const char *schemes[3]; /* names of signature algorithms; RFC 8332 3 */
} kinds[] = {
    { "ssh-rsa", NULL, BLOB_RSA, 13, { 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00 },
      { "rsa-sha2-512", "rsa-sha2-256", "ssh-rsa" } },
    { "ecdsa-sha2-nistp256", "nistp256", BLOB_EC, 19,
      { 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07 },
      { "ecdsa-sha2-nistp256" } },
    { "ecdsa-sha2-nistp384", "nistp384", BLOB_EC, 16,
      { 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22 },
      { "ecdsa-sha2-nistp384" } },
    { "ecdsa-sha2-nistp521", "nistp521", BLOB_EC, 16,
      { 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23 },
      { "ecdsa-sha2-nistp521" } },
    { "ssh-ed25519", NULL, BLOB_RAW, 5, { 0x06, 0x03, 0x2b, 0x65, 0x70 }, { "ssh-ed25519" } },
    { "ssh-ed448", NULL, BLOB_RAW, 5, { 0x06, 0x03, 0x2b, 0x65, 0x71 }, { "ssh-ed448" } },
};
#define KINDS (sizeof(kinds) / sizeof(kinds[0]))

/* Names of users' certificates are those of keys with this behind them (PROTOCOL.certkeys of OpenSSH). */
#define CERTIFICATE "-cert-v01@openssh.com"

static bool is_with(struct bytes b, const char *literal, bool certificate)
{
    size_t len = strlen(literal), more = certificate ? strlen(CERTIFICATE) : 0;

    return b.len == len + more && memcmp(b.p, literal, len) == 0 && memcmp(b.p + len, CERTIFICATE, more) == 0;
}

/* The kind of the key, and the octets of its public key. NULL: it is no key of SSH. */
static const struct key_kind *kind_of(struct bytes spki, struct bytes *ret_key)
{
    struct der in, algorithm, bits;

    if (!der_take(&spki, DER_SEQUENCE, &in) || !der_take(&in.inside, DER_SEQUENCE, &algorithm) ||
        !der_take(&in.inside, DER_BIT_STRING, &bits) || bits.inside.len < 2)
        return NULL;
    *ret_key = (struct bytes){ bits.inside.p + 1, bits.inside.len - 1 };
    for (size_t i = 0; i < KINDS; i++) {
        if (der_same(algorithm.inside, (struct bytes){ kinds[i].algorithm, kinds[i].algorithm_len }))
            return &kinds[i];
    }
    return NULL;
}

/* RFC 4253 6.6: e, n. An mpint has the octets that an INTEGER has (RFC 4251 5). */
static void must_be_rsa(struct wire_reader *r, struct bytes key)
{
    struct der in, n, e;

    if (!der_take(&key, DER_SEQUENCE, &in) || !der_take(&in.inside, DER_INTEGER, &n) || !der_take(&in.inside, DER_INTEGER, &e)) {
        wire_refuse(r, LB_E_VALUE);
        return;
    }
    must_be(r, e.inside);
    must_be(r, n.inside);
}

/* PROTOCOL.certkeys: what a certificate has behind the key. Of type user, for somebody else's signature. */
#define CERTIFICATE_OF_USER 1
static void get_certified(struct wire_reader *r)
{
    (void)wire_get_u64(r); /* serial */
    if (wire_get_u32(r) != CERTIFICATE_OF_USER)
        wire_refuse(r, LB_E_VALUE);
    (void)get_string(r);   /* key id */
    (void)get_string(r);   /* valid principals */
    (void)wire_get_u64(r); /* valid after */
    (void)wire_get_u64(r); /* valid before */
    (void)get_string(r);   /* critical options */
    (void)get_string(r);   /* extensions */
    (void)get_string(r);   /* reserved */
    (void)get_string(r);   /* signature key */
    (void)get_string(r);   /* signature */
}

/* Is the public key blob the key's own, bare or certified? */
static bool is_own_blob(struct bytes blob, const struct key_kind *kind, struct bytes key, bool certificate)
{
    struct wire_reader r;

    wire_read(&r, blob.p, blob.len);
    if (!is_with(get_string(&r), kind->name, certificate))
        return false;
    if (certificate)
        (void)get_string(&r); /* nonce */
    if (kind->curve != NULL)
        must_be(&r, of(kind->curve));
    if (kind->blob == BLOB_RSA)
        must_be_rsa(&r, key);
    else
        must_be(&r, key);
    if (certificate)
        get_certified(&r);
    return wire_end(&r) == 0;
}

/* A signature algorithm of that key, and its blob. */
static bool is_own(struct bytes scheme, struct bytes blob, const struct form_key *key)
{
    struct bytes octets;
    const struct key_kind *kind = kind_of(key->spki, &octets);

    for (size_t i = 0; kind != NULL && i < sizeof(kind->schemes) / sizeof(kind->schemes[0]) && kind->schemes[i] != NULL; i++) {
        for (int certificate = 0; certificate < 2; certificate++) {
            if (is_with(scheme, kind->schemes[i], certificate != 0))
                return is_own_blob(blob, kind, octets, certificate != 0);
        }
    }
    return false;
}

#define SSH_MSG_USERAUTH_REQUEST 50

/* The hash of the key exchange: SHA-1, SHA-256, SHA-384, SHA-512 (RFC 4253 7.2, RFC 8268 3). */
static bool is_session_id(size_t len)
{
    return len == 20 || len == 32 || len == 48 || len == 64;
}

/* A request of a user. */
struct user {
    struct bytes scheme, blob;
};

/*
 * RFC 4252 7:
 *
 *    string session identifier | byte SSH_MSG_USERAUTH_REQUEST | string user name | string service name | string "publickey" |
 *    boolean TRUE | string algorithm | string public key
 *
 * OpenSSH 8.9 has a method of another name, which has the server's host key behind that (PROTOCOL, 3.1).
 */
static bool is_user(struct bytes text, struct user *ret)
{
    struct bytes method;
    struct wire_reader r;
    bool bound;

    wire_read(&r, text.p, text.len);
    if (!is_session_id(get_string(&r).len) || wire_get_u8(&r) != SSH_MSG_USERAUTH_REQUEST)
        return false;
    (void)get_string(&r); /* user name */
    must_be(&r, of("ssh-connection"));
    method = get_string(&r);
    bound = is(method, "publickey-hostbound-v00@openssh.com");
    if ((!bound && !is(method, "publickey")) || wire_get_u8(&r) != 1)
        return false;
    ret->scheme = get_string(&r);
    ret->blob = get_string(&r);
    if (bound && get_string(&r).len == 0)
        return false;
    return wire_end(&r) == 0;
}

bool ssh_read(struct bytes text, const struct form_key *key, struct reading *ret)
{
    struct user user;

    if (is_file(text)) {
        *ret = (struct reading){ PURPOSE_SSH, "an SSH signature of a file" };
        return true;
    }
    if (!is_user(text, &user))
        return false;
    if (is_own(user.scheme, user.blob, key))
        *ret = (struct reading){ PURPOSE_SSH, "an SSH user's signature" };
    else
        *ret = (struct reading){ 0, "an SSH user's signature with another key" };
    return true;
}
