/* The hostile module, its slot and its token, as they describe themselves. */
#include <stdio.h>
#include <string.h>

#include "badsession.h"

static void pad(CK_UTF8CHAR *field, size_t size, const char *text)
{
    memset(field, ' ', size);
    memcpy(field, text, strlen(text) < size ? strlen(text) : size);
}

CK_RV C_Initialize(void *args)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_Initialize", &rule);

    (void)args;
    if (rv != CKR_OK)
        return rv;
    if (bad_module.initialized)
        return CKR_CRYPTOKI_ALREADY_INITIALIZED;
    bad_module.initialized = bad_keys_load() == 0;
    return bad_module.initialized ? CKR_OK : CKR_GENERAL_ERROR;
}

CK_RV C_Finalize(void *reserved)
{
    CK_RV rv = bad_enter_plain("C_Finalize");

    (void)reserved;
    if (rv != CKR_OK)
        return rv;
    memset(bad_module.sessions, 0, sizeof(bad_module.sessions));
    bad_keys_forget();
    bad_module.initialized = bad_module.logged_in = false;
    return CKR_OK;
}

CK_RV C_GetInfo(CK_INFO *info)
{
    CK_RV rv = bad_enter_plain("C_GetInfo");

    if (rv != CKR_OK)
        return rv;
    memset(info, 0, sizeof(*info));
    info->cryptokiVersion = (CK_VERSION){ 2, 40 };
    pad(info->manufacturerID, sizeof(info->manufacturerID), "littlebox tests");
    pad(info->libraryDescription, sizeof(info->libraryDescription), "hostile module");
    return CKR_OK;
}

/* Action count N: claims N slots. */
CK_RV C_GetSlotList(CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_GetSlotList", &rule);
    CK_ULONG n = present && bad_removed() ? 0 : 1, room = *count;

    if (rv != CKR_OK)
        return rv;
    *count = bad_is(&rule, "count") ? rule.value : n;
    if (list == NULL)
        return CKR_OK;
    if (room < n)
        return CKR_BUFFER_TOO_SMALL;
    if (n > 0)
        list[0] = BAD_SLOT;
    return CKR_OK;
}

CK_RV C_GetSlotInfo(CK_SLOT_ID slot, CK_SLOT_INFO *info)
{
    CK_RV rv = bad_enter_plain("C_GetSlotInfo");

    if (rv != CKR_OK)
        return rv;
    if (slot != BAD_SLOT)
        return CKR_SLOT_ID_INVALID;
    memset(info, 0, sizeof(*info));
    pad(info->slotDescription, sizeof(info->slotDescription), "hostile slot");
    pad(info->manufacturerID, sizeof(info->manufacturerID), "littlebox tests");
    info->flags = CKF_REMOVABLE_DEVICE | (bad_removed() ? 0 : CKF_TOKEN_PRESENT);
    return CKR_OK;
}

/* Action junk: names that are no UTF-8. */
CK_RV C_GetTokenInfo(CK_SLOT_ID slot, CK_TOKEN_INFO *info)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_GetTokenInfo", &rule);
    size_t wrong = bad_wrong_pins();
    char label[33];

    if (rv != CKR_OK)
        return rv;
    if (slot != BAD_SLOT)
        return CKR_SLOT_ID_INVALID;
    if (bad_removed())
        return CKR_TOKEN_NOT_PRESENT;
    memset(info, 0, sizeof(*info));
    snprintf(label, sizeof(label), bad_state("label", 0) == 0 ? "hostile" : "hostile %lu", bad_state("label", 0));
    pad(info->label, sizeof(info->label), label);
    pad(info->manufacturerID, sizeof(info->manufacturerID), "littlebox tests");
    pad(info->model, sizeof(info->model), "hostile");
    pad(info->serialNumber, sizeof(info->serialNumber), "0666");
    if (bad_is(&rule, "junk"))
        memset(info->label, 0xff, sizeof(info->label));
    info->flags = CKF_RNG | CKF_TOKEN_INITIALIZED | CKF_USER_PIN_INITIALIZED;
    if (bad_state("login-required", 1) != 0)
        info->flags |= CKF_LOGIN_REQUIRED;
    if (bad_state("write-protected", 0) != 0)
        info->flags |= CKF_WRITE_PROTECTED;
    if (wrong >= BAD_PIN_TRIES)
        info->flags |= CKF_USER_PIN_LOCKED;
    else if (wrong == BAD_PIN_TRIES - 1)
        info->flags |= CKF_USER_PIN_FINAL_TRY;
    if (wrong > 0)
        info->flags |= CKF_USER_PIN_COUNT_LOW;
    info->ulMaxSessionCount = info->ulMaxRwSessionCount = bad_state("sessions", BAD_SESSIONS_MAX);
    info->ulSessionCount = info->ulRwSessionCount = CK_UNAVAILABLE_INFORMATION;
    info->ulMinPinLen = 4;
    info->ulMaxPinLen = 32;
    info->ulTotalPublicMemory = info->ulFreePublicMemory = CK_UNAVAILABLE_INFORMATION;
    info->ulTotalPrivateMemory = info->ulFreePrivateMemory = CK_UNAVAILABLE_INFORMATION;
    return CKR_OK;
}

static const struct {
    CK_MECHANISM_TYPE type;
    CK_MECHANISM_INFO info;
} mechanisms[] = {
    { CKM_RSA_PKCS_KEY_PAIR_GEN, { 2048, 4096, CKF_GENERATE_KEY_PAIR } },
    { CKM_RSA_PKCS, { 2048, 4096, CKF_SIGN | CKF_DECRYPT } },
    { CKM_RSA_PKCS_PSS, { 2048, 4096, CKF_SIGN } },
    { CKM_RSA_PKCS_OAEP, { 2048, 4096, CKF_DECRYPT } },
    { CKM_EC_KEY_PAIR_GEN, { 256, 256, CKF_GENERATE_KEY_PAIR | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS } },
    { CKM_ECDSA, { 256, 256, CKF_SIGN | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESS } },
    /* Only with `state raw 1`. */
    { CKM_RSA_X_509, { 2048, 4096, CKF_DECRYPT } },
};
#define MECHANISMS (sizeof(mechanisms) / sizeof(mechanisms[0]) - (bad_state("raw", 0) == 0 ? 1 : 0))

/* Action count N: claims N mechanisms. */
CK_RV C_GetMechanismList(CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_GetMechanismList", &rule);
    CK_ULONG room = *count;

    if (rv != CKR_OK)
        return rv;
    if (slot != BAD_SLOT)
        return CKR_SLOT_ID_INVALID;
    *count = bad_is(&rule, "count") ? rule.value : MECHANISMS;
    if (list == NULL)
        return CKR_OK;
    if (room < MECHANISMS)
        return CKR_BUFFER_TOO_SMALL;
    for (size_t i = 0; i < MECHANISMS; i++)
        list[i] = mechanisms[i].type;
    return CKR_OK;
}

CK_RV C_GetMechanismInfo(CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info)
{
    CK_RV rv = bad_enter_plain("C_GetMechanismInfo");

    if (rv != CKR_OK)
        return rv;
    if (slot != BAD_SLOT)
        return CKR_SLOT_ID_INVALID;
    for (size_t i = 0; i < MECHANISMS; i++)
        if (mechanisms[i].type == type) {
            *info = mechanisms[i].info;
            if (bad_state("message", 0) != 0 && (info->flags & CKF_SIGN) != 0)
                info->flags |= BAD_MESSAGE_SIGN;
            return CKR_OK;
        }
    return CKR_MECHANISM_INVALID;
}
