/* The table of backends: a row a kind. */
#include "backends/backend.h"
#include "backends/site.h"

static const struct backend_ops *const kinds[] = {
    [BACKEND_SEALED] = &backend_sealed_ops,
    [BACKEND_PKCS11] = &backend_pkcs11_ops,
};

const struct backend_ops *backend_of(enum backend_kind kind)
{
    return kinds[kind];
}
