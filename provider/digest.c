/* Digests of a provider. */
#include "digest.h"

#include "model/scheme.h"
#include "fips.h"
#include "provctx.h"

EVP_MD *provider_digest(struct provctx *prov, unsigned digest)
{
    EVP_MD *md = atomic_load(&prov->digests[digest]), *none = NULL;

    if (settings_in_force(&prov->settings)->assume_fips)
        return fips_digest(prov, digest);
    if (md == NULL) {
        md = EVP_MD_fetch(prov->libctx, digest_name(digest), NULL);
        if (md != NULL && !atomic_compare_exchange_strong(&prov->digests[digest], &none, md)) {
            EVP_MD_free(md); /* another thread was first */
            md = none;
        }
    }
    return md != NULL && EVP_MD_up_ref(md) ? md : NULL;
}
