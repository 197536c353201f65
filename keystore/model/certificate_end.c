/* When a certificate ends. */
#include "model/certificate_end.h"

#include <limits.h>
#include <openssl/asn1.h>
#include <openssl/err.h>
#include <time.h>

#define SEQUENCE 0x30

/* What is inside of the next element of *rest, which is of that tag (as its first byte); p NULL: there is none. */
static struct bytes enter(struct bytes *rest, unsigned char tag)
{
    const unsigned char *at = rest->p;
    struct bytes inside = { NULL, 0 };
    int number, class;
    long len;

    if (rest->p == NULL || rest->len == 0 || rest->len > LONG_MAX || rest->p[0] != tag)
        return inside;
    if ((ASN1_get_object(&at, &len, &number, &class, (long)rest->len) & 0x81) != 0 || len < 0)
        return inside;
    inside = (struct bytes){ at, (size_t)len };
    rest->len -= (size_t)(at - rest->p) + (size_t)len;
    rest->p = at + len;
    return inside;
}

/* The second of the two times of a Validity. */
static struct bytes not_after(struct bytes der)
{
    struct bytes certificate = enter(&der, SEQUENCE), tbs = enter(&certificate, SEQUENCE), none = { NULL, 0 };
    struct bytes validity;

    (void)enter(&tbs, 0xa0); /* version */
    if (enter(&tbs, V_ASN1_INTEGER).p == NULL || enter(&tbs, SEQUENCE).p == NULL || enter(&tbs, SEQUENCE).p == NULL)
        return none;
    validity = enter(&tbs, SEQUENCE);
    if (enter(&validity, V_ASN1_UTCTIME).p == NULL && enter(&validity, V_ASN1_GENERALIZEDTIME).p == NULL)
        return none;
    return validity;
}

uint64_t certificate_end(struct bytes der)
{
    struct bytes time;
    ASN1_TIME *t = NULL;
    struct tm tm;
    time_t at = 0;

    ERR_set_mark();
    time = not_after(der);
    if (time.p != NULL)
        t = d2i_ASN1_TIME(NULL, &time.p, (long)time.len);
    if (t != NULL && ASN1_TIME_to_tm(t, &tm) == 1)
        at = timegm(&tm);
    ASN1_TIME_free(t);
    ERR_pop_to_mark();
    return at > 0 ? (uint64_t)at : 0;
}
