/* The one token that the configuration means, found among those that the module shows, by libp11. */
#include "token/slot.h"

#include <libp11.h>
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "token/names.h"

static CK_FLAGS flags_of(const PKCS11_TOKEN *token)
{
    return (token->hasRng ? CKF_RNG : 0) | (token->loginRequired ? CKF_LOGIN_REQUIRED : 0) |
           (token->secureLogin ? CKF_PROTECTED_AUTHENTICATION_PATH : 0) |
           (token->userPinFinalTry ? CKF_USER_PIN_FINAL_TRY : 0) | (token->userPinLocked ? CKF_USER_PIN_LOCKED : 0);
}

static bool describe(PKCS11_SLOT *slot, struct p11_slot *ret)
{
    const PKCS11_TOKEN *token = slot->token;
    char number[24];

    if (token == NULL)
        return false;
    memset(&ret->uri, 0, sizeof(ret->uri));
    ret->id = PKCS11_get_slotid_from_slot(slot);
    ret->flags = flags_of(token);
    snprintf(number, sizeof(number), "%lu", ret->id);
    p11_text(token->label, ret->label, sizeof(ret->label));
    p11_text(token->manufacturer, ret->manufacturer, sizeof(ret->manufacturer));
    p11_text(token->model, ret->model, sizeof(ret->model));
    p11_text(token->serialnr, ret->serial, sizeof(ret->serial));
    return p11uri_set_text(&ret->uri, P11_TOKEN, token->label == NULL ? "" : token->label) == 0 &&
           p11uri_set_text(&ret->uri, P11_MANUFACTURER, token->manufacturer == NULL ? "" : token->manufacturer) == 0 &&
           p11uri_set_text(&ret->uri, P11_MODEL, token->model == NULL ? "" : token->model) == 0 &&
           p11uri_set_text(&ret->uri, P11_SERIAL, token->serialnr == NULL ? "" : token->serialnr) == 0 &&
           p11uri_set_text(&ret->uri, P11_SLOT_DESCRIPTION, slot->description == NULL ? "" : slot->description) == 0 &&
           p11uri_set_text(&ret->uri, P11_SLOT_MANUFACTURER, slot->manufacturer == NULL ? "" : slot->manufacturer) == 0 &&
           p11uri_set_text(&ret->uri, P11_SLOT_ID, number) == 0;
}

static int several(const struct p11_slot *a, const struct p11_slot *b, struct problem *p)
{
    problem_set(p, LB_E_AMBIGUOUS, "several tokens fit: '%s' serial %s in slot %lu, '%s' serial %s in slot %lu", a->label,
                a->serial, a->id, b->label, b->serial, b->id);
    problem_hint(p, "say which in BOX.conf, with 'token = ...;serial=...'");
    return LB_E_AMBIGUOUS;
}

static int not_there(const struct p11conf *conf, const char *seen, struct problem *p)
{
    problem_set(p, LB_E_NO_TOKEN, "the token that BOX.conf asks for is not there; the module shows %s",
                seen[0] == '\0' ? "none" : seen);
    problem_hint(p, "plug it in, or compare: pkcs11-tool --module %s -L", conf->module);
    return LB_E_NO_TOKEN;
}

static int choose(const struct p11conf *conf, PKCS11_SLOT *slots, unsigned count, struct p11_slot *found,
                  struct problem *p)
{
    struct p11_slot next;
    char seen[200] = "";
    bool any = false;

    for (unsigned i = 0; i < count; i++) {
        size_t len = strlen(seen);

        if (!describe(&slots[i], &next))
            continue;
        if (!p11uri_matches(&conf->token, &next.uri, P11_OF_TOKEN)) {
            if (next.label[0] != '\0')
                snprintf(seen + len, sizeof(seen) - len, "%s'%s' serial %s", len == 0 ? "" : ", ", next.label, next.serial);
            continue;
        }
        if (any)
            return several(found, &next, p);
        any = true;
        *found = next;
    }
    return any ? 0 : not_there(conf, seen, p);
}

int p11_slot_find(struct p11_module *m, struct p11_caller *call, struct p11_slot *slot, struct problem *p)
{
    PKCS11_SLOT *slots = NULL;
    unsigned count = 0;
    int enumerated, r;

    ERR_clear_error();
    p11_enter(call, "C_GetSlotList");
    enumerated = PKCS11_enumerate_slots(m->libp11, &slots, &count);
    (void)p11_left(call, CKR_OK);
    if (enumerated != 0)
        return p11_libp11_failed(slot->label, "C_GetSlotList", p);
    r = choose(m->conf, slots, count, slot, p);
    PKCS11_release_all_slots(m->libp11, slots, count);
    return r;
}
