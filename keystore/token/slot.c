/* The module started and the token found in its slot, by libp11. */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "token/token_priv.h"

/* libp11 leaves Cryptoki's code on libcrypto's queue, as the reason of an error of its own library. */
static int failed(struct p11_token *t, const char *what, struct problem *p)
{
    unsigned long e = ERR_peek_last_error();
    int r = p11_failed(t, what, e == 0 ? CKR_GENERAL_ERROR : (CK_RV)ERR_GET_REASON(e), p);

    ERR_clear_error();
    return r;
}

/* Cryptoki's texts, as libp11 has cut them. Control characters are not for logs and terminals. */
static void text(const char *from, char *to, size_t size)
{
    size_t len = from == NULL ? 0 : strlen(from);

    if (len >= size)
        len = size - 1;
    for (size_t i = 0; i < len; i++)
        to[i] = (unsigned char)from[i] < 0x20 || from[i] == 0x7f ? '?' : from[i];
    while (len > 0 && to[len - 1] == ' ')
        len--;
    to[len] = '\0';
}

/*
 * p11-kit gives each who asks a function list of its own, with a state of its own: to it, ours and libp11's are two. To
 * any other module they are one, and the second of us hears that it is started already.
 */
static int initialize_list(struct p11_token *t, struct problem *p)
{
    CK_C_INITIALIZE_ARGS args = { .flags = CKF_OS_LOCKING_OK };
    CK_RV rv;

    if (t->conf->arguments[0] != '\0')
        args.pReserved = (void *)t->conf->arguments;
    rv = P11_CALL(&t->control.call, C_Initialize, &args);
    return rv == CKR_OK || rv == CKR_CRYPTOKI_ALREADY_INITIALIZED ? 0 : p11_failed(t, "C_Initialize", rv, p);
}

int p11_initialize(struct p11_token *t, struct problem *p)
{
    PKCS11_CTX *ctx;
    int loaded;

    if (t->libp11 != NULL)
        return 0;
    if (initialize_list(t, p) != 0)
        return p->code;
    ERR_clear_error();
    ctx = PKCS11_CTX_new();
    if (ctx == NULL)
        return problem_set(p, LB_E_NOMEM, "out of memory");
    if (t->conf->arguments[0] != '\0')
        PKCS11_CTX_init_args(ctx, t->conf->arguments);
    p11_enter(&t->control.call, "C_Initialize");
    loaded = PKCS11_CTX_load(ctx, t->conf->module);
    (void)p11_left(&t->control.call, CKR_OK);
    if (loaded != 0) {
        int r = failed(t, "C_Initialize", p);

        PKCS11_CTX_free(ctx);
        (void)P11_CALL(&t->control.call, C_Finalize, NULL);
        return r;
    }
    text(ctx->description, t->info.library, sizeof(t->info.library));
    t->libp11 = ctx;
    return 0;
}

void p11_finalize(struct p11_token *t)
{
    if (t->libp11 == NULL)
        return;
    p11_enter(&t->control.call, "C_Finalize");
    PKCS11_CTX_unload(t->libp11);
    (void)t->f->C_Finalize(NULL); /* of one list: it is finalized already, and says so */
    (void)p11_left(&t->control.call, CKR_OK);
    PKCS11_CTX_free(t->libp11);
    t->libp11 = NULL;
    ERR_clear_error();
}

static bool describe(PKCS11_SLOT *slot, struct p11_token_info *ret)
{
    const PKCS11_TOKEN *token = slot->token;
    char number[24];

    if (token == NULL)
        return false;
    memset(&ret->id, 0, sizeof(ret->id));
    ret->slot = PKCS11_get_slotid_from_slot(slot);
    snprintf(number, sizeof(number), "%lu", ret->slot);
    text(token->label, ret->label, sizeof(ret->label));
    text(token->manufacturer, ret->manufacturer, sizeof(ret->manufacturer));
    text(token->model, ret->model, sizeof(ret->model));
    text(token->serialnr, ret->serial, sizeof(ret->serial));
    return p11uri_set_text(&ret->id, P11_TOKEN, token->label == NULL ? "" : token->label) == 0 &&
           p11uri_set_text(&ret->id, P11_MANUFACTURER, token->manufacturer == NULL ? "" : token->manufacturer) == 0 &&
           p11uri_set_text(&ret->id, P11_MODEL, token->model == NULL ? "" : token->model) == 0 &&
           p11uri_set_text(&ret->id, P11_SERIAL, token->serialnr == NULL ? "" : token->serialnr) == 0 &&
           p11uri_set_text(&ret->id, P11_SLOT_DESCRIPTION, slot->description == NULL ? "" : slot->description) == 0 &&
           p11uri_set_text(&ret->id, P11_SLOT_MANUFACTURER, slot->manufacturer == NULL ? "" : slot->manufacturer) == 0 &&
           p11uri_set_text(&ret->id, P11_SLOT_ID, number) == 0;
}

static CK_FLAGS flags_of(const PKCS11_TOKEN *token)
{
    return (token->hasRng ? CKF_RNG : 0) | (token->loginRequired ? CKF_LOGIN_REQUIRED : 0) |
           (token->secureLogin ? CKF_PROTECTED_AUTHENTICATION_PATH : 0) |
           (token->userPinFinalTry ? CKF_USER_PIN_FINAL_TRY : 0) | (token->userPinLocked ? CKF_USER_PIN_LOCKED : 0);
}

static int several(const struct p11_token_info *a, const struct p11_token_info *b, struct problem *p)
{
    problem_set(p, LB_E_AMBIGUOUS, "several tokens fit: '%s' serial %s in slot %lu, '%s' serial %s in slot %lu", a->label,
                a->serial, a->slot, b->label, b->serial, b->slot);
    problem_hint(p, "say which in BOX.conf, with 'token = ...;serial=...'");
    return LB_E_AMBIGUOUS;
}

static int not_there(struct p11_token *t, const char *seen, struct problem *p)
{
    problem_set(p, LB_E_NO_TOKEN, "the token that BOX.conf asks for is not there; the module shows %s",
                seen[0] == '\0' ? "none" : seen);
    problem_hint(p, "plug it in, or compare: pkcs11-tool --module %s -L", t->conf->module);
    return LB_E_NO_TOKEN;
}

static int choose(struct p11_token *t, PKCS11_SLOT *slots, unsigned count, struct problem *p)
{
    struct p11_token_info *found = &t->info, next;
    char seen[200] = "";
    bool any = false;

    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(seen);

        if (!describe(&slots[i], &next))
            continue;
        if (!p11uri_matches(&t->conf->token, &next.id, P11_OF_TOKEN)) {
            if (next.label[0] != '\0')
                snprintf(seen + len, sizeof(seen) - len, "%s'%s' serial %s", len == 0 ? "" : ", ", next.label, next.serial);
            continue;
        }
        if (any)
            return several(found, &next, p);
        any = true;
        found->id = next.id;
        memcpy(found->label, next.label, sizeof(found->label));
        memcpy(found->manufacturer, next.manufacturer, sizeof(found->manufacturer));
        memcpy(found->model, next.model, sizeof(found->model));
        memcpy(found->serial, next.serial, sizeof(found->serial));
        found->slot = t->slot = next.slot;
        t->flags = flags_of(slots[i].token);
    }
    return any ? 0 : not_there(t, seen, p);
}

int p11_find_slot(struct p11_token *t, struct problem *p)
{
    PKCS11_SLOT *slots = NULL;
    unsigned count = 0;
    int enumerated, r;

    ERR_clear_error();
    p11_enter(&t->control.call, "C_GetSlotList");
    enumerated = PKCS11_enumerate_slots(t->libp11, &slots, &count);
    (void)p11_left(&t->control.call, CKR_OK);
    if (enumerated != 0)
        return failed(t, "C_GetSlotList", p);
    r = choose(t, slots, count, p);
    PKCS11_release_all_slots(t->libp11, slots, count);
    return r;
}
