/* The function list of the hostile module, what of PKCS#11 2.40 it has and has not. */
#include "badsession.h"

static CK_RV unsupported(void) { return CKR_FUNCTION_NOT_SUPPORTED; }

/* The generic type in between tells the compiler that the other arguments are not read. */
#define NOT_HERE(function) .function = (__typeof__(((CK_FUNCTION_LIST *)0)->function))(void (*)(void))unsupported

CK_FUNCTION_LIST bad_list = {
    .version = { 2, 40 },
    .C_GetFunctionList = C_GetFunctionList,
    .C_Initialize = C_Initialize,
    .C_Finalize = C_Finalize,
    .C_GetInfo = C_GetInfo,
    .C_GetSlotList = C_GetSlotList,
    .C_GetSlotInfo = C_GetSlotInfo,
    .C_GetTokenInfo = C_GetTokenInfo,
    .C_GetMechanismList = C_GetMechanismList,
    .C_GetMechanismInfo = C_GetMechanismInfo,
    NOT_HERE(C_InitToken),
    NOT_HERE(C_InitPIN),
    NOT_HERE(C_SetPIN),
    .C_OpenSession = C_OpenSession,
    .C_CloseSession = C_CloseSession,
    .C_CloseAllSessions = C_CloseAllSessions,
    .C_GetSessionInfo = C_GetSessionInfo,
    NOT_HERE(C_GetOperationState),
    NOT_HERE(C_SetOperationState),
    .C_Login = C_Login,
    .C_Logout = C_Logout,
    NOT_HERE(C_CreateObject),
    .C_CopyObject = C_CopyObject,
    .C_DestroyObject = C_DestroyObject,
    NOT_HERE(C_GetObjectSize),
    .C_GetAttributeValue = C_GetAttributeValue,
    NOT_HERE(C_SetAttributeValue),
    .C_FindObjectsInit = C_FindObjectsInit,
    .C_FindObjects = C_FindObjects,
    .C_FindObjectsFinal = C_FindObjectsFinal,
    NOT_HERE(C_EncryptInit),
    NOT_HERE(C_Encrypt),
    NOT_HERE(C_EncryptUpdate),
    NOT_HERE(C_EncryptFinal),
    .C_DecryptInit = C_DecryptInit,
    .C_Decrypt = C_Decrypt,
    NOT_HERE(C_DecryptUpdate),
    NOT_HERE(C_DecryptFinal),
    NOT_HERE(C_DigestInit),
    NOT_HERE(C_Digest),
    NOT_HERE(C_DigestUpdate),
    NOT_HERE(C_DigestKey),
    NOT_HERE(C_DigestFinal),
    .C_SignInit = C_SignInit,
    .C_Sign = C_Sign,
    NOT_HERE(C_SignUpdate),
    NOT_HERE(C_SignFinal),
    NOT_HERE(C_SignRecoverInit),
    NOT_HERE(C_SignRecover),
    NOT_HERE(C_VerifyInit),
    NOT_HERE(C_Verify),
    NOT_HERE(C_VerifyUpdate),
    NOT_HERE(C_VerifyFinal),
    NOT_HERE(C_VerifyRecoverInit),
    NOT_HERE(C_VerifyRecover),
    NOT_HERE(C_DigestEncryptUpdate),
    NOT_HERE(C_DecryptDigestUpdate),
    NOT_HERE(C_SignEncryptUpdate),
    NOT_HERE(C_DecryptVerifyUpdate),
    NOT_HERE(C_GenerateKey),
    .C_GenerateKeyPair = C_GenerateKeyPair,
    NOT_HERE(C_WrapKey),
    NOT_HERE(C_UnwrapKey),
    NOT_HERE(C_DeriveKey),
    NOT_HERE(C_SeedRandom),
    NOT_HERE(C_GenerateRandom),
    NOT_HERE(C_GetFunctionStatus),
    NOT_HERE(C_CancelFunction),
    NOT_HERE(C_WaitForSlotEvent),
};

CK_RV C_GetFunctionList(CK_FUNCTION_LIST **ret)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_GetFunctionList", &rule);

    *ret = bad_is(&rule, "null") ? NULL : &bad_list;
    return rv;
}
