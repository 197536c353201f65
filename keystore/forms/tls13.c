/* TLS 1.3: what the ends of a handshake sign. */
#include <string.h>

#include "forms/forms_priv.h"

/*
 * RFC 8446 4.4.3, the content that a CertificateVerify covers:
 *
 *    64 octets 0x20 | context string | 0x00 | transcript hash
 *
 * QUIC carries the same messages (RFC 9001 4.1). So does DTLS 1.3: it has a label prefix of its own for HKDF alone (RFC 9147 5.9).
 */
#define PAD_LEN 64
#define SERVER "TLS 1.3, server CertificateVerify"
#define CLIENT "TLS 1.3, client CertificateVerify"
#define CONTEXT_LEN (sizeof(SERVER) - 1)
/* With the zero octet. */
#define FRONT_LEN (PAD_LEN + sizeof(SERVER))

_Static_assert(sizeof(SERVER) == sizeof(CLIENT), "both are as long");

/* As long as the hashes of all suites for TLS 1.3: SHA-256 (SM3 too) and SHA-384. */
static bool is_transcript_hash(size_t len)
{
    return len == 32 || len == 48;
}

bool tls13_read(struct bytes text, const struct form_key *key, struct reading *ret)
{
    static const char pad[PAD_LEN + 1] = "                                                                ";
    const uint8_t *context;

    (void)key;
    if (text.len < FRONT_LEN || !is_transcript_hash(text.len - FRONT_LEN) || memcmp(text.p, pad, PAD_LEN) != 0)
        return false;
    context = text.p + PAD_LEN;
    if (context[CONTEXT_LEN] != 0)
        return false;
    if (memcmp(context, SERVER, CONTEXT_LEN) == 0)
        *ret = (struct reading){ PURPOSE_TLS_SERVER, "a TLS 1.3 server's signature" };
    else if (memcmp(context, CLIENT, CONTEXT_LEN) == 0)
        *ret = (struct reading){ PURPOSE_TLS_CLIENT, "a TLS 1.3 client's signature" };
    else
        return false;
    return true;
}
