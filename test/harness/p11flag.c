/* Sets a flag of a private key on a token, as a token's own tools do: p11flag MODULE TOKEN PIN ID CKA 0|1, numbers in hex. */
#include <dlfcn.h>
#include <p11-kit/pkcs11.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SLOTS_MAX 32

static void must(CK_RV rv, const char *what)
{
    if (rv == CKR_OK)
        return;
    fprintf(stderr, "p11flag: %s: 0x%lx\n", what, rv);
    exit(1);
}

/* Labels are padded with blanks (PKCS#11 2.40, 3.2). */
static CK_SLOT_ID slot_of(CK_FUNCTION_LIST *f, const char *label)
{
    CK_SLOT_ID slots[SLOTS_MAX];
    CK_ULONG count = SLOTS_MAX;
    char padded[33];

    snprintf(padded, sizeof(padded), "%-32s", label);
    must(f->C_GetSlotList(CK_TRUE, slots, &count), "C_GetSlotList");
    for (CK_ULONG i = 0; i < count; i++) {
        CK_TOKEN_INFO info;

        if (f->C_GetTokenInfo(slots[i], &info) == CKR_OK && memcmp(info.label, padded, 32) == 0)
            return slots[i];
    }
    fprintf(stderr, "p11flag: there is no token '%s'\n", label);
    exit(1);
}

static void set(CK_FUNCTION_LIST *f, CK_SESSION_HANDLE session, unsigned char id, CK_ATTRIBUTE_TYPE type, CK_BBOOL value)
{
    CK_OBJECT_CLASS class = CKO_PRIVATE_KEY;
    CK_ATTRIBUTE template[] = { { CKA_CLASS, &class, sizeof(class) }, { CKA_ID, &id, 1 } };
    CK_ATTRIBUTE flag = { type, &value, sizeof(value) };
    CK_OBJECT_HANDLE found[2];
    CK_ULONG count = 0;

    must(f->C_FindObjectsInit(session, template, 2), "C_FindObjectsInit");
    must(f->C_FindObjects(session, found, 2, &count), "C_FindObjects");
    must(f->C_FindObjectsFinal(session), "C_FindObjectsFinal");
    if (count != 1) {
        fprintf(stderr, "p11flag: %lu private keys have that id\n", count);
        exit(1);
    }
    must(f->C_SetAttributeValue(session, found[0], &flag, 1), "C_SetAttributeValue");
}

int main(int argc, char **argv)
{
    CK_C_GetFunctionList get = NULL;
    CK_FUNCTION_LIST *f = NULL;
    CK_SESSION_HANDLE session;
    void *module, *symbol;

    if (argc != 7) {
        fprintf(stderr, "usage: p11flag MODULE TOKEN PIN ID CKA 0|1\n");
        return 2;
    }
    module = dlopen(argv[1], RTLD_NOW);
    symbol = module == NULL ? NULL : dlsym(module, "C_GetFunctionList");
    if (symbol == NULL) {
        fprintf(stderr, "p11flag: %s\n", dlerror());
        return 1;
    }
    memcpy(&get, &symbol, sizeof(get));
    must(get(&f), "C_GetFunctionList");
    must(f->C_Initialize(NULL), "C_Initialize");
    must(f->C_OpenSession(slot_of(f, argv[2]), CKF_SERIAL_SESSION | CKF_RW_SESSION, NULL, NULL, &session), "C_OpenSession");
    must(f->C_Login(session, CKU_USER, (CK_UTF8CHAR *)argv[3], strlen(argv[3])), "C_Login");
    set(f, session, (unsigned char)strtoul(argv[4], NULL, 16), strtoul(argv[5], NULL, 16), argv[6][0] == '1');
    must(f->C_Finalize(NULL), "C_Finalize");
    return 0;
}
