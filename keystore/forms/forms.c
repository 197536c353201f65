/* What a text is: asks each family of forms, and believes it if no other one says so too. */
#include "forms/forms.h"

#include <openssl/err.h>
#include <string.h>

#include "forms/der.h"
#include "forms/forms_priv.h"
#include "model/scheme.h"

static const struct family {
    bool (*read)(struct bytes text, const struct form_key *key, struct reading *ret);
    bool is_der;
} families[] = {
    { request_read, true },
    { certificate_read, true },
    { crl_read, true },
    { ocsp_read, true },
    { cms_read, true },
    { ssh_read, false },
    { tls12_client_read, false },
    { tls12_exchange_read, false },
};
#define FAMILIES (sizeof(families) / sizeof(families[0]))

/* How many families know the text; *ret is what the last of them says. */
static unsigned ask_all(struct bytes text, const struct form_key *key, struct reading *ret)
{
    bool is_der = der_is_strict(text);
    unsigned count = 0;

    for (size_t i = 0; i < FAMILIES; i++) {
        if ((is_der || !families[i].is_der) && families[i].read(text, key, ret))
            count++;
    }
    return count;
}

static void say(struct form *ret, unsigned purpose, const char *what)
{
    size_t len = strlen(what);

    if (len >= sizeof(ret->what))
        len = sizeof(ret->what) - 1;
    ret->purpose = purpose;
    memcpy(ret->what, what, len);
    ret->what[len] = '\0';
}

void form_of(struct bytes text, unsigned digest, const struct form_key *key, struct form *ret)
{
    struct reading r;
    unsigned count;

    if (digest == DIGEST_MD5_SHA1) {
        say(ret, 0, "a text of TLS 1.0 or 1.1");
        return;
    }
    /* Most texts are of this form, and none that is is of another one. */
    if (tls13_read(text, key, &r)) {
        say(ret, r.purpose, r.what);
        return;
    }
    ERR_set_mark();
    count = ask_all(text, key, &r);
    ERR_pop_to_mark();
    if (count == 1)
        say(ret, r.purpose, r.what);
    else
        say(ret, 0, count == 0 ? "no text that any purpose is for" : "a text that can be read as two things");
}
