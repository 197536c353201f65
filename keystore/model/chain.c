/* Certificate chains of keys: do they belong together, and to this key? */
#include "model/chain.h"

#include <openssl/err.h>
#include <string.h>

#include "model/limits.h"
#include "model/spki.h"

void chain_name(const X509_NAME *name, char ret[CHAIN_NAME_SIZE])
{
    /* Escapes whatever is not printable ASCII. */
    if (X509_NAME_oneline(name, ret, CHAIN_NAME_SIZE) == NULL)
        ret[0] = '\0';
}

X509 *chain_certificate(struct bytes der)
{
    const unsigned char *p = der.p;
    X509 *x;

    ERR_set_mark();
    x = d2i_X509(NULL, &p, (long)der.len);
    ERR_pop_to_mark();
    if (x != NULL && p != der.p + der.len) {
        X509_free(x);
        x = NULL;
    }
    return x;
}

bool chain_certifies(X509 *certificate, struct bytes spki)
{
    unsigned char *der = NULL;
    int len = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
    bool same = len > 0 && spki_same(der, (size_t)len, spki.p, spki.len);

    OPENSSL_free(der);
    return same;
}

bool chain_issued_by(X509 *certificate, X509 *issuer)
{
    EVP_PKEY *key;
    bool yes;

    if (X509_NAME_cmp(X509_get_issuer_name(certificate), X509_get_subject_name(issuer)) != 0)
        return false;
    ERR_set_mark();
    key = X509_get0_pubkey(issuer);
    yes = key != NULL && X509_verify(certificate, key) == 1;
    ERR_pop_to_mark();
    return yes;
}

static int refuse_link(X509 *certificate, X509 *issuer, unsigned number, struct problem *p)
{
    char name[CHAIN_NAME_SIZE], by[CHAIN_NAME_SIZE];

    chain_name(X509_get_subject_name(certificate), name);
    chain_name(X509_get_subject_name(issuer), by);
    problem_set(p, LB_E_VALUE, "certificate %u (%s) did not issue certificate %u (%s)", number + 1, by, number, name);
    problem_hint(p, "a chain has the key's certificate first, then its issuer's, then that one's issuer's");
    return LB_E_VALUE;
}

int chain_check(struct bytes chain, struct bytes spki, const char *key, struct problem *p)
{
    X509 *last = NULL, *x = NULL;
    struct wire_reader r;
    char name[CHAIN_NAME_SIZE];
    unsigned count;
    int result = chain_read(chain, &count, &r);

    if (result != 0)
        return problem_set(p, result, "this is not a chain of certificates: %s", lb_strerror(result));
    for (unsigned i = 0; result == 0 && i < count; i++) {
        x = chain_certificate(wire_get_bytes(&r, LB_CHAIN_MAX));
        if (x == NULL) {
            result = problem_set(p, LB_E_VALUE, "certificate %u cannot be read", i + 1);
        } else if (last != NULL && !chain_issued_by(last, x)) {
            result = refuse_link(last, x, i, p);
        } else if (last == NULL && !chain_certifies(x, spki)) {
            chain_name(X509_get_subject_name(x), name);
            result = problem_set(p, LB_E_PUBLIC_KEY, "the certificate %s is for another key than %s", name, key);
            problem_hint(p, "the first certificate of the chain must have the key's public key");
        }
        X509_free(last);
        last = x;
    }
    X509_free(last);
    return result;
}

bool chain_is_of(struct bytes chain, struct bytes spki)
{
    struct wire_reader r;
    unsigned count;
    bool ok = chain_read(chain, &count, &r) == 0 && count > 0;

    for (unsigned i = 0; ok && i < count; i++) {
        X509 *x = chain_certificate(wire_get_bytes(&r, LB_CHAIN_MAX));

        ok = x != NULL && (i > 0 || chain_certifies(x, spki));
        X509_free(x);
    }
    return ok;
}

int chain_read(struct bytes chain, unsigned *ret_count, struct wire_reader *ret)
{
    struct wire_reader r;
    unsigned count;

    *ret_count = 0;
    wire_read(&r, chain.p, chain.len);
    count = wire_get_u16(&r);
    if (chain.len > LB_CHAIN_MAX || count > LB_CERTS_MAX)
        wire_refuse(&r, LB_E_TOO_LONG);
    *ret = r;
    for (unsigned i = 0; i < count && r.error == 0; i++) {
        if (wire_get_bytes(&r, LB_CHAIN_MAX).len == 0)
            wire_refuse(&r, LB_E_VALUE);
    }
    if (wire_end(&r) != 0)
        return wire_end(&r);
    *ret_count = count;
    return 0;
}
