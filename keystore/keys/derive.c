/* What a private key does, through EVP: agree with another key on a shared secret. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "keys/key_op_priv.h"
#include "model/spki.h"

/* Is the peer's key of this algorithm and, by name, on this curve? group "": the algorithm says it all. */
static bool same_curve(const SPKI *peer, const char *algorithm, const char *group)
{
    const ASN1_OBJECT *oid = NULL;
    const void *parameter = NULL;
    int type = V_ASN1_UNDEF;

    X509_ALGOR_get0(&oid, &type, &parameter, peer->algorithm);
    if (group[0] == '\0')
        return OBJ_obj2nid(oid) == OBJ_sn2nid(algorithm) && type == V_ASN1_UNDEF;
    return OBJ_obj2nid(oid) == NID_X9_62_id_ecPublicKey && type == V_ASN1_OBJECT &&
           OBJ_obj2nid(parameter) == OBJ_sn2nid(group);
}

/* EVP_PKEY_derive_set_peer() checks the point: on the curve, of its order, not at infinity. */
static bool derive(EVP_PKEY *mine, EVP_PKEY *peer, uint8_t *shared, size_t *len)
{
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(/* libctx= */ NULL, mine, /* properties= */ NULL);
    bool ok = ctx != NULL && EVP_PKEY_derive_init(ctx) > 0 && EVP_PKEY_derive_set_peer(ctx, peer) > 0 &&
              EVP_PKEY_derive(ctx, shared, len) > 0;

    EVP_PKEY_CTX_free(ctx);
    return ok;
}

int keyop_derive(struct livekey *k, const struct derive_request *m, uint8_t *shared, size_t size, size_t *ret_len,
                 struct problem *p)
{
    const char *algorithm = EVP_PKEY_get0_type_name(k->key);
    bool curve = k->algorithm != NULL && k->algorithm->family == KEY_FAMILY_EC;
    char group[80] = "";
    EVP_PKEY *peer_key = NULL;
    size_t len = size;
    SPKI *peer = NULL;
    int r;

    if ((k->operations & KEY_DERIVES) == 0)
        return problem_set(p, LB_E_SCHEME, "a key of type %s does not agree on secrets", algorithm);
    if (curve && EVP_PKEY_get_group_name(k->key, group, sizeof(group), NULL) <= 0)
        return problem_set(p, LB_E_CRYPTO, "libcrypto does not tell the curve of the key");
    /* libcrypto's decoders would take any kind of key, from whoever may talk to the box: they are not used. */
    peer = spki_read(m->peer.p, m->peer.len);
    if (peer == NULL) {
        r = problem_set(p, LB_E_SCHEME, "the other side's key is not a DER SubjectPublicKeyInfo");
        goto out;
    }
    if (!same_curve(peer, algorithm, group)) {
        r = problem_set(p, LB_E_SCHEME, "the other side's key is not one of %s", curve ? group : algorithm);
        goto out;
    }
    peer_key = spki_point(/* libctx= */ NULL, peer, algorithm, group);
    if (peer_key == NULL || !derive(k->key, peer_key, shared, &len) || len > size) {
        if (keyop_backend_problem(p)) {
            r = p->code;
            goto out;
        }
        r = problem_set(p, LB_E_SCHEME, "the other side's key is not a good point of %s", curve ? group : algorithm);
        goto out;
    }
    *ret_len = len;
    r = 0;
out:
    EVP_PKEY_free(peer_key);
    spki_free(peer);
    ERR_clear_error();
    return r;
}
