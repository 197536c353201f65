/* What a key is for. */
#include "policy/purposes.h"

#include "forms/forms.h"
#include "model/purpose.h"
#include "model/scheme.h"
#include "policy/entry.h"

bool purposes_value_ok(struct bytes value)
{
    unsigned purposes = value.len == PURPOSES_SIZE ? (unsigned)value.p[0] << 8 | value.p[1] : PURPOSE_ANY;

    return purposes != PURPOSE_ANY && (purposes & ~(unsigned)PURPOSE_ALL) == 0;
}

void purposes_value(unsigned purposes, uint8_t ret[PURPOSES_SIZE])
{
    ret[0] = (uint8_t)(purposes >> 8);
    ret[1] = (uint8_t)purposes;
}

unsigned purposes_of(struct bytes entries)
{
    struct bytes value;

    if (!policy_entry_find(entries, PURPOSES_TAG, &value) || value.len != PURPOSES_SIZE)
        return PURPOSE_ANY;
    return (unsigned)value.p[0] << 8 | value.p[1];
}

/* What is asked for, and for which purposes it may be. */
static unsigned seen(const struct admission *a, struct form *ret)
{
    const struct form_key key = { a->version.spki, a->version.certificate };

    ret->what[0] = '\0';
    switch (a->op) {
    case OP_SIGN:
        if (a->text.len > 0)
            form_of(a->text, DIGEST_NONE, &key, ret);
        else
            *ret = (struct form){ PURPOSE_ANY, "a digest, of which nobody can see what it is of" };
        return ret->purpose;
    case OP_DECRYPT:
        /* RFC 5246 7.4.7.1; RFC 5652 6.3. */
        *ret = a->tls ? (struct form){ PURPOSE_TLS_SERVER, "the key exchange of a TLS handshake" }
                      : (struct form){ PURPOSE_CMS, "the decryption of a message" };
        return ret->purpose;
    default:
        /* RFC 5753: a static key agrees on the key of a message. TLS with static keys (RFC 8422 2.1) no OpenSSL 3 has. */
        *ret = (struct form){ PURPOSE_CMS, "a key agreement" };
        return ret->purpose;
    }
}

int purposes_refuse(const struct admission *a, struct problem *p)
{
    unsigned purposes = purposes_of(a->key.entries);
    char names[PURPOSE_NAMES_SIZE];
    struct form form;

    if (purposes == PURPOSE_ANY || (seen(a, &form) & purposes) != 0)
        return 0;
    purpose_names(purposes, names);
    problem_set(p, LB_E_DENIED, "this is %s: key '%s' of box '%s' is for %s", form.what, a->key.name, a->box.name, names);
    problem_hint(p, "if that is meant, an administrator can say so: littlebox --box %s purpose %s PURPOSES", a->box.name, a->key.name);
    return LB_E_DENIED;
}
