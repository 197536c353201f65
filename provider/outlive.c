/* Providers outlive OPENSSL_cleanup(), for what a program frees after it. */
#include "outlive.h"

#include <openssl/crypto.h>

#include "provctx.h"

#if OPENSSL_VERSION_MAJOR < 4

#include <pthread.h>
#include <stdlib.h>

/*
 * The providers of this process. The list is static, since handlers have no argument. It has no lock: a child of a process
 * with threads might inherit the lock as taken, and hang at its end. So places are used again and never freed.
 */
struct place {
    struct place *next;
    _Atomic(struct provctx *) prov; /* NULL: free */
};
static _Atomic(struct place *) places;

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool registered;

/* OPENSSL_cleanup() calls this before it frees anything. */
static void take_references(void)
{
    for (struct place *at = atomic_load(&places); at != NULL; at = at->next) {
        struct provctx *prov = atomic_load(&at->prov);

        if (prov != NULL)
            (void)prov->core_provider_up_ref(prov->core, /* activate= */ 0);
    }
}

/* Registers once in a process: a handler cannot be taken back. This module is never unmapped. */
static void register_handler(void)
{
    registered = OPENSSL_atexit(take_references) == 1;
}

static bool take_free_place(struct provctx *prov)
{
    for (struct place *at = atomic_load(&places); at != NULL; at = at->next) {
        struct provctx *none = NULL;

        if (atomic_compare_exchange_strong(&at->prov, &none, prov))
            return true;
    }
    return false;
}

bool outlive_cleanup(struct provctx *prov)
{
    struct place *at;

    if (pthread_once(&once, register_handler) != 0 || !registered)
        return false;
    if (take_free_place(prov))
        return true;
    at = calloc(1, sizeof(*at));
    if (at == NULL)
        return false;
    atomic_init(&at->prov, prov);
    at->next = atomic_load(&places);
    while (!atomic_compare_exchange_weak(&places, &at->next, at))
        ;
    return true;
}

void outlive_forget(struct provctx *prov)
{
    for (struct place *at = atomic_load(&places); at != NULL; at = at->next) {
        struct provctx *mine = prov;

        (void)atomic_compare_exchange_strong(&at->prov, &mine, NULL);
    }
}

#else /* nothing is late, and there are no handlers */

bool outlive_cleanup(struct provctx *prov)
{
    (void)prov;
    return true;
}

void outlive_forget(struct provctx *prov)
{
    (void)prov;
}

#endif
