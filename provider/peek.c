/* What a decoder's input begins with, while nothing of it is read. */
#include "peek.h"

#include <openssl/bio.h>

#include "provctx.h"

static int place_of(const struct provctx *prov, OSSL_CORE_BIO *in)
{
    return prov->bio_ctrl(in, BIO_C_FILE_TELL, 0, NULL);
}

/*
 * Empties a buffer that a look has filled. Filling moved the BIO below the buffer. If that BIO is sought back while the buffer
 * is full, whoever reads on reads the same bytes twice.
 */
static void unfill(const struct provctx *prov, OSSL_CORE_BIO *in, int place)
{
    uint8_t none = 0;

    (void)prov->bio_ctrl(in, BIO_C_SET_BUFF_READ_DATA, /* len= */ 0, &none);
    (void)prov->bio_ctrl(in, BIO_C_FILE_SEEK, place, NULL);
}

size_t peek(const struct provctx *prov, OSSL_CORE_BIO *in, uint8_t *buf, size_t size)
{
    int got, place = place_of(prov, in);

    /* A zero shows that nothing was given: a program's own BIO may answer 1 to any call. Our input never begins with zero. */
    buf[0] = 0;
    got = prov->bio_ctrl(in, BIO_CTRL_PEEK, (long)size, buf);
    if (got <= 0 || (size_t)got > size || buf[0] == 0)
        return 0;
    if (place >= 0 && place_of(prov, in) != place)
        unfill(prov, in, place);
    return (size_t)got;
}
