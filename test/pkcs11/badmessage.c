/* The hostile module's functions of PKCS#11 3.0: signing messages with a context that stays. */
#include <string.h>

#include "badsession.h"

/* Under a name of its own: newer headers declare it too, with a type that older ones have not. */
CK_RV get_interface(CK_UTF8CHAR *name, CK_VERSION *version, void **ret, CK_FLAGS flags) __asm__("C_GetInterface");

/* For all that is not here. */
static CK_RV unsupported(void) { return CKR_FUNCTION_NOT_SUPPORTED; }

static CK_RV message_sign_init(CK_SESSION_HANDLE h, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE object)
{
    CK_RV rv = bad_enter_plain("C_MessageSignInit");

    return rv != CKR_OK ? rv : bad_begin(h, mechanism, object, BAD_MESSAGE);
}

/* Actions: those of C_Sign; lost (the context). An error ends no context. */
static CK_RV sign_message(CK_SESSION_HANDLE h, void *parameter, CK_ULONG parameter_len, CK_BYTE *data, CK_ULONG data_len,
                          CK_BYTE *signature, CK_ULONG *len)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_SignMessage", &rule);
    struct bad_operation op;

    if (rv != CKR_OK)
        return rv;
    if (parameter != NULL || parameter_len != 0)
        return CKR_ARGUMENTS_BAD;
    rv = bad_take(h, BAD_MESSAGE, !bad_is(&rule, "lost"), &op);
    if (rv == CKR_OK && bad_is(&rule, "lost"))
        rv = CKR_OPERATION_NOT_INITIALIZED;
    return rv != CKR_OK ? rv : bad_sign(&op, &rule, data, data_len, signature, len);
}

static CK_RV message_sign_final(CK_SESSION_HANDLE h)
{
    CK_RV rv = bad_enter_plain("C_MessageSignFinal");
    struct bad_operation op;

    return rv != CKR_OK ? rv : bad_take(h, BAD_MESSAGE, false, &op);
}

/* The places of the functions that follow those of 2.40. */
enum { GET_INTERFACE = 1, MESSAGE_SIGN_INIT = 14, SIGN_MESSAGE = 15, MESSAGE_SIGN_FINAL = 18, FUNCTIONS = 24 };

static struct {
    CK_FUNCTION_LIST of_2_40;
    void (*more[FUNCTIONS])(void);
} list;
static struct {
    char *name;
    void *list;
    CK_FLAGS flags;
} interface = { .list = &list };

CK_RV get_interface(CK_UTF8CHAR *name, CK_VERSION *version, void **ret, CK_FLAGS flags)
{
    static char pkcs11[] = "PKCS 11";
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_GetInterface", &rule);

    if (rv != CKR_OK)
        return rv;
    if (bad_state("message", 0) == 0 || name == NULL || strcmp((const char *)name, pkcs11) != 0 || flags != 0 ||
        (version != NULL && (version->major != 3 || version->minor != 0)))
        return CKR_FUNCTION_FAILED;
    list.of_2_40 = bad_list;
    list.of_2_40.version = (CK_VERSION){ 3, 0 };
    for (size_t i = 0; i < FUNCTIONS; i++)
        list.more[i] = (void (*)(void))unsupported;
    list.more[GET_INTERFACE] = (void (*)(void))get_interface;
    list.more[MESSAGE_SIGN_INIT] = (void (*)(void))message_sign_init;
    list.more[SIGN_MESSAGE] = (void (*)(void))sign_message;
    list.more[MESSAGE_SIGN_FINAL] = (void (*)(void))message_sign_final;
    interface.name = pkcs11;
    *ret = &interface;
    return CKR_OK;
}
