/* Programs that use nothing but what has the property fips=yes (littlebox-assume-fips). */
#include "fips.h"

#include <openssl/err.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/scheme.h"
#include "error.h"
#include "provctx.h"

#define PROPERTY "fips=yes"

static void free_rows(OSSL_ALGORITHM *rows)
{
    for (OSSL_ALGORITHM *r = rows; r != NULL && r->algorithm_names != NULL; r++)
        free((char *)r->property_definition);
    free(rows);
}

static OSSL_ALGORITHM *copy_rows(const OSSL_ALGORITHM *rows)
{
    OSSL_ALGORITHM *copy;
    size_t count = 0;

    while (rows[count].algorithm_names != NULL)
        count++;
    copy = calloc(count + 1, sizeof(*copy));
    for (size_t i = 0; copy != NULL && i < count; i++) {
        char *properties = NULL;

        if (asprintf(&properties, "%s," PROPERTY, rows[i].property_definition) < 0) {
            free_rows(copy);
            return NULL;
        }
        copy[i] = rows[i];
        copy[i].property_definition = properties;
    }
    return copy;
}

const OSSL_ALGORITHM *fips_rows(const OSSL_ALGORITHM *rows, struct fips_table *t)
{
    OSSL_ALGORITHM *made = atomic_load(&t->rows), *none = NULL;

    if (made != NULL)
        return made;
    made = copy_rows(rows);
    if (made != NULL && !atomic_compare_exchange_strong(&t->rows, &none, made)) {
        free_rows(made); /* another thread was first */
        made = none;
    }
    return made;
}

EVP_MD *fips_digest(const struct provctx *prov, unsigned digest)
{
    OSSL_LIB_CTX *caller;
    EVP_MD *md = NULL;

    /* The digest is not kept: it would outlive the caller's context, and be freed into what is gone. */
    if (prov->core_get_libctx != NULL) {
        caller = (OSSL_LIB_CTX *)prov->core_get_libctx(prov->core);
        ERR_set_mark();
        md = EVP_MD_fetch(caller, digest_name(digest), PROPERTY);
        ERR_pop_to_mark();
    }
    if (md == NULL)
        error_raise(prov, LB_E_CONFIG, "littlebox-assume-fips is set, and no FIPS provider of the program has %s: activate "
                    "one, or take the setting out of openssl.cnf", digest_name(digest));
    return md;
}
