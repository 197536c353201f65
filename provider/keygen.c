/* Makes keys where a program asks OpenSSL to generate one: the box makes them, the program gets a handle. */
#include "keygen.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/provider.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

#include "client/box.h"
#include "client/change.h"
#include "boxes.h"
#include "error.h"
#include "genopts.h"
#include "key.h"
#include "provctx.h"

/* Random bytes in the name of a key that the caller does not name: enough that no two names are the same. */
#define NAME_RANDOM 8
_Static_assert(LB_TYPE_MAX + 1 + 2 * NAME_RANDOM <= LB_NAME_MAX, "such a name fits");

struct gen {
    struct genopts options;
    bool parameters_only;
};

void *keygen_init(struct provctx *prov, const struct alg *alg, int selection, const OSSL_PARAM params[])
{
    bool parameters_only = (selection & OSSL_KEYMGMT_SELECT_KEYPAIR) == 0;
    struct gen *g;

    if (parameters_only && !genopts_has(alg, OSSL_PKEY_PARAM_GROUP_NAME)) {
        error_raise(prov, LB_E_UNSUPPORTED, "%s keys have no domain parameters", alg->name);
        return NULL;
    }
    g = OPENSSL_zalloc(sizeof(*g));
    if (g == NULL) {
        error_raise(prov, LB_E_NOMEM, "for a key generation");
        return NULL;
    }
    g->parameters_only = parameters_only;
    genopts_init(&g->options, prov, alg);
    if (!genopts_set(&g->options, params)) {
        keygen_cleanup(g);
        return NULL;
    }
    return g;
}

int keygen_set_params(void *genctx, const OSSL_PARAM params[])
{
    struct gen *g = genctx;

    return genopts_set(&g->options, params);
}

int keygen_set_template(void *genctx, void *templ)
{
    struct gen *g = genctx;

    return genopts_take_parameters(&g->options, templ);
}

void keygen_cleanup(void *genctx)
{
    struct gen *g = genctx;

    if (g == NULL)
        return;
    genopts_clear(&g->options);
    OPENSSL_free(g);
}

/*
 * Did the program ask for this provider? Not for sure where an unspecific fetch gives our key manager. The program may have
 * wanted any key then, an ephemeral one of TLS for example, and these must not pile up in a box.
 */
static bool was_asked_for(const struct genopts *g)
{
    EVP_KEYMGMT *unspecific;
    bool asked = false;

    if (g->prov->core_get_libctx == NULL)
        return false; /* cannot tell */
    ERR_set_mark();
    unspecific = EVP_KEYMGMT_fetch((OSSL_LIB_CTX *)g->prov->core_get_libctx(g->prov->core), g->alg->name, NULL);
    if (unspecific != NULL)
        asked = OSSL_PROVIDER_get0_provider_ctx(EVP_KEYMGMT_get0_provider(unspecific)) != g->prov;
    EVP_KEYMGMT_free(unspecific);
    ERR_pop_to_mark();
    return asked;
}

/* "ec-p-256-" and a number that no other key has. */
static int make_name(const struct genopts *g, const char *type, struct key_uri *ret)
{
    uint8_t random[NAME_RANDOM];
    char hex[2 * NAME_RANDOM + 1];

    if (!was_asked_for(g))
        return error_raise(g->prov, LB_E_URI,
                           "a key in a box needs a name: set the option %s (as in %s:%s:web), "
                           "or ask with the property query provider=littlebox beside the default provider",
                           GENOPT_URI, GENOPT_URI, LB_URI_SCHEME);
    if (RAND_bytes_ex(g->prov->libctx, random, sizeof(random), 0) != 1)
        return error_raise(g->prov, LB_E_CRYPTO, "no random numbers for the key's name");
    for (size_t i = 0; i < sizeof(random); i++)
        snprintf(hex + 2 * i, 3, "%02x", random[i]);
    memset(ret, 0, sizeof(*ret));
    snprintf(ret->name, sizeof(ret->name), "%s-%s", type, hex);
    for (char *c = ret->name; *c != '\0'; c++) {
        if (*c == ':')
            *c = '-';
        else if (*c >= 'A' && *c <= 'Z')
            *c += 'a' - 'A'; /* whatever the locale */
    }
    return 1;
}

static struct key *make_parameters(const struct genopts *g)
{
    struct key *k;

    if (g->group == NULL) {
        error_raise(g->prov, LB_E_KEY_TYPE, "name the curve of the parameters: option %s, P-256 for one",
                    OSSL_PKEY_PARAM_GROUP_NAME);
        return NULL;
    }
    k = key_new(g->prov, g->alg);
    if (k == NULL)
        return NULL;
    if (!EVP_PKEY_up_ref(g->group)) {
        key_unref(k);
        return NULL;
    }
    atomic_store(&k->half, g->group);
    return k;
}

static struct key *make_key(const struct genopts *g)
{
    uint8_t request[BOX_REQUEST_MAX], answer[BOX_ANSWER_MAX];
    struct box_ask q;
    char type[LB_TYPE_MAX + 1];
    struct key_uri uri = g->uri;
    struct create_request m = { .name = "" };
    struct key *k = NULL;
    struct problem p;
    struct key_info made;
    struct box *box;
    int r;

    if (!genopts_type(g, type) || (!g->is_named && !make_name(g, type, &uri)))
        return NULL;
    snprintf(m.name, sizeof(m.name), "%s", uri.name);
    snprintf(m.type, sizeof(m.type), "%s", type);
    r = provider_box(g->prov, uri.box, &box, &p);
    if (r == 0)
        r = ask_create(box_ask(&q, box, request, sizeof(request), answer, sizeof(answer)), &m, &made, &p);
    if (r == 0) {
        r = key_from_spki(g->prov, &uri, made.spki.p, made.spki.len, /* is_private= */ true, &k, &p);
        if (r == 0 && k->alg != g->alg)
            r = problem_set(&p, LB_E_VALUE, "box '%s' made a key of another type than %s", box_name(box), type);
        if (r != 0)
            problem_hint(&p, "the box has made the key: look with 'littlebox --box %s show %s'", box_name(box), m.name);
    }
    if (r == 0)
        return k;
    key_unref(k);
    error_problem(g->prov, &p);
    return NULL;
}

void *keygen(void *genctx, OSSL_CALLBACK *callback, void *arg)
{
    const struct gen *g = genctx;

    (void)callback; /* for progress, which the box does not tell while it searches for primes */
    (void)arg;
    return g->parameters_only ? make_parameters(&g->options) : make_key(&g->options);
}
