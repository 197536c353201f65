/* What a private key looks like in a text for people. */
#include "keytext.h"

#include "ask.h"
#include "box.h"

int keytext_print(const struct key *k, BIO *out)
{
    char uri[LB_URI_MAX + 1];
    uint8_t answer[ASK_ANSWER_MAX];
    struct problem p;
    struct msg_key m;
    int n;

    uri_format(&k->uri, uri);
    if (BIO_printf(out, "Private key in a littlebox: %s\n    Box: %s\n    Key: %s\n", uri, box_name(k->box),
                   k->ref.name) <= 0)
        return LB_E_NOMEM;
    if (ask_get(k->box, &k->ref, answer, &m, &p) == 0)
        n = BIO_printf(out, "    Version: %u\n    State: %s\n    Type: %s\n", m.version, key_state_name(m.state),
                       m.type);
    else
        n = BIO_printf(out, "    State: %s%s%s\n", p.text, p.hint[0] != '\0' ? ": " : "", p.hint);
    return n <= 0 ? LB_E_NOMEM : 0;
}
