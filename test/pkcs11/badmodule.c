/* A hostile PKCS#11 module for the tests: a small software token that misbehaves where a control file tells it to. */
#include <stdio.h>
#include <string.h>

#include "badsession.h"

/*
 * Without DIR/control it is a good token: RSA and P-256 keys in DIR/keys, its PIN in DIR/pin (default 1234), three tries,
 * kept in DIR/pin-wrong (a byte for each). States (badcontrol.h): generation N: another N is a reboot, after which sessions,
 * logins and object handles are invalid; removed 1; login N: another N is a lost login; rotate N: a handle names the
 * N-th next key; raw 1: raw RSA decrypts; no-public 1; always-authenticate 1; sessions N; write-protected 1;
 * unwritten 1: new keys are there until C_Finalize, and those destroyed again after it; login-required 0; label N: another
 * token;
 * copyable 0; copies-lost N: another N is the end of all copies; slow-object MS and slow-copy MS: what a signature
 * takes longer by which; objects-gone 1: the token has none any more;
 * message 1: it has PKCS#11 3.0's C_SignMessage (badmessage.c).
 *
 * Actions of every function: crash, abort, exit, hang, hang-all (all later calls too), sleep MS, fork, leak BYTES,
 * return CKR. Others are at their function.
 */
static void find_certs(struct bad_session *s, const CK_ATTRIBUTE *template, CK_ULONG count)
{
    unsigned certs = bad_certs_load();

    for (unsigned i = 0; i < certs; i++) {
        uint8_t value[BAD_VALUE_MAX];
        bool fits = true;
        size_t len = 0;

        for (CK_ULONG j = 0; j < count && fits; j++)
            fits = bad_cert_attribute(i, template[j].type, value, &len) && len == template[j].ulValueLen &&
                   memcmp(value, template[j].pValue, len) == 0;
        if (fits && s->found_count < BAD_FOUND_MAX)
            s->found[s->found_count++] = bad_handle_of(BAD_CERTS_FROM + i, false);
    }
}

/*
 * Actions: renumber (all handles so far are stale).
 */
CK_RV C_FindObjectsInit(CK_SESSION_HANDLE h, CK_ATTRIBUTE *template, CK_ULONG count)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_FindObjectsInit", &rule);
    struct bad_session *s = NULL;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK && s->finding)
        rv = CKR_OPERATION_ACTIVE;
    if (rv != CKR_OK)
        goto out;
    bad_keys_load();
    if (bad_is(&rule, "renumber"))
        bad_module.salt++;
    s->finding = true;
    s->found_count = s->found_next = 0;
    for (unsigned i = 0; i < 2 * bad_key_count(); i++) {
        uint8_t value[BAD_VALUE_MAX];
        bool private_half = (i & 1) != 0, fits = bad_key_there(i / 2) && bad_state("objects-gone", 0) == 0;
        size_t len = 0;

        if (private_half ? !bad_may_see_private() : bad_state("no-public", 0) != 0)
            continue;
        for (CK_ULONG j = 0; j < count && fits; j++)
            fits = bad_key_attribute(i / 2, private_half, template[j].type, value, &len) &&
                   len == template[j].ulValueLen && memcmp(value, template[j].pValue, len) == 0;
        if (fits && s->found_count < BAD_FOUND_MAX)
            s->found[s->found_count++] = bad_handle_of(i / 2, private_half);
        if (fits && private_half && bad_copy_there(i / 2) && s->found_count < BAD_FOUND_MAX)
            s->found[s->found_count++] = bad_handle_of(i / 2, private_half) | BAD_COPY;
    }
    find_certs(s, template, count);
out:
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

/* Actions: none; endless (the last object, without end); count N (claims N); junk (handles that name nothing). */
CK_RV C_FindObjects(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *list, CK_ULONG room, CK_ULONG *count)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_FindObjects", &rule);
    struct bad_session *s = NULL;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK && !s->finding)
        rv = CKR_OPERATION_NOT_INITIALIZED;
    if (rv != CKR_OK)
        goto out;
    *count = 0;
    while (*count < room && s->found_next < s->found_count && !bad_is(&rule, "none"))
        list[(*count)++] = s->found[s->found_next++];
    while (*count < room && s->found_count > 0 && bad_is(&rule, "endless"))
        list[(*count)++] = s->found[s->found_count - 1];
    for (CK_ULONG i = 0; i < *count && bad_is(&rule, "junk"); i++)
        list[i] = 0xdeadbeef;
    if (bad_is(&rule, "count"))
        *count = rule.value;
out:
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

CK_RV C_FindObjectsFinal(CK_SESSION_HANDLE h)
{
    CK_RV rv = bad_enter_plain("C_FindObjectsFinal");
    struct bad_session *s = NULL;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK && !s->finding)
        rv = CKR_OPERATION_NOT_INITIALIZED;
    if (rv == CKR_OK)
        s->finding = false;
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

/*
 * One attribute. Actions, for attr= or for all: huge [N] (claims N bytes, and that the room is too small); grow (never
 * fits); lie N (gives the value, and says N); unavailable; empty; junk (the right length, other bytes); other (the value of
 * the next key); short N (the first N bytes).
 */
static bool value_of(unsigned object, bool private_half, CK_ATTRIBUTE_TYPE type, uint8_t *value, size_t *len)
{
    return object >= BAD_CERTS_FROM ? bad_cert_attribute(object - BAD_CERTS_FROM, type, value, len)
                                    : bad_key_attribute(object, private_half, type, value, len);
}

static CK_RV get_attribute(const struct bad_rule *rule, unsigned key, bool private_half, bool copy, CK_ATTRIBUTE *a)
{
    bool bad = bad_concerns(rule, a->type);
    uint8_t value[BAD_VALUE_MAX];
    CK_ULONG room = a->ulValueLen;
    size_t len = 0;

    if (bad && bad_is(rule, "other") && key < BAD_CERTS_FROM)
        key = (key + 1) % bad_key_count();
    if ((bad && bad_is(rule, "unavailable")) || !value_of(key, private_half, a->type, value, &len)) {
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_ATTRIBUTE_TYPE_INVALID;
    }
    if (copy)
        (void)bad_copy_attribute(key, a->type, value);
    if (bad && bad_is(rule, "huge"))
        len = rule->value == 0 ? 1UL << 30 : rule->value;
    if (bad && bad_is(rule, "empty"))
        len = 0;
    if (bad && bad_is(rule, "short") && len > rule->value)
        len = rule->value;
    if (bad && bad_is(rule, "junk"))
        memset(value, 0xa5, len);
    if (bad && bad_is(rule, "grow") && a->pValue != NULL)
        len = room + 1;
    a->ulValueLen = len;
    if (a->pValue == NULL)
        return CKR_OK;
    if (len > room || len > sizeof(value)) {
        a->ulValueLen = CK_UNAVAILABLE_INFORMATION;
        return CKR_BUFFER_TOO_SMALL;
    }
    memcpy(a->pValue, value, len);
    if (bad && bad_is(rule, "lie"))
        a->ulValueLen = rule->value;
    return CKR_OK;
}

CK_RV C_GetAttributeValue(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_GetAttributeValue", &rule);
    struct bad_session *s = NULL;
    bool private_half = false;
    unsigned key = 0;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK)
        rv = bad_resolve(object, &key, &private_half);
    if (rv == CKR_OK)
        for (CK_ULONG i = 0; i < count; i++) {
            CK_RV one = get_attribute(&rule, key, private_half, (object & BAD_COPY) != 0, &template[i]);

            rv = rv == CKR_OK ? one : rv;
        }
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

/* Keeps a copy of the mechanism, since the caller's need not last. */
CK_RV bad_begin(CK_SESSION_HANDLE h, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE object, enum bad_use use)
{
    struct bad_session *s = NULL;
    struct bad_operation *op;
    bool private_half = false;
    unsigned key = 0;
    CK_RV rv;

    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv != CKR_OK)
        goto out;
    op = &s->operations[use];
    if (op->active || (use == BAD_SIGN && s->operations[BAD_MESSAGE].active)) {
        rv = CKR_OPERATION_ACTIVE;
        goto out;
    }
    rv = !bad_may_see_private() ? CKR_USER_NOT_LOGGED_IN : bad_resolve(object, &key, &private_half);
    if (rv != CKR_OK || !private_half) {
        rv = rv == CKR_USER_NOT_LOGGED_IN ? rv : CKR_KEY_HANDLE_INVALID;
        goto out;
    }
    rv = (object & BAD_COPY) != 0 ? bad_copy_fails(key, /* init= */ true) : CKR_OK;
    if (rv != CKR_OK)
        goto out;
    memset(op, 0, sizeof(*op));
    op->key = key;
    op->by_copy = (object & BAD_COPY) != 0;
    if (use == BAD_SIGN)
        bad_log("C_SignInit", op->by_copy ? "copy" : "object");
    op->mechanism.mechanism = mechanism->mechanism;
    rv = mechanism->ulParameterLen > sizeof(op->parameter) ? CKR_MECHANISM_PARAM_INVALID : CKR_OK;
    if (rv != CKR_OK)
        goto out;
    if (mechanism->ulParameterLen > 0)
        memcpy(&op->parameter, mechanism->pParameter, mechanism->ulParameterLen);
    op->mechanism.pParameter = mechanism->ulParameterLen > 0 ? &op->parameter : NULL;
    op->mechanism.ulParameterLen = mechanism->ulParameterLen;
    if (mechanism->mechanism == CKM_RSA_PKCS_OAEP && mechanism->ulParameterLen == sizeof(op->parameter.oaep)) {
        if (op->parameter.oaep.ulSourceDataLen > sizeof(op->oaep_label)) {
            rv = CKR_MECHANISM_PARAM_INVALID;
            goto out;
        }
        if (op->parameter.oaep.ulSourceDataLen > 0)
            memcpy(op->oaep_label, op->parameter.oaep.pSourceData, op->parameter.oaep.ulSourceDataLen);
        op->parameter.oaep.pSourceData = op->oaep_label;
    }
    op->needs_login = bad_state("always-authenticate", 0) != 0;
    op->active = true;
out:
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

/* Ends the operation and leaves a copy of it, so that what is slow is done without the lock; unless it only asks for a size. */
CK_RV bad_take(CK_SESSION_HANDLE h, enum bad_use use, bool keep, struct bad_operation *ret)
{
    struct bad_session *s = NULL;
    struct bad_operation *op;
    CK_RV rv;

    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK) {
        op = &s->operations[use];
        rv = !op->active ? CKR_OPERATION_NOT_INITIALIZED : op->needs_login || !bad_may_see_private()
             ? CKR_USER_NOT_LOGGED_IN : CKR_OK;
        *ret = *op;
        if (ret->mechanism.pParameter != NULL)
            ret->mechanism.pParameter = &ret->parameter;
        if (ret->mechanism.mechanism == CKM_RSA_PKCS_OAEP)
            ret->parameter.oaep.pSourceData = ret->oaep_label;
        if (!keep)
            op->active = false;
    }
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

CK_RV C_SignInit(CK_SESSION_HANDLE h, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE object)
{
    CK_RV rv = bad_enter_plain("C_SignInit");

    return rv != CKR_OK ? rv : bad_begin(h, mechanism, object, BAD_SIGN);
}

/* Actions: length N (says N, whatever it wrote); garbage (a bit of it is wrong); zero (all of it is 0). */
CK_RV bad_sign(struct bad_operation *op, const struct bad_rule *rule, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature,
               CK_ULONG *len)
{
    CK_RV rv = op->by_copy ? bad_copy_fails(op->key, /* init= */ false) : CKR_OK;
    size_t size = bad_key_signature_size(op->key);
    uint8_t out[BAD_VALUE_MAX];
    CK_ULONG room = *len;

    bad_sleep(bad_state(op->by_copy ? "slow-copy" : "slow-object", 0));
    if (rv != CKR_OK)
        return rv;
    if (signature == NULL) {
        *len = bad_is(rule, "length") ? rule->value : size;
        return CKR_OK;
    }
    rv = room < size ? CKR_BUFFER_TOO_SMALL : bad_key_sign(op->key, &op->mechanism, data, data_len, out, &size);
    if (rv != CKR_OK)
        return rv;
    if (bad_is(rule, "garbage"))
        out[size / 2] ^= 1;
    if (bad_is(rule, "zero"))
        memset(out, 0, size);
    memcpy(signature, out, size);
    *len = bad_is(rule, "length") ? rule->value : size;
    return CKR_OK;
}

CK_RV C_Sign(CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG data_len, CK_BYTE *signature, CK_ULONG *len)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_Sign", &rule);
    struct bad_operation op;

    if (rv != CKR_OK) {
        CK_RV ended = bad_take(h, BAD_SIGN, false, &op); /* as with every token, an error ends the operation */

        (void)ended;
        return rv;
    }
    rv = bad_take(h, BAD_SIGN, signature == NULL, &op);
    return rv != CKR_OK ? rv : bad_sign(&op, &rule, data, data_len, signature, len);
}

CK_RV C_DecryptInit(CK_SESSION_HANDLE h, CK_MECHANISM *mechanism, CK_OBJECT_HANDLE object)
{
    CK_RV rv = bad_enter_plain("C_DecryptInit");

    return rv != CKR_OK ? rv : bad_begin(h, mechanism, object, BAD_DECRYPT);
}

/* Actions: length N, as above. */
CK_RV C_Decrypt(CK_SESSION_HANDLE h, CK_BYTE *in, CK_ULONG in_len, CK_BYTE *out, CK_ULONG *len)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_Decrypt", &rule);
    uint8_t text[BAD_VALUE_MAX];
    struct bad_operation op;
    size_t n = sizeof(text);

    if (rv != CKR_OK) {
        CK_RV ended = bad_take(h, BAD_DECRYPT, false, &op);

        (void)ended;
        return rv;
    }
    rv = bad_take(h, BAD_DECRYPT, out == NULL, &op);
    if (rv != CKR_OK)
        return rv;
    if (out == NULL) {
        *len = bad_key_signature_size(op.key);
        return CKR_OK;
    }
    rv = bad_key_decrypt(op.key, &op.mechanism, in, in_len, text, &n);
    if (rv == CKR_OK && *len < n)
        rv = CKR_BUFFER_TOO_SMALL;
    if (rv != CKR_OK)
        return rv;
    memcpy(out, text, n);
    *len = bad_is(&rule, "length") ? rule.value : n;
    return CKR_OK;
}

static const CK_ATTRIBUTE *attribute(const CK_ATTRIBUTE *template, CK_ULONG count, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; i < count; i++)
        if (template[i].type == type)
            return &template[i];
    return NULL;
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE h, CK_MECHANISM *mechanism, CK_ATTRIBUTE *public, CK_ULONG public_count,
                        CK_ATTRIBUTE *private, CK_ULONG private_count, CK_OBJECT_HANDLE *ret_public,
                        CK_OBJECT_HANDLE *ret_private)
{
    CK_RV rv = bad_enter_plain("C_GenerateKeyPair");
    const CK_ATTRIBUTE *label = attribute(private, private_count, CKA_LABEL), *id = attribute(private, private_count, CKA_ID);
    const CK_ATTRIBUTE *bits = attribute(public, public_count, CKA_MODULUS_BITS);
    struct bad_session *s = NULL;
    char name[128];
    unsigned key;

    if (rv != CKR_OK)
        return rv;
    if (label == NULL || id == NULL)
        return CKR_TEMPLATE_INCOMPLETE;
    snprintf(name, sizeof(name), "%.*s", (int)label->ulValueLen, (const char *)label->pValue);
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK && bad_state("write-protected", 0) != 0)
        rv = CKR_TOKEN_WRITE_PROTECTED;
    if (rv == CKR_OK && !bad_may_see_private())
        rv = CKR_USER_NOT_LOGGED_IN;
    if (rv == CKR_OK && (s->flags & CKF_RW_SESSION) == 0)
        rv = CKR_SESSION_READ_ONLY;
    if (rv == CKR_OK && mechanism->mechanism == CKM_RSA_PKCS_KEY_PAIR_GEN)
        rv = bad_key_generate(CKK_RSA, bits == NULL ? 2048 : (unsigned)*(CK_ULONG *)bits->pValue, id->pValue,
                              id->ulValueLen, name, &key);
    else if (rv == CKR_OK)
        rv = mechanism->mechanism != CKM_EC_KEY_PAIR_GEN
                 ? CKR_MECHANISM_INVALID : bad_key_generate(CKK_EC, 0, id->pValue, id->ulValueLen, name, &key);
    if (rv == CKR_OK) {
        *ret_public = bad_handle_of(key, false);
        *ret_private = bad_handle_of(key, true);
    }
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}

/* A key is one file: with either half both go. */
CK_RV C_DestroyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object)
{
    CK_RV rv = bad_enter_plain("C_DestroyObject");
    struct bad_session *s = NULL;
    bool private_half = false;
    unsigned key = 0;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK && (object & BAD_COPY) == 0 && bad_state("write-protected", 0) != 0)
        rv = CKR_TOKEN_WRITE_PROTECTED;
    if (rv == CKR_OK)
        rv = bad_resolve(object, &key, &private_half);
    if (rv == CKR_OK && key >= BAD_CERTS_FROM)
        rv = CKR_ACTION_PROHIBITED;
    else if (rv == CKR_OK && (object & BAD_COPY) != 0)
        bad_copy_destroy(key);
    else if (rv == CKR_OK)
        rv = bad_key_destroy(key);
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}
