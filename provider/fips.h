/* Programs that use nothing but what has the property fips=yes (littlebox-assume-fips). */
#ifndef LB_FIPS_H
#define LB_FIPS_H

#include <openssl/core.h>
#include <openssl/evp.h>

struct provctx;

/* Copies of one table, each made once a process and kept as long as that: libcrypto holds what it is given. */
struct fips_table {
    _Atomic(OSSL_ALGORITHM *) rows;
};

/* rows with fips=yes among the properties of each. NULL: out of memory. */
const OSSL_ALGORITHM *fips_rows(const OSSL_ALGORITHM *rows, struct fips_table *t);

/*
 * A digest of the program's FIPS provider: a text that is hashed here is hashed by that. The caller's. NULL with an error on
 * the queue, where the program has none.
 */
EVP_MD *fips_digest(const struct provctx *prov, unsigned digest);

#endif
