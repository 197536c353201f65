/* PKCS#11 3.0's C_SignMessage: a key's context stays in the session, and a signature is one call. */
#include "token/message_api.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#include "token/parts_priv.h"

/* How long a context is used. */
#define KEEP_MS 1000

/*
 * What PKCS#11 3.0 adds to the functions of 2.40, in its order (4.2 of the base specification). Older headers do not have
 * it; newer ones have it under names of their own.
 */
#define FLAG_MESSAGE_SIGN 0x8UL /* CKF_MESSAGE_SIGN */
typedef CK_RV message_sign_init(CK_SESSION_HANDLE s, CK_MECHANISM *m, CK_OBJECT_HANDLE key);
typedef CK_RV sign_message(CK_SESSION_HANDLE s, void *parameter, CK_ULONG parameter_len, CK_BYTE *data, CK_ULONG data_len,
                           CK_BYTE *signature, CK_ULONG *signature_len);
typedef CK_RV message_sign_final(CK_SESSION_HANDLE s);
struct functions_3_0 {
    CK_FUNCTION_LIST of_2_40;
    void (*get_interface[2])(void);
    void (*login_user)(void);
    void (*session_cancel)(void);
    void (*message_encrypt[5])(void);
    void (*message_decrypt[5])(void);
    message_sign_init *C_MessageSignInit;
    sign_message *C_SignMessage;
    void (*sign_message_parts[2])(void);
    message_sign_final *C_MessageSignFinal;
    void (*message_verify[5])(void);
};
struct interface {
    char *name;
    struct functions_3_0 *functions;
    CK_FLAGS flags;
};
typedef CK_RV get_interface(CK_UTF8CHAR *name, CK_VERSION *version, struct interface **ret, CK_FLAGS flags);

struct p11_messages {
    const struct functions_3_0 *f; /* NULL: signatures are C_SignInit and C_Sign. By the connection's lock */
    atomic_bool worked, failed;    /* C_MessageSignInit, in this connection */
    atomic_uint epoch;             /* contexts of another one are not used */
};

/* P11_CALL for these. */
#define CALL(s, m, fn, ...) (p11_enter(&(s)->call, #fn), p11_left(&(s)->call, (m)->f->fn(__VA_ARGS__)))

static get_interface *find_getter(const struct p11_token *t)
{
    void *handle = dlopen(t->conf->module, RTLD_NOW | RTLD_LOCAL | RTLD_NOLOAD), *symbol;
    get_interface *get = NULL;

    if (handle == NULL)
        return NULL;
    symbol = dlsym(handle, "C_GetInterface");
    memcpy(&get, &symbol, sizeof(get)); /* as in token/module.c */
    dlclose(handle); /* it was loaded before, and stays so */
    return get;
}

static const struct functions_3_0 *find_functions(struct p11_token *t)
{
    struct p11_caller *call = &t->connection.control.call;
    CK_UTF8CHAR name[] = "PKCS 11";
    CK_VERSION version = { 3, 0 };
    struct interface *found = NULL;
    get_interface *get = NULL;
    CK_RV rv;

    if (p11_mechanisms_any(&t->connection.mechanisms, FLAG_MESSAGE_SIGN))
        get = find_getter(t);
    if (get == NULL)
        return NULL;
    p11_enter(call, "C_GetInterface");
    rv = p11_left(call, get(name, &version, &found, 0));
    if (rv != CKR_OK || found == NULL || found->functions == NULL || found->functions->of_2_40.version.major != 3 ||
        found->functions->C_MessageSignInit == NULL || found->functions->C_SignMessage == NULL ||
        found->functions->C_MessageSignFinal == NULL)
        return NULL;
    return found->functions;
}

static void connected(struct p11_token *t)
{
    struct p11_messages *m = t->messages;

    m->f = find_functions(t);
    atomic_store(&m->worked, false);
    atomic_store(&m->failed, false);
    atomic_store(&t->pool.keeps_contexts, m->f != NULL);
}

void p11_message_forget(struct p11_token *t)
{
    atomic_fetch_add(&t->messages->epoch, 1);
}

const struct p11_listener p11_messages_listener = {
    .hear = { [P11_CONNECTED] = connected, [P11_LOGIN_LOST] = p11_message_forget },
};

int p11_messages_new(struct p11_messages **ret)
{
    *ret = calloc(1, sizeof(**ret));
    return *ret == NULL ? LB_E_NOMEM : 0;
}

void p11_messages_free(struct p11_messages *m)
{
    free(m);
}

/* Contexts are compared by the bytes of their parameters, so there must be no pointers in them. */
static bool is_plain(const CK_MECHANISM *m)
{
    return m->ulParameterLen == 0 ||
           (m->mechanism == CKM_RSA_PKCS_PSS && m->ulParameterLen == sizeof(CK_RSA_PKCS_PSS_PARAMS));
}

bool p11_message_can(const struct p11_session *s, const CK_MECHANISM *m)
{
    const struct p11_messages *message = s->token->messages;

    return message->f != NULL && !atomic_load(&message->failed) && is_plain(m) &&
           p11_token_can(s->token, m->mechanism, CKF_SIGN | FLAG_MESSAGE_SIGN);
}

void p11_message_end(struct p11_session *s)
{
    const struct p11_messages *message = s->token->messages;

    if (s->kept.active && message->f != NULL)
        (void)CALL(s, message, C_MessageSignFinal, s->h); /* it is not used any more, whatever this says */
    s->kept.active = false;
}

static bool has(const struct p11_session *s, const CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    const struct p11_kept *k = &s->kept;

    return k->active && k->key == key && k->mechanism == m->mechanism && k->parameter_len == m->ulParameterLen &&
           (k->parameter_len == 0 || memcmp(k->parameter, m->pParameter, k->parameter_len) == 0) &&
           k->epoch == atomic_load(&s->token->messages->epoch) && p11_now_ms() - k->since < KEEP_MS;
}

/* Begins a context. A token may list the mechanism and never manage to begin: whatever the reason, it is not tried again. */
static CK_RV begin(struct p11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE key)
{
    struct p11_messages *message = s->token->messages;
    unsigned epoch = atomic_load(&message->epoch);
    CK_RV rv;

    p11_message_end(s);
    rv = CALL(s, message, C_MessageSignInit, s->h, m, key);
    if (rv == CKR_KEY_HANDLE_INVALID || rv == CKR_OBJECT_HANDLE_INVALID)
        return rv;
    if (rv != CKR_OK) {
        if (!atomic_load(&message->worked) || rv == CKR_FUNCTION_NOT_SUPPORTED)
            atomic_store(&message->failed, true);
        return P11_NO_MESSAGE;
    }
    atomic_store(&message->worked, true);
    s->kept = (struct p11_kept){ .active = true, .key = key, .mechanism = m->mechanism,
                                 .parameter_len = m->ulParameterLen, .epoch = epoch, .since = p11_now_ms() };
    if (m->ulParameterLen > 0)
        memcpy(s->kept.parameter, m->pParameter, m->ulParameterLen);
    return CKR_OK;
}

CK_RV p11_message_sign(struct p11_session *s, CK_MECHANISM *m, CK_OBJECT_HANDLE key, struct bytes in, uint8_t *out,
                       CK_ULONG *len)
{
    const CK_ULONG room = *len;
    CK_RV rv = has(s, m, key) ? CKR_OK : begin(s, m, key);

    if (rv != CKR_OK)
        return rv;
    rv = CALL(s, s->token->messages, C_SignMessage, s->h, NULL, 0, (CK_BYTE *)in.p, in.len, out, len);
    if (rv == CKR_OK && *len == room)
        return CKR_OK;
    /* The context goes, since it may be to blame. C_SignInit and C_Sign will say what is wrong. */
    p11_message_end(s);
    return rv == CKR_OK ? CKR_OK : P11_NO_MESSAGE;
}
