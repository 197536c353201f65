/* Copies of the hostile module's keys, as objects of a session. */
#include "badsession.h"

static struct {
    bool there, weak, on_token;
    CK_SESSION_HANDLE session;
    unsigned long generation, login, lost;
    CK_RV of_init, of_sign; /* what they return */
} copies[BAD_KEYS_MAX];

/* With the lock, all. */

bool bad_copy_there(unsigned key)
{
    const struct bad_session *s;

    if (key >= BAD_KEYS_MAX || !copies[key].there || !bad_module.initialized || !bad_may_see_private())
        return false;
    s = &bad_module.sessions[copies[key].session - 1];
    return s->open && !s->dead && copies[key].generation == bad_state("generation", 0) &&
           copies[key].login == bad_state("login", 0) && copies[key].lost == bad_state("copies-lost", 0);
}

bool bad_copy_attribute(unsigned key, CK_ATTRIBUTE_TYPE type, uint8_t *value)
{
    if (type == CKA_TOKEN)
        *value = copies[key].on_token;
    else if (type == CKA_EXTRACTABLE && copies[key].weak)
        *value = 1;
    else if (type == CKA_SENSITIVE && copies[key].weak)
        *value = 0;
    else
        return false;
    return true;
}

CK_RV bad_copy_fails(unsigned key, bool init) { return init ? copies[key].of_init : copies[key].of_sign; }
void bad_copy_destroy(unsigned key) { copies[key].there = false; }

/*
 * What is asked for may only be that it is of the session. Actions: weak (others can read it); token (it is on the token);
 * init CKR, sign CKR (it is of no use to that function).
 */
CK_RV C_CopyObject(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *template, CK_ULONG count, CK_OBJECT_HANDLE *ret)
{
    struct bad_rule rule;
    CK_RV rv = bad_enter("C_CopyObject", &rule);
    struct bad_session *s = NULL;
    bool private_half = false;
    unsigned key = 0;

    if (rv != CKR_OK)
        return rv;
    pthread_mutex_lock(&bad_module.lock);
    rv = bad_find_session(h, &s);
    if (rv == CKR_OK)
        rv = bad_resolve(object, &key, &private_half);
    if (rv == CKR_OK && (!private_half || bad_state("copyable", 1) == 0))
        rv = CKR_ACTION_PROHIBITED;
    if (rv == CKR_OK && (count != 1 || template[0].type != CKA_TOKEN || template[0].ulValueLen != sizeof(CK_BBOOL) ||
                         *(CK_BBOOL *)template[0].pValue != CK_FALSE))
        rv = CKR_TEMPLATE_INCONSISTENT;
    if (rv == CKR_OK) {
        copies[key].there = true;
        copies[key].session = h;
        copies[key].generation = bad_state("generation", 0);
        copies[key].login = bad_state("login", 0);
        copies[key].lost = bad_state("copies-lost", 0);
        copies[key].weak = bad_is(&rule, "weak");
        copies[key].on_token = bad_is(&rule, "token");
        copies[key].of_init = bad_is(&rule, "init") ? rule.value : CKR_OK;
        copies[key].of_sign = bad_is(&rule, "sign") ? rule.value : CKR_OK;
        *ret = bad_handle_of(key, true) | BAD_COPY;
    }
    pthread_mutex_unlock(&bad_module.lock);
    return rv;
}
